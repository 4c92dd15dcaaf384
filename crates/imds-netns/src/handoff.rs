//! Moving open files to another process, over a Unix stream socket (`SCM_RIGHTS`, unix(7)).

use std::io;
#[cfg(target_os = "linux")]
use std::io::{IoSlice, IoSliceMut};
#[cfg(target_os = "linux")]
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

#[cfg(target_os = "linux")]
use rustix::{cmsg_space, io::retry_on_intr, net};

/// The most files that one message may carry: `SCM_MAX_FD` of Linux.
pub const MAX_FDS: usize = 253;

/// Takes a descriptor over that the process was started with, as `3` of `command 3>file`.
///
/// # Errors
/// `InvalidInput` for the standard streams and for what this process opened itself, the system's error for a number
/// that is not open.
pub fn inherited(number: u32) -> io::Result<OwnedFd> {
    let number = i32::try_from(number).map_err(io::Error::other)?;
    // SAFETY: the descriptor is looked at for no longer than this call, and one that is not open is an error of it.
    let flags = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) })?;
    if number < 3 || flags.contains(rustix::io::FdFlags::CLOEXEC) {
        // All that a Rust program opens is closed on exec, and so is none of what it was handed.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it was not handed down to this process"));
    }
    // SAFETY: as above.
    rustix::io::fcntl_setfd(unsafe { BorrowedFd::borrow_raw(number) }, rustix::io::FdFlags::CLOEXEC)?;
    // SAFETY: it is open, nothing in this process made it, and from here on it looks like one that something did, so
    // that it cannot be taken twice.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Sends all of `bytes`, with duplicates of `fds` attached to the first of them.
///
/// The stream should block: on one that does not, `WouldBlock` may come after a part was sent.
///
/// # Errors
/// `InvalidInput` if there are no bytes to attach files to or more than [`MAX_FDS`] files, else what
/// sendmsg(2) answers: `BrokenPipe` if the other end is gone. No SIGPIPE is raised.
#[cfg(target_os = "linux")]
pub fn send(stream: &UnixStream, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    if fds.len() > MAX_FDS || (bytes.is_empty() && !fds.is_empty()) {
        let message = format!("{} files cannot be sent with {} bytes", fds.len(), bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let (mut fds, mut rest) = (fds, bytes);
    while !rest.is_empty() {
        let sent = retry_on_intr(|| send_once(stream, rest, fds))?;
        rest = rest.get(sent..).unwrap_or_default();
        fds = &[];
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn send_once(stream: &UnixStream, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> rustix::io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = net::SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(net::SendAncillaryMessage::ScmRights(fds)) {
        return Err(rustix::io::Errno::INVAL);
    }
    net::sendmsg(stream, &[IoSlice::new(bytes)], &mut control, net::SendFlags::NOSIGNAL)
}

/// What was received at once.
#[derive(Debug)]
pub struct Received {
    /// Bytes; 0 when the other end is gone.
    pub length: usize,
    /// The files that came with them, closed on exec.
    pub files: Vec<OwnedFd>,
    /// Did some not come: more than were to be taken, or than this process may open?
    pub are_lost: bool,
}

/// Receives what is there, up to the length of `buf`, with the files that came with it; 0 bytes when the
/// other end is gone. The files are closed on exec.
///
/// # Errors
/// What recvmsg(2) answers: `WouldBlock` if nothing is there on a stream that does not block; `InvalidData`
/// if files had to be dropped because this process may open no more (the others are closed again).
#[cfg(target_os = "linux")]
pub fn recv(stream: &UnixStream, buf: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let Received { length, files, are_lost } = receive(stream, buf, MAX_FDS)?;
    if are_lost {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "files were lost; raise the limit on open files",
        ));
    }
    Ok((length, files))
}

/// The same, taking `most` files at most: the kernel opens hardly more here, whatever was sent. That files did not come
/// is told, and the bytes are not lost with them.
///
/// Files come with the first byte of the message that they were sent with: who reads a message's beginning by itself
/// gets them with that.
///
/// # Errors
/// What recvmsg(2) answers: `WouldBlock` if nothing is there on a stream that does not block.
#[cfg(target_os = "linux")]
pub fn receive(stream: impl AsFd, buf: &mut [u8], most: usize) -> io::Result<Received> {
    let mut space = vec![MaybeUninit::uninit(); cmsg_space!(ScmRights(most))];
    let mut control = net::RecvAncillaryBuffer::new(&mut space);
    let received = retry_on_intr(|| {
        net::recvmsg(&stream, &mut [IoSliceMut::new(buf)], &mut control, net::RecvFlags::CMSG_CLOEXEC)
    })?;
    let mut files = Vec::new();
    for message in control.drain() {
        if let net::RecvAncillaryMessage::ScmRights(more) = message {
            files.extend(more);
        }
    }
    // The space is rounded up, so that some more may have come.
    let are_lost = received.flags.contains(net::ReturnFlags::CTRUNC) || files.len() > most;
    files.truncate(most);
    Ok(Received { length: received.bytes, files, are_lost })
}

/// Answers `Unsupported`.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn send(_: &UnixStream, _: &[u8], _: &[BorrowedFd<'_>]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Answers `Unsupported`.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn receive(_: impl AsFd, _: &mut [u8], _: usize) -> io::Result<Received> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Answers `Unsupported`.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn recv(_: &UnixStream, _: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_file_goes_over_and_is_closed_on_exec() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"token").unwrap();
        file.rewind().unwrap();
        send(&ours, b"here", &[file.as_fd(), ours.as_fd()]).unwrap();
        let mut buf = [0; 16];
        let (length, fds) = recv(&theirs, &mut buf).unwrap();
        assert_eq!((&buf[..length], fds.len()), (&b"here"[..], 2));
        for fd in &fds {
            assert!(rustix::io::fcntl_getfd(fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        }
        let mut text = String::new();
        File::from(fds.into_iter().next().unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "token");
    }

    #[test]
    fn as_many_files_as_linux_takes() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let fds = vec![ours.as_fd(); MAX_FDS];
        send(&ours, b"!", &fds).unwrap();
        assert_eq!(recv(&theirs, &mut [0; 1]).unwrap().1.len(), MAX_FDS);
        let fds = vec![ours.as_fd(); MAX_FDS + 1];
        assert_eq!(send(&ours, b"!", &fds).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn no_more_files_are_opened_than_are_wanted_and_the_bytes_come_all_the_same() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        send(&ours, b"many", &[ours.as_fd(); 200]).unwrap();
        send(&ours, b"two", &[ours.as_fd(); 2]).unwrap();
        send(&ours, b"none", &[]).unwrap();
        for (bytes, files, are_lost) in [("many", 2, true), ("two", 2, false), ("none", 0, false)] {
            let mut buf = [0; 16];
            let received = receive(&theirs, &mut buf[..bytes.len()], 2).unwrap();
            assert_eq!(&buf[..received.length], bytes.as_bytes());
            assert_eq!((received.files.len(), received.are_lost), (files, are_lost), "{bytes}");
        }
    }

    #[test]
    fn files_need_a_byte_to_ride_on() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert_eq!(send(&ours, b"", &[ours.as_fd()]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        send(&ours, b"", &[]).unwrap();
    }

    #[test]
    fn the_end_of_the_other_side_shows() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert_eq!(recv(&ours, &mut [0; 1]).unwrap().0, 0);
        assert_eq!(send(&ours, b"x", &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn nothing_there_would_block() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        assert_eq!(recv(&ours, &mut [0; 1]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
