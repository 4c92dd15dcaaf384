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

/// Has the kernel drop what arrives for a connected TCP socket with fewer than `hops` hops left, its last one included
/// (`IP_MINTTL`, `IPV6_MINHOPCOUNT`).
///
/// # Errors
/// When the kernel cannot do it, or the socket is of the other family.
#[cfg(target_os = "linux")]
pub fn least_hops(socket: BorrowedFd<'_>, hops: u8, is_ipv6: bool) -> io::Result<()> {
    let (level, option) = if is_ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT)
    } else {
        (libc::IPPROTO_IP, libc::IP_MINTTL)
    };
    let hops = libc::c_int::from(hops);
    let length = libc::socklen_t::try_from(size_of_val(&hops)).unwrap_or(0);
    // SAFETY: the option takes an int, and is given the address and the size of one that lives through the call.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const hops).cast(), length) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// There is no such option here.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn least_hops(_: BorrowedFd<'_>, _: u8, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
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

    #[cfg(target_os = "linux")]
    #[test]
    fn what_comes_on_its_last_hops_is_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        least_hops(stream.as_fd(), 2, false).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
        peer.set_ttl(2).unwrap();
        peer.write_all(b"2").unwrap();
        let mut byte = [0];
        assert_eq!((stream.read(&mut byte).unwrap(), byte), (1, *b"2"));
        peer.set_ttl(1).unwrap();
        peer.write_all(b"1").unwrap();
        let error = stream.read(&mut byte).unwrap_err();
        assert!([io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind()), "{error}");
        assert!(least_hops(stream.as_fd(), 2, true).is_err());
    }
}
