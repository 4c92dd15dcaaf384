//! The door: what the owner of the service reaches and guests do not. Health and metrics, so far.

mod metrics;
mod service;
mod site;

pub use service::{Door, router};
