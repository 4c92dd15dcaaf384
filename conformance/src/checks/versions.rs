//! Dated versions: which there are, and that a category is in none from before its time.

pub(crate) mod first;

use crate::check::{Check, Group, Outcome, Stop};
use crate::crawl::Tree;
use crate::expect;
use crate::session::Session;
use first::{LISTED, NOT_LISTED, is_in};

const NETWORK: &str = "meta-data/network/";
const PLACEMENT: &str = "meta-data/placement/";
/// Directories that came as a whole.
const LATER: [&str; 8] = [
    "meta-data/autoscaling/",
    "meta-data/elastic-",
    "meta-data/events/",
    "meta-data/iam/",
    "meta-data/identity-credentials/",
    "meta-data/services/",
    "meta-data/spot/",
    "meta-data/tags/",
];

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Versions, name, source, run }
}

/// The group's checks.
pub(crate) const CHECKS: &[Check] = &[
    check("/ lists the 28 dated versions and latest, in this order", "wire 2.5 [O], decision 10", list),
    check("every version lists, with and without a slash", "wire 2.5 [O], 2.2 [I]", each_lists),
    check("an unknown version is 404", "wire 2.5 [I], decision 10", |s| {
        unknown(
            s,
            &[
                "1.1",
                "1",
                "2006-01-01",
                "2015-01-01",
                "2022-09-25",
                "2099-01-01",
                "latest1",
                "LATEST",
                "2009-4-4",
            ],
        )
    }),
    check("a release that is no path is 404", "wire 2.5 [D] [O]", |s| unknown(s, &NOT_LISTED)),
    check("every name that a dated version lists answers 200", "decision 10, 11", all_answer),
    check("dynamic/ is not before 2009-04-04", "wire 2.1 [I], 3.4 [D]", dynamic),
    check("meta-data/: nothing before its version", "wire 3.1 [D], decision 10", |s| hidden(s, plain)),
    check("meta-data/: everything from its version on", "wire 3.1 [D], decision 10", |s| shown(s, plain)),
    check("placement/: nothing before its version", "wire 3.1 [D], decision 10", |s| hidden(s, placement)),
    check("placement/: everything from its version on", "wire 3.1 [D], decision 10", |s| shown(s, placement)),
    check("network/: nothing before its version", "wire 3.2 [D], decision 10", |s| hidden(s, network)),
    check("network/: everything from its version on", "wire 3.2 [D], decision 10", |s| shown(s, network)),
    check("iam, events, services, spot, tags, …: nothing before", "wire 3.1 [D], decision 10", |s| {
        hidden(s, later)
    }),
    check("iam, events, services, spot, tags, …: all from then on", "wire 3.1 [D], decision 10", |s| {
        shown(s, later)
    }),
    check("dynamic/: nothing before its version", "wire 3.4 [D], decision 10", |s| hidden(s, in_dynamic)),
    check("dynamic/: everything from its version on", "wire 3.4 [D], decision 10", |s| shown(s, in_dynamic)),
    check("user-data is in every version", "wire 2.1 [O]", user_data),
];

fn placement(path: &str) -> bool {
    path.starts_with(PLACEMENT)
}

fn network(path: &str) -> bool {
    path.starts_with(NETWORK)
}

fn later(path: &str) -> bool {
    LATER.iter().any(|start| path.starts_with(start))
}

fn in_dynamic(path: &str) -> bool {
    path.starts_with("dynamic/")
}

fn plain(path: &str) -> bool {
    path.starts_with("meta-data/") && !placement(path) && !network(path) && !later(path)
}

fn list(session: &Session) -> Outcome {
    let answer = session.get("/")?;
    expect::status(&answer, 200)?;
    let expected = [&LISTED[..], &["latest"]].concat().join("\n");
    let came = answer.text();
    let difference = came.split('\n').zip(expected.split('\n')).find(|(have, want)| have != want);
    let where_ =
        difference.map(|(have, want)| format!("; {have} stands where {want} should")).unwrap_or_default();
    expect::of(&answer, came == expected, &format!("28 dated versions and latest, no trailing LF{where_}"))
}

fn each_lists(session: &Session) -> Outcome {
    for version in LISTED {
        let slashed = session.get(&format!("/{version}/"))?;
        expect::status(&slashed, 200)?;
        let names = slashed.text();
        expect::of(&slashed, names.split('\n').any(|name| name == "meta-data"), "a listing with meta-data")?;
        let bare = session.get(&format!("/{version}"))?;
        expect::status(&bare, 200)?;
        expect::body(&bare, &slashed.body)?;
    }
    Ok(())
}

fn unknown(session: &Session, versions: &[&str]) -> Outcome {
    for version in versions {
        for path in
            [format!("/{version}"), format!("/{version}/"), format!("/{version}/meta-data/instance-id")]
        {
            expect::error(session, &session.get(&path)?, 404)?;
        }
    }
    Ok(())
}

fn all_answer(session: &Session) -> Outcome {
    for version in LISTED {
        let tree = session.tree(version)?;
        expect::that(tree.leaves().count() > 0, || format!("/{version}/: expected it to list something"))?;
        tree.nodes.iter().try_for_each(|node| expect::status(&node.answer, 200))?;
    }
    Ok(())
}

fn dynamic(session: &Session) -> Outcome {
    for version in LISTED {
        let there = version >= "2009-04-04";
        let listing = session.get(&format!("/{version}/"))?;
        let listed = listing.text().split('\n').any(|name| name == "dynamic");
        let expected = if there { "dynamic in the list" } else { "no dynamic in the list" };
        expect::of(&listing, listed == there, expected)?;
        let answer = session.get(&format!("/{version}/dynamic/"))?;
        expect::status(&answer, if there { 200 } else { 404 })?;
    }
    Ok(())
}

/// The leaves of `latest` in an area that the tables know.
fn known_leaves(latest: &Tree, area: fn(&str) -> bool) -> Result<Vec<String>, Stop> {
    let leaves: Vec<String> = latest
        .leaves()
        .map(|node| node.path.clone())
        .filter(|path| area(path) && first::release(path).is_some())
        .collect();
    if leaves.is_empty() { Err(Stop::Absent("/latest/ lists none of it".into())) } else { Ok(leaves) }
}

/// What is not in a version answers 404 there, is not listed, nor is a directory that would hold nothing.
fn hidden(session: &Session, area: fn(&str) -> bool) -> Outcome {
    let latest = session.latest()?;
    let leaves = known_leaves(&latest, area)?;
    for version in LISTED {
        let tree = session.tree(version)?;
        for leaf in leaves.iter().filter(|leaf| is_in(leaf, version) == Some(false)) {
            let answer = session.get(&format!("/{version}/{leaf}"))?;
            expect::of(&answer, answer.status == 404, "404: the category came later")?;
            let listed = tree.node(leaf).is_some();
            expect::that(!listed, || {
                format!("/{version}/: expected {leaf} not to be listed, it came later")
            })?;
        }
        for node in tree.directories().filter(|node| area(&node.path)) {
            let holds = latest
                .leaves()
                .any(|leaf| leaf.path.starts_with(&node.path) && is_in(&leaf.path, version) != Some(false));
            expect::of(&node.answer, holds, "no such directory, all that is in it came later")?;
        }
    }
    Ok(())
}

/// What is in a version is listed and answers 200 there.
fn shown(session: &Session, area: fn(&str) -> bool) -> Outcome {
    let latest = session.latest()?;
    let leaves = known_leaves(&latest, area)?;
    for version in LISTED {
        let tree = session.tree(version)?;
        for leaf in leaves.iter().filter(|leaf| is_in(leaf, version) == Some(true)) {
            match tree.node(leaf) {
                Some(node) => expect::status(&node.answer, 200)?,
                None => {
                    return Err(Stop::Fail(format!(
                        "/{version}/: expected {leaf} to be listed, it is in {} and later",
                        first::release(leaf).unwrap_or_default()
                    )));
                }
            }
        }
    }
    Ok(())
}

fn user_data(session: &Session) -> Outcome {
    if session.latest()?.node("user-data").is_none() {
        return Err(Stop::Absent("the instance has no user-data".into()));
    }
    shown(session, |path| path == "user-data")
}
