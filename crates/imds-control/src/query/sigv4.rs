//! AWS Signature Version 4: whose key a request is signed with, and whether it is (AWS General Reference, "Signing AWS API
//! requests"). In the `Authorization` header, or in the query string.

mod canonical;
mod error;
mod read;
mod sign;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, HeaderName, Method, Uri};
use imds_core::Timestamp;
use imds_core::credentials::Secret;

pub(crate) use error::Error;
pub use sign::Signer;

use error::Kind;

/// The one algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What every scope ends with.
const TERMINATOR: &str = "aws4_request";
/// How far a clock may be off, either way.
const SKEW: Duration = Duration::from_secs(15 * 60);
/// The only header of AWS's own that clients send without having signed it, beside a signature of the query string.
const UNSIGNED: &str = "x-amz-user-agent";

static DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// The header with the token of temporary keys.
pub(crate) static TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What a signature covers.
#[derive(Clone, Copy)]
pub(crate) struct Request<'r> {
    /// `POST`
    pub(crate) method: &'r Method,
    /// Path and query.
    pub(crate) uri: &'r Uri,
    /// All headers.
    pub(crate) headers: &'r HeaderMap,
    /// The whole body.
    pub(crate) body: &'r [u8],
}

/// A signature as it came. Nothing of it is true before it is verified.
#[derive(Debug)]
pub(crate) struct Signature {
    /// Whose key it names, and what for.
    pub(crate) credential: Credential,
    /// The token of temporary keys.
    pub(crate) token: Option<Secret>,
    /// Names of headers, in small letters and in order.
    signed: Vec<String>,
    /// Hexadecimal digits, if it is a good one.
    value: String,
    /// When it was made.
    at: Timestamp,
    /// For how many seconds it is good, if it came in the query string.
    expires: Option<u32>,
}

/// `AKID/20150830/us-east-1/ec2/aws4_request`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    /// The id of the access key.
    pub(crate) access_key: String,
    /// The day, `20150830`.
    date: String,
    /// The region.
    pub(crate) region: String,
    /// The service, by the name that it has in scopes.
    pub(crate) service: String,
}

impl Credential {
    /// Reads what a signature names as its credential.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        read::credential(text)
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// Does the query string say that it is signed?
pub(crate) fn is_signed(uri: &Uri) -> bool {
    read::Query::of(uri).is_signed()
}

/// `20150830T123600Z`
fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

impl Signature {
    /// Reads the signature of a request; `None` if there is none.
    ///
    /// # Errors
    /// When there is something that is not one, or more than one.
    pub(crate) fn read(uri: &Uri, headers: &HeaderMap) -> Result<Option<Self>, Error> {
        read::signature(uri, headers)
    }

    /// Did it come in the query string?
    pub(crate) fn is_in_query(&self) -> bool {
        self.expires.is_some()
    }

    /// Is the request signed with this secret, all of it that matters, and just now?
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), Error> {
        self.check_date(now)?;
        self.check_headers(request.headers)?;
        let hash = canonical::payload_hash(request.body);
        check_payload(request.headers, &hash)?;
        let canonical = canonical::request(request, &self.signed, self.is_in_query(), &hash);
        let expected = sign::value(secret, &self.credential, &stamp(self.at), &canonical);
        verify_slices_are_equal(expected.as_bytes(), self.value.as_bytes())
            .map_err(|_| Kind::Mismatch.error(error::MISMATCH))
    }

    fn check_date(&self, now: Timestamp) -> Result<(), Error> {
        let at = stamp(self.at);
        let (day, scope) = (at.get(..8).unwrap_or_default(), &self.credential.date);
        if day != scope {
            return Err(Kind::Mismatch.error(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope}' != \
                 '{day}', from '{at}'."
            )));
        }
        let (early, late) = (moved(now, SKEW, false), moved(now, SKEW, true));
        if self.at > late {
            let (late, now) = (stamp(late), stamp(now));
            return Err(Kind::Early.error(format!(
                "Signature not yet current: {at} is still later than {late} ({now} + 15 min.)"
            )));
        }
        match self.expires {
            None if self.at < early => {
                let (early, now) = (stamp(early), stamp(now));
                Err(Kind::Late
                    .error(format!("Signature expired: {at} is now earlier than {early} ({now} - 15 min.)")))
            }
            // AWS's own words for these are not known. [assumed]
            Some(seconds) if now > moved(self.at, Duration::from_secs(seconds.into()), true) => {
                let now = stamp(now);
                Err(Kind::Late
                    .error(format!("Signature expired: {at} + {seconds} s. is now earlier than {now}")))
            }
            None | Some(_) => Ok(()),
        }
    }

    /// `host` must be signed, and all that is for AWS alone.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Error> {
        let is_signed = |name: &str| self.signed.binary_search_by(|signed| (**signed).cmp(name)).is_ok();
        if !is_signed("host") {
            let why = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
            return Err(Kind::Mismatch.error(why));
        }
        let names = headers.keys().map(HeaderName::as_str);
        let mut own = names.filter(|name| name.starts_with("x-amz-") && *name != UNSIGNED);
        if let Some(name) = own.find(|name| !is_signed(name)) {
            let why = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
            return Err(Kind::Mismatch.error(why));
        }
        match self.signed.iter().find(|name| !headers.contains_key(name.as_str())) {
            Some(name) => Err(Kind::Mismatch.error(format!("The signed header '{name}' did not come."))),
            None => Ok(()),
        }
    }
}

/// The hash that a client gives of its body must be that of its body. It need not give one.
fn check_payload(headers: &HeaderMap, hash: &str) -> Result<(), Error> {
    for given in headers.get_all("x-amz-content-sha256") {
        if given == "UNSIGNED-PAYLOAD" {
            return Err(
                Kind::Mismatch.error("UNSIGNED-PAYLOAD is not accepted here: the body must be signed")
            );
        }
        if given != hash {
            let why = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            return Err(Kind::Mismatch.error(why));
        }
    }
    Ok(())
}

/// A time earlier, or later; where time ends, its end.
fn moved(at: Timestamp, by: Duration, is_later: bool) -> Timestamp {
    match is_later {
        true => at.checked_add(by).unwrap_or(Timestamp::MAX),
        false => at.checked_sub(by).unwrap_or(Timestamp::MIN),
    }
}
