//! The values of the categories under `meta-data/` that are plain text, where the endpoint serves them.

pub(crate) mod events;
pub(crate) mod json_leaves;
pub(crate) mod network;

use crate::check::{Check, Group, Outcome, Stop};
use crate::expect;
use crate::session::Session;
use crate::shape;

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Tree, name, source, run }
}

/// The group's checks of plain values.
pub(crate) const CHECKS: &[Check] = &[
    check("values of one line have no trailing LF", "wire 1.3, 2.1 [O]", no_trailing_lf),
    check("no value is empty", "wire 2.4 [I], 5 [S]", not_empty),
    check("ami-id", "wire 3.1 [D]", |s| {
        shaped(s, "ami-id", "ami- and 8 or 17 hex digits", |v| shape::id(v, "ami-"))
    }),
    check("ami-launch-index", "wire 3.1 [D]", |s| shaped(s, "ami-launch-index", "a number", shape::number)),
    check("ami-manifest-path", "wire 3.1 [O]", |s| {
        shaped(s, "ami-manifest-path", "(unknown) or a path", |v| {
            v == "(unknown)" || v.ends_with(".manifest.xml")
        })
    }),
    check("ancestor-ami-ids", "wire 3.1 [D]", |s| {
        shaped(s, "ancestor-ami-ids", "AMI ids, one a line", |v| {
            shape::lines(v, |line| shape::id(line, "ami-"))
        })
    }),
    check("block-device-mapping/ names", "wire 3.1 [D]", block_device_names),
    check("block-device-mapping/ami and root are the same device", "wire 3.1 [O]", root_device),
    check("hostname and local-hostname are the private DNS name", "wire 3.1 [D]", hostnames),
    check("instance-action", "wire 3.1 [D]", |s| {
        one_of(s, "instance-action", &["none", "shutdown", "bundle-pending"])
    }),
    check("instance-id", "wire 3.1 [D]", |s| {
        shaped(s, "instance-id", "i- and 8 or 17 hex digits", |v| shape::id(v, "i-"))
    }),
    check("instance-life-cycle", "wire 3.1 [O] [M]", |s| {
        one_of(s, "instance-life-cycle", &["on-demand", "spot", "scheduled", "capacity-block"])
    }),
    check("instance-type", "wire 3.1 [D]", |s| {
        shaped(s, "instance-type", "FAMILY.SIZE such as t3.micro", instance_type)
    }),
    check("kernel-id", "wire 3.1 [D]", |s| {
        shaped(s, "kernel-id", "aki- and hex digits", |v| shape::id(v, "aki-"))
    }),
    check("ramdisk-id", "wire 3.1 [D]", |s| {
        shaped(s, "ramdisk-id", "ari- and hex digits", |v| shape::id(v, "ari-"))
    }),
    check("local-ipv4", "wire 3.1 [D]", |s| shaped(s, "local-ipv4", "an IPv4 address", shape::ipv4)),
    check("public-ipv4", "wire 3.1 [D]", |s| shaped(s, "public-ipv4", "an IPv4 address", shape::ipv4)),
    check("ipv6", "wire 3.1 [D]", |s| shaped(s, "ipv6", "an IPv6 address", shape::ipv6)),
    check("mac", "wire 3.1 [D]", |s| shaped(s, "mac", "six pairs of lowercase hex digits", shape::mac)),
    check("metrics/vhostmd is the XML declaration", "wire 3.1 [O]", |s| {
        one_of(s, "metrics/vhostmd", &["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"])
    }),
    check("placement/availability-zone is in placement/region", "wire 3.1 [D]", zone),
    check("placement/availability-zone-id", "wire 3.1 [D]", |s| {
        shaped(s, "placement/availability-zone-id", "a zone id such as use1-az4", shape::zone_id)
    }),
    check("placement/group-name", "wire 3.1 [D]", |s| {
        shaped(s, "placement/group-name", "a name of one line", |v| {
            shape::lines(v, |_| true) && !v.contains('\n')
        })
    }),
    check("placement/host-id", "wire 3.1 [D]", |s| {
        shaped(s, "placement/host-id", "h- and hex digits", |v| shape::id(v, "h-"))
    }),
    check("placement/partition-number", "wire 3.1 [D]", |s| {
        shaped(s, "placement/partition-number", "a number", shape::number)
    }),
    check("product-codes", "wire 3.1 [D]", |s| {
        let code = |line: &str| line.bytes().all(|byte| byte.is_ascii_alphanumeric());
        shaped(s, "product-codes", "codes, one a line", |v| shape::lines(v, code))
    }),
    check("profile", "wire 3.1 [O]", |s| {
        shaped(s, "profile", "such as default-hvm", |v| v.starts_with("default-"))
    }),
    check("public-hostname", "wire 3.1 [D]", |s| shaped(s, "public-hostname", "a DNS name", shape::dns_name)),
    check("public-keys/0/openssh-key", "wire 3.1 [D]", |s| {
        shaped(s, "public-keys/0/openssh-key", "a public key: its type, base64 and a name", public_key)
    }),
    check("reservation-id", "wire 3.1 [D]", |s| {
        let letters = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        shaped(s, "reservation-id", "r- and letters and digits", |v| {
            v.strip_prefix("r-").is_some_and(letters)
        })
    }),
    check("security-groups", "wire 3.1 [D]", |s| {
        shaped(s, "security-groups", "names, one a line", |v| shape::lines(v, |_| true))
    }),
    check("services/domain", "wire 3.1 [D]", |s| {
        shaped(s, "services/domain", "a domain such as amazonaws.com", shape::dns_name)
    }),
    check("services/partition", "wire 3.1 [D]", |s| {
        shaped(s, "services/partition", "aws, aws-cn, …", |v| v == "aws" || v.starts_with("aws-"))
    }),
    check("system", "user guide [D], wire 3.1 [O]", |s| {
        shaped(s, "system", "a hypervisor such as nitro or xen-on-nitro", |v| {
            v.starts_with(|first: char| first.is_ascii_lowercase())
                && v.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        })
    }),
    check("tags/instance keys are ones that EC2 allows", "wire 4 [D]", tags),
];

/// The value of a category, or that the instance has none.
pub(super) fn value(session: &Session, path: &str) -> Result<String, Stop> {
    let found = session.latest()?.value(path);
    found.ok_or_else(|| Stop::Absent(format!("/latest/{path} is not listed")))
}

fn shaped(session: &Session, category: &str, expected: &str, right: impl Fn(&str) -> bool) -> Outcome {
    let path = format!("meta-data/{category}");
    let value = value(session, &path)?;
    expect::that(right(&value), || format!("/latest/{path}: expected {expected}, got {}", shown(&value)))
}

fn one_of(session: &Session, category: &str, values: &[&str]) -> Outcome {
    shaped(session, category, &format!("one of {values:?}"), |value| values.contains(&value))
}

/// A value in a report.
pub(super) fn shown(value: &str) -> String {
    crate::http::abbreviated(value.as_bytes())
}

/// Fails unless two values are the same.
pub(super) fn same(what: &str, one: &str, other: &str) -> Outcome {
    expect::that(one == other, || {
        format!("{what}: expected the same, got {} and {}", shown(one), shown(other))
    })
}

fn no_trailing_lf(session: &Session) -> Outcome {
    // What was given by hand comes as it was given.
    let by_hand =
        |path: &str| path == "user-data" || path.contains("/tags/instance/") || path.ends_with("openssh-key");
    let tree = session.latest()?;
    tree.leaves().filter(|node| !by_hand(&node.path)).try_for_each(|node| {
        expect::of(&node.answer, !node.answer.body.ends_with(b"\n"), "no LF at the end of the value")
    })
}

fn not_empty(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let may_be = |path: &str| path.contains("/tags/instance/");
    tree.leaves().filter(|node| !may_be(&node.path)).try_for_each(|node| {
        expect::of(&node.answer, !node.answer.body.is_empty(), "a value that is not empty")
    })
}

fn block_device_names(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let Some(node) = tree.node("meta-data/block-device-mapping/") else {
        return Err(Stop::Absent("no block-device-mapping/ is listed".into()));
    };
    for name in node.entries() {
        let numbered =
            ["ebs", "ephemeral"].iter().filter_map(|kind| name.strip_prefix(kind)).any(shape::number);
        let known = numbered || ["ami", "root", "swap"].contains(&name.as_str());
        expect::of(&node.answer, known, "ami, root, swap, ebsN, ephemeralN")?;
        shaped(session, &format!("block-device-mapping/{name}"), "a device name", |value| {
            let device = |b: u8| b.is_ascii_alphanumeric() || b == b'/';
            value.bytes().all(device)
                && ["/dev/", "sd", "xvd", "nvme", "hd"].iter().any(|start| value.starts_with(start))
        })?;
    }
    Ok(())
}

fn root_device(session: &Session) -> Outcome {
    let ami = value(session, "meta-data/block-device-mapping/ami")?;
    let root = value(session, "meta-data/block-device-mapping/root")?;
    expect::that(root.starts_with("/dev/"), || {
        format!("root: expected a path such as /dev/xvda, got {}", shown(&root))
    })?;
    same("block-device-mapping/ami and root", &ami, &root)
}

fn hostnames(session: &Session) -> Outcome {
    shaped(session, "hostname", "a host name", shape::host_name)?;
    let local = value(session, "meta-data/local-hostname")?;
    same("hostname and local-hostname", &value(session, "meta-data/hostname")?, &local)
}

fn instance_type(value: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    value.split_once('.').is_some_and(|(family, size)| part(family) && part(size))
}

fn zone(session: &Session) -> Outcome {
    let zone = value(session, "meta-data/placement/availability-zone")?;
    let region = value(session, "meta-data/placement/region")?;
    expect::that(shape::region(&region), || {
        format!("placement/region: expected a Region such as us-east-1, got {}", shown(&region))
    })?;
    let letter = zone.starts_with(&region)
        && zone.len() > region.len()
        && zone.ends_with(|c: char| c.is_ascii_lowercase());
    expect::that(letter, || {
        format!("placement/availability-zone: expected {region} and a letter, got {}", shown(&zone))
    })
}

fn public_key(value: &str) -> bool {
    let key = value.strip_suffix('\n').unwrap_or(value);
    let mut parts = key.split(' ');
    let kind = parts.next().unwrap_or_default();
    let known = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start));
    known
        && !key.contains('\n')
        && parts.next().is_some_and(|data| data.starts_with("AAAA") && shape::base64_lines(data))
}

fn tags(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let Some(node) = tree.node("meta-data/tags/instance/") else {
        return Err(Stop::Absent("tags are off, or there are none".into()));
    };
    for key in node.entries() {
        let allowed = |c: char| c.is_alphanumeric() || "+-=.,_:@".contains(c);
        let right = key.chars().all(allowed) && ![".", "..", "_index"].contains(&key.as_str());
        expect::of(&node.answer, right, "keys of letters, digits and + - = . , _ : @")?;
    }
    let same_listing = session.get("/latest/meta-data/tags/instance")?;
    expect::body(&same_listing, &node.answer.body)
}
