//! Stores, as those who use them meet them.
#![allow(clippy::unwrap_used, reason = "tests, where a failure is what a panic is for")]

mod conformance;
mod crash;
mod embedded;

use std::path::Path;

use imds_store::store::{Effect, Expected, Write};
use tempfile::TempDir;

/// A folder for a store, in memory where the system has such a place. What a killed process has written stays with the
/// kernel, whatever the disk; and where nobody waits for one, those who commit at once are closer together.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

/// A write of a text.
fn put(key: &str, expected: Expected, value: &str) -> Write {
    Write { key: key.to_owned(), expected, effect: Effect::Set(value.as_bytes().into()) }
}

/// A deletion.
fn delete(key: &str, expected: Expected) -> Write {
    Write { key: key.to_owned(), expected, effect: Effect::Delete }
}
