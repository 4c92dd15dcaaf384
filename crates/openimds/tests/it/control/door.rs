//! The door's safety, for calls that change something: pages of other sites, slow and fat clients, and crowds.

use std::io::{BufReader, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use super::{Answer, Api, Guest, connect, option, read_answer, serve, state, text};
use crate::serve::Watched;

const BUILT_IN: &str = "i-12345678901234567";
const FORM: &str = "application/x-www-form-urlencoded";

/// A request to the door, as it is written, on a connection of its own.
fn send(service: &Watched, request: &str) -> Answer {
    let mut stream = connect(service.admin).unwrap();
    // What is refused before its end may not be read to it.
    let _ = stream.write_all(request.as_bytes());
    read_answer(&mut BufReader::new(stream)).unwrap()
}

/// A change of the built-in instance, with these headers.
fn modify(headers: &str) -> String {
    let form = format!(
        "Action=ModifyInstanceMetadataOptions&Version=2016-11-15&InstanceId={BUILT_IN}&HttpPutResponseHopLimit=9"
    );
    format!("POST / HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{form}", form.len())
}

fn hops(service: &Watched) -> String {
    option(&Api::of(service).instance(BUILT_IN), "httpPutResponseHopLimit").to_owned()
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let service = serve(&["--server-name", "imds.test"]);
    let own = format!("Host: {}\r\nContent-Type: {FORM}\r\n", service.admin);
    for headers in [
        // A form that a page submits, with the types that it can have.
        format!("{own}Origin: http://evil.test\r\n"),
        format!("{own}Origin: null\r\n"),
        format!("{own}Origin: https://{}\r\n", service.admin),
        format!("{own}Origin: http://localhost:{}\r\n", service.listen[0].port()),
        format!("{own}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"),
        format!("Host: {}\r\nContent-Type: text/plain\r\nOrigin: http://evil.test\r\n", service.admin),
        // A name of theirs that points here.
        format!("Host: evil.test\r\nContent-Type: {FORM}\r\n"),
        format!("Host: evil.test\r\nOrigin: http://evil.test\r\nContent-Type: {FORM}\r\n"),
        format!("Host: 169.254.169.254\r\nContent-Type: {FORM}\r\n"),
        format!("Host: localhost\r\nHost: evil.test\r\nContent-Type: {FORM}\r\n"),
        format!("Content-Type: {FORM}\r\n"),
    ] {
        let answer = send(&service, &modify(&headers));
        assert!([400, 403].contains(&answer.status), "{headers}: {answer:?}");
        assert!(!answer.document.contains(BUILT_IN), "{answer:?}");
    }
    assert_eq!(hops(&service), "1");
    for headers in [
        own.clone(),
        format!("Host: imds.test\r\nContent-Type: {FORM}\r\n"),
        format!("{own}Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", service.admin),
    ] {
        assert_eq!(send(&service, &modify(&headers)).status, 200, "{headers}");
    }
    assert_eq!(hops(&service), "9");
}

#[test]
fn an_image_in_a_page_performs_no_action() {
    let service = serve(&[]);
    let query = format!("Action=TerminateInstances&Version=2016-11-15&InstanceId.1={BUILT_IN}");
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        let mut stream = connect(service.admin).unwrap();
        let request = format!("{method} /?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 405"), "{method}: {answer}");
        assert!(answer.contains("POST"), "{method}: {answer}");
    }
    // What the query says counts for nothing in a POST either.
    let answer =
        send(&service, &format!("POST /?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(answer.refusal(), (400, "MissingParameter"));
    assert_eq!(state(&Api::of(&service).instance(BUILT_IN)), "running");
}

#[test]
fn a_body_is_bounded_and_user_data_fits() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let form = format!("Action=DescribeInstances&Version=2016-11-15&Filler={}", "x".repeat(300 * 1024));
    let host = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n");
    let chunks = form.as_bytes().chunks(0x4000);
    let chunked: String =
        chunks.map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk))).collect();
    for request in [
        format!("{host}Content-Length: {}\r\n\r\n{form}", form.len()),
        format!("{host}Content-Length: 1000000000\r\n\r\n"),
        format!("{host}Transfer-Encoding: chunked\r\n\r\n{chunked}0\r\n\r\n"),
    ] {
        let answer = send(&service, &request);
        assert!([400, 413].contains(&answer.status), "{answer:?}");
    }
    let most = "A".repeat(16_384 / 3 * 4);
    let id = api.launch(Ipv4Addr::new(127, 0, 7, 9), &format!("&UserData={most}"));
    let served = Guest::at(&service, Ipv4Addr::new(127, 0, 7, 9)).get("user-data", None);
    assert_eq!((served.0, served.1.len()), (200, 16_383), "{id}");
    let answer = api.call(&format!("{}&UserData={most}AAAA", super::RUN_ONE));
    assert_eq!(answer.refusal(), (400, "InvalidParameterValue"));
    let many: String = (0..6_000).map(|number| format!("&a{number}=b")).collect();
    assert_eq!(api.call(&format!("Action=DescribeInstances{many}")).status, 400);
}

#[test]
fn headers_are_bounded() {
    let service = serve(&[]);
    let long = "x".repeat(1024 * 1024);
    let many: String = (0..1_000).map(|number| format!("X-{number}: y\r\n")).collect();
    for request in [
        format!("POST / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
        format!("POST /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ] {
        let mut stream = connect(service.admin).unwrap();
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        // Refused or reset: what is left unread when it closes makes the difference.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || ["400", "414", "431"].contains(&&answer[9..12]), "{answer}");
    }
    assert_eq!(hops(&service), "1");
}

#[test]
fn what_it_does_not_know_is_an_xml_400() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    for (form, code) in [
        ("Action=RequestSpotInstances", "InvalidAction"),
        ("Action=describeInstances", "InvalidAction"),
        ("Action=", "MissingParameter"),
        ("x=y", "MissingParameter"),
        ("Action=<script>", "InvalidAction"),
        ("%ff%fe=%00", "MissingParameter"),
    ] {
        let answer = api.call(form);
        assert_eq!(answer.refusal(), (400, code), "{form}");
        let document = &answer.document;
        assert!(document.starts_with("<?xml") && document.contains("<RequestID>"), "{document}");
        assert!(!document.contains("<script>"), "{document}");
    }
    let old = send(&service, &modify("Host: localhost\r\n").replace("2016-11-15", "2016-11-16"));
    assert_eq!(old.refusal(), (400, "NoSuchVersion"));
    for body in
        ["{\"Action\": \"DescribeInstances\"}", "\0\0\0", "%", "&&&&=&=&", "Action=DescribeInstances;"]
    {
        let request =
            format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let answer = send(&service, &request);
        assert_eq!(answer.status, 400, "{body}");
        assert!(text(&answer.document, "Code").is_some(), "{body}: {answer:?}");
    }
}

/// How long a connection stays that sends this and then nothing.
fn patience(service: &Watched, request: &str) -> Duration {
    let began = Instant::now();
    let mut stream = connect(service.admin).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{request:?} keeps its connection");
    }
    began.elapsed()
}

#[test]
fn who_is_slow_loses_the_connection() {
    let service = serve(&[]);
    thread::scope(|scope| {
        for request in [
            "",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nAction=Desc",
        ] {
            let service = &service;
            scope.spawn(move || {
                let lasted = patience(service, request);
                let bounds = Duration::from_secs(4)..Duration::from_secs(20);
                assert!(bounds.contains(&lasted), "{lasted:?}: {request:?}");
            });
        }
    });
}

#[test]
fn a_crowd_at_the_door_is_served_in_turn_and_keeps_no_guest_waiting() {
    let service = serve(&[]);
    let silent: Vec<_> = (0..400).map(|_| connect(service.admin).unwrap()).collect();
    let guest = Guest::at(&service, Ipv4Addr::LOCALHOST);
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(guest.status(None), 200);
        // Less than anybody at the door may be silent.
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
    // Those before it are silent for as long as they may be, twice: there are more of them than places.
    assert_eq!(hops(&service), "1");
    drop(silent);
}

#[test]
fn metrics_tell_of_many_instances_while_they_come_and_go() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let launch = format!("Action=RunInstances&ImageId={}&MinCount=50&MaxCount=50", super::AMI);
    let all: Vec<_> = super::instances(&api.well(&launch));
    let place = |one: &String| {
        let address: Ipv4Addr = text(one, "privateIpAddress").unwrap().parse().unwrap();
        (Guest::at(&service, address), text(one, "instanceId").unwrap().to_owned())
    };
    for (guest, _) in all.iter().map(place).take(10) {
        assert_eq!(guest.status(None), 200);
    }
    let metrics = service.metrics();
    let counted = |metrics: &str, id: &str| {
        let name = format!("MetadataNoToken{{instance=\"{id}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).and_then(|count| count.parse::<u32>().ok())
    };
    for (number, (_, id)) in all.iter().map(place).enumerate() {
        assert_eq!(counted(&metrics, &id), Some(u32::from(number < 10)), "{id}");
    }
    // Counters live on when a setting changes, and end with their instance.
    let (_, id) = place(&all[0]);
    api.send("StopInstances", &id);
    api.send("StartInstances", &id);
    assert_eq!(counted(&service.metrics(), &id), Some(1));
    api.modify(&id, "HttpTokens=required");
    assert_eq!(counted(&service.metrics(), &id), None, "that is the counter of the other mode");
    api.send("TerminateInstances", &id);
    assert!(!service.metrics().contains(&id));
}
