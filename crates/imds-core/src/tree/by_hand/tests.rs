//! Paths by hand: what is permitted, and what a guest sees of them.

use std::sync::Arc;

use super::*;
use crate::testing::{everything, launch, noon};
use crate::tree::find;

fn body(text: &str) -> Set {
    Set::body(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn table(all: &[(&str, Set)]) -> Result<Option<ByHand>, Clash> {
    ByHand::new(all.iter().map(|(path, set)| (path.parse().unwrap(), set.clone())))
}

fn with(instance: Instance, all: &[(&str, Set)]) -> Instance {
    Instance { by_hand: table(all).unwrap().map(Arc::new), ..instance }
}

/// The body, or the status of the error.
fn get(instance: &Instance, path: &str) -> Result<String, u16> {
    let found = find(instance, path.as_bytes(), noon());
    found.map(|value| String::from_utf8(value.body.to_vec()).unwrap()).map_err(Refusal::status)
}

fn lists(instance: &Instance, directory: &str, name: &str) -> bool {
    get(instance, directory).is_ok_and(|text| text.lines().any(|line| line == name))
}

#[test]
fn what_is_no_path_that_can_be_set_is_refused() {
    for good in [
        "/latest/user-data",
        "/latest/meta-data/a.b/..c/x=y",
        "/1.0/meta-data/ami-id",
        "/2022-09-24/dynamic/",
        "/latest/apis/x",
    ] {
        assert_eq!(good.parse::<Place>().unwrap().as_str(), good);
    }
    let long = format!("/latest/{}", "a".repeat(1_017));
    let [deep, deeper] = [32, 33].map(|count| format!("/latest{}", "/a".repeat(count)));
    assert!(deep.parse::<Place>().is_ok());
    for bad in [
        "",
        "/",
        "latest/meta-data/x",
        "/latest",
        "/latest/",
        "//latest/x",
        "/latest//x",
        "/latest/x//",
        "/latest/./x",
        "/latest/../x",
        "/latest/x/..",
        "/latest/a b",
        "/latest/a\nb",
        "/latest/a\u{0}",
        "/latest/\u{e9}",
        "/latest/a%2fb",
        "/latest/a?b",
        "/latest/a#b",
        "/2024-01-01/meta-data/x",
        "/Latest/x",
        "/latest/api/token",
        "/latest/api",
        "/1.0/api/token/x",
        &long,
        &deeper,
    ] {
        let error = bad.parse::<Place>().unwrap_err().to_string();
        assert!(error.contains("it begins with /latest/"), "{bad}: {error}");
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
    for (status, is) in
        [(400, true), (404, true), (599, true), (200, false), (399, false), (600, false), (-1, false)]
    {
        assert_eq!(Set::status(status).is_ok(), is, "{status}");
    }
    assert!(Set::body(vec![0; 65_536].into()).is_ok() && Set::body(vec![0; 65_537].into()).is_err());
    assert_eq!(format!("{:?}", body("secret")), "Body(6 bytes)");
}

#[test]
fn what_contradicts_is_refused_by_its_place() {
    let x = || body("x");
    for (all, index, why) in [
        (
            vec![("/latest/a", x()), ("/latest/b", x()), ("/latest/a", Set::Absent)],
            2,
            "/latest/a is set twice",
        ),
        (vec![("/latest/a/", x()), ("/latest/a", x())], 1, "is set twice"),
        (
            vec![("/latest/a/b/c", x()), ("/latest/a-b", x()), ("/latest/a", x())],
            2,
            "/latest/a/b/c is below /latest/a",
        ),
        (vec![("/1.0/a/b", x()), ("/latest/a", Set::Absent)], 1, ""),
        (
            vec![("/latest/a", Set::Absent), ("/latest/0", x()), ("/1.0/a/b", x())],
            2,
            "/1.0/a/b is below /latest/a",
        ),
    ] {
        let clash = table(&all).unwrap_err();
        assert!(clash.what.contains(why), "{clash}");
        if !why.is_empty() {
            assert_eq!(clash.index, index, "{clash}");
        }
    }
    for good in [
        vec![("/latest/a/", x()), ("/latest/a/b", x())],
        vec![("/1.0/a", x()), ("/latest/a", x()), ("/2007-01-19/a", x())],
        vec![("/1.0/a", Set::Absent), ("/latest/a/b", x())],
        vec![("/latest/a", x()), ("/latest/ab", x()), ("/latest/a-b/c", x())],
    ] {
        assert!(table(&good).is_ok(), "{good:?}");
    }
    assert_eq!(table(&[]), Ok(None));
    let many = |count: usize, bytes: usize| {
        let set = Set::body(vec![0; bytes].into()).unwrap();
        ByHand::new((0..count).map(|index| (format!("/latest/x{index}").parse().unwrap(), set.clone())))
    };
    assert!(many(4_096, 0).is_ok() && many(16, 65_536).is_ok());
    assert_eq!(many(4_097, 0).unwrap_err().index, 4_096);
    assert_eq!(many(17, 65_536).unwrap_err().index, 16);
}

#[test]
fn a_path_is_answered_and_listed_with_the_directories_above_it() {
    let plain = launch().instance();
    let instance = with(
        plain.clone(),
        &[
            ("/latest/meta-data/new/deep/leaf", body("one")),
            ("/latest/meta-data/ami-id", body("ami-by-hand")),
            ("/latest/meta-data/hostname", Set::status(404).unwrap()),
            ("/latest/meta-data/mac", Set::Absent),
            ("/latest/meta-data/profile", Set::Status(500)),
            ("/latest/meta-data/network", Set::Absent),
            ("/latest/meta-data/services/domain", Set::Absent),
            ("/latest/meta-data/services/partition", Set::Absent),
            ("/latest/meta-data/instance-type/sub", body("leaf that became a directory")),
            ("/latest/meta-data/system/gone", Set::Absent),
            ("/latest/meta-data/placement", body("directory that became a leaf")),
            ("/latest/top/leaf", body("")),
            ("/latest/user-data", body("#!/bin/sh")),
        ],
    );
    let expected: &[(&str, Result<&str, u16>)] = &[
        ("/latest/meta-data/new/deep/leaf", Ok("one")),
        ("//latest///meta-data/new/deep/leaf/", Ok("one")),
        ("/latest/meta-data/new/deep/leaf/more", Err(404)),
        ("/latest/meta-data/new/deep", Ok("leaf")),
        ("/latest/meta-data/new/", Ok("deep/")),
        ("/latest/meta-data/ami-id/", Ok("ami-by-hand")),
        ("/latest/meta-data/hostname", Err(404)),
        ("/latest/meta-data/profile", Err(500)),
        ("/latest/meta-data/profile/below", Err(500)),
        ("/latest/meta-data/network/interfaces/macs/", Err(404)),
        ("/latest/meta-data/services/", Err(404)),
        ("/latest/meta-data/instance-type", Ok("sub")),
        ("/latest/meta-data/system", Ok("xen-nitro")),
        ("/latest/meta-data/system/gone", Err(404)),
        ("/latest/meta-data/placement/region", Err(404)),
        ("/latest/top", Ok("leaf")),
        ("/latest/top/leaf", Ok("")),
        ("/latest/", Ok("dynamic\nmeta-data\ntop\nuser-data")),
        ("/latest/user-data", Ok("#!/bin/sh")),
        ("/nowhere/", Err(404)),
    ];
    let system = get(&plain, "/latest/meta-data/system").unwrap();
    for (path, answer) in expected {
        let answer = if path.ends_with("/system") { Ok(&*system) } else { *answer };
        assert_eq!(get(&instance, path), answer.map(str::to_owned), "{path}");
    }
    let is_octets = |path: &str| find(&instance, path.as_bytes(), noon()).unwrap().content == Content::Octets;
    assert!(is_octets("/latest/user-data") && !is_octets("/latest/top/leaf"));
    let listed = get(&instance, "/latest/meta-data/").unwrap();
    let mut wanted: Vec<String> =
        get(&plain, "/latest/meta-data/").unwrap().lines().map(str::to_owned).collect();
    let gone = ["hostname", "mac", "network/", "services/", "instance-type", "placement/"];
    wanted.retain(|name| !gone.contains(&&**name));
    wanted.extend(["instance-type/", "new/", "placement"].map(str::to_owned));
    wanted.sort_by(|a, b| a.trim_end_matches('/').cmp(b.trim_end_matches('/')));
    assert_eq!(listed.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn a_listing_by_hand_leaves_what_is_below_it() {
    let instance = with(
        everything(),
        &[
            ("/latest/meta-data/placement/", body("region\nnothing")),
            ("/latest/meta-data/iam/", Set::Absent),
            ("/latest/meta-data/events/", Set::Status(503)),
            ("/latest/meta-data/new/", body("a")),
            ("/latest/meta-data/new/a", body("leaf")),
        ],
    );
    for (path, answer) in [
        ("placement", Ok("region\nnothing")),
        ("placement/region", Ok("us-east-1")),
        ("placement/availability-zone", Ok("us-east-1a")),
        ("iam/", Err(404)),
        ("iam/security-credentials", Ok("web")),
        ("events/", Err(503)),
        ("events/maintenance/", Ok("history\nscheduled")),
        ("new/", Ok("a")),
        ("new/a", Ok("leaf")),
    ] {
        assert_eq!(get(&instance, &format!("/latest/meta-data/{path}")), answer.map(str::to_owned), "{path}");
    }
    for name in ["placement/", "iam/", "events/", "new/"] {
        assert!(lists(&instance, "/latest/meta-data/", name), "{name}");
    }
}

#[test]
fn a_dated_path_is_of_its_version_and_another_of_all_that_know_its_directories() {
    let instance = with(
        everything(),
        &[
            ("/latest/meta-data/anything", body("all")),
            ("/2009-04-04/meta-data/anything", body("then")),
            ("/2009-04-04/meta-data/ami-id", Set::Absent),
            ("/2022-09-24/meta-data/last", body("dated")),
            ("/latest/dynamic/instance-identity/new", body("new")),
            ("/latest/meta-data/placement/region", body("eu-west-9")),
        ],
    );
    for (path, answer) in [
        ("/latest/meta-data/anything", Ok("all")),
        ("/1.0/meta-data/anything", Ok("all")),
        ("/2009-04-04/meta-data/anything", Ok("then")),
        ("/2009-04-04/meta-data/ami-id", Err(404)),
        ("/latest/meta-data/ami-id", Ok("ami-0abcdef1234567890")),
        ("/2011-01-01/meta-data/ami-id", Ok("ami-0abcdef1234567890")),
        ("/2022-09-24/meta-data/last", Ok("dated")),
        ("/latest/meta-data/last", Err(404)),
        ("/1.0/dynamic/instance-identity/new", Err(404)),
        ("/1.0/", Ok("meta-data\nuser-data")),
        ("/2009-04-04/dynamic/instance-identity/new", Ok("new")),
        ("/2011-01-01/meta-data/placement/region", Err(404)),
        ("/latest/meta-data/placement/region", Ok("eu-west-9")),
    ] {
        assert_eq!(get(&instance, path), answer.map(str::to_owned), "{path}");
    }
    assert!(!lists(&instance, "/2009-04-04/meta-data/", "ami-id"));
    assert!(
        lists(&instance, "/2022-09-24/meta-data", "last") && !lists(&instance, "/latest/meta-data", "last")
    );
    assert!(!lists(&instance, "/2011-01-01/meta-data/placement/", "region"));
}

#[test]
fn a_key_is_listed_with_its_name_and_is_where_its_number_is() {
    let instance =
        with(everything(), &[("/latest/meta-data/public-keys/0/openssh-key", body("ssh-rsa AAAA"))]);
    for (path, answer) in [
        ("", Ok("0=my-key")),
        ("0", Ok("openssh-key")),
        ("0/openssh-key", Ok("ssh-rsa AAAA")),
        ("0=my-key//openssh-key", Ok("ssh-rsa AAAA")),
        ("0=other", Err(404)),
    ] {
        let path = format!("/latest/meta-data/public-keys/{path}");
        assert_eq!(get(&instance, &path), answer.map(str::to_owned), "{path}");
    }
    let without = with(everything(), &[("/latest/meta-data/public-keys/0", Set::Absent)]);
    for path in ["", "0", "0=my-key", "0=my-key/openssh-key"] {
        assert_eq!(get(&without, &format!("/latest/meta-data/public-keys/{path}")), Err(404), "{path}");
    }
    assert!(!lists(&without, "/latest/meta-data/", "public-keys/"));
}

/// What a listing says is there, and what is there is listed, whatever was set.
#[test]
fn listings_and_answers_agree_under_every_version() {
    let instance = with(
        everything(),
        &[
            ("/latest/meta-data/iam/security-credentials", Set::Absent),
            ("/latest/meta-data/iam/info", Set::Absent),
            ("/latest/meta-data/tags/instance/Name", Set::Absent),
            ("/latest/meta-data/tags/instance/Other", body("x")),
            ("/2021-03-23/meta-data/spot", Set::Status(500)),
            ("/2009-04-04/dynamic", Set::Absent),
            ("/latest/meta-data/network/interfaces/macs/aa/x", body("x")),
        ],
    );
    fn crawl(instance: &Instance, directory: &str, seen: &mut usize) {
        let listing = get(instance, directory).unwrap_or_else(|status| panic!("{directory}: {status}"));
        for line in listing.lines() {
            let is_directory = line.ends_with('/')
                || (directory.matches('/').count() == 2 && line != "user-data")
                || directory.ends_with("public-keys/");
            let line = line.split('=').next().filter(|_| directory.ends_with("public-keys/")).unwrap_or(line);
            let path = format!("{directory}{}", line.trim_end_matches('/'));
            *seen += 1;
            if is_directory {
                crawl(instance, &format!("{path}/"), seen);
            } else {
                let found = find(instance, path.as_bytes(), noon()).map(|_| ()).map_err(Refusal::status);
                assert!(matches!(found, Ok(()) | Err(500)), "{path}: {found:?}");
            }
        }
    }
    let versions = get(&instance, "/").unwrap();
    let mut seen = 0;
    for version in versions.lines() {
        crawl(&instance, &format!("/{version}/"), &mut seen);
    }
    assert!(seen > 500, "{seen}");
    assert!(!lists(&instance, "/latest/meta-data/", "iam/") && !lists(&instance, "/2009-04-04/", "dynamic"));
    assert!(lists(&instance, "/latest/meta-data/tags/instance", "Other"));
}
