//! A batch under construction.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Found, Record, key};
use crate::store::{Effect, Expected, Write};

/// Writes that are to be committed as one.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    writes: Vec<Write>,
    /// Where each key stands among them.
    places: HashMap<String, usize>,
}

impl Batch {
    /// Keeps a new record. If there is one of its name, the batch is not committed.
    pub fn create<R: Record>(&mut self, name: &str, record: &R) {
        self.write::<R>(name, Expected::Absent, set(record));
    }

    /// Keeps a record in the place of the one that was found. If that has changed since, the batch is not committed.
    pub fn replace<R: Record>(&mut self, name: &str, found: &Found<R>, record: &R) {
        self.write::<R>(name, Expected::Revision(found.revision), set(record));
    }

    /// Keeps a record, whatever there was of its name.
    pub fn put<R: Record>(&mut self, name: &str, record: &R) {
        self.write::<R>(name, Expected::Any, set(record));
    }

    /// Deletes a record, if there is one.
    pub fn delete<R: Record>(&mut self, name: &str) {
        self.write::<R>(name, Expected::Any, Effect::Delete);
    }

    /// Deletes the record that was found. If that has changed since, the batch is not committed.
    pub fn remove<R: Record>(&mut self, name: &str, found: &Found<R>) {
        self.write::<R>(name, Expected::Revision(found.revision), Effect::Delete);
    }

    /// Leaves a record as it is. If it is not still as it was found, or absent if none was, the batch is not committed.
    /// What was decided by a record that is not changed says so by this.
    pub fn expect<R: Record>(&mut self, name: &str, found: Option<&Found<R>>) {
        let expected = found.map_or(Expected::Absent, |found| Expected::Revision(found.revision));
        self.write::<R>(name, expected, Effect::Keep);
    }

    /// The writes.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Is there nothing to change?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.iter().all(|write| write.effect == Effect::Keep)
    }

    /// How many writes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// What the first write of a key expected was there before the batch; what the last one does is done.
    fn write<R: Record>(&mut self, name: &str, expected: Expected, effect: Effect) {
        let key = key::<R>(name);
        match self.places.get(&key) {
            Some(place) => {
                let known = &mut self.writes[*place];
                if effect != Effect::Keep {
                    known.effect = effect;
                }
            }
            None => {
                self.places.insert(key.clone(), self.writes.len());
                self.writes.push(Write { key, expected, effect });
            }
        }
    }
}

fn set<R: Record>(record: &R) -> Effect {
    // A form is plain data: texts, numbers, lists. Those can be written.
    let value = serde_json::to_vec(&record.to_form()).expect("the form of a record is JSON");
    Effect::Set(Arc::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Address;

    #[test]
    fn a_key_comes_once_as_it_was_before_and_as_it_is_after() {
        let mut batch = Batch::default();
        let address = Address { instance: "i-0000000a".to_owned() };
        assert!(batch.is_empty());
        batch.expect::<Address>("10.0.0.5", None);
        assert!(batch.is_empty(), "nothing is to be changed");
        batch.put("10.0.0.5", &address);
        batch.delete::<Address>("10.0.0.6");
        batch.create("10.0.0.6", &address);
        assert_eq!(batch.len(), 2);
        let told: Vec<_> =
            batch.writes().iter().map(|write| (write.expected, write.effect == set(&address))).collect();
        assert_eq!(told, [(Expected::Absent, true), (Expected::Any, true)]);
        assert!(!batch.is_empty());
    }
}
