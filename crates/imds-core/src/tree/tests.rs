//! The tree as a guest sees it: a snapshot of everything, and the rules of paths and versions.

use super::*;
use crate::options::Switch;
use crate::testing::{everything, launch, noon};

fn get(instance: &Instance, path: &str) -> Option<String> {
    lookup(instance, path.as_bytes(), noon()).map(|value| String::from_utf8_lossy(&value.body).into_owned())
}

/// Every path under `directory`, as a client finds it that follows the listings, with its bytes.
fn crawl(instance: &Instance, directory: &str, into: &mut String) {
    for name in get(instance, directory).expect(directory).lines() {
        let name = name.split_once('=').map_or(name.to_owned(), |(index, _)| format!("{index}/"));
        let path = format!("{directory}{name}");
        let value = get(instance, &path).unwrap_or_else(|| panic!("{path} is listed and does not answer"));
        if path.ends_with('/') {
            crawl(instance, &path, into);
        } else {
            *into += &format!("{path} = {value:?}\n");
        }
    }
}

#[test]
fn everything_is_as_it_was() {
    let mut all = String::new();
    for root in ["meta-data/", "dynamic/"] {
        crawl(&everything(), &format!("/latest/{root}"), &mut all);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_plain_instance_lists_what_it_has() {
    let plain = launch().instance();
    insta::assert_snapshot!(get(&plain, "/latest/meta-data/").unwrap());
    assert_eq!(get(&plain, "/latest/").unwrap(), "dynamic\nmeta-data");
    assert_eq!(get(&everything(), "/latest").unwrap(), "dynamic\nmeta-data\nuser-data");
    assert_eq!(get(&everything(), "/2008-09-01/").unwrap(), "meta-data\nuser-data");
    for absent in ["iam/", "iam/info", "tags/", "public-keys/", "public-ipv4", "spot/", "ipv6"] {
        assert_eq!(get(&plain, &format!("/latest/meta-data/{absent}")), None, "{absent}");
    }
    assert_eq!(get(&plain, "/latest/user-data"), None);
    assert_eq!(get(&plain, "/latest/meta-data/events/maintenance/history").unwrap(), "[]");
}

#[test]
fn slashes_fold_and_nothing_else_does() {
    let all = everything();
    let id = Some("i-12345678901234567".to_owned());
    for path in [
        "/latest/meta-data/instance-id",
        "/latest/meta-data/instance-id/",
        "//latest///meta-data//instance-id//",
    ] {
        assert_eq!(get(&all, path), id, "{path}");
    }
    for directory in [
        "/latest/meta-data/placement",
        "/latest/meta-data/tags/instance",
        "/latest/dynamic/instance-identity",
    ] {
        assert_eq!(get(&all, directory), get(&all, &format!("{directory}/")), "{directory}");
    }
    for nothing in [
        "/latest/meta-data/instance-id/more",
        "/latest/Meta-data/instance-id",
        "/latest/meta%2ddata/instance-id",
        "/latest/./meta-data/instance-id",
        "/latest/x/../meta-data/instance-id",
        "/latest/meta-dat",
        "/latest/meta-data/instance-id\0",
        "/latest/meta-data/tags/instance/Name/more",
        "/latest/meta-data/public-keys/1",
        "/latest/meta-data/public-keys/00",
        "/latest/meta-data/public-keys/0=other-key",
        "/latest/api/token",
        "/latest/api",
        "/nowhere",
        "*",
    ] {
        assert_eq!(get(&all, nothing), None, "{nothing}");
    }
    assert_eq!(lookup(&all, b"/latest/meta-data/tags/instance/\xff", noon()), None);
    assert_eq!(get(&all, "/"), get(&all, ""));
}

#[test]
fn a_key_answers_by_number_and_as_listed() {
    let all = everything();
    assert_eq!(get(&all, "/latest/meta-data/public-keys/").unwrap(), "0=my-key");
    for path in ["0", "0/", "0=my-key"] {
        assert_eq!(
            get(&all, &format!("/latest/meta-data/public-keys/{path}")).unwrap(),
            "openssh-key",
            "{path}"
        );
    }
    assert_eq!(get(&all, "/latest/meta-data/public-keys/0/openssh-key").unwrap(), "ssh-ed25519 AAAA my-key");
}

#[test]
fn user_data_is_bytes() {
    let value = lookup(&everything(), b"/latest/user-data", noon()).unwrap();
    assert_eq!((value.content, &value.body[..]), (Content::Octets, b"#cloud-config\n\xff\x00".as_slice()));
}

#[test]
fn tags_are_served_only_while_they_may_be() {
    let mut all = everything();
    assert_eq!(get(&all, "/latest/meta-data/tags/instance").unwrap(), "Name\nempty");
    assert_eq!(get(&all, "/latest/meta-data/tags/instance/empty").unwrap(), "");
    all.options.instance_metadata_tags = Switch::Disabled;
    assert_eq!(get(&all, "/latest/meta-data/tags/instance/Name"), None);
    assert!(!get(&all, "/latest/meta-data/").unwrap().contains("tags"));
}

#[test]
fn a_signature_is_served_only_with_the_document_that_it_is_over() {
    const FORMS: [&str; 3] = ["pkcs7", "rsa2048", "signature"];
    let get =
        |instance: &Instance, name: &str| get(instance, &format!("/latest/dynamic/instance-identity/{name}"));
    let mut all = everything();
    assert_eq!(get(&all, "").unwrap(), "document\npkcs7\nrsa2048\nsignature");
    assert_eq!(get(&all, "pkcs7"), get(&all, "rsa2048"));
    assert!(FORMS.iter().all(|form| get(&all, form).is_some()));
    for change in [
        |instance: &mut Instance| instance.set_type("t3.large".into()),
        |instance: &mut Instance| instance.interfaces[0].local_ipv4s[0] = [172, 31, 16, 99].into(),
        |instance: &mut Instance| instance.pending_time = noon() + std::time::Duration::from_secs(1),
        |instance: &mut Instance| instance.signature = None,
    ] {
        let mut changed = all.clone();
        change(&mut changed);
        assert_eq!(get(&changed, "").unwrap(), "document");
        assert!(FORMS.iter().all(|form| get(&changed, form).is_none()));
    }
    // What is not in the document changes nothing.
    all.tags.insert("more".into(), "x".into());
    assert_eq!(get(&all, "").unwrap(), "document\npkcs7\nrsa2048\nsignature");
}

#[test]
fn a_category_answers_only_under_versions_that_knew_it() {
    let all = everything();
    for (category, first, before) in [
        ("mac", "2011-01-01", "2009-04-04"),
        ("iam/info", "2012-01-12", "2011-05-01"),
        ("tags/instance/Name", "2021-03-23", "2021-01-03"),
        ("system", "2022-09-24", "2022-07-09"),
        ("spot/instance-action", "2018-03-28", "2016-09-02"),
        ("spot/termination-time", "2014-11-05", "2014-02-25"),
        ("placement/region", "2020-10-27", "2019-10-01"),
        ("events/recommendations/rebalance", "2020-10-27", "2019-10-01"),
        ("services/partition", "2015-10-20", "2014-11-05"),
    ] {
        assert!(get(&all, &format!("/{first}/meta-data/{category}")).is_some(), "{category} under {first}");
        assert_eq!(get(&all, &format!("/{before}/meta-data/{category}")), None, "{category} under {before}");
    }
    assert_eq!(get(&all, "/2008-09-01/dynamic/fws/instance-monitoring"), None);
    assert!(
        get(&all, "/1.0/meta-data/")
            .unwrap()
            .starts_with("ami-id\nami-launch-index\nami-manifest-path\nhibernation/\nhostname")
    );
}

#[test]
fn tables_are_in_order_and_name_nothing_twice() {
    fn check<T>(entries: &[Entry<T>]) {
        assert!(
            entries.is_sorted_by(|a, b| a.name < b.name),
            "{:?}",
            entries.iter().map(|e| e.name).collect::<Vec<_>>()
        );
        for entry in entries {
            if let Node::Directory(entries) = &entry.node {
                check(entries);
            }
        }
    }
    check(ROOT);
}
