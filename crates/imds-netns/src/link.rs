//! The loopback interface of a new network namespace: its addresses, the check that nothing leads
//! elsewhere, and the sockets that listen there.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen as start, socket_with, sockopt};

use crate::failure::{Failure, Step};
use crate::netlink::{ADDRESS_BODY, Message, ROUTE_BODY, Request, Socket};

/// Connections that may wait to be accepted; the kernel caps it at the namespace's `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// How long the kernel may take to make an address usable. It takes less than a millisecond; a machine with
/// far too much to do should still not be called broken.
const SETTLING: Duration = Duration::from_secs(5);

/// Brings `lo` up with these addresses, then asks the kernel whether it is so.
pub(crate) fn hold(addresses: &[IpAddr]) -> Result<(), Failure> {
    let loopback = |errno| Step::Loopback.failed(errno);
    let mut socket = Socket::open().map_err(loopback)?;
    let lo = socket.index("lo").map_err(loopback)?;
    socket.ask(Request::set_up(lo)).map_err(loopback)?;
    for (item, &address) in addresses.iter().enumerate() {
        match socket.ask(Request::add_address(lo, address)) {
            // It is there already: named twice, or one that `lo` has by itself.
            Ok(_) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(Step::Address.failed_at(item, errno)),
        }
    }
    check(&mut socket, lo, addresses)
}

/// Asks the kernel afresh: is `lo` up, is each address on it and reached through it, and does no route lead
/// over another interface?
fn check(socket: &mut Socket, lo: u32, addresses: &[IpAddr]) -> Result<(), Failure> {
    let loopback = |errno| Step::Loopback.failed(errno);
    let links = socket.ask(Request::links()).map_err(loopback)?;
    let held = socket.ask(Request::addresses()).map_err(loopback)?;
    let routes = socket.ask(Request::routes()).map_err(loopback)?;
    if !links.iter().any(|link| is_up(link, lo)) || !routes.iter().all(|route| stays(route, lo)) {
        return Err(Step::NotClosed.failed(Errno::NETUNREACH));
    }
    stay(socket, lo, &held, addresses)
}

/// Asks the kernel afresh: is each address still delivered here, whatever else there is now?
pub(crate) fn hold_still(addresses: &[IpAddr]) -> Result<(), Failure> {
    let loopback = |errno| Step::Loopback.failed(errno);
    let mut socket = Socket::open().map_err(loopback)?;
    let lo = socket.index("lo").map_err(loopback)?;
    let links = socket.ask(Request::links()).map_err(loopback)?;
    if !links.iter().any(|link| is_up(link, lo)) {
        return Err(Step::NotClosed.failed(Errno::NETUNREACH));
    }
    let held = socket.ask(Request::addresses()).map_err(loopback)?;
    stay(&mut socket, lo, &held, addresses)
}

fn stay(socket: &mut Socket, lo: u32, held: &[Message], addresses: &[IpAddr]) -> Result<(), Failure> {
    let loopback = |errno| Step::Loopback.failed(errno);
    for (item, &address) in addresses.iter().enumerate() {
        let is_held = held.iter().any(|entry| is_address(entry, lo, address));
        if !is_held || !becomes_local(socket, lo, address).map_err(loopback)? {
            return Err(Step::NotLocal.failed_at(item, Errno::ADDRNOTAVAIL));
        }
    }
    Ok(())
}

/// Whether what is sent to `address` is delivered here. The kernel makes an IPv6 address usable a moment
/// after it acknowledged it, even without duplicate address detection: from a work queue.
pub(crate) fn becomes_local(socket: &mut Socket, lo: u32, address: IpAddr) -> Result<bool, Errno> {
    let start = Instant::now();
    loop {
        match socket.ask(Request::route_to(address)) {
            Ok(answer) if answer.iter().any(|route| is_local(route, lo)) => return Ok(true),
            Ok(_) | Err(Errno::NETUNREACH | Errno::HOSTUNREACH) => {}
            Err(errno) => return Err(errno),
        }
        if address.is_ipv4() || start.elapsed() > SETTLING {
            return Ok(false);
        }
        thread::sleep(Duration::from_micros(100));
    }
}

fn is_up(link: &Message, lo: u32) -> bool {
    // ifinfomsg: the index is at 4, the flags at 8.
    link.word(4) == lo && link.word(8) & libc::IFF_UP as u32 != 0
}

/// Whether an entry of the address dump (ifaddrmsg: the index is at 4) is this address on `lo`.
fn is_address(entry: &Message, lo: u32, address: IpAddr) -> bool {
    entry.word(4) == lo && entry.address(ADDRESS_BODY, libc::IFA_ADDRESS) == Some(address)
}

/// Whether a route delivers to this namespace itself.
fn is_local(route: &Message, lo: u32) -> bool {
    route_type(route) == libc::RTN_LOCAL && route.number(ROUTE_BODY, libc::RTA_OIF) == Some(lo)
}

/// Whether a route ends here: over `lo`, or in a refusal. One without an interface may spread over several.
fn stays(route: &Message, lo: u32) -> bool {
    leads_over(route, &[lo])
}

/// Whether a route leads over one of these interfaces alone, or ends in a refusal.
pub(crate) fn leads_over(route: &Message, links: &[u32]) -> bool {
    let refuses =
        [libc::RTN_BLACKHOLE, libc::RTN_UNREACHABLE, libc::RTN_PROHIBIT].contains(&route_type(route));
    refuses || route.number(ROUTE_BODY, libc::RTA_OIF).is_some_and(|link| links.contains(&link))
}

fn route_type(route: &Message) -> u8 {
    // rtmsg: seven bytes stand before it.
    route.byte(7)
}

/// Opens a listening socket for each address, in order.
pub(crate) fn listen(addresses: &[SocketAddr]) -> Result<Vec<OwnedFd>, Failure> {
    let opened = addresses.iter().enumerate();
    opened.map(|(item, address)| open(address).map_err(|errno| Step::Listen.failed_at(item, errno))).collect()
}

fn open(address: &SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, address)?;
    start(&socket, BACKLOG)?;
    Ok(socket)
}
