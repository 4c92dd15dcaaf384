//! What OpenIMDS keeps: machines, account defaults, images, templates, keys; and the read side that a request asks.

pub mod access_key;
pub mod ca;
pub mod clock;
pub mod embedded;
pub mod keyring;
pub mod memory;
mod private_file;
pub mod provider;
pub mod record;
pub mod registry;
pub mod store;

pub use clock::ServiceClock;
pub use embedded::Embedded;
pub use memory::Memory;
pub use registry::{Registry, Snapshot};
pub use store::{Error, Revision, Store};
