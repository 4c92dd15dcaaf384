//! Routers between a command and who listens: network namespaces in a row.
//!
//! ```text
//! lo [who listens] eth1 --- eth0 [router] eth1 --- eth0 [the command]
//! ```
//!
//! As in a container of a host, the command is `172.17.0.2` and its router `172.17.0.1`. Nothing else is there, and no
//! route but those to the addresses and back.

use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::failure::{Failure, Step};
use crate::space::{Link, Space, families};
use crate::userns;

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
    let mut last = Space::new().map_err(router(0))?;
    let mut row = Vec::new();
    for number in 1..=count + 1 {
        userns::again()?;
        let next = after(&mut last, count + 1 - number, addresses).map_err(router(number))?;
        row.push(std::mem::replace(&mut last, next));
    }
    row.push(last);
    Ok(row)
}

/// The one where this process is, joined to the one before by this link. The last link has number 0.
fn after(last: &mut Space, link: u8, addresses: &[IpAddr]) -> Result<Space, Errno> {
    let (mut next, between) = (Space::new()?, numbered(link));
    last.pair(&mut next, &between)?;
    last.join(&mut next, &between, addresses)?;
    for family in families(addresses).filter(|_| link > 0) {
        // What is behind it, and is to be reached through it.
        last.lead_down(network()[family], ALL[family], &next)?;
        userns::write(FORWARDING[family], "1")?;
    }
    Ok(next)
}

/// What makes a router of a namespace, in each family.
const FORWARDING: [&str; 2] = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"];

/// A link by its number.
fn numbered(link: u8) -> Link {
    let end = |last| {
        [IpAddr::from([172, 17, link, last]), IpAddr::from([0xfd17, 0, 0, link.into(), 0, 0, 0, last.into()])]
    };
    Link { names: ["eth1", "eth0"], addresses: [end(1), end(2)], lengths: [24, 64] }
}

/// What the networks of all links have in common, and how long that is, in each family.
fn network() -> [IpAddr; 2] {
    [IpAddr::from([172, 17, 0, 0]), IpAddr::from([0xfd17, 0, 0, 0, 0, 0, 0, 0])]
}
const ALL: [u8; 2] = [16, 48];

/// Asks the kernel afresh: are these namespaces joined to one another and to nothing else, and does each address lead
/// from the last to the first?
fn check(row: &mut [Space], addresses: &[IpAddr]) -> Result<(), Failure> {
    let loopback = |errno| Step::Loopback.failed(errno);
    let open = || Step::NotClosed.failed(Errno::NETUNREACH);
    for number in 1..row.len() {
        let (before, after) = row.split_at_mut(number);
        let (Some(near), Some(far)) = (before.last_mut(), after.first_mut()) else { return Err(open()) };
        let is_joined = near.leads_to(far);
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
    use crate::netlink::Request;
    use std::os::fd::AsFd as _;
    use std::process::Command;

    /// Set in a process of this binary that may make namespaces.
    const INSIDE: &str = "IMDS_NETNS_INSIDE";

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// What is made wrong in a row before it is checked.
    type Sabotage = fn(&mut [Space]) -> Result<(), Errno>;

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
    fn astray_by_a_route(row: &mut [Space]) -> Result<(), Errno> {
        let last = row.last_mut().unwrap();
        last.socket.ask(Request::add_address(last.lo, address("169.254.170.2"))).map(drop)
    }

    /// A router has one of the addresses itself.
    fn held_on_the_way(row: &mut [Space]) -> Result<(), Errno> {
        let lo = row[1].lo;
        row[1].socket.ask(Request::add_address(lo, address("fd00:ec2::254"))).map(drop)
    }

    /// A link from a namespace to one that is not of the row, with a route.
    fn leak(from: &mut Space, device: &str) -> Result<(), Errno> {
        userns::again().unwrap();
        let mut other = Space::new()?;
        other.socket.ask(Request::add_pair("out", device, from.namespace.as_fd()))?;
        let index = from.socket.index(device)?;
        from.socket.ask(Request::add_neighbour(index, address("192.0.2.1"), 24))?;
        from.socket.ask(Request::set_up(index))?;
        std::mem::forget(other);
        Ok(())
    }

    fn open_to_another(row: &mut [Space]) -> Result<(), Errno> {
        leak(row.last_mut().unwrap(), "leak")
    }

    fn open_at_the_service(row: &mut [Space]) -> Result<(), Errno> {
        leak(&mut row[0], "leak")
    }

    /// The command's link leads to a namespace that only looks like its router.
    fn joined_to_another(row: &mut [Space]) -> Result<(), Errno> {
        let mut other = build(1, &[address("169.254.169.254")]).unwrap();
        std::mem::swap(&mut row[2], &mut other[1]);
        std::mem::forget(other);
        Ok(())
    }
}
