//! What the door opens to, and who comes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use imds_store::{ServiceClock, Store};

use crate::authz::Authority;
use crate::faults::Faults;
use crate::plane::Plane;
use crate::sessions::Sessions;

/// What the door opens to.
#[derive(Clone)]
pub struct Door {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// The metadata process.
    pub plane: Plane,
    /// Whose keys are taken.
    pub authority: Arc<Authority>,
    /// What time it is.
    pub clock: Arc<ServiceClock>,
    /// How long each step of an environment takes; more than nothing.
    pub environment_delay: Duration,
    /// The faults that are on request.
    pub faults: Arc<Faults>,
    /// A name under which the door may be called, besides loopback's.
    pub server_name: Option<String>,
    /// Who is in the console.
    pub sessions: Arc<Sessions>,
    /// The default VPC's block: network address and prefix length.
    pub vpc: (Ipv4Addr, u8),
}

/// The address that a connection to the door came from: whoever accepts it puts this among a request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);
