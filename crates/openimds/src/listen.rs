//! The only place that accepts connections: sockets, workers, and what a connection may cost.

mod connection;
mod free;
mod gate;
mod lodgers;
mod socket;
mod stream;
mod tools;
mod worker;

pub use connection::Lodger;
pub(crate) use free::{FREE, Reserved};
pub use gate::{Gate, Limits};
pub use lodgers::Lodgers;
pub use socket::{Listener, bind, descriptor_share, raise_descriptor_limit};
pub(crate) use stream::watched;
pub use worker::{Callers, GRACE, Worker, Workers};
