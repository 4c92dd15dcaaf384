//! The domain of OpenIMDS, pure: instances, metadata options, the tree, tokens, the decision, the answer.
//!
//! Nothing here reads a clock, a socket, a file, the environment or a source of randomness: time and nonces are
//! arguments, so that every rule can be tested in a table, without waiting for anything.

pub mod access;
pub mod answer;
pub mod audit;
pub mod clock;
pub mod credentials;
pub mod date;
pub mod defaults;
mod derive;
pub mod document;
pub mod environment;
mod error;
pub mod events;
pub mod fault;
pub mod finding;
pub mod id;
pub mod instance;
pub mod interface;
mod json;
pub mod keyring;
pub mod language;
pub mod lifecycle;
pub mod machine;
pub mod options;
pub mod request;
pub mod session;
pub mod signature;
pub mod stretch;
pub mod testing;
pub mod timeline;
pub mod token;
pub mod tree;
mod ttl;
pub mod view;
mod words;

pub use derive::partition;
pub use error::Error;
pub use instance::Instance;
/// A moment in UTC, from the clock that the caller read.
pub use jiff::Timestamp;
pub use machine::Machine;
