//! What an instance is answered at a path, seen from outside: by IMDSv1 and by IMDSv2.

use std::fmt;

use crate::answer::{Answer, answer};
use crate::keyring::Keyring;
use crate::request::{Header, Method, Request};
use crate::token::NONCE_LEN;
use crate::{Instance, Timestamp};

/// The two answers, which a guest who asks now would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// To a plain request.
    pub v1: Side,
    /// To one with a token; where no token is given, what the request for one gets.
    pub v2: Side,
}

/// One answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Side {
    /// The HTTP status.
    pub status: u16,
    /// What metadata it has, if it has any.
    pub body: Option<Vec<u8>>,
}

/// Without the body, which may hold keys.
impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.body.as_ref().map(Vec::len);
        f.debug_struct("Side").field("status", &self.status).field("length", &length).finish()
    }
}

/// What `instance` is answered at `path`. `nonce` is drawn once, for the token that this takes.
#[must_use]
pub fn of(
    instance: &Instance,
    path: &[u8],
    keyring: &Keyring,
    now: Timestamp,
    nonce: impl FnOnce() -> [u8; NONCE_LEN],
) -> View {
    let put = Request {
        method: Method::Put,
        path: crate::access::TOKEN_PATH,
        token: Header::Absent,
        ttl: Header::Once(b"60"),
        forwarded: false,
    };
    // These calls need no token, or bring one: none draws a nonce but the first.
    let plain = |request: &Request<'_>| answer(Some(instance), request, keyring, now, || [0; NONCE_LEN]);
    let v2 = match answer(Some(instance), &put, keyring, now, nonce) {
        Answer::Token { text, .. } => plain(&get(path, Header::Once(text.expose()))),
        refused @ (Answer::Metadata { .. } | Answer::Methods(_) | Answer::Refused(_)) => refused,
    };
    View { v1: side(plain(&get(path, Header::Absent))), v2: side(v2) }
}

fn get<'r>(path: &'r [u8], token: Header<'r>) -> Request<'r> {
    Request { method: Method::Get, path, token, ttl: Header::Absent, forwarded: false }
}

fn side(answer: Answer) -> Side {
    let status = answer.status();
    let body = match answer {
        Answer::Metadata { value, .. } => Some(value.body.to_vec()),
        Answer::Token { .. } | Answer::Methods(_) | Answer::Refused(_) => None,
    };
    Side { status, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{HttpTokens, Switch};
    use crate::testing::{keyring, launch, noon};

    #[test]
    fn both_versions_are_answered_as_the_options_say() {
        let id = Some(b"i-12345678901234567".to_vec());
        for (tokens, endpoint, path, v1, v2) in [
            (HttpTokens::Optional, Switch::Enabled, "/latest/meta-data/instance-id", (200, &id), (200, &id)),
            (
                HttpTokens::Required,
                Switch::Enabled,
                "/latest/meta-data/instance-id",
                (401, &None),
                (200, &id),
            ),
            (HttpTokens::Required, Switch::Enabled, "/latest/nothing", (401, &None), (404, &None)),
            (HttpTokens::Optional, Switch::Disabled, "/latest/meta-data/", (403, &None), (403, &None)),
        ] {
            let mut instance = launch().instance();
            (instance.options.http_tokens, instance.options.http_endpoint) = (tokens, endpoint);
            let view = of(&instance, path.as_bytes(), &keyring(), noon(), || [3; NONCE_LEN]);
            assert_eq!((view.v1.status, &view.v1.body), v1, "{tokens:?} {path}");
            assert_eq!((view.v2.status, &view.v2.body), v2, "{tokens:?} {path}");
            assert!(!format!("{view:?}").contains("i-1") && !format!("{view:?}").contains("105, 45"));
        }
    }
}
