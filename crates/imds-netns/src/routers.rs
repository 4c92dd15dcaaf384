//! Routers between a command and who listens: network namespaces in a row, joined by pairs of veth devices.
//!
//! ```text
//! lo [who listens] eth1 --- eth0 [router] eth1 --- eth0 [the command]
//! ```
//!
//! As in a container of a host, the command is `172.17.0.2` and its router `172.17.0.1`. Nothing else is there, and no
//! route but those to the addresses and back.

use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::failure::{Failure, Step};
use crate::link::{becomes_local, leads_over};
use crate::netlink::{
    IFLA_LINK, IFLA_LINK_NETNSID, LINK_BODY, Message, NAMESPACE_BODY, NETNSA_NSID, ROUTE_BODY, Request,
    Socket,
};
use crate::userns;

/// The device that leads to who listens, and the one that leads away from there.
const UP: &str = "eth0";
const DOWN: &str = "eth1";

/// A network namespace of the row.
struct Space {
    namespace: OwnedFd,
    socket: Socket,
    lo: u32,
    up: Option<Joint>,
    down: Option<Joint>,
}

/// One end of a pair of devices.
#[derive(Clone, Copy)]
struct Joint {
    index: u32,
    /// The address that is this end's, in each family.
    own: [IpAddr; 2],
}

/// Where this process is, with what it was given: its addresses are to be reached over `count` routers from where it
/// then is, which is a new namespace. What is given back keeps those that are passed through.
pub(crate) fn put_between(count: u8, addresses: &[IpAddr]) -> Result<Vec<OwnedFd>, Failure> {
    let mut row = build(count, addresses)?;
    check(&mut row, addresses)?;
    // The last one is the command's.
    row.pop();
    Ok(row.into_iter().map(|space| space.namespace).collect())
}

/// The namespaces, joined; this process is then in the last.
fn build(count: u8, addresses: &[IpAddr]) -> Result<Vec<Space>, Failure> {
    let router = |number: u8| move |errno| Step::Router.failed_at(usize::from(number), errno);
    let mut last = Space::here().map_err(router(0))?;
    let mut row = Vec::new();
    for number in 1..=count + 1 {
        userns::again()?;
        let next = Space::here().map_err(router(number))?;
        let next = last.join(next, count + 1 - number, addresses).map_err(router(number))?;
        if number <= count {
            forward(addresses).map_err(router(number))?;
        }
        row.push(std::mem::replace(&mut last, next));
    }
    row.push(last);
    Ok(row)
}

/// Addresses of a link: those of the end that is nearer to who listens, or of the other.
fn ends(link: u8, is_near: bool) -> [IpAddr; 2] {
    let last = if is_near { 1 } else { 2 };
    [IpAddr::from([172, 17, link, last]), IpAddr::from([0xfd17, 0, 0, link.into(), 0, 0, 0, last.into()])]
}

/// What the networks of all links have in common.
fn network() -> [IpAddr; 2] {
    [IpAddr::from([172, 17, 0, 0]), IpAddr::from([0xfd17, 0, 0, 0, 0, 0, 0, 0])]
}

/// How long the networks of one link are, and how long what they have in common is, in each family.
const LINK: [u8; 2] = [24, 64];
const ALL: [u8; 2] = [16, 48];

/// The one of two that is of this address's family.
fn of<T: Copy>(both: [T; 2], address: IpAddr) -> T {
    both[usize::from(address.is_ipv6())]
}

/// The families that there are.
fn families(addresses: &[IpAddr]) -> impl Iterator<Item = usize> {
    [addresses.iter().any(IpAddr::is_ipv4), addresses.iter().any(IpAddr::is_ipv6)]
        .into_iter()
        .enumerate()
        .filter_map(|(family, is_there)| is_there.then_some(family))
}

/// Makes a router of the namespace where this process is.
fn forward(addresses: &[IpAddr]) -> Result<(), Errno> {
    let switches = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"];
    families(addresses).try_for_each(|family| userns::write(switches[family], "1"))
}

impl Space {
    /// The one where this process is.
    fn here() -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let namespace = rustix::fs::open("/proc/thread-self/ns/net", flags, Mode::empty())?;
        let mut socket = Socket::open()?;
        let lo = socket.index("lo")?;
        socket.ask(Request::set_up(lo))?;
        // Else a router has no address to ask for its neighbours by, for a second or two. There is no IPv6 everywhere.
        for each in ["all", "default"] {
            match userns::write(&format!("/proc/sys/net/ipv6/conf/{each}/accept_dad"), "0") {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(Self { namespace, socket, lo, up: None, down: None })
    }

    /// Joins the next one to this, from which the addresses are reached, over link number `link`.
    fn join(&mut self, mut next: Self, link: u8, addresses: &[IpAddr]) -> Result<Self, Errno> {
        next.socket.ask(Request::add_pair(UP, DOWN, self.namespace.as_fd()))?;
        let near = self.hold(DOWN, ends(link, true), addresses)?;
        let far = next.hold(UP, ends(link, false), addresses)?;
        (self.down, next.up) = (Some(near), Some(far));
        for address in addresses {
            let length = if address.is_ipv6() { 128 } else { 32 };
            next.socket.ask(Request::add_route(*address, length, of(near.own, *address), far.index))?;
        }
        // Back to those that are behind the next one.
        for family in families(addresses).filter(|_| link > 0) {
            let back = Request::add_route(network()[family], ALL[family], far.own[family], near.index);
            self.socket.ask(back)?;
        }
        Ok(next)
    }

    /// Brings an end of a link up with its addresses.
    fn hold(&mut self, name: &str, own: [IpAddr; 2], addresses: &[IpAddr]) -> Result<Joint, Errno> {
        let index = self.socket.index(name)?;
        for family in families(addresses) {
            self.socket.ask(Request::add_neighbour(index, own[family], LINK[family]))?;
        }
        self.socket.ask(Request::set_up(index))?;
        Ok(Joint { index, own })
    }

    /// Is the other end of this link the other's end of it? As the kernel says it, afresh.
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
    fn is_closed(&mut self) -> Result<bool, Errno> {
        let joints = [self.up, self.down].into_iter().flatten().map(|joint| joint.index);
        let links: Vec<_> = joints.chain([self.lo]).collect();
        Ok(self.socket.ask(Request::routes())?.iter().all(|route| leads_over(route, &links)))
    }

    /// Is what goes to `address` handed on towards it?
    fn hands_on(&mut self, address: IpAddr) -> Result<bool, Errno> {
        let Some(up) = self.up else { return becomes_local(&mut self.socket, self.lo, address) };
        let answer = self.socket.ask(Request::route_to(address))?;
        // rtmsg: the type is at 7.
        let leads = |route: &Message| {
            route.byte(7) == libc::RTN_UNICAST && route.number(ROUTE_BODY, libc::RTA_OIF) == Some(up.index)
        };
        Ok(!answer.is_empty() && answer.iter().all(leads))
    }
}

/// Asks the kernel afresh: are these namespaces joined to one another and to nothing else, and does each address lead
/// from the last to the first?
fn check(row: &mut [Space], addresses: &[IpAddr]) -> Result<(), Failure> {
    let loopback = |errno| Step::Loopback.failed(errno);
    let open = || Step::NotClosed.failed(Errno::NETUNREACH);
    for number in 1..row.len() {
        let (before, after) = row.split_at_mut(number);
        let (Some(near), Some(far)) = (before.last_mut(), after.first_mut()) else { return Err(open()) };
        let (Some(down), Some(up)) = (near.down, far.up) else { return Err(open()) };
        let is_joined =
            near.is_joined(down, far, up).and_then(|one| Ok(one && far.is_joined(up, near, down)?));
        if !is_joined.map_err(loopback)? {
            return Err(open());
        }
    }
    for space in row {
        if !space.is_closed().map_err(loopback)? {
            return Err(open());
        }
        for (item, address) in addresses.iter().enumerate() {
            if !space.hands_on(*address).map_err(loopback)? {
                return Err(Step::Astray.failed_at(item, Errno::NETUNREACH));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Set in a process of this binary that may make namespaces.
    const INSIDE: &str = "IMDS_NETNS_INSIDE";

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// What is made wrong in a row before it is checked.
    type Sabotage = fn(&mut Vec<Space>) -> Result<(), Errno>;

    #[test]
    fn what_leads_elsewhere_is_noticed() {
        if std::env::var_os(INSIDE).is_none() {
            let mut inside = Command::new("unshare");
            inside.args(["--user", "--map-root-user", "--net"]).arg(std::env::current_exe().unwrap());
            inside.args(["--exact", "--nocapture", "routers::tests::what_leads_elsewhere_is_noticed"]);
            let output = inside.env(INSIDE, "1").output().expect("unshare, of util-linux");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{said}{output:?}");
            return;
        }
        let addresses = [address("169.254.169.254"), address("fd00:ec2::254"), address("169.254.170.2")];
        let cases: [(Sabotage, Option<Step>); 6] = [
            (|_| Ok(()), None),
            (astray_by_a_route, Some(Step::Astray)),
            (held_on_the_way, Some(Step::Astray)),
            (open_to_another, Some(Step::NotClosed)),
            (open_at_the_service, Some(Step::NotClosed)),
            (joined_to_another, Some(Step::NotClosed)),
        ];
        for (number, (sabotage, step)) in cases.into_iter().enumerate() {
            userns::again().unwrap();
            crate::link::hold(&addresses).unwrap();
            let mut row = build(2, &addresses).unwrap();
            sabotage(&mut row).unwrap();
            let checked = check(&mut row, &addresses);
            assert_eq!(checked.err().map(|failure| failure.step), step, "case {number}");
        }
    }

    /// The command's namespace leads one address back to itself.
    fn astray_by_a_route(row: &mut Vec<Space>) -> Result<(), Errno> {
        let last = row.last_mut().unwrap();
        last.socket.ask(Request::add_address(last.lo, address("169.254.170.2"))).map(drop)
    }

    /// A router has one of the addresses itself.
    fn held_on_the_way(row: &mut Vec<Space>) -> Result<(), Errno> {
        let lo = row[1].lo;
        row[1].socket.ask(Request::add_address(lo, address("fd00:ec2::254"))).map(drop)
    }

    /// A link from a namespace to one that is not of the row, with a route.
    fn leak(from: &mut Space, device: &str) -> Result<(), Errno> {
        userns::again().unwrap();
        let mut other = Space::here()?;
        other.socket.ask(Request::add_pair("out", device, from.namespace.as_fd()))?;
        let index = from.socket.index(device)?;
        from.socket.ask(Request::add_neighbour(index, address("192.0.2.1"), 24))?;
        from.socket.ask(Request::set_up(index))?;
        std::mem::forget(other);
        Ok(())
    }

    fn open_to_another(row: &mut Vec<Space>) -> Result<(), Errno> {
        leak(row.last_mut().unwrap(), "leak")
    }

    fn open_at_the_service(row: &mut Vec<Space>) -> Result<(), Errno> {
        leak(&mut row[0], "leak")
    }

    /// The command's link leads to a namespace that only looks like its router.
    fn joined_to_another(row: &mut Vec<Space>) -> Result<(), Errno> {
        let mut other = build(1, &[address("169.254.169.254")]).unwrap();
        std::mem::swap(&mut row[2], &mut other[1]);
        std::mem::forget(other);
        Ok(())
    }
}
