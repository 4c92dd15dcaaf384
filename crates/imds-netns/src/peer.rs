//! Where the one at the other end of a Unix connection is: in this process's network namespace, or in another.
//!
//! There are two witnesses. The first is the socket that connected: the connection that is accepted belongs to the
//! namespace in which that one was made, for ever, and `SO_NETNS_COOKIE` (Linux 5.14) says which that is. No process has
//! to be looked for, so there is no moment in which another could take its place, and it takes no privilege. The second
//! is the process that connected (`SO_PEERPIDFD`, else `SO_PEERCRED` and pidfd_open(2)) and its `/proc/PID/ns/net`, which
//! is believed only while the process is known to live, so that its number is still its own. It may not be asked about a
//! process that has more privileges than this one. One of them must say that it is here, and none may say otherwise.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Linux 6.5.
const SO_PEERPIDFD: libc::c_int = 77;
/// Linux 5.14.
const SO_NETNS_COOKIE: libc::c_int = 71;

/// Where somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the network namespace of this process.
    Home,
    /// In another.
    Elsewhere,
    /// This kernel does not say.
    Untold,
}

/// The network namespace of this process.
#[derive(Clone, Debug)]
pub struct Home {
    cookie: Option<u64>,
    file: Option<(u64, u64)>,
}

impl Home {
    /// The one that this process is in now.
    #[must_use]
    pub fn now() -> Self {
        // Any socket will do.
        let socket = UnixDatagram::unbound();
        let cookie = socket.and_then(|socket| cookie(socket.as_fd())).ok();
        Self { cookie, file: namespace("self") }
    }

    /// Where the one is who made this connection, which was accepted from a listener of this process.
    #[must_use]
    pub fn place_of(&self, connection: BorrowedFd<'_>) -> Place {
        match [self.by_socket(connection), self.by_process(connection)] {
            [Some(false), _] | [_, Some(false)] => Place::Elsewhere,
            [Some(true), _] | [_, Some(true)] => Place::Home,
            [None, None] => Place::Untold,
        }
    }

    /// Was this socket made in this namespace? `None` where the kernel does not say.
    #[must_use]
    pub fn has_socket(&self, socket: BorrowedFd<'_>) -> Option<bool> {
        self.by_socket(socket)
    }

    fn by_socket(&self, socket: BorrowedFd<'_>) -> Option<bool> {
        Some(cookie(socket).ok()? == self.cookie?)
    }

    fn by_process(&self, connection: BorrowedFd<'_>) -> Option<bool> {
        let own = self.file?;
        let pid = Pid::from_raw(credentials(connection).ok()?.0)?;
        let process = pidfd(connection).or_else(|_| pidfd_open(pid, PidfdFlags::empty())).ok()?;
        let theirs = namespace(&pid.to_string());
        // What has ended was nobody's any longer when it was looked at, or somebody else's.
        if has_ended(&process) { Some(false) } else { theirs.map(|theirs| theirs == own) }
    }
}

/// The user at the other end of a Unix connection, when it was made.
///
/// # Errors
/// When it is none.
pub fn uid(connection: BorrowedFd<'_>) -> io::Result<u32> {
    credentials(connection).map(|(_, uid)| uid)
}

/// Device and inode of a process's network namespace, if this process may know.
fn namespace(process: &str) -> Option<(u64, u64)> {
    let found = fs::metadata(format!("/proc/{process}/ns/net")).ok()?;
    Some((found.dev(), found.ino()))
}

fn has_ended(process: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

fn cookie(socket: BorrowedFd<'_>) -> io::Result<u64> {
    option(socket, SO_NETNS_COOKIE).map(u64::from_ne_bytes)
}

/// Process and user. The process is 0 when it is in no namespace of processes that this one sees.
fn credentials(connection: BorrowedFd<'_>) -> io::Result<(i32, u32)> {
    // ucred: pid, uid, gid.
    let [p0, p1, p2, p3, u0, u1, u2, u3, _, _, _, _] = option(connection, libc::SO_PEERCRED)?;
    Ok((i32::from_ne_bytes([p0, p1, p2, p3]), u32::from_ne_bytes([u0, u1, u2, u3])))
}

fn pidfd(connection: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let number = option(connection, SO_PEERPIDFD).map(i32::from_ne_bytes);
    let number =
        number.map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))?;
    // SAFETY: the kernel has just opened it for this process, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The `N` bytes of a socket's option.
fn option<const N: usize>(socket: BorrowedFd<'_>, name: libc::c_int) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut length = libc::socklen_t::try_from(N).unwrap_or(0);
    // SAFETY: the kernel writes `length` bytes at most to an address that has as many, and both live through the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            bytes.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    if usize::try_from(length) != Ok(N) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_neighbour_is_at_home() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let connection = listener.accept().unwrap().0;
        let home = Home::now();
        assert_eq!(home.by_socket(connection.as_fd()), Some(true));
        assert_eq!(home.by_process(connection.as_fd()), Some(true));
        assert_eq!(home.place_of(connection.as_fd()), Place::Home);
        assert_eq!(uid(connection.as_fd()).unwrap(), rustix::process::geteuid().as_raw());
    }

    #[test]
    fn one_witness_is_enough_and_none_may_disagree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let connection = listener.accept().unwrap().0;
        let home = Home::now();
        let (cookie, file) = (home.cookie, home.file);
        let (other_cookie, other_file) =
            (cookie.map(|cookie| cookie + 1), file.map(|(dev, ino)| (dev, ino + 1)));
        for (cookie, file, place) in [
            (cookie, None, Place::Home),
            (None, file, Place::Home),
            (None, None, Place::Untold),
            (cookie, other_file, Place::Elsewhere),
            (other_cookie, file, Place::Elsewhere),
            (other_cookie, None, Place::Elsewhere),
            (None, other_file, Place::Elsewhere),
        ] {
            assert_eq!(Home { cookie, file }.place_of(connection.as_fd()), place);
        }
    }

    #[test]
    fn what_is_no_connection_says_nothing() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(uid(socket.as_fd()).is_err() || uid(socket.as_fd()).unwrap() == u32::MAX);
        assert_eq!(Home { cookie: None, ..Home::now() }.place_of(socket.as_fd()), Place::Untold);
    }
}
