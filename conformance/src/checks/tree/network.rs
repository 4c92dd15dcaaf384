//! The values under `network/interfaces/macs/`, and that they agree with the rest of the tree.

use super::{same, shown, value};
use crate::check::{Check, Group, Outcome, Stop};
use crate::crawl::Tree;
use crate::expect;
use crate::session::Session;
use crate::shape;
use std::collections::BTreeSet;

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Tree, name, source, run }
}

/// The group's checks of network values.
pub(crate) const CHECKS: &[Check] = &[
    check("network/interfaces/macs/ lists MACs with a slash", "wire 2.1 [O]", macs),
    check("device numbers are distinct, one is 0", "wire 3.2 [D] [S]", device_numbers),
    check("mac is that of device 0", "wire 3.1 [D]", primary_mac),
    check("local-ipv4 is the first of device 0's local-ipv4s", "wire 3.1, 3.2 [D]", |s| {
        first_of(s, "local-ipv4", "local-ipv4s")
    }),
    check("public-ipv4 is among device 0's public-ipv4s", "wire 3.1, 3.2 [D]", |s| {
        among(s, "public-ipv4", "public-ipv4s")
    }),
    check("ipv6 is the first of device 0's ipv6s", "wire 3.1 [D]", |s| first_of(s, "ipv6", "ipv6s")),
    check("local-hostname is device 0's", "wire 3.1, 3.2 [D]", |s| {
        first_of(s, "local-hostname", "local-hostname")
    }),
    check("public-hostname is device 0's", "wire 3.1, 3.2 [D]", |s| {
        first_of(s, "public-hostname", "public-hostname")
    }),
    check("security-groups are device 0's", "wire 3.1, 3.2 [D]", security_groups),
    check("…/mac", "wire 3.2 [D]", |s| each(s, "mac", "six pairs of hex digits", shape::mac)),
    check("…/interface-id", "wire 3.2 [D]", |s| {
        each(s, "interface-id", "eni- and hex digits", |v| shape::id(v, "eni-"))
    }),
    check("…/owner-id", "wire 3.2 [D]", |s| each(s, "owner-id", "twelve digits", shape::account)),
    check("…/subnet-id", "wire 3.2 [D]", |s| {
        each(s, "subnet-id", "subnet- and hex digits", |v| shape::id(v, "subnet-"))
    }),
    check("…/vpc-id", "wire 3.2 [D]", |s| {
        each(s, "vpc-id", "vpc- and hex digits", |v| shape::id(v, "vpc-"))
    }),
    check("…/security-group-ids", "wire 3.2 [D]", |s| {
        each(s, "security-group-ids", "sg- and hex digits, one a line", |v| {
            shape::lines(v, |id| shape::id(id, "sg-"))
        })
    }),
    check("…/local-ipv4s", "wire 3.2 [D]", |s| {
        each(s, "local-ipv4s", "IPv4 addresses", |v| shape::lines(v, shape::ipv4))
    }),
    check("…/public-ipv4s", "wire 3.2 [D]", |s| {
        each(s, "public-ipv4s", "IPv4 addresses", |v| shape::lines(v, shape::ipv4))
    }),
    check("…/ipv6s", "wire 3.2 [D]", |s| {
        each(s, "ipv6s", "IPv6 addresses", |v| shape::lines(v, shape::ipv6))
    }),
    check("…/subnet-ipv4-cidr-block", "wire 3.2 [D]", |s| {
        each(s, "subnet-ipv4-cidr-block", "an IPv4 block", block4)
    }),
    check("…/subnet-ipv6-cidr-blocks", "wire 3.2 [D]", |s| {
        each(s, "subnet-ipv6-cidr-blocks", "IPv6 blocks", |v| shape::lines(v, block6))
    }),
    check("…/vpc-ipv4-cidr-block is the first of vpc-ipv4-cidr-blocks", "wire 3.2 [D]", vpc_blocks),
    check("…/vpc-ipv6-cidr-blocks", "wire 3.2 [D]", |s| {
        each(s, "vpc-ipv6-cidr-blocks", "IPv6 blocks", |v| shape::lines(v, block6))
    }),
    check("…/ipv4-prefix and ipv6-prefix", "user guide [D], wire 3.2 [S]", prefixes),
    check("…/ipv4-associations/ maps public to private addresses", "wire 3.2 [D]", associations),
    check("…/network-card is a number, and not named network-card-index", "user guide [D]", network_card),
];

fn block4(value: &str) -> bool {
    shape::cidr(value, shape::ipv4, 32)
}

fn block6(value: &str) -> bool {
    shape::cidr(value, shape::ipv6, 128)
}

fn interfaces(tree: &Tree) -> Result<Vec<String>, Stop> {
    let interfaces = tree.interfaces();
    if interfaces.is_empty() {
        Err(Stop::Absent("no network interface is listed".into()))
    } else {
        Ok(interfaces)
    }
}

/// A leaf of every interface that has it.
fn each(session: &Session, leaf: &str, expected: &str, right: impl Fn(&str) -> bool) -> Outcome {
    let tree = session.latest()?;
    let mut seen = false;
    for directory in interfaces(&tree)? {
        let Some(value) = tree.value(&format!("{directory}{leaf}")) else { continue };
        seen = true;
        expect::that(right(&value), || {
            format!("/latest/{directory}{leaf}: expected {expected}, got {}", shown(&value))
        })?;
    }
    if seen { Ok(()) } else { Err(Stop::Absent(format!("no interface has {leaf}"))) }
}

fn macs(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let Some(node) = tree.node("meta-data/network/interfaces/macs/") else {
        return Err(Stop::Absent("no network interface is listed".into()));
    };
    for entry in node.entries() {
        let mac = entry.strip_suffix('/').is_some_and(shape::mac);
        expect::of(&node.answer, mac, "MAC addresses with a slash")?;
        let path = format!("meta-data/network/interfaces/macs/{entry}mac");
        same(&format!("the name {entry} and its mac"), entry.trim_end_matches('/'), &value(session, &path)?)?;
    }
    expect::of(&node.answer, !node.entries().is_empty(), "an interface")
}

fn device_numbers(session: &Session) -> Outcome {
    each(session, "device-number", "a number", shape::number)?;
    let tree = session.latest()?;
    let interfaces = interfaces(&tree)?;
    let numbers: Vec<String> =
        interfaces.iter().filter_map(|directory| tree.value(&format!("{directory}device-number"))).collect();
    let distinct: BTreeSet<&String> = numbers.iter().collect();
    let right = numbers.len() == interfaces.len()
        && distinct.len() == numbers.len()
        && distinct.contains(&"0".to_owned());
    expect::that(right, || {
        format!("expected one device number an interface, distinct, one of them 0, got {numbers:?}")
    })
}

fn primary(session: &Session) -> Result<String, Stop> {
    let tree = session.latest()?;
    interfaces(&tree)?;
    tree.primary().ok_or_else(|| Stop::Fail("no interface has device-number 0".into()))
}

fn primary_mac(session: &Session) -> Outcome {
    let leaf = format!("{}mac", primary(session)?);
    same("mac and device 0's mac", &value(session, "meta-data/mac")?, &value(session, &leaf)?)
}

fn first_of(session: &Session, top: &str, leaf: &str) -> Outcome {
    let top_value = value(session, &format!("meta-data/{top}"))?;
    let lines = session.latest()?.lines(&format!("{}{leaf}", primary(session)?));
    let first = lines.first().map(String::as_str).unwrap_or_default();
    same(&format!("{top} and the first of device 0's {leaf}"), &top_value, first)
}

fn among(session: &Session, top: &str, leaf: &str) -> Outcome {
    let top_value = value(session, &format!("meta-data/{top}"))?;
    let lines = session.latest()?.lines(&format!("{}{leaf}", primary(session)?));
    expect::that(lines.contains(&top_value), || {
        format!("{top}: expected one of device 0's {leaf} {lines:?}, got {top_value}")
    })
}

fn security_groups(session: &Session) -> Outcome {
    let directory = primary(session)?;
    let top = value(session, "meta-data/security-groups")?;
    same("security-groups and device 0's", &top, &value(session, &format!("{directory}security-groups"))?)?;
    let tree = session.latest()?;
    let ids = tree.lines(&format!("{directory}security-group-ids")).len();
    let names = top.split('\n').count();
    expect::that(ids == names, || {
        format!("expected as many security-group-ids as names, got {ids} and {names}")
    })
}

fn vpc_blocks(session: &Session) -> Outcome {
    each(session, "vpc-ipv4-cidr-block", "an IPv4 block", block4)?;
    each(session, "vpc-ipv4-cidr-blocks", "IPv4 blocks, one a line", |v| shape::lines(v, block4))?;
    let tree = session.latest()?;
    for directory in interfaces(&tree)? {
        let one = tree.value(&format!("{directory}vpc-ipv4-cidr-block")).unwrap_or_default();
        let all = tree.lines(&format!("{directory}vpc-ipv4-cidr-blocks"));
        same(
            "vpc-ipv4-cidr-block and the first of its blocks",
            &one,
            all.first().map(String::as_str).unwrap_or_default(),
        )?;
    }
    Ok(())
}

fn prefixes(session: &Session) -> Outcome {
    let four = each(session, "ipv4-prefix", "IPv4 blocks", |v| shape::lines(v, block4));
    let six = each(session, "ipv6-prefix", "IPv6 blocks", |v| shape::lines(v, block6));
    match (four, six) {
        (Err(Stop::Absent(_)), six) => six,
        (four, Err(Stop::Absent(_))) => four,
        (four, six) => four.and(six),
    }
}

fn associations(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let mut seen = false;
    for directory in interfaces(&tree)? {
        let Some(node) = tree.node(&format!("{directory}ipv4-associations/")) else { continue };
        let (public, local) =
            (tree.lines(&format!("{directory}public-ipv4s")), tree.lines(&format!("{directory}local-ipv4s")));
        for address in node.entries() {
            seen = true;
            let known = shape::ipv4(&address) && public.contains(&address);
            expect::of(&node.answer, known, &format!("addresses of public-ipv4s {public:?}"))?;
            let behind = tree.lines(&format!("{directory}ipv4-associations/{address}"));
            let right = !behind.is_empty() && behind.iter().all(|private| local.contains(private));
            expect::that(right, || {
                format!("ipv4-associations/{address}: expected some of {local:?}, got {behind:?}")
            })?;
        }
    }
    if seen { Ok(()) } else { Err(Stop::Absent("no interface has ipv4-associations/".into())) }
}

fn network_card(session: &Session) -> Outcome {
    let tree = session.latest()?;
    for directory in interfaces(&tree)? {
        let old = session.get(&format!("/latest/{directory}network-card-index"))?;
        expect::status(&old, 404)?;
    }
    each(session, "network-card", "a number", shape::number)
}
