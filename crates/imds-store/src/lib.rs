//! What OpenIMDS keeps: instances and keys, and the read side that a request asks.

pub mod keyring;
pub mod registry;

pub use registry::{Directory, Registry, Snapshot};
