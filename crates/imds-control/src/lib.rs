//! The door: what the owner of the service reaches and guests do not. Health and metrics, so far.

mod host;
mod metrics;
mod service;

pub use service::{Door, router};
