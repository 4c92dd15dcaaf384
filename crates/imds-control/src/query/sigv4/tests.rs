//! Signatures against AWS's own signer, against AWS's published examples, and against everybody who has no key.

mod hostile;
mod oracle;
mod published;

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use imds_core::Timestamp;

use super::error::Kind;
use super::{Error, Request, Signature, Signer};

/// The key of AWS's examples.
const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The moment of AWS's examples.
fn then() -> Timestamp {
    "2015-08-30T12:36:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { then() - by } else { then() + by }
}

/// A request as it came.
#[derive(Debug, Clone)]
struct Sent {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn new(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut sent = Self {
            method: method.parse().unwrap(),
            uri: uri.parse().unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        for (name, value) in headers {
            sent.headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        sent
    }

    /// As a client of ours signs it, at [`then`].
    fn signed(mut self) -> Self {
        let signer =
            Signer { access_key: KEY, secret: SECRET, token: None, region: "us-east-1", service: "sts" };
        signer.sign(&self.method, &self.uri, &mut self.headers, &self.body, then()).unwrap();
        self
    }

    fn request(&self) -> Request<'_> {
        Request { method: &self.method, uri: &self.uri, headers: &self.headers, body: &self.body }
    }

    fn verdict_with(&self, secret: &str, now: Timestamp) -> Result<Signature, Error> {
        let signature = Signature::read(&self.uri, &self.headers)?.ok_or_else(Error::missing)?;
        if signature.credential.access_key != KEY {
            return Err(Error::unknown());
        }
        signature.verify(&self.request(), secret, now).map(|()| signature)
    }

    /// What becomes of it at [`then`].
    fn verdict(&self) -> Result<Signature, Error> {
        self.verdict_with(SECRET, then())
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
}

/// A call of STS that is not signed yet.
fn call() -> Sent {
    let headers = [
        ("host", "127.0.0.1:1339"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("x-amz-meta", "a"),
    ];
    Sent::new("POST", "/?b=2&a=1", &headers, "Action=GetCallerIdentity&Version=2011-06-15")
}

/// What is wrong, for a refusal.
#[track_caller]
fn kind(verdict: Result<Signature, Error>) -> Kind {
    verdict.unwrap_err().kind
}

/// Numbers that look random, and are the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        // Knuth's constants for a linear congruence of 64 bits.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}
