//! The EC2 Instance Metadata Service, IMDSv1 and IMDSv2, in your own process.
#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod admin;
#[doc(hidden)]
pub mod app;
#[doc(hidden)]
pub mod args;
mod child;
#[doc(hidden)]
pub mod client;
#[doc(hidden)]
pub mod cmd;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod credentials;
#[doc(hidden)]
pub mod doctor;
#[doc(hidden)]
pub mod door;
#[doc(hidden)]
pub mod explain;
mod imds;
#[doc(hidden)]
pub mod keeper;
#[doc(hidden)]
pub mod listen;
#[doc(hidden)]
pub mod logging;
#[doc(hidden)]
pub mod pasta;
mod record;
#[doc(hidden)]
pub mod runtime;
#[doc(hidden)]
pub mod sandbox;
mod stop;
#[doc(hidden)]
pub mod thread;
mod witness;

pub use imds::{Builder, Call, Error, Event, Fault, HttpTokens, Imds, Options, Version};
