//! Feeds: what brings instances in that nobody launched through the API.

pub mod file;
