//! Directories: what they list and how; and how a path finds what it names.

use crate::check::{Check, Group, Outcome, Stop};
use crate::crawl::{Node, Tree};
use crate::expect;
use crate::session::Session;

const LEAF: &str = "/latest/meta-data/instance-id";

/// Directories under `meta-data/`.
const DIRECTORIES: &[&str] = &[
    "autoscaling",
    "block-device-mapping",
    "elastic-gpus",
    "elastic-inference",
    "events",
    "hibernation",
    "iam",
    "identity-credentials",
    "managed-ssh-keys",
    "metrics",
    "network",
    "placement",
    "public-keys",
    "services",
    "spot",
    "tags",
];

/// Leaves under `meta-data/`.
const LEAVES: &[&str] = &[
    "ami-id",
    "ami-launch-index",
    "ami-manifest-path",
    "ancestor-ami-ids",
    "hostname",
    "instance-action",
    "instance-id",
    "instance-life-cycle",
    "instance-type",
    "ipv6",
    "kernel-id",
    "local-hostname",
    "local-ipv4",
    "mac",
    "product-codes",
    "profile",
    "public-hostname",
    "public-ipv4",
    "ramdisk-id",
    "reservation-id",
    "security-groups",
    "system",
];

/// Categories deeper down that an instance may have or not.
const OPTIONAL: &[&str] = &[
    "dynamic/fws/instance-monitoring",
    "dynamic/instance-identity/document",
    "dynamic/instance-identity/dsa2048",
    "dynamic/instance-identity/pkcs7",
    "dynamic/instance-identity/rsa2048",
    "dynamic/instance-identity/signature",
    "meta-data/autoscaling/target-lifecycle-state",
    "meta-data/block-device-mapping/ebs1",
    "meta-data/block-device-mapping/ephemeral0",
    "meta-data/block-device-mapping/swap",
    "meta-data/events/maintenance/history",
    "meta-data/events/maintenance/scheduled",
    "meta-data/events/recommendations/rebalance",
    "meta-data/hibernation/configured",
    "meta-data/iam/info",
    "meta-data/identity-credentials/ec2/info",
    "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
    "meta-data/placement/availability-zone-id",
    "meta-data/placement/group-name",
    "meta-data/placement/host-id",
    "meta-data/placement/partition-number",
    "meta-data/public-keys/0/openssh-key",
    "meta-data/spot/instance-action",
    "meta-data/spot/termination-time",
    "user-data",
];

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Listings, name, source, run }
}

/// The group's checks.
pub(crate) const CHECKS: &[Check] = &[
    check("/latest/ lists dynamic, meta-data, user-data without slashes", "wire 2.1 [O] [S]", version_level),
    check("no trailing LF, no blank line in any listing", "wire 2.1 [O]", no_trailing_lf),
    check("names are in alphabetical order", "wire 2.1 [O]", sorted),
    check("directories have a slash below a version, leaves have none", "wire 2.1 [O] [D]", marked),
    check("every listed name answers 200", "decision 11", all_answer),
    check("no directory is listed that lists nothing", "wire 2.4 [O], decision 11", not_empty),
    check("what is not listed is 404", "wire 2.4 [D] [O], decision 11", absent),
    check("public-keys/ lists 0=name, public-keys/0/ lists openssh-key", "wire 2.1 [D]", public_keys),
    check("a directory without a slash lists", "wire 2.2 [O], decision 9", without_slash),
    check("a leaf with a trailing slash is the leaf", "wire 2.2 [O], decision 9", with_slash),
    check("doubled slashes fold", "wire 2.2 [O], decision 9", doubled),
    check("case matters", "decision 9", |s| {
        unknown(s, &["/LATEST/meta-data/", "/latest/Meta-Data/", "/latest/meta-data/INSTANCE-ID"])
    }),
    check("percent-encoding is not decoded", "decision 9", |s| {
        unknown(
            s,
            &[
                "/latest/meta-data/instance%2Did",
                "/latest/meta%2ddata/",
                "/%6catest/",
                "/latest%2fmeta-data/",
            ],
        )
    }),
    check("dot segments are not resolved", "decision 9", |s| {
        unknown(
            s,
            &[
                "/latest/./meta-data/instance-id",
                "/latest/meta-data/../meta-data/instance-id",
                "/latest/meta-data/.",
                "/latest/..",
            ],
        )
    }),
    check("the query string and a # are ignored", "decision 9", query),
    check("an unknown name is 404", "wire 2.2 [O]", |s| {
        unknown(
            s,
            &[
                "/x",
                "/latest/meta10-data/instance-id",
                "/latest/meta-data/nothing",
                "/latest/meta-data/placement/x",
                "/latest/dynamic/x",
            ],
        )
    }),
    check("part of a name, or more than it, is 404", "decision 9", |s| {
        unknown(
            s,
            &[
                "/latest/meta-data/instance-i",
                "/latest/meta-data/instance-idx",
                "/latest/meta-dat",
                "/lates",
                "/latest/meta-data/instance-id/x",
            ],
        )
    }),
];

/// Holds for every directory under `/latest`.
fn each_listing(session: &Session, rule: impl Fn(&Tree, &Node) -> Outcome) -> Outcome {
    let tree = session.latest()?;
    tree.directories().try_for_each(|node| {
        expect::status(&node.answer, 200)?;
        rule(&tree, node)
    })
}

fn version_level(session: &Session) -> Outcome {
    let answer = session.get("/latest/")?;
    expect::status(&answer, 200)?;
    let text = answer.text();
    let right = ["dynamic\nmeta-data\nuser-data", "dynamic\nmeta-data"].contains(&text.as_str());
    expect::of(&answer, right, "dynamic, meta-data and, if there is some, user-data")?;
    expect::body(&session.get("/latest")?, &answer.body)
}

fn no_trailing_lf(session: &Session) -> Outcome {
    each_listing(session, |_, node| {
        let blank = node.answer.body.split(|byte| *byte == b'\n').any(<[u8]>::is_empty);
        let blank = blank || node.answer.body.contains(&b'\r');
        expect::of(&node.answer, !blank, "names joined by single LFs, none at the end")
    })
}

fn sorted(session: &Session) -> Outcome {
    each_listing(session, |_, node| {
        let entries = node.entries();
        expect::of(&node.answer, !entries.is_empty(), "a listing")?;
        let name = |entry: &String| entry.trim_end_matches('/').to_owned();
        // Keys are listed by number. Tags may be in capitals, and no source says where those stand.
        let right = match node.path.as_str() {
            "meta-data/public-keys/" => entries.is_sorted_by_key(|entry| {
                entry.split('=').next().and_then(|index| index.parse::<u32>().ok())
            }),
            "meta-data/tags/instance/" => {
                entries.is_sorted_by_key(name) || entries.is_sorted_by_key(|entry| name(entry).to_lowercase())
            }
            _ => entries.is_sorted_by_key(name),
        };
        expect::of(&node.answer, right, "names in alphabetical order")
    })
}

fn marked(session: &Session) -> Outcome {
    let tree = session.latest()?;
    for (parent, directories, leaves) in [
        ("meta-data/", DIRECTORIES, LEAVES),
        ("dynamic/", &["fws", "instance-identity"][..], &[][..]),
        ("meta-data/network/", &["interfaces"][..], &[][..]),
        ("meta-data/network/interfaces/", &["macs"][..], &[][..]),
    ] {
        let Some(node) = tree.node(parent) else { continue };
        for entry in node.entries() {
            let name = entry.trim_end_matches('/');
            let right = match (directories.contains(&name), leaves.contains(&name)) {
                (true, _) => entry == format!("{name}/"),
                (_, true) => entry == name,
                _ => continue,
            };
            expect::of(&node.answer, right, &format!("{name} listed as what it is, slash or none"))?;
        }
    }
    let known = tree.node("meta-data/instance-id").is_some();
    expect::that(known, || "/latest/meta-data/: expected it to list instance-id".into())
}

fn all_answer(session: &Session) -> Outcome {
    let tree = session.latest()?;
    expect::that(tree.nodes.len() > 3, || "/latest/: expected listings below it".into())?;
    tree.nodes.iter().try_for_each(|node| expect::status(&node.answer, 200))
}

fn not_empty(session: &Session) -> Outcome {
    each_listing(session, |_, node| {
        expect::of(&node.answer, !node.entries().is_empty(), "a listing with names")
    })
}

fn absent(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let top = DIRECTORIES.iter().map(|name| format!("meta-data/{name}/"));
    let leaves = LEAVES.iter().map(|name| format!("meta-data/{name}"));
    let paths: Vec<String> = top.chain(leaves).chain(OPTIONAL.iter().map(ToString::to_string)).collect();
    for path in paths.iter().filter(|path| tree.node(path).is_none()) {
        let answer = session.get(&format!("/latest/{path}"))?;
        expect::of(&answer, answer.status == 404, "404, for its parent does not list it")?;
    }
    let known = tree.node("meta-data/").is_some();
    expect::that(known, || "/latest/: expected it to list meta-data".into())
}

fn public_keys(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let Some(node) = tree.node("meta-data/public-keys/") else {
        return Err(Stop::Absent("the instance has no key pair".into()));
    };
    for (index, entry) in node.entries().iter().enumerate() {
        let named = entry.strip_prefix(&format!("{index}=")).is_some_and(|name| !name.is_empty());
        expect::of(&node.answer, named && !entry.contains('/'), &format!("{index}=name, without a slash"))?;
        let key = session.get(&format!("/latest/meta-data/public-keys/{index}/"))?;
        expect::status(&key, 200)?;
        expect::body(&key, b"openssh-key")?;
    }
    expect::of(&node.answer, !node.entries().is_empty(), "a key")
}

fn without_slash(session: &Session) -> Outcome {
    each_listing(session, |tree, node| {
        let full = tree.full(node);
        let answer = session.get(full.trim_end_matches('/'))?;
        expect::status(&answer, 200)?;
        expect::body(&answer, &node.answer.body)
    })?;
    several(session)
}

fn with_slash(session: &Session) -> Outcome {
    let tree = session.latest()?;
    for node in tree.leaves() {
        let answer = session.get(&format!("{}/", tree.full(node)))?;
        expect::status(&answer, 200)?;
        // Credentials may be renewed between the two.
        if !node.path.contains("security-credentials") {
            expect::body(&answer, &node.answer.body)?;
        }
    }
    several(session)
}

/// Nothing was shown if there is nothing below `/latest/`.
fn several(session: &Session) -> Outcome {
    let count = session.latest()?.leaves().count();
    expect::that(count > 0, || "/latest/: expected leaves below it".into())
}

fn doubled(session: &Session) -> Outcome {
    for (doubled, single) in [
        ("//latest//meta-data//instance-id", LEAF),
        ("/latest/meta-data///instance-id//", LEAF),
        ("/latest//", "/latest/"),
        ("/latest/meta-data//", "/latest/meta-data/"),
        ("//", "/"),
    ] {
        let (one, two) = (session.get(single)?, session.get(doubled)?);
        expect::status(&two, 200)?;
        expect::body(&two, &one.body)?;
    }
    Ok(())
}

fn unknown(session: &Session, paths: &[&str]) -> Outcome {
    paths.iter().try_for_each(|path| expect::error(session, &session.get(path)?, 404))
}

fn query(session: &Session) -> Outcome {
    let plain = session.get(LEAF)?;
    for suffix in ["?", "?a=b", "?/../x", "??", "#", "#a", "?a#b", "/?a"] {
        let answer = session.get(&format!("{LEAF}{suffix}"))?;
        expect::status(&answer, 200)?;
        expect::body(&answer, &plain.body)?;
    }
    expect::error(session, &session.get("/latest/meta-data/nothing?instance-id")?, 404)
}
