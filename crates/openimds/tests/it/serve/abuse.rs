//! What is no request at all: each costs one connection, is answered with our page or closed, and harms nobody else.

use std::io::Write as _;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};

use super::Watched;
use super::kept::{connect_from, header, rest, try_exchange};
use crate::support::{body, status};

/// How an abuse may end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// With this status, our headers and our page.
    Page(u16),
    /// Closed, without a byte.
    Closed,
    /// HTTP leaves it open: a page of these, or closed.
    Either(&'static [u16]),
}
use End::{Closed, Either, Page};

/// More than the limit on a header, and than any buffer that grows with it.
const LONG: usize = 40_000;
const MEGABYTE: usize = 1024 * 1024;

/// What is sent, its name, and how it must end.
type Abuse = (&'static str, Vec<u8>, End);

fn text(name: &'static str, request: &str, end: End) -> Abuse {
    (name, request.as_bytes().to_vec(), end)
}

/// Requests that cannot be read.
fn malformed() -> Vec<Abuse> {
    vec![
        text("no target", "GET\r\n\r\n", Page(400)),
        text("no version", "GET /\r\n\r\n", Page(400)),
        text("a version that is none", "GET / HTTP/9.9\r\n\r\n", Page(400)),
        text("a blank in the target", "GET /a b HTTP/1.1\r\n\r\n", Page(400)),
        text("a header without a colon", "GET / HTTP/1.1\r\nnonsense\r\n\r\n", Page(400)),
        text("a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", Page(400)),
        text("a folded header", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", Page(400)),
        text("a null in a header", "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", Page(400)),
        text("a method that is none", "G@T / HTTP/1.1\r\n\r\n", Page(400)),
        text("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Either(&[400])),
        text("words", "hello, is anybody there?\r\n\r\n", Page(400)),
        ("every byte", (0..=255).cycle().take(1024).collect(), Page(400)),
        (
            "a TLS hello",
            [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 506]].concat(),
            Page(400),
        ),
        ("nulls", vec![0; 4096], Page(400)),
        ("not UTF-8 in the target", b"GET /\xff\xfe HTTP/1.1\r\n\r\n".to_vec(), Either(&[400, 404])),
    ]
}

/// Requests that are too much.
fn oversize() -> Vec<Abuse> {
    let long = "a".repeat(LONG);
    let post = "POST / HTTP/1.1\r\nContent-Length:";
    let chunked = "PUT /latest/api/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let headers: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    let all = [
        ("a long target", format!("GET /{long} HTTP/1.1\r\n\r\n"), Page(414)),
        ("an endless line", long.clone(), Page(414)),
        ("a long header", format!("GET / HTTP/1.1\r\nX-Long: {long}\r\n\r\n"), Page(431)),
        ("a long name of a header", format!("GET / HTTP/1.1\r\n{long}: x\r\n\r\n"), Page(431)),
        ("200 headers", format!("GET / HTTP/1.1\r\n{headers}\r\n"), Page(431)),
        ("a big body, announced", format!("{post} 1000000\r\n\r\n"), Page(413)),
        (
            "a big body, sent",
            format!("{post} {}\r\n\r\n{}", MEGABYTE / 2, "x".repeat(MEGABYTE / 2)),
            Page(413),
        ),
        ("a big body, in chunks", format!("{chunked}{}0\r\n\r\n", chunk.repeat(32)), Page(413)),
        ("a length larger than any number", format!("{post} 99999999999999999999999\r\n\r\n"), Page(400)),
    ];
    all.map(|(name, request, end)| (name, request.into_bytes(), end)).into()
}

/// Requests whose body cannot be told from what follows it.
fn misframed() -> Vec<Abuse> {
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let post = "POST / HTTP/1.1\r\n";
    let all = [
        ("a chunk without a size", format!("{chunked}zz\r\nabc\r\n0\r\n\r\n"), Page(400)),
        ("a chunk longer than it says", format!("{chunked}1\r\nabc\r\n0\r\n\r\n"), Page(400)),
        ("a negative length", format!("{post}Content-Length: -1\r\n\r\n"), Page(400)),
        ("a length that is no number", format!("{post}Content-Length: ten\r\n\r\n"), Page(400)),
        ("two lengths", format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), Page(400)),
        ("an encoding that is unknown", format!("{post}Transfer-Encoding: gzip\r\n\r\nab"), Page(400)),
    ];
    all.map(|(name, request, end)| (name, request.into_bytes(), end)).into()
}

/// Makes a request that is answered with this status, and checks that the answer is ours.
#[track_caller]
pub(super) fn paged(address: SocketAddr, wanted: u16) {
    let all = [malformed(), oversize()].concat();
    let (name, request, end) = all.iter().find(|(.., end)| *end == Page(wanted)).unwrap();
    check(name, *end, &try_exchange(address, request));
}

/// Requests whose client goes before their end.
fn abandoned() -> Vec<Abuse> {
    let post = "POST / HTTP/1.1\r\n";
    vec![
        text("nothing", "", Closed),
        text("half a line", "GET /latest", Closed),
        text("half a header", "GET / HTTP/1.1\r\nHost", Closed),
        text("half a body", &format!("{post}Content-Length: 10\r\n\r\nabc"), Either(&[400])),
        text("half a chunk", &format!("{post}Transfer-Encoding: chunked\r\n\r\n9\r\nabc"), Either(&[400])),
        text(
            "a chunk larger than any memory",
            &format!("{post}Transfer-Encoding: chunked\r\n\r\nffffffffffffff\r\nabc"),
            Either(&[400, 413]),
        ),
    ]
}

/// Sends a request, says that nothing more will come, and takes the answer.
fn abandon(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect_from(Ipv4Addr::LOCALHOST, address).unwrap();
    stream.write_all(request).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    String::from_utf8(rest(&mut stream)).unwrap()
}

#[track_caller]
fn check(name: &str, end: End, answer: &str) {
    match (end, status(answer)) {
        (Page(wanted), status) => assert_eq!(status, wanted, "{name}: {answer:?}"),
        (Closed, _) => assert_eq!(answer, "", "{name}"),
        (Either(statuses), status) => {
            assert!(answer.is_empty() || statuses.contains(&status), "{name}: {answer:?}");
        }
    }
    if answer.is_empty() {
        return;
    }
    let reason = answer.split_once("\r\n").unwrap().0.strip_prefix("HTTP/1.1 ").unwrap();
    let (number, words) = reason.split_once(' ').unwrap();
    let page = include_str!("../../../../imds-server/golden/401.xhtml")
        .replace("401 - Unauthorized", &format!("{number} - {words}"));
    assert_eq!(body(answer), page, "{name}");
    let head = answer.split_once("\r\n\r\n").unwrap().0;
    let names: Vec<_> = head.split("\r\n").skip(1).map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(names, ["Content-Length", "Date", "Server", "Connection", "Content-Type"], "{name}");
    for (field, value) in [
        ("Content-Length", page.len().to_string().as_str()),
        ("Server", "EC2ws"),
        ("Connection", "close"),
        ("Content-Type", "text/html"),
    ] {
        assert_eq!(header(answer, field), Some(value), "{name}");
    }
}

/// Commits all of these, with others served in between.
#[track_caller]
fn survive(all: &[Abuse], commit: impl Fn(SocketAddr, &[u8]) -> String) {
    let service = Watched::start(&[]);
    for (name, request, end) in all {
        check(name, *end, &commit(service.listen[0], request));
        assert_eq!(status(&service.get("/", None)), 200, "after {name}");
    }
    let said = service.said();
    assert!(!said.contains("panic"), "{said}");
}

#[test]
fn what_cannot_be_read_is_refused_or_closed() {
    survive(&malformed(), try_exchange);
}

#[test]
fn what_is_too_much_is_refused() {
    survive(&oversize(), try_exchange);
}

#[test]
fn what_has_no_clear_end_is_refused() {
    survive(&misframed(), try_exchange);
}

#[test]
fn what_its_client_abandons_is_closed() {
    survive(&abandoned(), abandon);
}

#[test]
fn odd_targets_are_answered_as_what_they_name() {
    let service = Watched::start(&[]);
    for (request, expected) in [
        ("GET http://169.254.169.254/latest/meta-data/instance-id HTTP/1.1", 200),
        ("GET //latest//meta-data///instance-id HTTP/1.1", 200),
        ("GET /latest/meta-data/instance-id/ HTTP/1.1", 200),
        ("GET /latest/meta-data/../meta-data/instance-id HTTP/1.1", 404),
        ("GET /latest/meta-data/instance%2Did HTTP/1.1", 404),
        ("GET /LATEST/meta-data/instance-id HTTP/1.1", 404),
        ("CONNECT 127.0.0.1:443 HTTP/1.1", 405),
    ] {
        let answer = service.exchange(&format!("{request}\r\n\r\n"));
        assert_eq!(status(&answer), expected, "{request}");
        assert_eq!(header(&answer, "Server"), Some("EC2ws"), "{request}");
    }
}

#[test]
fn two_thousand_abuses_leave_no_memory_behind() {
    let service = Watched::start(&[]);
    let all = [malformed(), oversize(), misframed()].concat();
    let rounds = 2_000_usize.div_ceil(all.len() + abandoned().len());
    let abuse = |rounds| {
        for _ in 0..rounds {
            for (name, request, end) in &all {
                check(name, *end, &try_exchange(service.listen[0], request));
            }
            for (name, request, end) in abandoned() {
                check(name, end, &abandon(service.listen[0], &request));
            }
        }
    };
    // What is held for good is held after a few.
    abuse(rounds / 10);
    let before = service.resident();
    abuse(rounds);
    let after = service.resident();
    assert!(after < before + 4 * MEGABYTE, "{before} bytes before, {after} after");
    assert!(after < 64 * MEGABYTE, "{after} bytes");
    assert_eq!(status(&service.get("/", None)), 200);
}
