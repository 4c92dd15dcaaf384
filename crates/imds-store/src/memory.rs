//! A store that lives as long as the process.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::{Effect, Error, Event, Kept, Revision, Store, Watchers, Write};

/// Keys and values in memory.
#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    revision: Revision,
    kept: BTreeMap<String, Kept>,
    watchers: Watchers,
    /// Have its watches ended?
    is_unwatched: bool,
}

impl Memory {
    /// Ends all watches: who watches hears of what was committed before, and then of the end. So does who watches later.
    pub fn end_watches(&self) {
        let mut state = self.state();
        state.watchers = Watchers::default();
        state.is_unwatched = true;
    }

    /// A panic while the lock is held leaves whole batches behind, or none.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn get(&self, key: &str) -> Result<Option<Kept>, Error> {
        Ok(self.state().kept.get(key).cloned())
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Kept)>, Error> {
        let state = self.state();
        let from = state.kept.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(from.map(|(key, kept)| (key.clone(), kept.clone())).collect())
    }

    fn commit(&self, batch: &[Write]) -> Result<Revision, Error> {
        let mut state = self.state();
        let is_so =
            |write: &Write| write.expected.holds(state.kept.get(&write.key).map(|kept| kept.revision));
        if let Some(write) = batch.iter().find(|write| !is_so(write)) {
            return Err(Error::Conflict { key: write.key.clone() });
        }
        state.revision += 1;
        let revision = state.revision;
        for write in batch {
            match &write.effect {
                Effect::Keep => {}
                Effect::Set(value) => {
                    state.kept.insert(write.key.clone(), Kept { revision, value: value.clone() });
                }
                Effect::Delete => {
                    state.kept.remove(&write.key);
                }
            }
        }
        state.watchers.tell(revision, batch);
        Ok(revision)
    }

    fn revision(&self) -> Result<Revision, Error> {
        Ok(self.state().revision)
    }

    fn watch(&self) -> Receiver<Event> {
        let mut state = self.state();
        if state.is_unwatched { Watchers::default().add() } else { state.watchers.add() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Expected;

    #[test]
    fn watches_end_after_what_was_committed_before() {
        let store = Memory::default();
        let commit = |key: &str| {
            let effect = Effect::Set(key.as_bytes().into());
            store.commit(&[Write { key: key.into(), expected: Expected::Any, effect }]).unwrap()
        };
        let watch = store.watch();
        commit("a/1");
        store.end_watches();
        commit("a/2");
        assert_eq!(watch.iter().map(|event| event.revision).collect::<Vec<_>>(), [1]);
        assert_eq!(store.watch().iter().count(), 0);
        assert_eq!(store.revision().unwrap(), 2, "all else goes on");
    }
}
