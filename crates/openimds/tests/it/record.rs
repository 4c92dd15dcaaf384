//! `imds record`: a service, its recording, and the recording served.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use crate::serve::kept::exchange_from;
use crate::serve::{Files, Watched};
use crate::support::{IMDS, body, status};

/// The configuration that has every category.
const RICH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/imds.toml");

fn record(endpoint: &str, output: &Path, args: &[&str]) -> Output {
    let command = Command::new(IMDS)
        .arg("record")
        .args(if endpoint.is_empty() { vec![] } else { vec!["--endpoint", endpoint] })
        .args(["--output", output.to_str().unwrap()])
        .args(args)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .output();
    command.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every answer below these versions, as one finds them who follows the listings.
fn crawl(service: &Watched) -> BTreeMap<String, (u16, String)> {
    let token = service.token();
    let mut found = BTreeMap::new();
    let mut open: BTreeSet<String> = ["/".to_owned()].into();
    while let Some(path) = open.pop_first() {
        let answer = service.get(&path, Some(&token));
        let is_listing = path.ends_with('/') && status(&answer) == 200;
        for line in body(&answer).lines().filter(|_| is_listing) {
            let name = if path.ends_with("public-keys/") { line.split('=').next().unwrap() } else { line };
            let is_directory =
                path.matches('/').count() < 3 && line != "user-data" || path.ends_with("public-keys/");
            let slash = if is_directory && !name.ends_with('/') { "/" } else { "" };
            open.insert(format!("{path}{name}{slash}"));
        }
        found.insert(path, (status(&answer), body(&answer).to_owned()));
    }
    found
}

#[test]
fn what_is_recorded_and_served_again_differs_in_times_alone() {
    let files = Files::new(&[]);
    let state = files.text("state");
    let made = Command::new(IMDS).args(["ca", "init", "--state", &state]).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let service = Watched::start(&["--config", RICH, "--state", &state]);
    let token = service.token();
    let signed = "/latest/dynamic/instance-identity/pkcs7";
    crate::serve::until("a signature", || (status(&service.get(signed, Some(&token))) == 200).then_some(()));
    let (output, endpoint) = (files.path("again.toml"), format!("http://{}", service.listen[0]));
    let recorded = record(&endpoint, &output, &["--with-credentials", "--with-user-data"]);
    let told = said(&recorded);
    assert!(recorded.status.success() && recorded.stdout.is_empty(), "{told}");
    assert!(told.lines().count() == 1 && !told.contains("left out"), "{told}");
    let text = fs::read_to_string(&output).unwrap();
    let secret = fs::read_to_string(files.path("again.secret-access-key")).unwrap();
    assert!(!text.contains(&secret) && secret.len() > 20);
    for name in
        ["again.toml", "again.secret-access-key", "again.session-token", "again.user-data", "again.pub"]
    {
        assert_eq!(fs::metadata(files.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let again = Watched::start(&["--config", output.to_str().unwrap()]);
    let (before, after) = (crawl(&service), crawl(&again));
    assert!(before.len() > 1_000, "{}", before.len());
    let is_timed = |path: &str| {
        ["/iam/info", "/ec2/info", "/ec2-instance"].iter().any(|end| path.ends_with(end))
            || path.contains("/security-credentials/web")
    };
    for (path, answer) in before.iter().filter(|(path, _)| !is_timed(path)) {
        assert_eq!(Some(answer), after.get(path), "{path}");
    }
    assert_eq!(before.len(), after.len());
    let keys = |found: &BTreeMap<String, (u16, String)>| {
        let told = &found["/latest/meta-data/iam/security-credentials/web-role"].1;
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        ["AccessKeyId", "SecretAccessKey", "Token", "Code"].map(|member| told[member].clone())
    };
    assert_eq!(keys(&before), keys(&after));
    // What is there is never overwritten.
    let twice = record(&endpoint, &output, &[]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(
        said(&twice).contains("is there already; remove it, or write to another file")
            && fs::read_to_string(&output).unwrap() == text
    );
}

#[test]
fn what_was_not_signed_is_not_signed_when_it_is_served_again() {
    let config = "[[instance]]\ndefault = true\nmetadata-options = { instance-metadata-tags = \"enabled\" }\n\
                  tags = { \"a:b\" = \"\" }\n[[instance]]\ninstance-id = \"i-0000000b\"\nlocal-ipv4 = \"127.0.7.9\"\n";
    let files = Files::new(&[("imds.toml", config)]);
    let service = Watched::with(&files, &[]);
    let output = files.path("again.toml");
    let recorded = record(&format!("http://{}", service.listen[0]), &output, &[]);
    let told = said(&recorded);
    assert!(recorded.status.success() && told.lines().count() == 1, "{told}");
    assert!(
        told.starts_with("imds: recorded ") && told.contains(" paths of the instance i-12345678901234567"),
        "{told}"
    );
    let state = files.text("state");
    let made = Command::new(IMDS).args(["ca", "init", "--state", &state]).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let text = fs::read_to_string(&output).unwrap().replace("[[instance]]", "[[instance]]\ndefault = true");
    let other = "[[instance]]\ninstance-id = \"i-0000000b\"\nlocal-ipv4 = \"127.0.7.9\"\n";
    fs::write(&output, format!("{text}\n{other}")).unwrap();
    let again = Watched::start(&["--config", output.to_str().unwrap(), "--state", &state]);
    let get = b"GET /latest/dynamic/instance-identity/pkcs7 HTTP/1.1\r\n\r\n";
    crate::serve::until("another instance is signed", || {
        let answer = exchange_from(Ipv4Addr::new(127, 0, 7, 9), again.listen[0], get);
        (status(&answer) == 200).then_some(())
    });
    let (before, mut after) = (crawl(&service), crawl(&again));
    assert!(before.contains_key("/latest/meta-data/tags/instance/a:b"));
    // It is this instance's alone that is recorded, and keys for EC2's own use are not.
    for (path, answer) in before.iter().filter(|(path, _)| !path.contains("/identity-credentials/")) {
        assert_eq!(Some(answer), after.remove(path).as_ref(), "{path}");
    }
    assert!(after.keys().all(|path| path.contains("/identity-credentials/")), "{:?}", after.keys());
    let signed =
        ["pkcs7", "rsa2048", "signature"].map(|name| format!("/latest/dynamic/instance-identity/{name}"));
    for path in signed {
        assert_eq!(status(&again.get(&path, Some(&again.token()))), 404, "{path}");
    }
}

#[test]
fn secrets_stay_where_they_are_and_no_metadata_address_is_asked_that_must_not_be() {
    let service = Watched::start(&["--config", RICH, "--http-tokens", "required"]);
    let files = Files::new(&[]);
    let output = files.path("plain.toml");
    let recorded = record(&format!("http://{}", service.listen[0]), &output, &[]);
    let told = said(&recorded);
    assert!(recorded.status.success(), "{told}");
    let left_out = ": keys below security-credentials/ (--with-credentials), user data (--with-user-data)\n";
    assert!(told.lines().count() == 1 && told.contains("; left out") && told.ends_with(left_out), "{told}");
    let names: Vec<_> =
        fs::read_dir(output.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name == "plain.toml" || name == "plain.pub"), "{names:?}");
    assert!(!fs::read_to_string(&output).unwrap().contains("[instance.role]"));
    // Before anything is asked.
    let nowhere = record(&format!("http://{}", service.listen[0]), &files.path("none/imds.toml"), &[]);
    assert!(said(&nowhere).contains("there is no folder") && said(&nowhere).contains("make it first"));
    let refused = record("", &files.path("none.toml"), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("AWS_EC2_METADATA_DISABLED=true"), "{}", said(&refused));
    assert!(!files.path("none.toml").exists());
}

/// A service without tokens whose leaves break off, and whose listings lead elsewhere.
#[test]
fn a_service_that_fails_is_recorded_as_far_as_it_goes_and_that_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let path = first.split(' ').nth(1).unwrap();
            let (status, length, body) = match path {
                "/latest/api/token" => (404, 0, String::new()),
                "/" => (200, 6, "latest".into()),
                "/latest/" => (200, 9, "meta-data".into()),
                "/latest/meta-data/" => (200, 36, "../\nami-id\nbroken\nendless\ninstance-id".into()),
                "/latest/meta-data/ami-id" => (200, 5, "ami-1".into()),
                "/latest/meta-data/broken" => (200, 100, "begins".into()),
                "/latest/meta-data/endless" => (200, 100_000, "x".repeat(100_000)),
                _ => (500, 0, String::new()),
            };
            let length = if path == "/latest/meta-data/" { body.len() } else { length };
            let answer = format!(
                "HTTP/1.1 {status} OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            // The other side may have heard enough.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let files = Files::new(&[]);
    let output = files.path("part.toml");
    let recorded = record(&endpoint, &output, &[]);
    let said = said(&recorded);
    assert_eq!(recorded.status.code(), Some(1), "{said}");
    for told in ["no token was given (404); IMDSv1 is used", "\"../\" is no name", "broken: ", "endless: "] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let text = fs::read_to_string(&output).unwrap();
    assert!(text.contains("\n# Not everything is as it was found"), "{text}");
    let names = fs::read_dir(output.parent().unwrap()).unwrap();
    assert!(names.flatten().all(|entry| entry.file_name() == "part.toml"), "nothing else is left");
    let service = Watched::start(&["--config", output.to_str().unwrap()]);
    let get = |path: &str| service.get(&format!("/latest/meta-data/{path}"), None);
    assert_eq!(body(&get("ami-id")), "ami-1");
    assert_eq!(status(&get("instance-id")), 500);
    assert_eq!(status(&get("hostname")), 404);
}
