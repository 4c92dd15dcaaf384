//! Stores, as those who use them meet them.
#![allow(clippy::unwrap_used, reason = "tests, where a failure is what a panic is for")]

mod conformance;
mod crash;
mod embedded;

use imds_store::store::{Expected, Write};

/// A write of a text.
fn put(key: &str, expected: Expected, value: &str) -> Write {
    Write { key: key.to_owned(), expected, value: Some(value.as_bytes().into()) }
}

/// A deletion.
fn delete(key: &str, expected: Expected) -> Write {
    Write { key: key.to_owned(), expected, value: None }
}
