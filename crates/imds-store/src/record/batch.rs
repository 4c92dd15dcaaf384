//! A batch under construction.

use std::sync::Arc;

use super::{Found, Record, key};
use crate::store::{Expected, Write};

/// Writes that are to be committed as one.
#[derive(Debug, Clone, Default)]
pub struct Batch(Vec<Write>);

impl Batch {
    /// Keeps a new record. If there is one of its name, the batch is not committed.
    pub fn create<R: Record>(&mut self, name: &str, record: &R) {
        self.write::<R>(name, Expected::Absent, Some(record));
    }

    /// Keeps a record in the place of the one that was found. If that has changed since, the batch is not committed.
    pub fn replace<R: Record>(&mut self, name: &str, found: &Found<R>, record: &R) {
        self.write(name, Expected::Revision(found.revision), Some(record));
    }

    /// Keeps a record, whatever there was of its name.
    pub fn put<R: Record>(&mut self, name: &str, record: &R) {
        self.write(name, Expected::Any, Some(record));
    }

    /// Deletes a record, if there is one.
    pub fn delete<R: Record>(&mut self, name: &str) {
        self.write::<R>(name, Expected::Any, None);
    }

    /// Deletes the record that was found. If that has changed since, the batch is not committed.
    pub fn remove<R: Record>(&mut self, name: &str, found: &Found<R>) {
        self.write::<R>(name, Expected::Revision(found.revision), None);
    }

    /// The writes.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.0
    }

    /// Is there nothing to commit?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn write<R: Record>(&mut self, name: &str, expected: Expected, record: Option<&R>) {
        // A form is plain data: texts, numbers, lists. Those can be written.
        let value = record.map(|record| Arc::from(serde_json::to_vec(&record.to_form()).unwrap_or_default()));
        let write = Write { key: key::<R>(name), expected, value };
        match self.0.iter_mut().find(|known| known.key == write.key) {
            // The first one says what was there before the batch.
            Some(known) => known.value = write.value,
            None => self.0.push(write),
        }
    }
}
