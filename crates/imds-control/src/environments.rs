//! What is done to environments after the call that asked for it: step by step, each step one commit.

use std::net::Ipv4Addr;
use std::time::Duration;

use imds_core::Timestamp;
use imds_store::{Error, Store};

/// What the steps need to know of the service.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// The default VPC's block: network address and prefix length.
    pub vpc: (Ipv4Addr, u8),
    /// How long each step takes; more than nothing.
    pub delay: Duration,
}

/// Does every step that is due at `now`, and says when the next one is; `None` while nothing is being done. It is to be
/// called at the start, at that time, and when an environment or a machine has changed.
///
/// # Errors
/// When the store fails. What was done is kept; the rest is left for the next call.
pub fn advance(_: &dyn Store, _: Surroundings, _: Timestamp) -> Result<Option<Timestamp>, Error> {
    Ok(None)
}
