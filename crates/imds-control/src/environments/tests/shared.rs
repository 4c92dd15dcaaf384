//! A store of two processes: just before the one commits, the other does something.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use imds_store::store::{Event, Kept, Write};
use imds_store::{Error, Memory, Revision, Store};

use super::world::World;

/// What the other one does.
type Deed = Box<dyn FnOnce() + Send>;

/// The store of both.
#[derive(Clone, Default)]
pub(super) struct Shared {
    inner: Arc<Memory>,
    next: Arc<Mutex<Option<Deed>>>,
}

impl Shared {
    /// Before the next commit this is done, by one whose clock is that of `world`.
    pub(super) fn before_next_commit(&self, world: &World, deed: impl FnOnce(&mut World) + Send + 'static) {
        let (store, now) = (self.clone(), world.now);
        let deed = move || deed(&mut World::on(Box::new(store), now));
        *self.next.lock().unwrap() = Some(Box::new(deed));
    }
}

impl Store for Shared {
    fn get(&self, key: &str) -> Result<Option<Kept>, Error> {
        self.inner.get(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Kept)>, Error> {
        self.inner.list(prefix)
    }

    fn commit(&self, batch: &[Write]) -> Result<Revision, Error> {
        let deed = self.next.lock().unwrap().take();
        if let Some(deed) = deed {
            deed();
        }
        self.inner.commit(batch)
    }

    fn revision(&self) -> Result<Revision, Error> {
        self.inner.revision()
    }

    fn watch(&self) -> Receiver<Event> {
        self.inner.watch()
    }
}
