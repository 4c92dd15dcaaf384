//! The one place that says 400, 401, 403, 405, and why (wire.md decisions 3, 4, 6 and 8).

use crate::options::{HttpTokens, MetadataOptions, Switch};
use crate::request::{Header, Method, Request};
use crate::token::Ttl;

/// Where tokens are issued, to the byte.
pub const TOKEN_PATH: &[u8] = b"/latest/api/token";

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Issue a token.
    Issue(Ttl),
    /// Look the path up.
    Serve(Session),
    /// Say which methods there are.
    Describe(Allow),
    /// Refuse.
    Refuse(Refusal),
}

/// How a request that is served was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// IMDSv1: no token, and none needed.
    V1,
    /// IMDSv2.
    V2 {
        /// Seconds that the token has left, rounded up.
        left: u16,
    },
}

/// The methods of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allow {
    /// `OPTIONS, PUT`
    Token,
    /// `GET, HEAD, OPTIONS` [assumed]
    Metadata,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the TTL is missing, repeated, not a number or out of bounds.
    Ttl,
    /// 401: no token, and one is required.
    TokenMissing,
    /// 401: a token that does not open.
    TokenInvalid,
    /// 403: the instance's owner turned the service off.
    EndpointDisabled,
    /// 403: a name that is not the service's, where there are real credentials to be had.
    ForeignHost,
    /// 403: the request for a token came through a proxy.
    Forwarded,
    /// 403: a PUT somewhere else.
    PutElsewhere,
    /// 404: no instance is known at the address that asks.
    Stranger,
    /// 404: nothing is there.
    NotFound,
    /// The status that somebody set the path to.
    ByHand(u16),
    /// 405: not a method of this path.
    Method(Allow),
    /// 400: the target or the framing of the body is not HTTP's.
    Malformed,
    /// 408: the body did not come in time.
    BodyLate,
    /// 413: the body is longer than any request needs.
    BodyTooLong,
}

impl Refusal {
    /// The methods that there would be.
    #[must_use]
    pub fn allow(self) -> Option<Allow> {
        if let Self::Method(allow) = self { Some(allow) } else { None }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Ttl | Self::Malformed => 400,
            Self::TokenMissing | Self::TokenInvalid => 401,
            Self::EndpointDisabled | Self::ForeignHost | Self::Forwarded | Self::PutElsewhere => 403,
            Self::Stranger | Self::NotFound => 404,
            Self::ByHand(status) => status,
            Self::Method(_) => 405,
            Self::BodyLate => 408,
            Self::BodyTooLong => 413,
        }
    }
}

/// Decides, before the path is looked at for anything but the token's, so that a 401 tells nothing of what exists.
/// `open` opens a token and says how many seconds it has left.
pub fn decide(
    options: &MetadataOptions,
    request: &Request<'_>,
    open: impl FnOnce(&[u8]) -> Option<u16>,
) -> Decision {
    use Decision::{Describe, Issue, Refuse, Serve};
    if options.http_endpoint == Switch::Disabled {
        return Refuse(Refusal::EndpointDisabled);
    }
    let on_token_path = request.path == TOKEN_PATH;
    match (request.method, on_token_path) {
        (Method::Put, true) if request.forwarded => Refuse(Refusal::Forwarded),
        (Method::Put, true) => match request.ttl {
            Header::Once(text) => Ttl::parse(text).map_or(Refuse(Refusal::Ttl), Issue),
            Header::Absent | Header::Repeated => Refuse(Refusal::Ttl),
        },
        (Method::Options, true) => Describe(Allow::Token),
        (_, true) => Refuse(Refusal::Method(Allow::Token)),
        (Method::Put, false) => Refuse(Refusal::PutElsewhere),
        (Method::Options, false) => Describe(Allow::Metadata),
        (Method::Other, false) => Refuse(Refusal::Method(Allow::Metadata)),
        (Method::Get | Method::Head, false) => match (request.token, options.http_tokens) {
            (Header::Once(text), _) => {
                open(text).map_or(Refuse(Refusal::TokenInvalid), |left| Serve(Session::V2 { left }))
            }
            (Header::Repeated, _) => Refuse(Refusal::TokenInvalid),
            (Header::Absent, HttpTokens::Optional) => Serve(Session::V1),
            (Header::Absent, HttpTokens::Required) => Refuse(Refusal::TokenMissing),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Header::{Absent, Once, Repeated};
    use Method::{Get, Head, Options, Other, Put};

    const OPTIONAL: MetadataOptions = MetadataOptions {
        http_tokens: HttpTokens::Optional,
        http_put_response_hop_limit: crate::options::HopLimit::ONE,
        http_endpoint: Switch::Enabled,
        http_protocol_ipv6: Switch::Disabled,
        instance_metadata_tags: Switch::Disabled,
    };
    const REQUIRED: MetadataOptions = MetadataOptions { http_tokens: HttpTokens::Required, ..OPTIONAL };
    const DISABLED: MetadataOptions = MetadataOptions { http_endpoint: Switch::Disabled, ..OPTIONAL };

    /// The token `good` opens, nothing else does.
    fn decided(options: &MetadataOptions, request: &Request<'_>) -> Decision {
        decide(options, request, |text| (text == b"good").then_some(7))
    }

    fn request<'a>(method: Method, path: &'a str) -> Request<'a> {
        Request { method, path: path.as_bytes(), token: Absent, ttl: Absent, forwarded: false }
    }

    #[test]
    fn the_token_path_is_matched_to_the_byte() {
        let ttl = Once(b"21600");
        let put = |path| decided(&REQUIRED, &Request { ttl, ..request(Put, path) });
        assert_eq!(put("/latest/api/token"), Decision::Issue(Ttl::MAX));
        for elsewhere in [
            "/latest/api/token/",
            "/latest//api/token",
            "/latest/api/Token",
            "/2021-03-23/api/token",
            "/",
            "",
            "latest/api/token",
        ] {
            assert_eq!(put(elsewhere), Decision::Refuse(Refusal::PutElsewhere), "{elsewhere}");
        }
        for method in [Get, Head, Other] {
            assert_eq!(
                decided(&OPTIONAL, &request(method, "/latest/api/token")),
                Decision::Refuse(Refusal::Method(Allow::Token))
            );
        }
        assert_eq!(
            decided(&REQUIRED, &request(Options, "/latest/api/token")),
            Decision::Describe(Allow::Token)
        );
    }

    #[test]
    fn a_put_is_refused_for_its_proxy_before_its_ttl() {
        let put = request(Put, "/latest/api/token");
        assert_eq!(decided(&OPTIONAL, &put), Decision::Refuse(Refusal::Ttl));
        assert_eq!(decided(&OPTIONAL, &Request { ttl: Repeated, ..put }), Decision::Refuse(Refusal::Ttl));
        assert_eq!(decided(&OPTIONAL, &Request { ttl: Once(b"0"), ..put }), Decision::Refuse(Refusal::Ttl));
        assert_eq!(
            decided(&OPTIONAL, &Request { forwarded: true, ..put }),
            Decision::Refuse(Refusal::Forwarded)
        );
        let forwarded = Request { forwarded: true, ttl: Once(b"60"), ..put };
        assert_eq!(decided(&OPTIONAL, &forwarded), Decision::Refuse(Refusal::Forwarded));
    }

    #[test]
    fn a_get_needs_a_token_that_opens_or_none_where_none_is_required() {
        let v1 = Decision::Serve(Session::V1);
        let v2 = Decision::Serve(Session::V2 { left: 7 });
        let missing = Decision::Refuse(Refusal::TokenMissing);
        let invalid = Decision::Refuse(Refusal::TokenInvalid);
        for method in [Get, Head] {
            for (token, optional, required) in [
                (Absent, v1, missing),
                (Once(b"good".as_slice()), v2, v2),
                (Once(b"bad"), invalid, invalid),
                (Once(b""), invalid, invalid),
                (Repeated, invalid, invalid),
            ] {
                let request = Request { token, forwarded: true, ..request(method, "/latest/nothing") };
                assert_eq!(decided(&OPTIONAL, &request), optional, "{token:?}");
                assert_eq!(decided(&REQUIRED, &request), required, "{token:?}");
            }
        }
    }

    #[test]
    fn other_methods_are_not_allowed_with_or_without_a_token() {
        for token in [Absent, Once(b"good".as_slice())] {
            let post = Request { token, ..request(Other, "/latest/meta-data/") };
            assert_eq!(decided(&REQUIRED, &post), Decision::Refuse(Refusal::Method(Allow::Metadata)));
        }
        assert_eq!(decided(&REQUIRED, &request(Options, "/latest/")), Decision::Describe(Allow::Metadata));
    }

    #[test]
    fn a_disabled_endpoint_refuses_everything() {
        for method in [Get, Head, Put, Options, Other] {
            for path in ["/latest/api/token", "/latest/meta-data/", "/nowhere"] {
                assert_eq!(
                    decided(&DISABLED, &request(method, path)),
                    Decision::Refuse(Refusal::EndpointDisabled)
                );
            }
        }
    }
}
