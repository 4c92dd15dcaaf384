//! A file of secrets in the state folder: its owner's alone, written whole or not at all, by one at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Why such a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    /// Others can read the secrets.
    #[error(
        "{path} can be read by others (mode {mode:03o}), who could {threat}: run `chmod 600 {path}` and then {cure}",
        path = path.display()
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they could do.
        threat: &'static str,
        /// What is to be done once it is closed to them.
        cure: &'static str,
    },
    /// The file is not of its kind.
    #[error("{path} is not {kind} ({why}): {cure}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        kind: &'static str,
        /// What is wrong, without any of its content.
        why: &'static str,
        /// What is to be done.
        cure: &'static str,
    },
}

/// One kind of such files.
pub(crate) struct PrivateFile {
    /// Its name in the state folder.
    pub(crate) name: &'static str,
    /// What it is: `a keyring`.
    pub(crate) kind: &'static str,
    /// What somebody can do who reads it: `make tokens`.
    pub(crate) threat: &'static str,
    /// What is to be done when others could read it, after that has been ended.
    pub(crate) exposed: &'static str,
    /// What is to be done when it does not read as what it is.
    pub(crate) malformed: &'static str,
}

impl PrivateFile {
    /// Reads it; `None` if there is none.
    pub(crate) fn load<T>(
        &self,
        state: &Path,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, Error> {
        let path = state.join(self.name);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Error::Io { what: "read", path, cause }),
        };
        let mode =
            file.metadata().map_err(|cause| io_error("read", &path, cause))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::Readable { path, mode, threat: self.threat, cure: self.exposed });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(|cause| io_error("read", &path, cause))?;
        parse(&text).map(Some).map_err(|why| self.malformed(state, why))
    }

    /// The error of one that does not read as what it is.
    pub(crate) fn malformed(&self, state: &Path, why: &'static str) -> Error {
        Error::Malformed { path: state.join(self.name), kind: self.kind, why, cure: self.malformed }
    }

    /// Writes it beside its place and moves it there, so that a reader finds the one or the other. Behind a link it is the
    /// file at its end that is replaced: what was in there must not come back with the link.
    pub(crate) fn save(&self, state: &Path, text: &str) -> Result<(), Error> {
        let path = state.join(self.name);
        let write = || {
            let place = if path.is_symlink() { path.canonicalize()? } else { path.clone() };
            let folder = place.parent().unwrap_or(state);
            let beside = folder.join(format!(".{}.new", self.name));
            // What a crash left there goes; what somebody put there is not followed.
            let _ = fs::remove_file(&beside);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &place)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|cause| io_error("write", &path, cause))
    }
}

fn io_error(what: &'static str, path: &Path, cause: io::Error) -> Error {
    Error::Io { what, path: path.to_owned(), cause }
}

/// Holds the folder against other writers until it is dropped; makes the folder if it is missing.
pub(crate) fn lock(state: &Path) -> Result<File, Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .map_err(|cause| io_error("make the state folder", state, cause))?;
    let folder = File::open(state).map_err(|cause| io_error("open", state, cause))?;
    folder.lock().map_err(|cause| io_error("lock", state, cause))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const KEPT: PrivateFile = PrivateFile {
        name: "kept",
        kind: "a secret",
        threat: "read it",
        exposed: "another one",
        malformed: "write it",
    };

    fn read(state: &Path) -> Option<String> {
        KEPT.load(state, |text| Ok(text.to_owned())).unwrap()
    }

    #[test]
    fn what_lies_in_the_way_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (state, other) = (folder.path(), folder.path().join("other"));
        let beside = state.join(".kept.new");
        fs::write(&other, "theirs").unwrap();
        symlink(&other, &beside).unwrap();
        KEPT.save(state, "one").unwrap();
        assert_eq!(
            (read(state).as_deref(), fs::read_to_string(&other).unwrap().as_str()),
            (Some("one"), "theirs")
        );
        // What a crash left there, for all to read.
        fs::write(&beside, "half").unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o666)).unwrap();
        KEPT.save(state, "two").unwrap();
        assert_eq!((read(state).as_deref(), beside.exists()), (Some("two"), false));
        // What cannot be taken away leaves all as it was.
        fs::create_dir(&beside).unwrap();
        let error = KEPT.save(state, "three").unwrap_err();
        assert!(matches!(error, Error::Io { what: "write", .. }), "{error}");
        assert_eq!(read(state).as_deref(), Some("two"));
    }

    #[test]
    fn behind_a_link_it_is_the_file_that_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (state, elsewhere) = (folder.path().join("state"), folder.path().join("elsewhere"));
        fs::create_dir(&elsewhere).unwrap();
        drop(lock(&state).unwrap());
        KEPT.save(&elsewhere, "one").unwrap();
        let link = state.join("kept");
        symlink("../elsewhere/kept", &link).unwrap();
        KEPT.save(&state, "two").unwrap();
        assert!(link.is_symlink());
        assert_eq!((read(&state).as_deref(), read(&elsewhere).as_deref()), (Some("two"), Some("two")));
        assert_eq!(fs::read_dir(&state).unwrap().count() + fs::read_dir(&elsewhere).unwrap().count(), 2);
        // One that leads nowhere stays: what is to come there is not known.
        fs::remove_file(elsewhere.join("kept")).unwrap();
        assert_eq!(read(&state), None);
        assert!(KEPT.save(&state, "three").is_err() && link.is_symlink());
    }
}
