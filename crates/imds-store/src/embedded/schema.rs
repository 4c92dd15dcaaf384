//! The tables of the file, their version, and how an older version becomes the present one.

use std::path::Path;

use redb::{Database, ReadableDatabase as _, TableDefinition, TableError, WriteTransaction};

use super::OpenError;
use crate::store::{Error, Revision};

/// A value, and the commit that wrote it.
pub(super) type Record = (Revision, &'static [u8]);

/// Every record under its key.
pub(super) const RECORDS: TableDefinition<'_, &str, Record> = TableDefinition::new("records");

/// [`REVISION`] and [`VERSION`].
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The last commit.
pub(super) const REVISION: &str = "revision";

/// The schema version.
const VERSION: &str = "schema-version";

/// Changes the tables from a version to the next one.
pub(super) type Migration = fn(&WriteTransaction) -> Result<(), Error>;

/// The first goes from version 1 to 2, and so on: the present version is one more than there are.
pub(super) const MIGRATIONS: &[Migration] = &[];

/// The version that these migrations lead to.
const fn present(migrations: &[Migration]) -> u64 {
    migrations.len() as u64 + 1
}

/// Makes the tables of a new file.
pub(super) fn begin(database: &Database) -> Result<(), Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(VERSION, present(MIGRATIONS))?;
    transaction.open_table(RECORDS)?;
    Ok(transaction.commit()?)
}

/// Brings the tables to the present version, all the way or not at all.
pub(super) fn migrate(database: &Database, path: &Path, migrations: &[Migration]) -> Result<(), OpenError> {
    let path = || path.to_owned();
    let found = version(database).map_err(|cause| match cause {
        Error::Io(cause) => OpenError::Io { what: "read", path: path(), cause },
        Error::Conflict { .. } | Error::Damaged { .. } => {
            OpenError::Damaged { path: path(), why: cause.to_string() }
        }
    })?;
    let known = present(migrations);
    match found {
        None => Err(OpenError::Damaged { path: path(), why: "it has no schema version".to_owned() }),
        Some(found) if found > known => Err(OpenError::Newer { path: path(), found, known }),
        Some(found) if found == known => Ok(()),
        Some(found) => {
            let mut from = found;
            run(database, migrations, &mut from).map_err(|cause| OpenError::Migration {
                path: path(),
                from,
                cause,
            })
        }
    }
}

/// Runs what leads from a version to the present one, in one transaction; `from` says how far it came.
fn run(database: &Database, migrations: &[Migration], from: &mut u64) -> Result<(), Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    for (version, migration) in (1..).zip(migrations) {
        if version == *from {
            migration(&transaction)?;
            *from += 1;
        }
    }
    transaction.open_table(META)?.insert(VERSION, *from)?;
    Ok(transaction.commit()?)
}

/// The version of the tables; `None` when these are not ours.
fn version(database: &Database) -> Result<Option<u64>, Error> {
    let meta = match database.begin_read()?.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::Storage(cause)) => return Err(cause.into()),
        Err(_) => return Ok(None),
    };
    Ok(meta.get(VERSION)?.map(|version| version.value()).filter(|version| *version > 0))
}

#[cfg(test)]
mod tests {
    use redb::ReadableTable as _;

    use super::*;
    use crate::store::{Effect, Expected, Store as _, Write};
    use crate::{Embedded, embedded};

    /// Writes a store with one record, and says where it is.
    fn kept(state: &Path) -> std::path::PathBuf {
        let effect = Effect::Set(b"one".as_slice().into());
        let write = Write { key: "machine/i-1".to_owned(), expected: Expected::Absent, effect };
        Embedded::open(state).unwrap().commit(&[write]).unwrap();
        state.join(embedded::FILE)
    }

    fn migrate_file(path: &Path, migrations: &[Migration]) -> Result<(), OpenError> {
        migrate(&Database::open(path).unwrap(), path, migrations)
    }

    fn value(path: &Path) -> (u64, String) {
        let database = Database::open(path).unwrap();
        let records = database.begin_read().unwrap().open_table(RECORDS).unwrap();
        let record = records.get("machine/i-1").unwrap().unwrap();
        let text = String::from_utf8(record.value().1.to_owned()).unwrap();
        (version(&database).unwrap().unwrap(), text)
    }

    fn append(transaction: &WriteTransaction, text: &str) -> Result<(), Error> {
        let mut records = transaction.open_table(RECORDS)?;
        let (revision, value) = records
            .get("machine/i-1")?
            .map(|record| {
                let (revision, value) = record.value();
                (revision, [value, text.as_bytes()].concat())
            })
            .unwrap();
        records.insert("machine/i-1", (revision, &*value))?;
        Ok(())
    }

    const TO_2: Migration = |transaction| append(transaction, " two");
    const TO_3: Migration = |transaction| append(transaction, " three");
    const FAILS: Migration = |transaction| {
        append(transaction, " half")?;
        Err(Error::Damaged { key: "machine/i-1".to_owned(), why: "no end".to_owned() })
    };

    #[test]
    fn each_migration_runs_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = kept(folder.path());
        migrate_file(&path, &[]).unwrap();
        assert_eq!(value(&path), (1, "one".to_owned()));
        migrate_file(&path, &[TO_2]).unwrap();
        assert_eq!(value(&path), (2, "one two".to_owned()));
        migrate_file(&path, &[TO_2, TO_3]).unwrap();
        migrate_file(&path, &[TO_2, TO_3]).unwrap();
        assert_eq!(value(&path), (3, "one two three".to_owned()));
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = kept(folder.path());
        let error = migrate_file(&path, &[TO_2, FAILS]).unwrap_err();
        assert!(matches!(error, OpenError::Migration { from: 2, .. }), "{error}");
        assert!(
            error.to_string().contains("from schema version 2 to 3, and is as it was: machine/i-1"),
            "{error}"
        );
        assert_eq!(value(&path), (1, "one".to_owned()));
        migrate_file(&path, &[TO_2, TO_3]).unwrap();
        assert_eq!(value(&path), (3, "one two three".to_owned()));
    }

    #[test]
    fn a_later_version_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = kept(folder.path());
        migrate_file(&path, &[TO_2]).unwrap();
        let error = Embedded::open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
        assert_eq!(value(&path), (2, "one two".to_owned()));
    }

    #[test]
    fn a_database_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.redb");
        let database = Database::create(&path).unwrap();
        let error = migrate(&database, &path, MIGRATIONS).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
}
