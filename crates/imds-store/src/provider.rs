//! Feeds: what brings instances in that nobody launched through the API, and what their roles' keys follow from.

pub mod file;
pub mod profile;
