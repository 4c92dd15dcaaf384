//! A way out of a namespace, which another process makes.

use std::io::Read as _;
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

use crate::failure::{Failure, Step};
use crate::{CONNECTED, handoff, link};

/// Has the process at the other end of `stream` connect the namespace where this one is, and sees that the addresses
/// are as they were.
pub(crate) fn connect(mut stream: &UnixStream, addresses: &[IpAddr]) -> Result<(), Failure> {
    let outside = |errno| Step::Outside.failed(errno);
    let file = |name: &str| {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        open(format!("/proc/thread-self/ns/{name}"), flags, Mode::empty()).map_err(outside)
    };
    let (network, user) = (file("net")?, file("user")?);
    let io = |error: std::io::Error| outside(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    handoff::send(stream, b"!", &[network.as_fd(), user.as_fd()]).map_err(io)?;
    let mut answer = [!CONNECTED];
    stream.read_exact(&mut answer).map_err(io)?;
    if answer != [CONNECTED] {
        return Err(outside(Errno::NETUNREACH));
    }
    link::hold_still(addresses)
}
