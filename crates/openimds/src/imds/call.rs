//! A call that guests made, as the service tells it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use imds_core::audit::REMEMBERED;
pub use imds_core::audit::Version;
use serde::{Deserialize, Serialize};

use crate::admin::printable;

/// Where they are.
pub(crate) const WAY: &str = "/api/v1/calls";
/// Where nobody called, nothing is shown.
const UNCALLED: &str = "the service was not called at all: does the program go by AWS_EC2_METADATA_SERVICE_ENDPOINT, and \
                        ask for what is under test?";

/// A call that the service answered. It has no place for a token, a body or a query string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Call {
    /// Its number: later calls have higher ones.
    pub number: u64,
    /// When it came, by the service's clock: `2026-11-24T12:00:00.123456789Z`
    pub at: String,
    /// Whose metadata was asked for; `None` for an address that is nobody's.
    pub instance: Option<String>,
    /// The address that asked.
    pub source: IpAddr,
    /// `GET`
    pub method: String,
    /// The path without the query string, cut to 256 bytes; what is not ASCII is escaped.
    pub path: String,
    /// The HTTP status of the answer; 0 if a [fault](crate::Fault) left it without one.
    pub status: u16,
    /// IMDSv2, if a token came or one was asked for; else IMDSv1.
    pub version: Version,
    /// `User-Agent`, cut and escaped as the path; empty if there was none.
    pub user_agent: String,
    /// Microseconds from the whole header to the answer.
    pub micros: u64,
    /// The kind of the [fault](crate::Fault) that it met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// How many calls are named one by one.
const NAMED: usize = 20;

/// Why these do not show that nothing used IMDSv1, in one line, for who has been shown them. `reset` is how they are
/// forgotten, and `may_be_none` whether it is right that nobody called.
pub(crate) fn wrong(calls: &[Call], reset: &str, may_be_none: bool) -> Option<String> {
    if calls.is_empty() && may_be_none {
        return None;
    }
    why(calls, reset, |first, v1| {
        format!(
            "calls that were IMDSv1: {}, of {} in all; the first is number {}, {} {}",
            v1.len(),
            calls.len(),
            first.number,
            printable(&first.method),
            printable(&first.path)
        )
    })
}

/// The same, for who has not: with the calls.
pub(super) fn each_wrong(calls: &[Call], reset: &str) -> Option<String> {
    why(calls, reset, |_, v1| {
        let mut told = format!("{} of {} calls used IMDSv1:", v1.len(), calls.len());
        for call in v1.iter().take(NAMED) {
            told.push_str("\n  ");
            told.push_str(&named(call));
        }
        if let Some(more) = v1.len().checked_sub(NAMED).filter(|more| *more > 0) {
            told.push_str(&format!("\n  and {more} more"));
        }
        told
    })
}

fn named(call: &Call) -> String {
    let (method, path, version) = (printable(&call.method), printable(&call.path), call.version.as_str());
    let fault = call.fault.as_ref().map(|fault| format!(" fault:{fault}")).unwrap_or_default();
    // The user agent is what the program chose to send.
    format!("{method} {path} {} {version} {:?}{fault}", call.status, call.user_agent)
}

fn why(calls: &[Call], reset: &str, tell: impl Fn(&Call, &[&Call]) -> String) -> Option<String> {
    if calls.is_empty() {
        return Some(UNCALLED.to_owned());
    }
    let v1: Vec<&Call> = calls.iter().filter(|call| call.version == Version::V1).collect();
    if let Some(first) = v1.first() {
        return Some(tell(first, &v1));
    }
    let mut of: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for call in calls {
        *of.entry(call.instance.as_deref()).or_default() += 1;
    }
    let (most, _) = of.into_iter().find(|(_, count)| *count >= REMEMBERED)?;
    Some(format!(
        "{} may have made more calls than the {REMEMBERED} that are remembered, of which none was IMDSv1; use {reset} \
         before, or more often",
        most.map_or_else(|| "who is no instance".to_owned(), printable)
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A call with a path that would move a terminal's cursor.
    pub(crate) fn call(number: u64, instance: Option<&str>, version: Version) -> Call {
        Call {
            number,
            at: "2026-11-24T12:00:00Z".into(),
            instance: instance.map(str::to_owned),
            source: [10, 0, 0, 1].into(),
            method: "GET".into(),
            path: "/latest/\u{1b}[2J".into(),
            status: 200,
            version,
            user_agent: "curl/8".into(),
            micros: 12,
            fault: None,
        }
    }

    #[test]
    fn what_is_not_known_to_be_right_is_wrong() {
        let made = |count: u64, instance| (0..count).map(move |number| call(number, instance, Version::V2));
        assert_eq!(wrong(&[], "reset", true), None);
        assert!(wrong(&[], "reset", false).unwrap().starts_with("the service was not called at all: "));
        assert_eq!(
            wrong(&made(99, None).chain(made(99, Some("i-0000000a"))).collect::<Vec<_>>(), "reset", false),
            None
        );
        let told = wrong(&made(100, Some("i-0000000a")).collect::<Vec<_>>(), "reset", false).unwrap();
        assert!(told.starts_with("i-0000000a may have made more calls"), "{told}");
        let told = wrong(
            &made(3, None)
                .chain([call(9, None, Version::V1), call(10, None, Version::V1)])
                .collect::<Vec<_>>(),
            "reset",
            false,
        );
        assert_eq!(
            told.unwrap(),
            "calls that were IMDSv1: 2, of 5 in all; the first is number 9, GET /latest/\u{fffd}[2J"
        );
    }

    #[test]
    fn each_call_that_was_imdsv1_is_named_unless_they_are_many() {
        let mut calls = vec![call(0, None, Version::V2)];
        let mut more = |count: u64| {
            calls.extend((0..count).map(|number| call(number, None, Version::V1)));
            each_wrong(&calls, "reset").unwrap()
        };
        assert_eq!(more(1), "1 of 2 calls used IMDSv1:\n  GET /latest/\u{fffd}[2J 200 v1 \"curl/8\"");
        assert_eq!(more(19).lines().last(), Some("  GET /latest/\u{fffd}[2J 200 v1 \"curl/8\""));
        let told = more(1);
        assert_eq!((told.lines().count(), told.lines().last()), (22, Some("  and 1 more")));
        let struck =
            Call { user_agent: "\u{1b}\"".into(), fault: Some("drop".into()), ..call(0, None, Version::V1) };
        assert_eq!(named(&struck), "GET /latest/\u{fffd}[2J 200 v1 \"\\u{1b}\\\"\" fault:drop");
        let enough: Vec<_> = (0..100).map(|number| call(number, None, Version::V2)).collect();
        assert_eq!(each_wrong(&enough, "reset"), wrong(&enough, "reset", false));
    }
}
