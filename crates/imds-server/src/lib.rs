//! The metadata service that guests reach: from a request that HTTP has read to the answer that HTTP will write.
//!
//! Nothing here accepts a connection, and nothing here can name a setting: what a guest sends reaches an answer and
//! nothing else.

pub mod audit;
pub mod body;
mod fault;
mod hosts;
pub mod journal;
pub mod random;
mod request;
pub mod response;
mod service;
mod source;

pub use fault::{Carry, Faults, Strike};
pub use hosts::Hosts;
pub use response::ErrorPages;
pub use service::{Reply, Service, Shared};
pub use source::{IPV4_ENDPOINT, IPV6_ENDPOINT, Scope, Source};
