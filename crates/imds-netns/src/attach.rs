//! Serving a network namespace that is there already, such as a container's.
//!
//! ```text
//! lo [who listens] imds1 --- imds0 [the container] eth0 ...
//! ```
//!
//! The addresses are next to it, in a namespace of our own, and a route to each leads there. So a server in the container
//! that listens on port 80 of everything is in nobody's way; no router is between; and the link, and with it the routes,
//! go by themselves when this process is gone and nobody listens any longer, however it ends.

use std::fs;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::netlink::{ADDRESS_BODY, ROUTE_BODY, Request};
use crate::space::{Link, Space, certain, families};
use crate::{Error, Plan, link, process, userns};

/// The device in the container, and its other end.
const DEVICE: &str = "imds0";
const OTHER: &str = "imds1";

/// A namespace that is served.
#[derive(Debug)]
pub struct Attached {
    /// The sockets that listen for it, as planned; of IPv6 addresses none, where the container has no IPv6.
    pub listeners: Vec<TcpListener>,
    /// The process that was named: readable when it has ended.
    pub process: OwnedFd,
    container: Space,
    _ours: OwnedFd,
}

/// See [`crate::attach`].
pub(crate) fn attach(pid: u32, plan: &Plan) -> Result<Attached, Error> {
    process::require_single_thread()?;
    let forbidden = |errno: Errno| Error::MayNotEnter { pid, cause: errno.into() };
    let (process, target) = open(pid)?;
    enter_owner(target.as_fd()).map_err(forbidden)?;

    let (mut ours, mut listeners) = next_to(plan)?;
    move_into_link_name_space(target.as_fd(), Some(LinkNameSpaceType::Network)).map_err(forbidden)?;
    let mut container = Space::here().map_err(joining)?;
    let mut addresses = plan.addresses.clone();
    if !look(&mut container, plan)? {
        // Nothing that is meant for them can leave.
        addresses.retain(IpAddr::is_ipv4);
        listeners.retain(|listener| listener.local_addr().is_ok_and(|address| address.is_ipv4()));
    }
    join(&mut ours, &mut container, &addresses)?;
    Ok(Attached { listeners, process, container, _ours: ours.namespace })
}

impl Attached {
    /// Takes the link away, and with it every route to it.
    ///
    /// # Errors
    /// When the kernel does not let it. It goes when this process does.
    pub fn detach(mut self) -> io::Result<()> {
        let link = self.container.up.map(|up| up.index).ok_or(Errno::NODEV)?;
        match self.container.socket.ask(Request::delete(link)) {
            // The container has gone, or has taken it away itself.
            Ok(_) | Err(Errno::NODEV) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The link's addresses, from the block for tests of devices (RFC 2544), which is in nobody's network.
fn numbered() -> Link {
    let end =
        |last| [IpAddr::from([198, 18, 254, last]), IpAddr::from([0xfd17, 0, 0, 0xfe, 0, 0, 0, last.into()])];
    Link { names: [OTHER, DEVICE], addresses: [end(1), end(2)], lengths: [30, 64] }
}

fn joining(errno: Errno) -> Error {
    Error::Join(errno.into())
}

/// The process and its network namespace, which is neither this process's nor the machine's.
fn open(pid: u32) -> Result<(OwnedFd, OwnedFd), Error> {
    let nobody = || Error::NoProcess(pid);
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(nobody)?;
    let process = pidfd_open(raw, PidfdFlags::empty()).map_err(|_| nobody())?;
    let file = fs::File::open(format!("/proc/{pid}/ns/net"));
    let mut fds = [PollFd::new(&process, PollFlags::IN)];
    if poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0) {
        // Its number may already have been another's.
        return Err(nobody());
    }
    let file = file.map_err(|cause| Error::MayNotEnter { pid, cause })?;
    let of = |found: fs::Metadata| (found.dev(), found.ino());
    let target = file.metadata().map(of).map_err(|cause| Error::MayNotEnter { pid, cause })?;
    // The first process's can be seen by root alone, and an ordinary user can enter no namespace of root's.
    let others = ["self", "1"].map(|process| fs::metadata(format!("/proc/{process}/ns/net")).map(of));
    if others.into_iter().flatten().any(|other| other == target) {
        return Err(Error::HostNetwork(pid));
    }
    Ok((process, file.into()))
}

/// Moves this process into the user namespace that a network namespace belongs to, unless it is there.
fn enter_owner(target: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: NS_GET_USERNS (ioctl_ns(2), Linux 4.9) takes no argument and opens a file, whose number nobody else knows.
    let number = unsafe { libc::ioctl(target.as_raw_fd(), 0xb701) };
    if number == -1 {
        return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::PERM));
    }
    // SAFETY: as above.
    let owner = fs::File::from(unsafe { OwnedFd::from_raw_fd(number) });
    let errno = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let found = owner.metadata().map_err(errno)?;
    let own = fs::metadata("/proc/self/ns/user").map_err(errno)?;
    if (found.dev(), found.ino()) == (own.dev(), own.ino()) {
        return Ok(());
    }
    move_into_link_name_space(owner.as_fd(), Some(LinkNameSpaceType::User))
}

/// A namespace of our own with the addresses, and what listens there.
fn next_to(plan: &Plan) -> Result<(Space, Vec<TcpListener>), Error> {
    let made = userns::again().and_then(|()| {
        link::hold(&plan.addresses)?;
        link::listen(&plan.listen)
    });
    let listeners = made.map_err(|failure| failure.explain(plan, Path::new("/proc/sys")))?;
    Ok((Space::new().map_err(joining)?, listeners.into_iter().map(TcpListener::from).collect()))
}

/// Joins the two, and asks the kernel whether each address leads from one to the other, and nowhere from there.
fn join(ours: &mut Space, container: &mut Space, addresses: &[IpAddr]) -> Result<(), Error> {
    let link = numbered();
    let mut joined = || {
        ours.pair(container, &link)?;
        if addresses.iter().any(IpAddr::is_ipv6) {
            // Where new devices have none, this one has.
            userns::write(&format!("/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6"), "0")?;
            certain(DEVICE)?;
        }
        ours.join(container, &link, addresses)?;
        // Whatever address a program there takes for its own.
        let everything = [IpAddr::from([0; 4]), IpAddr::from([0; 16])];
        for family in families(addresses) {
            ours.lead_down(everything[family], 0, container)?;
        }
        Ok(ours.leads_to(container)? && ours.is_closed()?)
    };
    if !joined().map_err(joining)? {
        return Err(Error::NotClosed);
    }
    for address in addresses {
        if !ours.hands_on(*address).map_err(joining)? {
            return Err(Error::NotLocal(*address));
        }
        if !container.hands_on(*address).map_err(joining)? {
            return Err(Error::Occupied(*address));
        }
    }
    Ok(())
}

/// Is there room for the addresses? Says whether there is IPv6 by which anything could leave.
fn look(container: &mut Space, plan: &Plan) -> Result<bool, Error> {
    let link = numbered();
    let wanted: Vec<_> = plan.addresses.iter().copied().chain(link.addresses.into_iter().flatten()).collect();
    let held = container.socket.ask(Request::addresses()).map_err(joining)?;
    let routes = container.socket.ask(Request::routes()).map_err(joining)?;
    for address in wanted {
        let is_held = held.iter().any(|entry| {
            [libc::IFA_LOCAL, libc::IFA_ADDRESS]
                .iter()
                .any(|kind| entry.address(ADDRESS_BODY, *kind) == Some(address))
        });
        // rtmsg: the length of the destination is at 1. What leads everything somewhere is meant for something else.
        let is_led = routes.iter().any(|route| {
            let to = route.address(ROUTE_BODY, libc::RTA_DST);
            route.byte(1) > 0 && to.is_some_and(|to| contains(to, route.byte(1), address))
        });
        if is_held || is_led {
            return Err(Error::Occupied(address));
        }
    }
    let has_ipv6 = held.iter().any(|entry| {
        let address = entry.address(ADDRESS_BODY, libc::IFA_ADDRESS);
        // ifaddrmsg: the index is at 4.
        entry.word(4) != container.lo && address.is_some_and(|address| address.is_ipv6())
    });
    Ok(has_ipv6)
}

/// Is `address` in the network of `length` bits at `network`?
fn contains(network: IpAddr, length: u8, address: IpAddr) -> bool {
    let (network, address, bits) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u128::from(network.to_bits()), u128::from(address.to_bits()), 32_u32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let rest = bits - u32::from(length).min(bits);
    network.checked_shr(rest) == address.checked_shr(rest)
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_network_contains_what_begins_as_it_does() {
        for (network, length, address, expected) in [
            ("169.254.0.0", 16, "169.254.169.254", true),
            ("169.254.169.254", 32, "169.254.169.254", true),
            ("169.254.169.253", 32, "169.254.169.254", false),
            ("169.254.128.0", 17, "169.254.169.254", true),
            ("169.254.0.0", 17, "169.254.169.254", false),
            ("0.0.0.0", 0, "169.254.169.254", true),
            ("fd00::", 8, "fd00:ec2::254", true),
            ("fd00:ec2::254", 128, "fd00:ec2::254", true),
            ("fd00:ec3::", 32, "fd00:ec2::254", false),
            ("::", 0, "fd00:ec2::254", true),
            ("::", 0, "169.254.169.254", false),
            ("0.0.0.0", 0, "fd00:ec2::254", false),
        ] {
            let is_in = contains(network.parse().unwrap(), length, address.parse().unwrap());
            assert_eq!(is_in, expected, "{address} in {network}/{length}");
        }
    }
}
