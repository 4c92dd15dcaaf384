//! `/api/v1/calls`: what has been answered is remembered, whoever of the workers answered it.

use std::process::Command;
use std::thread;

use serde_json::Value;

use super::kept::{Kept, exchange_from};
use super::{Files, Watched};
use crate::support::{IMDS, body, exchange, status};

const ID: &str = "i-12345678901234567";
const OTHER: &str = "i-0000000b";

/// The calls that the door tells.
#[track_caller]
fn calls(service: &Watched, query: &str) -> Vec<Value> {
    let get = format!("GET /api/v1/calls{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = exchange(service.admin, get.as_bytes());
    assert_eq!(status(&answer), 200, "{answer}");
    let mut told: Value = serde_json::from_str(body(&answer)).unwrap();
    let Value::Array(calls) = told["calls"].take() else { panic!("{answer}") };
    let numbers: Vec<_> = calls.iter().map(|call| call["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    calls
}

/// Path, status and version of a call.
fn told(call: &Value) -> (String, u64, String) {
    let text = |name: &str| call[name].as_str().unwrap().to_owned();
    (text("path"), call["status"].as_u64().unwrap(), text("version"))
}

#[test]
fn the_last_hundred_calls_are_there_in_order_at_once() {
    let service = Watched::start(&["--http-tokens", "required"]);
    let token = service.token();
    // The kernel gives connections to workers as it likes: of so many, each has some.
    let mut connections: Vec<_> = (0..12).map(|_| Kept::connect(service.listen[0]).unwrap()).collect();
    let mut made = Vec::new();
    for number in 0..300_usize {
        let path = format!("/latest/meta-data/{number}");
        let (header, status, version) = match number % 3 {
            0 => (format!("X-aws-ec2-metadata-token: {token}\r\n"), 404, "v2"),
            1 => (String::new(), 401, "v1"),
            _ => ("X-aws-ec2-metadata-token: no\r\n".to_owned(), 401, "v2"),
        };
        let request = format!(
            "GET {path}?{token} HTTP/1.1\r\nConnection: keep-alive\r\nUser-Agent: {token} x\r\n{header}\r\n"
        );
        let answer = connections[number * 7 % 12].ask(&request).unwrap();
        assert_eq!(crate::support::status(&answer), u16::try_from(status).unwrap(), "{answer}");
        made.push((path, status, version.to_owned()));
    }
    let all = calls(&service, "");
    assert_eq!(all.iter().map(told).collect::<Vec<_>>(), made[200..]);
    for call in &all {
        assert_eq!((&call["instance"], &call["source"]), (&ID.into(), &"127.0.0.1".into()), "{call}");
        assert_eq!((&call["method"], &call["user_agent"]), (&"GET".into(), &"[token] x".into()), "{call}");
        assert!(call["micros"].is_u64() && call["at"].as_str().unwrap().starts_with("20"), "{call}");
    }
    assert_eq!(calls(&service, &format!("?instance={ID}")), all);
    assert_eq!(calls(&service, &format!("?since={}", all[39]["number"])), all[40..]);
    assert_eq!(calls(&service, "?instance=none"), [] as [Value; 0]);
    assert!(service.metrics().contains("\nimds_journal_calls_lost_total 0\n"));
    // The verb is told so, too.
    let admin = format!("http://{}", service.admin);
    let output =
        Command::new(IMDS).args(["calls", "--instance", "i-00000000", "--admin", &admin]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("there is no instance i-00000000"), "{said}");
}

#[test]
fn a_call_whose_answer_has_come_is_there() {
    let service = Watched::start(&[]);
    let mut since = 0;
    for number in 0..200 {
        let path = format!("/latest/meta-data/{number}");
        assert_eq!(status(&service.get(&path, None)), 404);
        let new = calls(&service, &format!("?since={since}"));
        assert_eq!(new.iter().map(told).collect::<Vec<_>>(), [(path, 404, "v1".to_owned())]);
        since = new[0]["number"].as_u64().unwrap();
    }
}

#[test]
fn whoever_asks_while_guests_call_misses_nothing_and_sees_nothing_twice() {
    const GUESTS: usize = 4;
    // No more in a round than are remembered.
    const EACH: usize = 20;
    let service = Watched::start(&[]);
    let mut guests: Vec<_> = (0..GUESTS).map(|_| Kept::connect(service.listen[0]).unwrap()).collect();
    let mut since = 0;
    for _ in 0..20 {
        let mut seen = Vec::<String>::new();
        thread::scope(|scope| {
            let calling = guests.iter_mut().enumerate().map(|(guest, kept)| {
                scope.spawn(move || {
                    for number in 0..EACH {
                        kept.get(&format!("/{guest}/{number}")).unwrap();
                    }
                })
            });
            let calling: Vec<_> = calling.collect();
            loop {
                let is_last = calling.iter().all(thread::ScopedJoinHandle::is_finished);
                let new = calls(&service, &format!("?since={since}"));
                since = new.last().map_or(since, |call| call["number"].as_u64().unwrap());
                seen.extend(new.iter().map(|call| told(call).0));
                if is_last {
                    break;
                }
            }
        });
        for guest in 0..GUESTS {
            let start = format!("/{guest}/");
            let own: Vec<_> = seen.iter().filter(|path| path.starts_with(&start)).cloned().collect();
            assert_eq!(own, (0..EACH).map(|number| format!("{start}{number}")).collect::<Vec<_>>());
        }
    }
}

#[test]
fn each_has_calls_of_its_own_and_what_names_no_one_is_a_strangers() {
    let config = format!(
        "[[instance]]\ninstance-id = \"{ID}\"\nlocal-ipv4 = \"127.0.9.8\"\n\
         [[instance]]\ninstance-id = \"{OTHER}\"\ndefault = true\n"
    );
    let files = Files::new(&[("imds.toml", &config)]);
    let service = Watched::with(&files, &[]);
    let make = |calls: &[(u8, &str)]| {
        for (source, path) in calls {
            let request = format!("GET {path} HTTP/1.1\r\n\r\n");
            exchange_from([127, 0, 9, *source].into(), service.listen[0], request.as_bytes());
        }
    };
    make(&[(8, "/a"), (9, "/b")]);
    // An instance that is stopped answers nobody, so that its address is nobody's.
    let form = format!("Action=StopInstances&InstanceId.1={ID}&Version=2016-11-15");
    let stop = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let stopped = exchange(service.admin, stop.as_bytes());
    assert_eq!(status(&stopped), 200, "{stopped}");
    make(&[(8, "/c"), (9, "/d"), (8, "/e")]);
    for (query, expected) in [
        (String::new(), &["/a", "/b", "/c", "/d", "/e"][..]),
        (format!("?instance={ID}"), &["/a"]),
        (format!("?instance={OTHER}"), &["/b", "/d"]),
        ("?instance=none".to_owned(), &["/c", "/e"]),
    ] {
        let told: Vec<_> = calls(&service, &query).iter().map(|call| told(call).0).collect();
        assert_eq!(told, expected, "{query}");
    }
    // What HTTP itself refuses is no call.
    exchange(service.listen[0], b"nonsense\r\n\r\n");
    assert_eq!(calls(&service, "").len(), 5);
    assert!(calls(&service, "?instance=none").iter().all(|call| call["instance"].is_null()));
    let what = "/api/v1/calls?instance=x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(service.admin, format!("GET {what}").as_bytes())), 400);
}

/// `imds calls`, of this service.
fn verb(service: &Watched, args: &[&str]) -> (Option<i32>, String, String) {
    let admin = format!("http://{}", service.admin);
    let output = Command::new(IMDS).arg("calls").args(args).env("IMDS_ADMIN", admin).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_test_asserts_that_nothing_used_imdsv1() {
    let service = Watched::start(&[]);
    let (code, told, said) = verb(&service, &["--fail-on", "v1"]);
    assert_eq!((code, told.lines().count()), (Some(1), 1), "{told}");
    assert!(said.starts_with("imds: the service was not called at all: does the program go by"), "{said}");
    assert_eq!(verb(&service, &["--fail-on", "v1", "--allow-none"]).0, Some(0));
    assert_eq!(status(&service.get("/latest/meta-data/", None)), 200);
    let (code, _, said) = verb(&service, &["--fail-on", "v1"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("calls that were IMDSv1: 1, of 1 in all; the first is number 1, GET"), "{said}");
    assert_eq!(verb(&service, &["reset"]), (Some(0), String::new(), String::new()));
    assert_eq!(verb(&service, &["--fail-on", "v1"]).0, Some(1), "what was forgotten shows nothing");
    let token = service.token();
    assert_eq!(status(&service.get("/latest/meta-data/ami-id", Some(&token))), 200);
    let (code, told, said) = verb(&service, &["--fail-on", "v1", "--json"]);
    assert_eq!((code, &*said), (Some(0), ""));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told[0]["number"], &told[1]["number"], told.as_array().unwrap().len()),
        (&2.into(), &3.into(), 2)
    );
    let (code, told, _) = verb(&service, &["--instance", ID, "--since", "2"]);
    assert_eq!((code, told.lines().count()), (Some(0), 2), "{told}");
    assert!(told.contains("/latest/meta-data/ami-id") && told.contains("  v2  "), "{told}");
    assert_eq!(verb(&service, &["--instance", "none"]).1.lines().count(), 1);
    assert_eq!(verb(&service, &["--instance", "x"]).0, Some(2));
    assert_eq!(verb(&service, &["--since", "1", "reset"]).0, Some(2));
    assert_eq!(verb(&service, &["--json"]).1.matches("\"number\"").count(), 2, "nothing was forgotten");
}
