//! Proof that the suite passes what is right and, above all, that every check can fail.

mod categories;
mod fake;
mod flaws;

use crate::check::{Check, Finding, Stop, run};
use crate::checks::{all, not_checkable};
use crate::session::{ErrorPages, Session};
use fake::Fake;
use std::collections::BTreeSet;

fn findings(fake: Fake, checks: &[&'static Check]) -> Vec<Finding> {
    let pages = if fake.empty_pages { ErrorPages::Empty } else { ErrorPages::Xhtml };
    let endpoint = format!("http://{}", fake.start()).parse().unwrap();
    run(checks, &Session::start(endpoint, pages).unwrap())
}

fn named(check: &Check) -> String {
    format!("{}: {}", check.group.name(), check.name)
}

fn failures(findings: &[Finding]) -> BTreeSet<String> {
    let failed = findings.iter().filter(|finding| matches!(finding.outcome, Err(Stop::Fail(_))));
    failed.map(|finding| named(finding.check)).collect()
}

fn whole(flaw: &'static str) -> Fake {
    Fake { required: true, categories: categories::everything(), flaw, ..Fake::default() }
}

fn small(flaw: &'static str) -> Fake {
    Fake { categories: categories::little(), flaw, ..Fake::default() }
}

#[test]
fn what_is_right_passes_and_every_check_passes_somewhere() {
    let right = [
        whole(""),
        small(""),
        Fake { empty_pages: true, ..whole("") },
        Fake { required: false, ..whole("") },
    ];
    let mut passed = BTreeSet::new();
    for fake in right {
        for Finding { check, outcome } in findings(fake, &all(&[])) {
            match outcome {
                Ok(()) => drop(passed.insert(named(check))),
                Err(Stop::Fail(what)) => panic!("{}: {what}", named(check)),
                Err(Stop::NotInThisMode(_) | Stop::Absent(_)) => {}
            }
        }
    }
    let never: Vec<String> = all(&[]).into_iter().map(named).filter(|name| !passed.contains(name)).collect();
    assert!(never.is_empty(), "passes nowhere: {never:#?}");
}

#[test]
fn every_check_can_fail() {
    let servers = [
        whole("says-wrong"),
        small("says-wrong"),
        whole("says-404"),
        whole("says-nothing"),
        whole("values-wrong"),
        whole("listings-wrong"),
        whole("no-gating"),
        whole("nothing-dated"),
        whole("never-closes"),
        whole("bare-refusals"),
        small("v1-is-odd"),
    ];
    let runs: Vec<_> = servers
        .map(|fake| std::thread::spawn(move || failures(&findings(fake, &all(&[])))))
        .into_iter()
        .collect();
    let failed: BTreeSet<String> = runs.into_iter().flat_map(|run| run.join().unwrap()).collect();
    let never: Vec<String> = all(&[]).into_iter().map(named).filter(|name| !failed.contains(name)).collect();
    assert!(never.is_empty(), "fails nowhere: {never:#?}");
}

/// One thing wrong, and the check that must see it.
const SEEN: &[(&str, &str)] = &[
    ("malleable", "authentication: a token altered in any one character is 401"),
    ("one-token", "token: every PUT issues another token"),
    ("token-lf", "token: 56 characters of URL-safe base64, no trailing LF"),
    ("ttl-not-repeated", "token: the TTL is repeated"),
    ("lenient-ttl", "token: a signed TTL is 400"),
    ("ttl-before-xff", "token: X-Forwarded-For comes before the TTL"),
    ("token-path-folds", "token: a trailing slash is 403"),
    ("expect-417", "token: a chunked PUT with Expect: 100-continue keeps its connection"),
    ("body-not-dropped", "token: a body is read and dropped"),
    ("404-before-401", "authentication: 401 before 404: nothing tells what exists (required)"),
    ("last-token-wins", "authentication: a token header sent twice is 401 in both modes"),
    ("never-expires", "authentication: TTL 1: expired after a second, and stays so"),
    ("ttl-rounds-down", "authentication: the remaining seconds are rounded up"),
    ("ttl-does-not-count", "authentication: the remaining seconds count down"),
    ("method-not-allowed", "errors: 405 to the byte, Not Allowed"),
    ("no-last-lf", "errors: 401 to the byte"),
    ("order-swapped", "errors: 404 to the byte, whatever the error pages are"),
    ("order-swapped", "headers: GET with a token: headers, order and casing"),
    ("order-swapped", "token: the PUT answer's headers, order and casing"),
    ("lowercase-names", "headers: GET with a token: headers, order and casing"),
    ("etag", "headers: no ETag on any answer"),
    ("charset", "headers: metadata, listings and JSON are text/plain, without charset"),
    ("user-data-text", "headers: user-data is application/octet-stream"),
    ("last-modified-now", "headers: Last-Modified is the instance's, not the request's"),
    ("length-off", "headers: HEAD has GET's headers and no body"),
    ("head-body", "headers: HEAD has GET's headers and no body"),
    ("lists-backwards", "listings: names are in alphabetical order"),
    ("lists-backwards", "versions: / lists the 28 dated versions and latest, in this order"),
    ("lenient-paths", "listings: case matters"),
    ("lenient-paths", "listings: percent-encoding is not decoded"),
    ("lenient-paths", "listings: dot segments are not resolved"),
    ("no-slash-on-leaf", "listings: a leaf with a trailing slash is the leaf"),
    ("no-limits", "errors: a request line too long is 414 or 431, or closed"),
    ("no-limits", "errors: a body too long is 413, or closed; the connection closes"),
    ("http10-kept", "connections: HTTP/1.0 is closed even with keep-alive"),
    ("keeps-and-says-so", "connections: Connection: keep-alive keeps it, without a Connection header"),
];

#[test]
fn a_single_flaw_is_seen_by_its_check() {
    for (flaw, name) in SEEN {
        let check: Vec<&'static Check> = all(&[]).into_iter().filter(|check| named(check) == *name).collect();
        assert_eq!(check.len(), 1, "no such check: {name}");
        let failed = failures(&findings(whole(flaw), &check));
        assert!(!failed.is_empty(), "{flaw} is not seen by {name}");
    }
    let empty = all(&[]).into_iter().find(|check| check.name.starts_with("an empty token header")).unwrap();
    assert!(!failures(&findings(small("empty-token-is-v1"), &[empty])).is_empty());
}

#[test]
fn the_wrong_error_pages_are_seen() {
    let check = all(&[]).into_iter().find(|check| check.name == "401 to the byte").unwrap();
    for (served, expected) in [(true, ErrorPages::Xhtml), (false, ErrorPages::Empty)] {
        let endpoint =
            format!("http://{}", Fake { empty_pages: served, ..whole("") }.start()).parse().unwrap();
        let session = Session::start(endpoint, expected).unwrap();
        assert!(matches!((check.run)(&session), Err(Stop::Fail(_))));
    }
}

#[test]
fn an_endpoint_that_cannot_be_checked_is_one_sentence() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sentence =
        Session::start(format!("http://{closed}").parse().unwrap(), ErrorPages::Xhtml).err().unwrap();
    assert!(sentence.contains("cannot be reached"), "{sentence}");
    let nobody = Fake { flaw: "", ..Fake::default() }.start();
    let sentence =
        Session::start(format!("http://{nobody}").parse().unwrap(), ErrorPages::Xhtml).err().unwrap();
    assert!(sentence.contains("knows no instance"), "{sentence}");
}

#[test]
fn names_are_unique_and_every_fact_has_a_source() {
    let mut names: Vec<String> = all(&[]).into_iter().map(named).collect();
    names.extend(not_checkable(&[]).iter().map(|fact| format!("{}: {}", fact.group.name(), fact.name)));
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    assert!(all(&[]).iter().all(|check| !check.source.is_empty()));
    assert!(not_checkable(&[]).iter().all(|fact| !fact.source.is_empty() && !fact.reason.is_empty()));
}
