//! What a socket knows of its peer that no safe library tells.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Bytes that were written to a TCP socket and that the other side has not acknowledged, sent or not (`SIOCOUTQ`).
///
/// # Errors
/// When the kernel does not say, as for a socket that is not TCP's.
pub fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: TIOCOUTQ, which is SIOCOUTQ's number, writes one int to the address given, which is that of a live one.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(usize::try_from(bytes).unwrap_or(0)) }
}

/// Lets a listening socket report a connection only once it has something to read, or after `seconds`
/// (`TCP_DEFER_ACCEPT`).
///
/// # Errors
/// When the kernel cannot do it.
#[cfg(target_os = "linux")]
pub fn defer_accept(listener: BorrowedFd<'_>, seconds: u16) -> io::Result<()> {
    let seconds = libc::c_int::from(seconds);
    let length = libc::socklen_t::try_from(size_of_val(&seconds)).unwrap_or(0);
    // SAFETY: the option takes an int, and is given the address and the size of one that lives through the call.
    let result = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            length,
        )
    };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    #[test]
    fn what_a_full_peer_leaves_behind_is_not_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _peer = listener.accept().unwrap();
        assert_eq!(unacknowledged(stream.as_fd()).unwrap(), 0);
        stream.set_nonblocking(true).unwrap();
        while stream.write(&[0; 65_536]).is_ok() {}
        assert!(unacknowledged(stream.as_fd()).unwrap() > 0);
    }
}
