//! The access log: one line a call, and nothing secret in it or in anything else that is said.

use std::fs;

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::Value;

use super::answers::ASK_FOR_TOKEN;
use super::kept::{Kept, connect_from, exchange_from, try_exchange};
use super::start::imds;
use super::{Files, Watched, until};
use crate::support::{body, status};

const ID: &str = "i-12345678901234567";
const GET_ID: &str = "/latest/meta-data/instance-id";

/// A call as a test makes it, and as the log tells it.
const CALLS: [(&str, &str); 8] = [
    (
        "GET /latest/meta-data/instance-id HTTP/1.1\r\nUser-Agent: curl/8.14.1\r\n",
        "GET /latest/meta-data/instance-id 200 v1 \"curl/8.14.1\"",
    ),
    ("GET /latest/meta-data/instance-id?x=1 HTTP/1.1\r\n", "GET /latest/meta-data/instance-id 200 v1 \"\""),
    ("HEAD / HTTP/1.1\r\nUser-Agent: a b\r\nUser-Agent: c\r\n", "HEAD / 200 v1 \"a b\""),
    (ASK_FOR_TOKEN, "PUT /latest/api/token 200 v2 \"\""),
    ("PUT /latest/api/token HTTP/1.1\r\n", "PUT /latest/api/token 400 v1 \"\""),
    ("GET / HTTP/1.1\r\nX-aws-ec2-metadata-token: x\r\n", "GET / 401 v2 \"\""),
    ("BREW /pot HTTP/1.1\r\n", "BREW /pot 405 v1 \"\""),
    ("GET /\"quoted\" HTTP/1.0\r\nUser-Agent: \"q\\\"\r\n", "GET /\\\"quoted\\\" 404 v1 \"\\\"q\\\\\\\"\""),
];

fn access(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.ends_with("us") && line.contains(" v")).collect()
}

#[test]
fn a_call_is_a_line_of_text() {
    let service = Watched::start(&[]);
    let start = Timestamp::now();
    for (request, _) in CALLS {
        let answer =
            exchange_from([127, 0, 7, 9].into(), service.listen[0], format!("{request}\r\n").as_bytes());
        assert_ne!(status(&answer), 0);
    }
    let (_, said) = service.end(Signal::TERM);
    let lines = access(&said);
    assert_eq!(lines.len(), CALLS.len(), "{said}");
    let mut told = Vec::new();
    for line in lines {
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(time.len(), "2026-11-24T12:00:00.000Z".len(), "{line}");
        let at: Timestamp = time.parse().unwrap();
        assert!(at.as_millisecond() >= start.as_millisecond() && at <= Timestamp::now(), "{line}");
        let (call, micros) = rest.strip_suffix("us").unwrap().rsplit_once(' ').unwrap();
        assert!(micros.parse::<u64>().unwrap() < 10_000_000, "{line}");
        told.push(call.to_owned());
    }
    assert_told(told, &format!("{ID} 127.0.7.9 "));
}

/// These must be the lines of [`CALLS`]. Workers hand their lines on by themselves, so the order is not the calls'.
#[track_caller]
fn assert_told(mut told: Vec<String>, start: &str) {
    let mut expected: Vec<_> = CALLS.iter().map(|(_, told)| format!("{start}{told}")).collect();
    expected.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, expected);
}

#[test]
fn a_call_is_an_object_and_so_is_everything_else_that_is_said() {
    let files = Files::new(&[("imds.toml", "[[instance]]\n")]);
    let service = Watched::with(&files, &["--log", "json"]);
    for (request, _) in CALLS {
        service.exchange(&format!("{request}\r\n"));
    }
    files.write("imds.toml", "[[instance]\n");
    service.says("the configuration was refused");
    let (_, said) = service.end(Signal::TERM);
    let objects: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let calls: Vec<_> = objects.iter().filter(|object| object.get("micros").is_some()).collect();
    assert_eq!(calls.len(), CALLS.len(), "{said}");
    let mut told = Vec::new();
    for call in calls {
        let object = call.as_object().unwrap();
        assert_eq!(
            object.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
            ["time", "instance", "source", "method", "path", "status", "version", "user_agent", "micros"]
                .into()
        );
        assert!(call["time"].as_str().unwrap().parse::<Timestamp>().is_ok());
        assert_eq!((call["instance"].as_str(), call["source"].as_str()), (Some(ID), Some("127.0.0.1")));
        let text = |key: &str| call[key].as_str().unwrap();
        let escaped = |key: &str| text(key).replace('\\', "\\\\").replace('"', "\\\"");
        told.push(format!(
            "{} {} {} {} \"{}\"",
            text("method"),
            escaped("path"),
            call["status"].as_u64().unwrap(),
            text("version"),
            escaped("user_agent")
        ));
        assert!(call["micros"].is_u64());
    }
    assert_told(told, "");
}

#[test]
fn lines_come_while_the_service_runs_and_one_for_each_call_of_a_kept_connection() {
    let service = Watched::start(&[]);
    let mut kept = Kept::connect(service.listen[0]).unwrap();
    for _ in 0..500 {
        kept.get(GET_ID).unwrap();
    }
    until("500 lines", || (access(&service.said()).len() == 500).then_some(()));
    kept.get(GET_ID).unwrap();
    until("one more", || (access(&service.said()).len() == 501).then_some(()));
}

#[test]
fn a_body_that_is_too_long_is_a_call_as_well() {
    let service = Watched::start(&[]);
    let request = "POST /latest/ HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n";
    assert_eq!(status(&try_exchange(service.listen[0], request.as_bytes())), 413);
    let (_, said) = service.end(Signal::TERM);
    assert!(access(&said).iter().any(|line| line.contains(" POST /latest/ 413 v1 ")), "{said}");
}

const SECRETS: &str = r#"
[[instance]]
user-data-file = "user-data"
[instance.role]
name = "web"
[instance.role.credentials]
kind = "static"
access-key-id = "ASIAEXAMPLE"
secret-access-key-file = "secret"
session-token-file = "session"
"#;
const USER_DATA: &str = "#!/bin/sh\nPASSWORD=hunter2hunter2\n";
const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00";
const SESSION: &str = "IQoJb3JpZ2luX2VjEXAMPLESESSIONTOKEN";

/// Puts a token wherever a confused client, or one that means harm, may put it.
fn misplace(service: &Watched, token: &str) {
    let bare = token.trim_end_matches('=');
    let encoded = token.replace('=', "%3D");
    let filler = "x".repeat(230);
    for request in [
        format!("GET /latest/{token} HTTP/1.1\r\n"),
        format!("GET /{filler}{token} HTTP/1.1\r\n"),
        format!("GET /{token}{token}/{token} HTTP/1.1\r\n"),
        format!("GET /{encoded}/x HTTP/1.1\r\n"),
        format!("GET /latest/?token={token} HTTP/1.1\r\n"),
        format!("GET /latest/#{token} HTTP/1.1\r\n"),
        format!("GET http://{bare}@127.0.0.1/{token} HTTP/1.1\r\n"),
        format!("{bare} / HTTP/1.1\r\n"),
        format!("GET / HTTP/1.1\r\nUser-Agent: curl {token}\r\n"),
        format!("GET / HTTP/1.1\r\nUser-Agent: {filler}{token}\r\n"),
        format!(
            "GET / HTTP/1.1\r\nX-aws-metadata-token: {token}\r\nCookie: {token}\r\nAuthorization: Bearer {token}\r\n"
        ),
        format!("GET / HTTP/1.1\r\nHost: {bare}\r\nX-Forwarded-For: {token}\r\n"),
        format!("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: {token}\r\n"),
        format!("GET / HTTP/{token}\r\n"),
        format!("GET / HTTP/1.1\r\n{token}\r\n"),
        format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{token}\r\n"),
        format!("POST / HTTP/1.1\r\nContent-Length: 56\r\n\r\n{token}"),
    ] {
        let answer = try_exchange(service.listen[0], format!("{request}\r\n").as_bytes());
        assert_ne!(status(&answer), 0, "{request}");
    }
}

fn all_is_said_without_secrets(format: &str) {
    let files = Files::new(&[
        ("imds.toml", SECRETS),
        ("user-data", USER_DATA),
        ("secret", SECRET),
        ("session", SESSION),
    ]);
    let state = files.text("state");
    let service = Watched::with(&files, &["--state", &state, "--log", format]);
    let token = service.token();
    misplace(&service, &token);
    let credentials = service.get("/latest/meta-data/iam/security-credentials/web", Some(&token));
    assert!(credentials.contains(SECRET) && credentials.contains(SESSION), "guests do get them");
    assert_eq!(body(&service.get("/latest/user-data", Some(&token))), USER_DATA);
    // What breaks is said, and must not be shown.
    let cut = connect_from([127, 0, 0, 1].into(), service.listen[0]).unwrap();
    std::io::Write::write_all(
        &mut &cut,
        format!("GET / HTTP/1.1\r\nX-aws-ec2-metadata-token: {token}").as_bytes(),
    )
    .unwrap();
    drop(cut);
    files.write("secret", &format!("{SECRET}\n{SECRET}\n"));
    service.says("the configuration was refused");
    files.write("secret", SECRET);
    assert!(imds(&["keyring", "rotate", "--state", &state]).status.success());
    service.says("the keyring changed");
    let keys = fs::read_to_string(files.path("state/keyring")).unwrap();
    let metrics = service.metrics();
    let (_, said) = service.end(Signal::TERM);

    let keys = keys.lines().filter_map(|line| line.strip_prefix("secret = \"")?.strip_suffix('"'));
    let secrets: Vec<_> = keys.chain([&token[5..], SECRET, SESSION, "hunter2"]).collect();
    assert_eq!(secrets.len(), 6, "two keys, and four more");
    for secret in secrets {
        for said in [&said, &metrics] {
            let mut pieces = secret.as_bytes().windows(secret.len().min(12));
            let found = pieces.find(|piece| said.contains(std::str::from_utf8(piece).unwrap()));
            assert_eq!(found, None, "of {secret}: {said}");
        }
    }
    assert!(said.contains("[token]") && said.contains("/latest/user-data"), "{said}");
}

#[test]
fn nothing_secret_is_said_in_text() {
    all_is_said_without_secrets("text");
}

#[test]
fn nothing_secret_is_said_in_json() {
    all_is_said_without_secrets("json");
}
