//! From HTTP's request to the domain's.

use http::header::{CONNECTION, HeaderName, USER_AGENT};
use http::{HeaderMap, Method, Version, request::Parts};
use imds_core::access::Refusal;
use imds_core::audit;
use imds_core::request::{self, Header, Request};

static TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
static TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the answer depends on.
pub(crate) fn request(parts: &Parts) -> Request<'_> {
    Request {
        method: match parts.method {
            Method::GET => request::Method::Get,
            Method::HEAD => request::Method::Head,
            Method::PUT => request::Method::Put,
            Method::OPTIONS => request::Method::Options,
            _ => request::Method::Other,
        },
        path: parts.uri.path().as_bytes(),
        token: header(&parts.headers, &TOKEN),
        ttl: header(&parts.headers, &TTL),
        forwarded: parts.headers.contains_key(&FORWARDED_FOR),
    }
}

/// A target is a path, a whole URL, or `*`; only CONNECT has none but a host and a port, which the library lets pass.
pub(crate) fn check_target(parts: &Parts) -> Result<(), Refusal> {
    let is_authority = parts.uri.scheme().is_none() && parts.uri.authority().is_some();
    if is_authority && parts.method != Method::CONNECT { Err(Refusal::Malformed) } else { Ok(()) }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Header<'a> {
    Header::from_values(headers.get_all(name).iter().map(http::HeaderValue::as_bytes))
}

/// Which version of the service it speaks: the presence of either header says so.
pub(crate) fn version(request: &Request<'_>) -> audit::Version {
    if request.token == Header::Absent && request.ttl == Header::Absent {
        audit::Version::V1
    } else {
        audit::Version::V2
    }
}

/// `User-Agent`, or nothing.
pub(crate) fn user_agent(parts: &Parts) -> &[u8] {
    parts.headers.get(USER_AGENT).map_or(&[], http::HeaderValue::as_bytes)
}

/// Does the client ask that the connection stays open? EC2 closes unless it does (wire.md 1.4).
pub(crate) fn is_kept(parts: &Parts) -> bool {
    let mut kept = false;
    for value in parts.headers.get_all(CONNECTION) {
        for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                return false;
            }
            kept |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    kept && parts.version != Version::HTTP_10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut builder = http::Request::builder().uri("/latest/x/?token=AQAEA");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn headers_are_told_apart_by_their_number_and_the_query_is_gone() {
        let parts = parts(&[
            ("X-AWS-EC2-Metadata-Token", "a"),
            ("x-aws-ec2-metadata-token-ttl-seconds", "1"),
            ("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "2"),
        ]);
        let request = request(&parts);
        assert_eq!(request.path, b"/latest/x/");
        assert_eq!((request.token, request.ttl), (Header::Once(b"a"), Header::Repeated));
        assert_eq!(version(&request), audit::Version::V2);
    }

    #[test]
    fn a_target_that_is_only_a_host_is_malformed() {
        for (method, target, is_good) in [
            ("GET", "/latest", true),
            ("GET", "http://169.254.169.254/latest", true),
            ("OPTIONS", "*", true),
            ("CONNECT", "x:80", true),
            ("GET", "latest", false),
            ("GET", "x:80", false),
        ] {
            let request = http::Request::builder().method(method).uri(target).body(()).unwrap();
            assert_eq!(check_target(&request.into_parts().0).is_ok(), is_good, "{method} {target}");
        }
    }

    #[test]
    fn a_connection_is_kept_only_when_asked_for() {
        for (value, kept) in [
            ("keep-alive", true),
            ("Keep-Alive", true),
            ("TE, keep-alive", true),
            ("close", false),
            ("keep-alive, close", false),
            ("upgrade", false),
        ] {
            assert_eq!(is_kept(&parts(&[("connection", value)])), kept, "{value}");
        }
        assert!(!is_kept(&parts(&[])));
        let mut old = parts(&[("connection", "keep-alive")]);
        old.version = Version::HTTP_10;
        assert!(!is_kept(&old));
    }
}
