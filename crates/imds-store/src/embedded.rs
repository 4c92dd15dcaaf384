//! A store in a file, `DIR/store.redb`: what a commit has acknowledged is on the disk.

mod file;
mod schema;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{AccessGuard, Database, ReadableDatabase as _, ReadableTable};

use crate::store::{Effect, Error, Event, Expected, Kept, Revision, Store, Watchers, Write};
use schema::{META, RECORDS, Record};

pub use file::FILE;

/// Keys and values in a file that belongs to one process at a time, for as long as this lives.
#[derive(Debug)]
pub struct Embedded {
    database: Database,
    /// Locked from before a commit until it is told, so that all hear of commits in their order.
    watchers: Mutex<Watchers>,
}

/// Why the store of a state folder could not be opened. The file is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder could not be read or written.
    #[error("cannot {what} {path}: {cause}", path = path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Others can read what is kept.
    #[error(
        "{path} can be read by others (mode {mode:03o}), and user data is often secret: run `chmod 600 {path}`",
        path = path.display()
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process has it.
    #[error(
        "{path} is in use by another service: stop that one, or give this one a --state folder of its own",
        path = path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a store, or no longer.
    #[error(
        "{path} is not a store of OpenIMDS, or is damaged ({why}): put a backup in its place, or move it away to \
         start with an empty store", path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, without any of its content.
        why: String,
    },
    /// A later release wrote it.
    #[error(
        "{path} has schema version {found} and this release knows {known} at most: use the release that wrote it, or \
         a later one", path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u64,
        /// The newest that this release knows.
        known: u64,
    },
    /// It could not be brought to the present schema.
    #[error(
        "{path} could not be brought from schema version {from} to {to}, and is as it was: {cause}",
        path = path.display(), to = from + 1
    )]
    Migration {
        /// The file.
        path: PathBuf,
        /// The version that it stopped at.
        from: u64,
        /// What was in the way.
        cause: Error,
    },
}

impl Embedded {
    /// Opens the store of a state folder, making both where they are missing. Where another process has it, waits up
    /// to two seconds: a service that was killed may still have a helper that closes it.
    ///
    /// # Errors
    /// When the file is in use, readable by others, damaged, from a later release, or cannot be read or written.
    pub fn open(state: &Path) -> Result<Self, OpenError> {
        let database = file::open_or_make(state)?;
        schema::migrate(&database, &state.join(FILE), schema::MIGRATIONS)?;
        Ok(Self { database, watchers: Mutex::default() })
    }

    /// A panic while the lock is held leaves whole batches behind, or none.
    fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Embedded {
    fn get(&self, key: &str) -> Result<Option<Kept>, Error> {
        let records = self.database.begin_read()?.open_table(RECORDS)?;
        Ok(records.get(key)?.as_ref().map(kept))
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Kept)>, Error> {
        let records = self.database.begin_read()?.open_table(RECORDS)?;
        let mut found = Vec::new();
        for entry in records.range(prefix..)? {
            let (key, record) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            found.push((key.value().to_owned(), kept(&record)));
        }
        Ok(found)
    }

    fn commit(&self, batch: &[Write]) -> Result<Revision, Error> {
        let mut watchers = self.watchers();
        let mut transaction = self.database.begin_write()?;
        // After a crash, the file names its last commit; with one phase it would be guessed from checksums.
        transaction.set_two_phase_commit(true);
        let revision = {
            let mut meta = transaction.open_table(META)?;
            let mut records = transaction.open_table(RECORDS)?;
            for write in batch {
                if !is_so(&records, write)? {
                    return Err(Error::Conflict { key: write.key.clone() });
                }
            }
            let revision = meta.get(schema::REVISION)?.map_or(0, |last| last.value()) + 1;
            meta.insert(schema::REVISION, revision)?;
            for write in batch {
                match &write.effect {
                    Effect::Keep => {}
                    Effect::Set(value) => {
                        records.insert(&*write.key, (revision, &**value))?;
                    }
                    Effect::Delete => {
                        records.remove(&*write.key)?;
                    }
                }
            }
            revision
        };
        transaction.commit()?;
        watchers.tell(revision, batch);
        Ok(revision)
    }

    fn revision(&self) -> Result<Revision, Error> {
        let meta = self.database.begin_read()?.open_table(META)?;
        Ok(meta.get(schema::REVISION)?.map_or(0, |last| last.value()))
    }

    fn watch(&self) -> Receiver<Event> {
        self.watchers().add()
    }
}

/// Is what a write takes for granted so?
fn is_so(records: &impl ReadableTable<&'static str, Record>, write: &Write) -> Result<bool, Error> {
    if write.expected == Expected::Any {
        // Without a look at the disk.
        return Ok(true);
    }
    Ok(write.expected.holds(records.get(&*write.key)?.map(|record| record.value().0)))
}

fn kept(record: &AccessGuard<'_, Record>) -> Kept {
    let (revision, value) = record.value();
    Kept { revision, value: value.into() }
}

/// What went wrong between a commit's beginning and its end, for the reader of an answer.
macro_rules! failures {
    ($($cause:ty),+) => {$(
        impl From<$cause> for Error {
            fn from(cause: $cause) -> Self {
                Self::Io(match redb::Error::from(cause) {
                    redb::Error::Io(cause) => cause,
                    redb::Error::PreviousIo => io::Error::other(
                        "an earlier write failed, so nothing more is written: see to the disk, then restart the service",
                    ),
                    cause => io::Error::other(cause.to_string()),
                })
            }
        }
    )+};
}

failures!(redb::CommitError, redb::StorageError, redb::TableError, redb::TransactionError);
