//! The file itself: made whole or not at all, opened by one process at a time, and only as what it is.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, StorageError};

use super::{OpenError, schema};

/// The name of the file in the state folder.
pub const FILE: &str = "store.redb";

/// Where a new one is made, beside its place.
const NEW: &str = ".store.redb.new";

/// How much of the file is kept in memory, in bytes: what is asked often is kept by the registry.
const CACHE: usize = 16 << 20;

/// How long another process may take to let go of the file, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// Opens the file of a state folder, making both where they are missing.
pub(super) fn open_or_make(state: &Path) -> Result<Database, OpenError> {
    let path = state.join(FILE);
    if !path.try_exists().map_err(io("look for", &path))? {
        make(state)?;
    }
    open(&path)
}

fn io<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> OpenError + 'a {
    move |cause| OpenError::Io { what, path: path.to_owned(), cause }
}

fn open(path: &Path) -> Result<Database, OpenError> {
    let mode = fs::metadata(path).map_err(io("read", path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::Readable { path: path.to_owned(), mode });
    }
    let begun = Instant::now();
    loop {
        match builder().open(path) {
            Ok(database) => return Ok(database),
            Err(DatabaseError::DatabaseAlreadyOpen) if begun.elapsed() < PATIENCE => sleep(PAUSE),
            Err(cause) => return Err(refused(path, cause)),
        }
    }
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    // Every page is verified against its checksum first, 0.3 s for 200 MB: what is damaged is not served.
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
}

fn refused(path: &Path, cause: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match cause {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse { path },
        DatabaseError::Storage(StorageError::Io(cause)) if !is_content(&cause) => {
            OpenError::Io { what: "open", path, cause }
        }
        DatabaseError::Storage(_)
        | DatabaseError::UpgradeRequired(_)
        | DatabaseError::RepairAborted
        | DatabaseError::TransactionInProgress
        | _ => OpenError::Damaged { path, why: cause.to_string() },
    }
}

/// Is it what is in the file that is wrong, and not the disk?
fn is_content(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Makes an empty store, and its folder. It gets its name when it is whole, so that a file with this name that is not
/// a store is damaged and never merely unfinished.
fn make(state: &Path) -> Result<(), OpenError> {
    let path = state.join(FILE);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .map_err(io("make the state folder", state))?;
    let folder = File::open(state).map_err(io("open", state))?;
    folder.lock().map_err(io("lock", state))?;
    if path.try_exists().map_err(io("look for", &path))? {
        return Ok(());
    }
    let beside = state.join(NEW);
    // What a crash left there goes; what somebody put there is not followed.
    let _ = fs::remove_file(&beside);
    let options = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).clone();
    let file = options.open(&beside).map_err(io("make", &beside))?;
    let fill = || {
        let database = builder().create_with_backend(FileBackend::new(file)?)?;
        schema::begin(&database).map_err(io::Error::other)?;
        database.close()
    };
    fill().map_err(|cause| refused(&beside, cause))?;
    fs::rename(&beside, &path).and_then(|()| folder.sync_all()).map_err(io("make", &path))?;
    // The folder's own name lasts, too. A parent that cannot be opened is not one that it was just made in.
    File::open(state.join("..")).and_then(|parent| parent.sync_all()).or(Ok(()))
}
