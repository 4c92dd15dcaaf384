//! Why a signature is not taken, and how each family of services says it (docs/keys.md).

use axum::http::StatusCode;

use crate::query::{self, Service};

/// AWS's own words for a signature that is not the one that was expected.
pub(super) const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check \
                                   your AWS Secret Access Key and signing method. Consult the service documentation for \
                                   details.";

/// Why a signature is not taken. Says nothing of any secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub(super) kind: Kind,
    pub(super) why: String,
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is none.
    Missing,
    /// It is not of the form of one.
    Incomplete,
    /// Nobody has this key, or the token of a session is not one that was issued.
    Unknown,
    /// It is not the signature of this request with this key.
    Mismatch,
    /// It was made too long ago.
    Late,
    /// It is made for later.
    Early,
    /// The session has ended.
    Ended,
}

impl Kind {
    pub(super) fn error(self, why: impl Into<String>) -> Error {
        Error { kind: self, why: why.into() }
    }

    /// Code and status: of EC2, and of all the others.
    fn codes(self) -> [(&'static str, StatusCode); 2] {
        const INCOMPLETE: (&str, StatusCode) = ("IncompleteSignature", StatusCode::BAD_REQUEST);
        const MISSING: (&str, StatusCode) = ("MissingAuthenticationToken", StatusCode::FORBIDDEN);
        const FAILURE: (&str, StatusCode) = ("AuthFailure", StatusCode::UNAUTHORIZED);
        const EXPIRED: (&str, StatusCode) = ("RequestExpired", StatusCode::BAD_REQUEST);
        const MISMATCH: (&str, StatusCode) = ("SignatureDoesNotMatch", StatusCode::FORBIDDEN);
        match self {
            Self::Missing => [MISSING, MISSING],
            Self::Incomplete => [INCOMPLETE, INCOMPLETE],
            Self::Unknown => [FAILURE, ("InvalidClientTokenId", StatusCode::FORBIDDEN)],
            Self::Mismatch => [FAILURE, MISMATCH],
            Self::Late | Self::Early => [EXPIRED, MISMATCH],
            Self::Ended => [EXPIRED, ("ExpiredToken", StatusCode::FORBIDDEN)],
        }
    }
}

impl Error {
    /// There is no signature.
    pub(crate) fn missing() -> Self {
        Kind::Missing.error("Request is missing Authentication Token")
    }

    /// Nobody has this key.
    pub(crate) fn unknown() -> Self {
        Kind::Unknown.error("The security token included in the request is invalid.")
    }

    /// The session has ended.
    pub(crate) fn ended() -> Self {
        Kind::Ended.error("The security token included in the request is expired")
    }

    /// As a service says it; EC2 tells less of what is wrong.
    pub(crate) fn of(&self, service: Option<Service>) -> query::Error {
        let [ec2, others] = self.kind.codes();
        let is_ec2 = service == Some(Service::Ec2);
        let (code, status) = if is_ec2 { ec2 } else { others };
        let message = match code {
            "AuthFailure" => "AWS was not able to validate the provided access credentials",
            "RequestExpired" => "Request has expired.",
            _ => &self.why,
        };
        query::Error { status, ..query::Error::new(code, message) }
    }
}
