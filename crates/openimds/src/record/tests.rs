//! What is recorded of an instance answers as it did.

use std::sync::Arc;

use bytes::Bytes;
use imds_core::access::Refusal;
use imds_core::options::HttpTokens;
use imds_core::testing::{everything, launch, noon, signature};
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
    assert!(again.told.is_empty(), "{:?}", again.told);
    assert!(again.found == found.found, "byte for byte");
    let names: Vec<&str> = recording.files.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["web.pub", "web.user-data", "web.secret-access-key", "web.session-token"]);
    for secret in ["wJalrXUtnFEMI-example", "IQoJb3JpZ2luX2Vj-example", "cloud-config"] {
        assert!(!recording.text.contains(secret), "{secret}");
    }
}

#[test]
fn of_a_plain_instance_only_what_is_not_signed_is_by_hand() {
    let found = crawled(&launch().instance(), ALL);
    let recording = recorded(&found, ALL);
    let identity = |name: &str| format!("/latest/dynamic/instance-identity/{name}");
    let unsigned = ["pkcs7", "rsa2048", "signature"].map(identity);
    assert_eq!((&paths(&recording)[..], &recording.told), (&unsigned[..], &Vec::new()), "{}", recording.text);
    let mut instance = served(&recording);
    assert!(crawled(&instance, ALL).found == found.found);
    // Whoever serves it may have a key: the recording stays as it was.
    instance.signature = Some(Arc::new(signature(&instance)));
    assert!(crawled(&instance, ALL).found == found.found);
}

#[test]
fn who_reads_recorded_keys_needs_a_token() {
    let found = crawled(&launch().instance(), ALL);
    for (wish, expected) in [(ALL, HttpTokens::Required), (Wish::default(), HttpTokens::Optional)] {
        let found = if wish.credentials { &found } else { &crawled(&launch().instance(), wish) };
        assert_eq!(served(&recorded(found, wish)).options.http_tokens, expected, "{wish:?}");
    }
}

/// Keys, tags and interfaces that are unusual; user data that is no text.
#[test]
fn what_is_unusual_comes_back() {
    let text = r#"
[[instance]]
user-data-file = "data"
ipv6 = "2001:db8::9"
instance-life-cycle = "spot"
monitoring = "enabled"
security-groups = ["my group", "größe"]
product-codes = []
kernel-id = ""
metadata-options = { instance-metadata-tags = "enabled" }
tags = { "Name" = "", "a,b:c=+-@._" = "größe \"'\\ {}", "aws:autoscaling:groupName" = "x", "E" = "two  blanks " }
spot = { action = "hibernate", time = "2026-11-24T12:02:00Z" }
[instance.autoscaling]
target-lifecycle-state = "Terminated"
[instance.events.recommendations]
rebalance = "2026-11-24T11:59:59Z"
[[instance.events.maintenance]]
code = "system-reboot"
description = "scheduled reboot"
event-id = "instance-event-0d59937288b749b32"
not-before = "2026-12-21T10:00:00Z"
not-after = "2026-12-21T12:00:00Z"
state = "active"
[[instance.events.maintenance]]
code = "instance-stop"
description = "[Canceled] by nobody"
event-id = "instance-event-0d59937288b749b33"
not-before = "2026-10-21T10:00:00Z"
state = "canceled"
[[instance.interface]]
device-number = 3
local-ipv4s = ["10.0.0.7", "10.0.0.8"]
ipv6s = ["2001:db8::1", "2001:db8::2"]
ipv6-prefix = ["2001:db8:0:1::/80"]
subnet-ipv6-cidr-blocks = ["2001:db8::/64"]
vpc-ipv6-cidr-blocks = ["2001:db8::/56"]
ipv4-associations = { "198.51.100.7" = ["10.0.0.7"] }
[[instance.interface]]
device-number = 1
network-card = 1
[[instance.path]]
path = "/latest/meta-data/new/empty"
body = ""
[[instance.path]]
path = "/latest/meta-data/ancestor-ami-ids"
body = "ami-1\nami-2\n"
"#;
    let bytes: Vec<u8> = (0..=255).chain(*b"\r\n\0\n").collect();
    let bundle = Bundle::new("imds.toml".into(), text.to_owned(), vec![("data".into(), bytes.clone())]);
    let config = Config::new(&bundle, &Flags::default(), noon()).unwrap_or_else(|error| panic!("{error}"));
    let found = crawled(&config.instances[0].instance, ALL);
    assert_eq!(found.found["/latest/user-data"].body, bytes);
    assert!(found.found.contains_key("/latest/meta-data/spot/instance-action"));
    assert!(found.found.keys().any(|path| path.ends_with("/ipv6-prefix")));
    let recording = recorded(&found, ALL);
    assert_eq!(recording.told, [] as [String; 0]);
    let again = crawled(&served(&recording), ALL);
    for (path, reply) in &found.found {
        assert!(again.found.get(path) == Some(reply), "{path}: {}", recording.text);
    }
    assert_eq!(again.found.len(), found.found.len());
}

/// A service that makes the most of every bound: the work is bounded, and so is what is told.
#[test]
fn the_most_that_a_hostile_service_can_say_is_written_or_left_out() {
    let names = |make: &dyn Fn(usize) -> String| (0..1_000).map(make).collect::<String>();
    let numbers = names(&|number| format!("{number}\n"));
    let directories = names(&|number| format!("{number}/\n"));
    let macs = names(&|number| format!("02:00:00:00:{:02x}:{:02x}/\n", number / 256, number % 256));
    let nonsense = " \n".repeat(1_000);
    let whole = "x\n".repeat(32 * 1_024);
    for (what, leaf, below) in [
        ("tags of all bytes", &*whole, &*numbers),
        ("leaves without an end", "x", &directories),
        ("names that are none", "", &nonsense),
        ("interfaces", &nonsense, &macs),
    ] {
        let found = crawl(ALL, &mut |path| {
            let body = match path {
                "/" => "latest\n1.0\n2021-03-23",
                "/latest/" | "/1.0/" | "/2021-03-23/" => "meta-data",
                path if path.ends_with("/meta-data/") => {
                    "tags/\nnetwork/\nproduct-codes\nsecurity-groups\na/\nevents/"
                }
                path if path.ends_with("/tags/") => "instance/",
                path if path.ends_with("/network/") => "interfaces/",
                path if path.ends_with("/interfaces/") => "macs/",
                path if path.ends_with("/macs/") || path.ends_with("/instance/") => below,
                path if path.contains("/macs/") && path.ends_with('/') => {
                    "local-ipv4s\nsecurity-groups\nsecurity-group-ids\nipv6s"
                }
                path if path.ends_with('/') => below,
                _ => leaf,
            };
            Ok(Reply { status: 200, body: body.into() })
        });
        let recording = recorded(&found, ALL);
        assert!(!recording.told.is_empty() && recording.told.len() <= 110, "{what}");
        let size: usize = recording.files.iter().map(|(_, content)| content.len()).sum();
        assert!(recording.text.len() + size < 8 << 20, "{what}: {} {size}", recording.text.len());
        served(&recording);
    }
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
