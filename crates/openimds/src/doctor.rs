//! What is true of instance metadata on this machine: what was observed, and what follows from it.

mod observe;
mod proxy;
mod way;

use imds_core::finding::{
    CLOCK, CONNECTION_REFUSED, DISABLED_BY_VARIABLE, ENDPOINT_DISABLED, FORBIDDEN_HERE, Finding, Known,
    LAST_HOP, NO_ANSWER, NO_CONNECTION, NO_ROUTE, NO_TOKENS, NOBODY, OTHER_SERVICE, PROXY, PUT_FORBIDDEN,
    Severity, THROTTLED, TOKEN_REFUSED, TOO_FAR, V1_ANSWERS,
};
use serde::Serialize;

pub use observe::observe;
pub use way::Way;

/// How many seconds a clock may be off: AWS takes signatures for so long.
const CLOCK_TOLERANCE: i64 = 300;

/// What was seen, and not yet judged.
#[derive(Debug, Clone)]
pub struct Observations {
    /// Where was asked.
    pub endpoint: String,
    /// The connection.
    pub connection: Connection,
    /// Whether the IPv6 endpoint answers, where both addresses were tried.
    pub answers_ipv6: Option<bool>,
    /// How packets get there, where that can be known.
    pub way: Option<Way>,
    /// A GET without a token.
    pub plain: Option<Answer>,
    /// A PUT for a token.
    pub put: Option<Answer>,
    /// A GET with that token.
    pub with_token: Option<Answer>,
    /// Would the token have come one hop further?
    pub goes_further: Option<bool>,
    /// How many hops a token must travel to come here, if none came.
    pub hops: Option<u8>,
    /// The instance's id.
    pub instance: Option<String>,
    /// How many seconds this clock is ahead of the service's.
    pub clock: Option<i64>,
    /// Variables that lead to a proxy.
    pub proxies: Vec<&'static str>,
    /// Is `AWS_EC2_METADATA_DISABLED=true` set?
    pub is_disabled: bool,
}

/// What became of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Connection {
    /// There is one.
    Made,
    /// The other side refused it.
    Refused,
    /// There is no way there, or the name means nothing.
    Unreachable,
    /// This machine does not let it out.
    Forbidden,
    /// Nothing was heard.
    Silent,
}

/// What came back for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// Nothing in time, or an end without an answer.
    Nothing,
}

/// Is something so?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is.
    On,
    /// It is not.
    Off,
    /// Nobody can say.
    Unknown,
}

/// What is true, and what is wrong with it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where was asked.
    pub endpoint: String,
    /// The connection.
    pub connection: Connection,
    /// Whether the IPv6 endpoint answers, where both addresses were tried.
    pub ipv6: Option<bool>,
    /// How packets get there.
    pub way: Option<Way>,
    /// Are calls without a token answered?
    pub imdsv1: State,
    /// Does a token come, and is it taken?
    pub imdsv2: State,
    /// What came back.
    pub statuses: Statuses,
    /// Would a token come one hop further?
    pub token_goes_further: Option<bool>,
    /// How many hops a token must travel to come here, if none came.
    pub hops_needed: Option<u8>,
    /// The instance's id.
    pub instance_id: Option<String>,
    /// How many seconds this clock is ahead of the service's.
    pub clock_offset_seconds: Option<i64>,
    /// Variables that lead to a proxy.
    pub proxy_variables: Vec<&'static str>,
    /// What is wrong, the worst first.
    pub findings: Vec<&'static Finding>,
}

/// The statuses of what was asked. Nothing, if it was not asked, or no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Statuses {
    /// Of a GET without a token.
    pub without_token: Option<u16>,
    /// Of a PUT for a token.
    pub put: Option<u16>,
    /// Of a GET with the token.
    pub with_token: Option<u16>,
}

impl Report {
    /// Draws the conclusions.
    #[must_use]
    pub fn new(seen: Observations) -> Self {
        let mut findings = findings(&seen);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let imdsv1 = match seen.plain {
            Some(Answer::Status(200)) => State::On,
            Some(Answer::Status(401)) => State::Off,
            Some(Answer::Status(_) | Answer::Nothing) | None => State::Unknown,
        };
        let imdsv2 = match (seen.put, seen.with_token) {
            (Some(Answer::Status(200)), Some(Answer::Status(200))) => State::On,
            (None, _) => State::Unknown,
            (Some(Answer::Status(429 | 503)), _) | (_, Some(Answer::Status(429 | 503))) => State::Unknown,
            (Some(Answer::Status(_) | Answer::Nothing), _) => State::Off,
        };
        let status = |answer| match answer {
            Some(Answer::Status(status)) => Some(status),
            Some(Answer::Nothing) | None => None,
        };
        let statuses = Statuses {
            without_token: status(seen.plain),
            put: status(seen.put),
            with_token: status(seen.with_token),
        };
        Self {
            statuses,
            endpoint: seen.endpoint,
            connection: seen.connection,
            ipv6: seen.answers_ipv6,
            way: seen.way,
            imdsv1,
            imdsv2,
            token_goes_further: seen.goes_further,
            hops_needed: seen.hops,
            instance_id: seen.instance,
            clock_offset_seconds: seen.clock,
            proxy_variables: seen.proxies,
            findings,
        }
    }

    /// What cures can be filled in with.
    #[must_use]
    pub fn known(&self) -> Known {
        Known { instance: self.instance_id.clone(), hops: self.hops_needed }
    }

    /// Does anything not work?
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

fn findings(seen: &Observations) -> Vec<&'static Finding> {
    let mut findings = Vec::new();
    findings.extend(match seen.connection {
        Connection::Made => service(seen),
        Connection::Refused => Some(&CONNECTION_REFUSED),
        Connection::Unreachable => Some(&NO_ROUTE),
        Connection::Forbidden => Some(&FORBIDDEN_HERE),
        Connection::Silent => Some(&NO_CONNECTION),
    });
    if !seen.proxies.is_empty() {
        findings.push(&PROXY);
    }
    if seen.clock.is_some_and(|seconds| seconds.abs() > CLOCK_TOLERANCE) {
        findings.push(&CLOCK);
    }
    if seen.is_disabled {
        findings.push(&DISABLED_BY_VARIABLE);
    }
    if seen.plain == Some(Answer::Status(200)) && seen.instance.is_some() {
        findings.push(&V1_ANSWERS);
    }
    if seen.goes_further == Some(false) {
        findings.push(&LAST_HOP);
    }
    findings
}

/// What is wrong with a service that can be connected to.
fn service(seen: &Observations) -> Option<&'static Finding> {
    use Answer::{Nothing, Status};
    let (plain, put) = (seen.plain.unwrap_or(Nothing), seen.put.unwrap_or(Nothing));
    let with_token = seen.with_token.unwrap_or(Nothing);
    match (plain, put, with_token) {
        (Status(429 | 503), ..) | (_, Status(429 | 503), _) | (.., Status(429 | 503)) => Some(&THROTTLED),
        (Nothing, Nothing, _) => Some(&NO_ANSWER),
        (Status(200 | 401), Nothing, _) => Some(&TOO_FAR),
        (Status(403), Status(403) | Nothing, _) => Some(&ENDPOINT_DISABLED),
        (Status(404), Status(404), _) => Some(&NOBODY),
        (Status(200 | 401), Status(403), _) => Some(&PUT_FORBIDDEN),
        (Status(200), Status(404 | 405), _) => Some(&NO_TOKENS),
        (Status(200 | 401), Status(200), Status(200)) if seen.instance.is_some() => None,
        (Status(200 | 401), Status(200), Status(401)) => Some(&TOKEN_REFUSED),
        (Nothing, Status(200), _) | (Status(200 | 401), Status(200), Nothing) => Some(&NO_ANSWER),
        (Status(_), Status(_) | Nothing, _) | (Nothing, Status(_), _) => Some(&OTHER_SERVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::Answer::{Nothing, Status};
    use super::*;

    fn healthy() -> Observations {
        Observations {
            endpoint: "http://169.254.169.254".to_owned(),
            connection: Connection::Made,
            answers_ipv6: Some(false),
            way: None,
            plain: Some(Status(401)),
            put: Some(Status(200)),
            with_token: Some(Status(200)),
            goes_further: Some(true),
            hops: None,
            instance: Some("i-0123456789abcdef0".to_owned()),
            clock: Some(0),
            proxies: Vec::new(),
            is_disabled: false,
        }
    }

    fn ids(seen: Observations) -> Vec<&'static str> {
        Report::new(seen).findings.iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn where_imdsv2_alone_works_nothing_is_wrong() {
        assert_eq!(ids(healthy()), [""; 0]);
        assert!(!Report::new(healthy()).is_broken());
    }

    #[test]
    fn what_the_service_says_is_judged() {
        for (plain, put, with_token, expected) in [
            (Status(200), Status(200), Status(200), &["v1-answers"][..]),
            (Status(200), Nothing, Nothing, &["too-far", "v1-answers"]),
            (Status(401), Nothing, Nothing, &["too-far"]),
            (Status(403), Status(403), Nothing, &["endpoint-disabled"]),
            (Status(404), Status(404), Nothing, &["unknown-caller"]),
            (Status(401), Status(403), Nothing, &["put-forbidden"]),
            (Status(200), Status(404), Nothing, &["no-tokens", "v1-answers"]),
            (Status(401), Status(200), Status(401), &["token-refused"]),
            (Status(401), Status(200), Nothing, &["no-answer"]),
            (Nothing, Nothing, Nothing, &["no-answer"]),
            (Status(429), Status(429), Nothing, &["throttled"]),
            (Status(401), Status(503), Nothing, &["throttled"]),
            (Status(401), Status(200), Status(429), &["throttled"]),
            (Status(403), Status(405), Nothing, &["other-service"]),
            (Status(400), Status(404), Nothing, &["other-service"]),
            (Status(502), Nothing, Nothing, &["other-service"]),
        ] {
            let seen = Observations {
                plain: Some(plain),
                put: Some(put),
                with_token: Some(with_token),
                ..healthy()
            };
            assert_eq!(ids(seen), expected, "{plain:?} {put:?} {with_token:?}");
        }
        // A page of something else, with 200 for everything.
        let seen = Observations { plain: Some(Status(200)), instance: None, ..healthy() };
        assert_eq!(ids(seen), ["other-service"]);
    }

    #[test]
    fn what_is_around_is_judged() {
        for (connection, expected) in [
            (Connection::Refused, "connection-refused"),
            (Connection::Unreachable, "no-route"),
            (Connection::Forbidden, "forbidden-here"),
            (Connection::Silent, "no-connection"),
        ] {
            let seen = Observations { connection, plain: None, put: None, with_token: None, ..healthy() };
            let report = Report::new(seen);
            assert_eq!(report.findings[0].id, expected);
            assert!(report.is_broken());
            assert_eq!((report.imdsv1, report.imdsv2), (State::Unknown, State::Unknown));
        }
        assert_eq!(ids(Observations { proxies: vec!["HTTP_PROXY"], ..healthy() }), ["proxy"]);
        assert_eq!(ids(Observations { clock: Some(-301), ..healthy() }), ["clock"]);
        assert_eq!(ids(Observations { clock: Some(300), ..healthy() }), [""; 0]);
        let seen = Observations { is_disabled: true, goes_further: Some(false), ..healthy() };
        let report = Report::new(seen);
        assert_eq!(
            report.findings.iter().map(|finding| finding.id).collect::<Vec<_>>(),
            ["disabled-by-variable", "last-hop"]
        );
        assert!(!report.is_broken());
    }
}
