//! What a store is: keys with values, changed in batches that commit as one, and watched.
//!
//! The calls block for as long as the disk takes; callers that must not wait make them on a thread of their own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// The number of a commit. Later commits have larger ones; the first is 1.
pub type Revision = u64;

/// A value, and the commit that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The commit that wrote it.
    pub revision: Revision,
    /// The value.
    pub value: Arc<[u8]>,
}

/// What a write takes for granted. The batch commits only if it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// That the key has no value.
    Absent,
    /// That the value is still the one that this commit wrote.
    Revision(Revision),
}

impl Expected {
    /// Is it so, of a key whose value this commit wrote, if it has one?
    pub(crate) fn holds(self, written: Option<Revision>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => written.is_none(),
            Self::Revision(revision) => written == Some(revision),
        }
    }
}

/// One key of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// `KIND/NAME`; see [`record`](crate::record).
    pub key: String,
    /// What is taken for granted.
    pub expected: Expected,
    /// What is done.
    pub effect: Effect,
}

/// What a batch does with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the batch only depends on it.
    Keep,
    /// It gets this value.
    Set(Arc<[u8]>),
    /// It has no value any longer.
    Delete,
}

/// A commit, as those who watch hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub revision: Revision,
    /// Each key with its new value; `None` where it was deleted.
    pub changes: Vec<(String, Option<Arc<[u8]>>)>,
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that a batch took for granted was not so; nothing of it was done.
    #[error("{key} was changed by somebody else meanwhile")]
    Conflict {
        /// The first such key.
        key: String,
    },
    /// The disk, or what is on it.
    #[error("the store failed: {0}")]
    Io(#[from] io::Error),
    /// A value does not read as what its key says.
    #[error("{key} in the store is damaged: {why}")]
    Damaged {
        /// The key.
        key: String,
        /// What is wrong, without any of its content.
        why: String,
    },
}

/// Where things are kept. One suite tests every adapter: `conformance`.
pub trait Store: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, key: &str) -> Result<Option<Kept>, Error>;

    /// Every key that begins with `prefix`, in order, all as of one commit.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(&self, prefix: &str) -> Result<Vec<(String, Kept)>, Error>;

    /// Does all of a batch, or nothing. When this returns, it is kept: no crash undoes it. A key may come once.
    ///
    /// # Errors
    /// [`Error::Conflict`] when something expected is not so; when the store cannot be written.
    fn commit(&self, batch: &[Write]) -> Result<Revision, Error>;

    /// The last commit; 0 before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn revision(&self) -> Result<Revision, Error>;

    /// Every commit from now on, in order, without a gap.
    fn watch(&self) -> Receiver<Event>;
}

/// Those who watch.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Vec<Sender<Event>>);

impl Watchers {
    /// One more.
    pub(crate) fn add(&mut self) -> Receiver<Event> {
        let (sender, receiver) = channel();
        self.0.push(sender);
        receiver
    }

    /// Tells all who still listen.
    pub(crate) fn tell(&mut self, revision: Revision, batch: &[Write]) {
        self.0.retain(|watcher| {
            let change = |write: &Write| match &write.effect {
                Effect::Keep => None,
                Effect::Set(value) => Some((write.key.clone(), Some(value.clone()))),
                Effect::Delete => Some((write.key.clone(), None)),
            };
            watcher.send(Event { revision, changes: batch.iter().filter_map(change).collect() }).is_ok()
        });
    }
}
