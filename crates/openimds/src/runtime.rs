//! The runtime socket of a service, by which `imds exec` finds it: where it is, and what is said there.
//!
//! Its folder is the user's own, and nobody else may enter it.

use std::env;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

/// How long the service before is given to go.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often that is looked at.
const AGAIN: Duration = Duration::from_millis(10);

/// What is asked there: to be this instance. The sockets that listen for it come along.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The instance's id.
    pub instance: String,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// It is done, for as long as the connection lasts.
    Served,
    /// It is not; why, and the cure.
    Refused(String),
}

/// Why there is no runtime socket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is somebody else's, or open to others.
    #[error(
        "{path} is not this user's alone ({what}); delete it, or let XDG_RUNTIME_DIR name another folder"
    )]
    Shared {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Another service has it.
    #[error("another service has {0}; give this one another port with --admin")]
    Taken(PathBuf),
    /// The system's answer.
    #[error("{path}: {cause}; may this user write there?")]
    System {
        /// What could not be had.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Nobody is there.
    #[error(
        "no service with its --admin at port {0} runs on this machine for this user; start `imds serve`, or say \
         which one by --admin URL or IMDS_ADMIN"
    )]
    Nobody(u16),
}

/// Binds the socket of the service whose door has this port, in the first folder that can be had.
///
/// # Errors
/// When there is none, for the reason of the first.
pub fn bind(port: u16) -> Result<(UnixListener, PathBuf), Error> {
    let mut first = None;
    for folder in folders() {
        match made(&folder).and_then(|held| bind_in(&folder, &held, port)) {
            Ok(bound) => return Ok(bound),
            // It would be found there, and this one would not.
            Err(error @ Error::Taken(_)) => return Err(error),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(Error::Nobody(port)))
}

/// Connects to the service whose door has this port.
///
/// # Errors
/// When there is none, or its folder could be somebody else's.
pub fn find(port: u16) -> Result<UnixStream, Error> {
    for folder in folders() {
        match fs::symlink_metadata(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(cause) => return Err(Error::System { path: folder, cause }),
            Ok(_) => check(&folder)?,
        }
        let path = folder.join(name(port));
        match UnixStream::connect(&path) {
            Ok(stream) => return Ok(stream),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
            Err(cause) => return Err(Error::System { path, cause }),
        }
    }
    Err(Error::Nobody(port))
}

/// The ports of the doors of this user's services, of some that have ended, too.
#[must_use]
pub fn doors() -> Vec<u16> {
    folders().iter().flat_map(|folder| sockets(folder)).filter_map(|path| port(&path)).collect()
}

/// Where it can be, best first.
fn folders() -> Vec<PathBuf> {
    let uid = geteuid();
    // One that is another user's, as sudo may leave it, is no place for this one.
    let session = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let session = session.filter(|path| path.is_absolute());
    let session = session.filter(|path| fs::metadata(path).is_ok_and(|found| found.uid() == uid.as_raw()));
    let system = uid.is_root().then(|| PathBuf::from("/run/openimds"));
    let own = env::temp_dir().join(format!("openimds-{}", uid.as_raw()));
    session.map(|path| path.join("openimds")).into_iter().chain(system).chain([own]).collect()
}

fn name(port: u16) -> String {
    format!("exec-{port}.sock")
}

/// Makes a folder, or sees that it is as one that was made here. It comes open, to be locked.
fn made(folder: &Path) -> Result<File, Error> {
    let failed = |cause| Error::System { path: folder.to_owned(), cause };
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        Ok(()) | Err(_) => check(folder)?,
    }
    File::open(folder).map_err(failed)
}

/// Is this folder the user's own, and nobody else's to enter?
fn check(folder: &Path) -> Result<(), Error> {
    let shared = |what| Err(Error::Shared { path: folder.to_owned(), what });
    let found =
        fs::symlink_metadata(folder).map_err(|cause| Error::System { path: folder.to_owned(), cause })?;
    if !found.is_dir() {
        return shared("it is no folder");
    }
    if found.uid() != geteuid().as_raw() {
        return shared("it belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return shared("others may enter it");
    }
    Ok(())
}

fn bind_in(folder: &Path, held: &File, port: u16) -> Result<(UnixListener, PathBuf), Error> {
    let path = folder.join(name(port));
    let failed = |cause: io::Error| Error::System { path: path.clone(), cause };
    let end = Instant::now() + PATIENCE;
    // Of two that find a dead one's socket, the second must not delete the first one's.
    while let Err(error) = flock(held, FlockOperation::NonBlockingLockExclusive) {
        if Instant::now() >= end {
            return Err(failed(error.into()));
        }
        sleep(AGAIN);
    }
    // What those left behind who were killed.
    for path in sockets(folder).filter(|path| is_dead(path)) {
        let _ = fs::remove_file(path);
    }
    while path.exists() && !is_dead(&path) {
        if Instant::now() >= end {
            return Err(Error::Taken(path));
        }
        sleep(AGAIN);
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
    Ok((listener, path))
}

/// Every socket of a service in a folder.
fn sockets(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| port(path).is_some())
}

/// The port of the door, by the name of the socket.
fn port(path: &Path) -> Option<u16> {
    path.file_name()?.to_str()?.strip_prefix("exec-")?.strip_suffix(".sock")?.parse().ok()
}

/// Is it a socket where nobody listens? One who is too busy to accept does.
fn is_dead(path: &Path) -> bool {
    let connected = SocketAddrUnix::new(path).and_then(|address| {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket: OwnedFd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &address)
    });
    connected == Err(Errno::CONNREFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this user's, as [`bind`] would have it.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("openimds");
        (outer, folder)
    }

    fn bind_at(folder: &Path, port: u16) -> Result<(UnixListener, PathBuf), Error> {
        made(folder).and_then(|held| bind_in(folder, &held, port))
    }

    #[test]
    fn folder_and_socket_are_the_users_alone() {
        let (_outer, folder) = folder();
        let (_listener, path) = bind_at(&folder, 1339).unwrap();
        assert_eq!(path, folder.join("exec-1339.sock"));
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    }

    #[test]
    fn a_folder_that_others_have_a_part_in_is_refused() {
        let (outer, folder) = folder();
        for (what, prepare) in [
            ("it is no folder", (|path| fs::write(path, "").unwrap()) as fn(&Path)),
            ("it is no folder", |path| std::os::unix::fs::symlink(path.parent().unwrap(), path).unwrap()),
            ("others may enter it", |path| {
                fs::create_dir(path).unwrap();
                fs::set_permissions(path, Permissions::from_mode(0o750)).unwrap();
            }),
        ] {
            prepare(&folder);
            let error = bind_at(&folder, 1339).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("XDG_RUNTIME_DIR"), "{error}");
            let _ = fs::remove_file(&folder);
        }
        assert!(matches!(made(Path::new("/no/such/place")), Err(Error::System { .. })));
        if geteuid().is_root() {
            let other = outer.path().join("other");
            fs::create_dir(&other).unwrap();
            std::os::unix::fs::chown(&other, Some(65_534), None).unwrap();
            let error = made(&other).unwrap_err().to_string();
            assert!(error.contains("it belongs to another user"), "{error}");
        }
    }

    #[test]
    fn the_socket_of_a_dead_service_is_taken_over_and_that_of_a_living_one_is_not() {
        let (_outer, folder) = folder();
        let (listener, path) = bind_at(&folder, 1339).unwrap();
        assert!(matches!(bind_at(&folder, 1339), Err(Error::Taken(taken)) if taken == path));
        bind_at(&folder, 1340).unwrap();
        drop(listener);
        assert!(path.exists());
        let (_listener, path) = bind_at(&folder, 1339).unwrap();
        UnixStream::connect(path).unwrap();
    }

    #[test]
    fn what_the_dead_left_is_swept_and_nothing_else() {
        let (_outer, folder) = folder();
        let (alive, path) = bind_at(&folder, 1339).unwrap();
        drop(bind_at(&folder, 1340).unwrap());
        drop(UnixListener::bind(folder.join("another.sock")).unwrap());
        fs::write(folder.join("exec-1341.sock"), "no socket").unwrap();
        bind_at(&folder, 1342).unwrap();
        let mut left: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["another.sock", "exec-1339.sock", "exec-1342.sock"]);
        assert!(path.exists());
        drop(alive);
    }
}
