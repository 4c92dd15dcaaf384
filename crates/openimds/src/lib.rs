//! The EC2 Instance Metadata Service, IMDSv1 and IMDSv2, for every machine.
//!
//! This package composes the service: it reads the configuration, listens, and starts what the other crates describe.
//! The binary `imds` is its command line.

pub mod admin;
pub mod app;
pub mod args;
pub mod client;
pub mod cmd;
pub mod config;
pub mod credentials;
pub mod doctor;
pub mod door;
pub mod explain;
pub mod keeper;
pub mod listen;
pub mod logging;
pub mod pasta;
mod record;
pub mod runtime;
pub mod sandbox;
pub mod thread;
