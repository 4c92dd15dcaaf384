//! The command line: exit status, what is printed, and that nothing is contacted without an endpoint.

// The helpers of tests, too, stop at once where something is wrong with the machine.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};

fn conformance(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conformance")).args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A server that gives everybody the same answer.
fn says(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn wrong_usage_is_2() {
    for args in [
        &[][..],
        &["--json"],
        &["--endpoint", "127.0.0.1:80"],
        &["--endpoint", "https://127.0.0.1"],
        &["--endpoint", "http://127.0.0.1:1", "--group", "nothing"],
        &["--endpoint", "http://127.0.0.1:1", "--error-pages", "plain"],
    ] {
        assert_eq!(conformance(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn an_unreachable_endpoint_is_one_sentence_and_1() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = conformance(&["--endpoint", &format!("http://{closed}")]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out(&output), "");
    assert!(
        err(&output).contains("cannot be reached") && err(&output).lines().count() == 1,
        "{}",
        err(&output)
    );
}

#[test]
fn a_disabled_endpoint_is_said_so_and_1() {
    let address = says("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let output = conformance(&["--endpoint", &format!("http://{address}")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("HttpEndpoint=disabled"), "{}", err(&output));
}

#[test]
fn a_wrong_server_fails_with_what_was_expected_and_what_came() {
    let address = says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    let endpoint = format!("http://{address}");
    let output = conformance(&["--endpoint", &endpoint, "--group", "headers", "--group", "listings"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("FAIL headers: GET with a token"), "{}", out(&output));
    assert!(out(&output).contains("expected exactly the headers") && out(&output).contains("\"wrong\""));

    let output = conformance(&["--endpoint", &endpoint, "--group", "headers", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(report["tokens"], "optional");
    assert!(report["summary"]["fail"].as_u64().unwrap() > 5);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["group"] == "headers"));
    assert!(checks.iter().any(|check| check["result"] == "fail" && check["detail"].is_string()));
}

#[test]
fn the_list_contacts_nothing_and_names_sources_and_reasons() {
    let output = conformance(&["--list"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(out(&output).contains("decision 7, wire 1.8") && out(&output).contains("no: needs routers"));

    let list: Value =
        serde_json::from_str(&out(&conformance(&["--list", "--json", "--group", "errors"]))).unwrap();
    let checks = list["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["group"] == "errors" && check["source"] != ""));
    assert!(checks.iter().any(|check| check["checkable"] == false && check["reason"] != ""));
}
