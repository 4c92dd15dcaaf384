//! Network namespaces that are joined to one another by pairs of veth devices.

use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::link::{becomes_local, leads_over};
use crate::netlink::{
    IFLA_LINK, IFLA_LINK_NETNSID, LINK_BODY, Message, NAMESPACE_BODY, NETNSA_NSID, ROUTE_BODY, Request,
    Socket,
};
use crate::userns;

/// A network namespace.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) namespace: OwnedFd,
    pub(crate) socket: Socket,
    pub(crate) lo: u32,
    /// The link towards who listens.
    pub(crate) up: Option<Joint>,
    /// The link away from there.
    pub(crate) down: Option<Joint>,
}

/// One end of a pair of devices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joint {
    pub(crate) index: u32,
    /// The address that is this end's, in each family.
    own: [IpAddr; 2],
}

/// How a pair is named and numbered: first the end that is nearer to who listens.
pub(crate) struct Link {
    pub(crate) names: [&'static str; 2],
    /// In each family.
    pub(crate) addresses: [[IpAddr; 2]; 2],
    /// The length of its networks, in each family.
    pub(crate) lengths: [u8; 2],
}

/// The one of two that is of this address's family.
fn of<T: Copy>(both: [T; 2], address: IpAddr) -> T {
    both[usize::from(address.is_ipv6())]
}

/// The families that there are.
pub(crate) fn families(addresses: &[IpAddr]) -> impl Iterator<Item = usize> {
    [addresses.iter().any(IpAddr::is_ipv4), addresses.iter().any(IpAddr::is_ipv6)]
        .into_iter()
        .enumerate()
        .filter_map(|(family, is_there)| is_there.then_some(family))
}

impl Space {
    /// The one where this process is, which has just been made.
    pub(crate) fn new() -> Result<Self, Errno> {
        let mut space = Self::here()?;
        space.socket.ask(Request::set_up(space.lo))?;
        for each in ["all", "default"] {
            certain(each)?;
        }
        Ok(space)
    }

    /// The one where this process is, as it is.
    pub(crate) fn here() -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let namespace = rustix::fs::open("/proc/thread-self/ns/net", flags, Mode::empty())?;
        let socket = Socket::open()?;
        let lo = socket.index("lo")?;
        Ok(Self { namespace, socket, lo, up: None, down: None })
    }

    /// Makes the link between this and the next one.
    pub(crate) fn pair(&self, next: &mut Self, link: &Link) -> Result<(), Errno> {
        let [near, far] = link.names;
        next.socket.ask(Request::add_pair(far, near, self.namespace.as_fd())).map(drop)
    }

    /// Joins the next one to this, from which the addresses are reached, by a link that is there.
    pub(crate) fn join(&mut self, next: &mut Self, link: &Link, addresses: &[IpAddr]) -> Result<(), Errno> {
        let [near, far] = link.names;
        let near = self.hold(near, link.addresses[0], link, addresses)?;
        let far = next.hold(far, link.addresses[1], link, addresses)?;
        (self.down, next.up) = (Some(near), Some(far));
        for address in addresses {
            let length = if address.is_ipv6() { 128 } else { 32 };
            next.socket.ask(Request::add_route(*address, length, of(near.own, *address), far.index))?;
        }
        Ok(())
    }

    /// Brings an end of a link up with its addresses.
    fn hold(
        &mut self,
        name: &str,
        own: [IpAddr; 2],
        link: &Link,
        addresses: &[IpAddr],
    ) -> Result<Joint, Errno> {
        let index = self.socket.index(name)?;
        for family in families(addresses) {
            self.socket.ask(Request::add_neighbour(index, own[family], link.lengths[family]))?;
        }
        self.socket.ask(Request::set_up(index))?;
        Ok(Joint { index, own })
    }

    /// Leads the network of `length` bits at `network` to the next one.
    pub(crate) fn lead_down(&mut self, network: IpAddr, length: u8, next: &Self) -> Result<(), Errno> {
        let (Some(near), Some(far)) = (self.down, next.up) else { return Err(Errno::NETUNREACH) };
        let route = Request::add_route(network, length, of(far.own, network), near.index);
        self.socket.ask(route).map(drop)
    }

    /// Is the next one joined to this one? As the kernel says it at both ends, afresh.
    pub(crate) fn leads_to(&mut self, next: &mut Self) -> Result<bool, Errno> {
        let (Some(near), Some(far)) = (self.down, next.up) else { return Ok(false) };
        Ok(self.is_joined(near, next, far)? && next.is_joined(far, self, near)?)
    }

    /// Is the other end of this link the other's end of it?
    fn is_joined(&mut self, own: Joint, other: &Self, others: Joint) -> Result<bool, Errno> {
        let links = self.socket.ask(Request::links())?;
        let number = self.socket.ask(Request::number_of(other.namespace.as_fd()))?;
        let number = number.first().and_then(|number| number.number(NAMESPACE_BODY, NETNSA_NSID));
        let is_it = |link: &&Message| {
            // ifinfomsg: the index is at 4.
            link.word(4) == own.index
                && number.is_some_and(|number| number != u32::MAX)
                && link.number(LINK_BODY, IFLA_LINK_NETNSID) == number
                && link.number(LINK_BODY, IFLA_LINK) == Some(others.index)
        };
        Ok(links.iter().any(|link| is_it(&link)))
    }

    /// Does nothing lead anywhere but over its own links?
    pub(crate) fn is_closed(&mut self) -> Result<bool, Errno> {
        let joints = [self.up, self.down].into_iter().flatten().map(|joint| joint.index);
        let links: Vec<_> = joints.chain([self.lo]).collect();
        Ok(self.socket.ask(Request::routes())?.iter().all(|route| leads_over(route, &links)))
    }

    /// Is what goes to `address` handed on towards it?
    pub(crate) fn hands_on(&mut self, address: IpAddr) -> Result<bool, Errno> {
        let Some(up) = self.up else { return becomes_local(&mut self.socket, self.lo, address) };
        let answer = self.socket.ask(Request::route_to(address))?;
        // rtmsg: the type is at 7.
        let leads = |route: &Message| {
            route.byte(7) == libc::RTN_UNICAST && route.number(ROUTE_BODY, libc::RTA_OIF) == Some(up.index)
        };
        Ok(!answer.is_empty() && answer.iter().all(leads))
    }
}

/// Has the addresses of links usable at once: nobody else can have them, and a router without one for a second or two
/// could ask for no neighbour. There is no IPv6 everywhere.
pub(crate) fn certain(device: &str) -> Result<(), Errno> {
    match userns::write(&format!("/proc/sys/net/ipv6/conf/{device}/accept_dad"), "0") {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}
