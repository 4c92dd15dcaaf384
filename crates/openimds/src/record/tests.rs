//! What is recorded of an instance answers as it did.

use std::sync::Arc;

use bytes::Bytes;
use imds_core::access::Refusal;
use imds_core::testing::{everything, launch, noon};
use imds_core::tree::by_hand::ByHand;
use imds_core::tree::find;

use super::crawl::Reply;
use super::*;

const ALL: Wish = Wish { credentials: true, user_data: true };

fn crawled(instance: &Instance, wish: Wish) -> Crawl {
    crawl(wish, &mut |path| {
        Ok(match find(instance, path.as_bytes(), noon()) {
            Ok(value) => Reply { status: 200, body: value.body.to_vec() },
            Err(refusal) => Reply { status: Refusal::status(refusal), body: Vec::new() },
        })
    })
}

fn recorded(found: &Crawl, wish: Wish) -> Recording {
    recording(found, wish, "web", noon()).unwrap()
}

/// The instance that a recording makes.
fn served(recording: &Recording) -> Instance {
    let files = recording.files.iter().map(|(name, content)| (name.into(), content.to_vec())).collect();
    let bundle = Bundle::new("imds.toml".into(), recording.text.clone(), files);
    let config = Config::new(&bundle, &Flags::default(), noon()).unwrap_or_else(|error| panic!("{error}"));
    config.instances[0].instance.clone()
}

fn paths(recording: &Recording) -> Vec<String> {
    let table: toml::Table = recording.text.parse().unwrap();
    let paths = table["instance"][0].get("path").and_then(Value::as_array).cloned().unwrap_or_default();
    paths.iter().map(|path| path["path"].as_str().unwrap().to_owned()).collect()
}

fn with(instance: Instance, all: &[(&str, Set)]) -> Instance {
    let table = ByHand::new(all.iter().map(|(path, set)| (path.parse().unwrap(), set.clone())));
    Instance { by_hand: table.unwrap().map(Arc::new), ..instance }
}

fn text(text: &str) -> Set {
    Set::Body(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn an_instance_with_everything_comes_back_and_only_signatures_are_by_hand() {
    let found = crawled(&everything(), ALL);
    let recording = recorded(&found, ALL);
    assert_eq!(recording.told, [] as [String; 0]);
    let identity = |name: &str| format!("/latest/dynamic/instance-identity/{name}");
    assert_eq!(
        paths(&recording),
        ["document", "pkcs7", "rsa2048", "signature"].map(identity),
        "{}",
        recording.text
    );
    let again = crawled(&served(&recording), ALL);
    assert_eq!(again.told, [] as [String; 0]);
    assert!(again.found == found.found, "byte for byte");
    let names: Vec<&str> = recording.files.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["web.pub", "web.user-data", "web.secret-access-key", "web.session-token"]);
    for secret in ["wJalrXUtnFEMI-example", "IQoJb3JpZ2luX2Vj-example", "cloud-config"] {
        assert!(!recording.text.contains(secret), "{secret}");
    }
}

#[test]
fn a_plain_instance_needs_no_path_by_hand() {
    let found = crawled(&launch().instance(), ALL);
    let recording = recorded(&found, ALL);
    assert_eq!((paths(&recording), &recording.told), (Vec::new(), &Vec::new()), "{}", recording.text);
    assert!(crawled(&served(&recording), ALL).found == found.found);
}

#[test]
fn secrets_are_left_out_unless_they_are_asked_for() {
    let wish = Wish::default();
    let found = crawled(&everything(), wish);
    let recording = recorded(&found, wish);
    assert_eq!(recording.told, [] as [String; 0]);
    let instance = served(&recording);
    assert!(instance.role.is_none() && instance.user_data.is_none());
    let again = crawled(&instance, wish);
    let get = |path: &str| String::from_utf8(again.found[path].body.clone()).unwrap();
    assert_eq!(get("/latest/meta-data/iam/"), "info", "what is left out is not listed");
    assert_eq!(get("/latest/"), "dynamic\nmeta-data");
    assert_eq!(again.found["/latest/meta-data/iam/info"], found.found["/latest/meta-data/iam/info"]);
    assert_eq!(get("/latest/meta-data/identity-credentials/ec2/"), "info");
    let lists_keys = |path: &str| path.ends_with("/iam/") || path.ends_with("/identity-credentials/ec2/");
    let other = |path: &&String| !matches!(path.split('/').nth(2), Some("")) && !lists_keys(path);
    for path in found.found.keys().filter(other) {
        assert!(again.found.get(path) == found.found.get(path), "{path}");
    }
}

#[test]
fn what_no_model_knows_is_by_hand() {
    let service = with(
        everything(),
        &[
            ("/latest/meta-data/identity-credentials/ec2/info", text("{}\n")),
            ("/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance", text("SECRET")),
            ("/latest/meta-data/managed-ssh-keys/signer-cert", text("\u{0}\r\n\"'''\\x")),
            ("/latest/meta-data/metrics", Set::Absent),
            ("/latest/meta-data/services/domain", text("")),
            ("/latest/meta-data/mac", text("not a mac")),
            ("/latest/meta-data/placement/", text("region\navailability-zone\nghost")),
            ("/latest/meta-data/events", Set::Status(403)),
            ("/latest/top/leaf", text("x")),
            ("/2009-04-04/meta-data/ami-id", text("ami-of-then")),
            ("/2021-03-23/dynamic", Set::Absent),
            ("/1.0/meta-data/only/here", text("old")),
        ],
    );
    let found = crawled(&service, ALL);
    let recording = recorded(&found, ALL);
    assert_eq!(recording.told, [] as [String; 0]);
    let again = crawled(&served(&recording), ALL);
    for (path, reply) in &found.found {
        assert!(again.found.get(path) == Some(reply), "{path}: {:?}", again.found.get(path));
    }
    assert_eq!(again.found.len(), found.found.len());
    assert!(!recording.text.contains("SECRET"));
    assert!(paths(&recording).len() < 40, "{:?}", paths(&recording));
}

#[test]
fn nonsense_is_served_as_it_is_or_told() {
    let nonsense = "\u{1b}[2J\n= \"\n../x\n";
    let found = crawl(ALL, &mut |path| {
        let status = if path.len() % 7 == 0 { 302 } else { 200 };
        Ok(match path {
            "/" => Reply { status: 200, body: b"latest\n1.0".to_vec() },
            "/latest/" | "/1.0/" => Reply { status: 200, body: b"meta-data\ndynamic\nuser-data".to_vec() },
            "/latest/user-data" => Reply { status: 200, body: vec![0xff; 20_000] },
            path if path.ends_with('/') => {
                Reply { status: 200, body: format!("a\nb/\nmac\n{nonsense}").into_bytes() }
            }
            path if path.ends_with("/a") => Reply { status: 200, body: vec![0xfe; 64] },
            _ => Reply { status, body: nonsense.as_bytes().to_vec() },
        })
    });
    let recording = recorded(&found, ALL);
    assert!(!recording.told.is_empty());
    assert!(recording.told.iter().all(|told| !told.chars().any(char::is_control)), "{:?}", recording.told);
    served(&recording);
    // A service that has nothing is no instance.
    for body in ["", "latest", "2099-01-01"] {
        let found = crawl(ALL, &mut |path| {
            Ok(Reply { status: if path == "/" { 200 } else { 404 }, body: body.into() })
        });
        assert!(super::recording(&found, ALL, "web", noon()).is_err(), "{body}");
    }
}
