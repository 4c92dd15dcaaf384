//! Answers to the byte: the golden headers, the pages, and the order of decisions, over a socket.

use std::collections::HashSet;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::kept::{Kept, header};
use super::{Watched, until};
use crate::support::{body, exchange, status};

const PUT_TOKEN: &str = include_str!("../../../../imds-server/golden/put-token.headers");
const GET_V2: &str = include_str!("../../../../imds-server/golden/get-v2.headers");
const TOKEN_PATH: &str = include_str!("../../../../imds-server/golden/get-token-path.headers");
const REFUSED: &str = include_str!("../../../../imds-server/golden/401.headers");
const ID: &str = "/latest/meta-data/instance-id";
/// A leaf of as many bytes as the golden one.
const TEN_BYTES: &str = "/latest/meta-data/placement/availability-zone";
pub(super) const ASK_FOR_TOKEN: &str =
    "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n";

/// Every line of the header must be the golden one, but that a date is this moment's.
#[track_caller]
fn assert_golden(answer: &str, golden: &str) {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let lines: Vec<_> = head.split("\r\n").collect();
    let expected = golden.lines().enumerate().map(|(index, golden)| match golden.split_once(": ") {
        Some((name @ ("Date" | "Last-Modified"), _)) => {
            let line = *lines.get(index).unwrap_or(&"");
            let (found, date) = line.split_once(": ").unwrap_or_default();
            assert_eq!(found, name, "{head}");
            assert_recent(date);
            line
        }
        _ => golden,
    });
    assert_eq!(lines, expected.collect::<Vec<_>>());
}

/// A date as HTTP writes it, of the last minute.
#[track_caller]
fn assert_recent(date: &str) {
    const FORM: &str = "%a, %d %b %Y %H:%M:%S GMT";
    let broken = BrokenDownTime::parse(FORM, date).unwrap_or_else(|error| panic!("{date}: {error}"));
    assert_eq!(broken.to_string(FORM).unwrap(), date);
    let time = TimeZone::UTC.to_timestamp(broken.to_datetime().unwrap()).unwrap();
    let age = Timestamp::try_from(SystemTime::now()).unwrap().as_second() - time.as_second();
    assert!((0..60).contains(&age), "{date} is {age} seconds ago");
}

#[test]
fn headers_have_the_golden_order_and_casing() {
    let service = Watched::start(&[]);
    let token = service.exchange(&format!("{ASK_FOR_TOKEN}\r\n"));
    assert_golden(&token, PUT_TOKEN);
    assert_eq!((body(&token).len(), &body(&token)[..5]), (56, "AQAEA"));

    let v2 = service.get(TEN_BYTES, Some(body(&token)));
    assert_golden(&v2, GET_V2);
    assert_eq!(body(&v2), "us-east-1a");
    let v1: Vec<_> = GET_V2.lines().filter(|line| !line.starts_with("X-Aws")).collect();
    assert_golden(&service.get(TEN_BYTES, None), &v1.join("\n"));

    let refused = service.get(TEN_BYTES, Some("AQAEAnonsense"));
    assert_golden(&refused, REFUSED);
    assert_eq!(body(&refused), include_str!("../../../../imds-server/golden/401.xhtml"));
}

#[test]
fn a_405_has_the_golden_headers_and_its_page_where_pages_are_served() {
    let empty = Watched::start(&["--error-pages", "empty"]);
    let ask = "GET /latest/api/token HTTP/1.1\r\n\r\n";
    assert_golden(&empty.exchange(ask), TOKEN_PATH);
    assert_eq!(body(&empty.exchange(ask)), "");

    let paged = Watched::start(&[]).exchange(ask);
    let page = include_str!("../../../../imds-server/golden/405.xhtml");
    let length = format!("Content-Length: {}", page.len());
    assert_golden(
        &paged,
        &TOKEN_PATH.replace("Content-Length: 0", &length).replace("text/plain", "text/html"),
    );
    assert_eq!(body(&paged), page);
}

#[test]
fn every_refusal_has_its_page() {
    let service = Watched::start(&["--http-tokens", "required"]);
    for (request, page) in [
        ("PUT /latest/api/token HTTP/1.1", include_str!("../../../../imds-server/golden/400.xhtml")),
        ("GET / HTTP/1.1", include_str!("../../../../imds-server/golden/401.xhtml")),
        ("PUT /latest/api/token/ HTTP/1.1", include_str!("../../../../imds-server/golden/403.xhtml")),
        ("POST / HTTP/1.1", include_str!("../../../../imds-server/golden/405.xhtml")),
    ] {
        let answer = service.exchange(&format!("{request}\r\n\r\n"));
        assert_eq!(body(&answer), page, "{request}");
        assert_eq!(header(&answer, "Content-Type"), Some("text/html"));
    }
    let nowhere = service.get("/latest/meta-data/nowhere", Some(&service.token()));
    assert_eq!(body(&nowhere), include_str!("../../../../imds-server/golden/404.xhtml"));
}

#[test]
fn a_head_is_a_get_without_its_body_and_http_1_0_is_closed() {
    let service = Watched::start(&[]);
    let get = service.get(ID, None);
    let head = service.exchange(&format!("HEAD {ID} HTTP/1.1\r\n\r\n"));
    assert_golden(&head, get.split_once("\r\n\r\n").unwrap().0.replace('\r', "").as_str());
    assert_eq!((body(&head), header(&head, "Content-Length")), ("", Some("19")));

    let old = service.exchange(&format!("GET {ID} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_eq!((status(&old), body(&old)), (200, "i-12345678901234567"));
    assert_eq!(header(&old, "Connection"), Some("close"));
}

#[test]
fn ranges_conditions_and_encodings_change_nothing() {
    let service = Watched::start(&[]);
    let whole = service.exchange(&format!("GET {ID} HTTP/1.1\r\n\r\n"));
    for header in [
        "Range: bytes=0-1",
        "If-None-Match: *",
        "If-Modified-Since: Tue, 24 Nov 2099 12:00:00 GMT",
        "Accept-Encoding: gzip, br",
        "Accept: application/json",
    ] {
        let answer = service.exchange(&format!("GET {ID} HTTP/1.1\r\n{header}\r\n\r\n"));
        assert_eq!((status(&answer), body(&answer)), (200, body(&whole)), "{header}");
        assert!(!answer.contains("Content-Encoding") && !answer.contains("Content-Range"), "{answer}");
    }
}

#[test]
fn a_connection_is_kept_when_asked_for_whatever_is_answered() {
    let service = Watched::start(&["--http-tokens", "required"]);
    let mut kept = Kept::connect(service.listen[0]).unwrap();
    assert_eq!(status(&kept.get(ID).unwrap()), 401);
    let token = kept.ask(&format!("{ASK_FOR_TOKEN}Connection: keep-alive\r\n\r\n")).unwrap();
    assert_eq!((status(&token), header(&token, "Connection")), (200, None));
    let with_token = |path| {
        format!(
            "GET {path} HTTP/1.1\r\nconnection: Keep-Alive\r\nx-aws-ec2-metadata-token: {}\r\n\r\n",
            body(&token)
        )
    };
    for (path, expected) in [(ID, 200), ("/latest/nothing", 404), (ID, 200)] {
        assert_eq!(status(&kept.ask(&with_token(path)).unwrap()), expected, "{path}");
    }
    // s3fs sends both of these, on a kept connection (wire.md decision 12).
    let chunked = kept.ask(&format!(
        "{ASK_FOR_TOKEN}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    ));
    assert_eq!(status(&chunked.unwrap()), 200);
    let last = kept.ask(&format!("GET {ID} HTTP/1.1\r\n\r\n")).unwrap();
    assert_eq!((status(&last), header(&last, "Connection")), (401, Some("close")));
    assert_eq!(super::kept::rest(&mut kept.into_stream()), b"");
}

#[test]
fn an_expected_body_is_asked_for() {
    let service = Watched::start(&[]);
    let answer =
        service.exchange(&format!("{ASK_FOR_TOKEN}Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx"));
    let (interim, answer) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!((interim, status(answer)), ("HTTP/1.1 100 Continue", 200));
}

#[test]
fn a_token_is_never_needed_while_optional_and_must_open_when_it_comes() {
    let optional = Watched::start(&[]);
    let required = Watched::start(&["--http-tokens", "required"]);
    let foreign = required.token();
    for (service, tokenless) in [(&optional, 200), (&required, 401)] {
        let good = service.token();
        let (start, end) = good.split_at(40);
        let altered = format!("{start}{}", end.chars().rev().collect::<String>());
        assert_eq!(status(&service.get(ID, None)), tokenless);
        assert_eq!(status(&service.get(ID, Some(&good))), 200);
        for bad in ["", "x", &altered, &good[..55], &format!("{good}A")] {
            assert_eq!(status(&service.get(ID, Some(bad))), 401, "{bad}");
            assert_eq!(status(&service.get("/nowhere", Some(bad))), 401, "{bad}");
        }
        let twice = format!("X-aws-ec2-metadata-token: {good}\r\n").repeat(2);
        assert_eq!(status(&service.exchange(&format!("GET {ID} HTTP/1.1\r\n{twice}\r\n"))), 401);
    }
    assert_eq!(status(&optional.get(ID, Some(&foreign))), 401, "the keys of another service");
}

#[test]
fn a_token_ends_with_its_time_and_counts_down() {
    let service = Watched::start(&[]);
    let ask = ASK_FOR_TOKEN.replace("21600", "3");
    // Before, since the answer may take its time to come here.
    let asked = std::time::Instant::now();
    let answer = service.exchange(&format!("{ask}\r\n"));
    assert_eq!(header(&answer, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"), Some("3"));
    let mut seen = HashSet::new();
    until("the token ends", || {
        let answer = service.get(ID, Some(body(&answer)));
        match status(&answer) {
            200 => {
                seen.insert(header(&answer, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds").unwrap().to_owned());
                None
            }
            status => {
                assert_eq!(status, 401);
                Some(())
            }
        }
    });
    // On a busy machine one of the three may be missed.
    assert!(seen.len() > 1 && seen.is_subset(&["1", "2", "3"].map(str::to_owned).into()), "{seen:?}");
    assert!(asked.elapsed().as_millis() > 2_900, "{:?}", asked.elapsed());
}

#[test]
fn a_disabled_endpoint_refuses_everything() {
    let service = Watched::start(&["--http-endpoint", "disabled"]);
    for request in [
        format!("{ASK_FOR_TOKEN}\r\n"),
        "GET / HTTP/1.1\r\n\r\n".into(),
        format!("GET {ID} HTTP/1.1\r\nX-aws-ec2-metadata-token: x\r\n\r\n"),
        "GET /nowhere HTTP/1.1\r\n\r\n".into(),
        "OPTIONS /latest/api/token HTTP/1.1\r\n\r\n".into(),
        "POST /latest/ HTTP/1.1\r\n\r\n".into(),
        "DELETE /latest/api/token HTTP/1.1\r\n\r\n".into(),
    ] {
        let answer = exchange(service.listen[0], request.as_bytes());
        assert_eq!(status(&answer), 403, "{request}");
        assert_eq!(body(&answer), include_str!("../../../../imds-server/golden/403.xhtml"));
    }
    assert_eq!(status(&service.exchange("HEAD / HTTP/1.1\r\n\r\n")), 403);
}

#[test]
fn a_proxy_gets_no_token_and_a_token_only_at_its_path() {
    let asking_at = |path| format!("{}\r\n", ASK_FOR_TOKEN.replace("/latest/api/token", path));
    let service = Watched::start(&[]);
    let forwarded = service.exchange(&format!("{ASK_FOR_TOKEN}X-Forwarded-For: 10.0.0.1\r\n\r\n"));
    assert_eq!(status(&forwarded), 403);
    for path in ["/latest/api/token/", "/latest//api/token", "/2021-03-23/api/token", "/latest/api/%74oken"] {
        assert_eq!(status(&service.exchange(&asking_at(path))), 403, "{path}");
    }
    assert_eq!(status(&service.exchange(&asking_at("/latest/api/token?x=1"))), 200);
}
