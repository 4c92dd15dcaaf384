//! The answer to a request: who asks, what is decided, what is there.

use crate::access::{Allow, Decision, Refusal, Session, decide};
use crate::keyring::Keyring;
use crate::options::HopLimit;
use crate::request::Request;
use crate::token::{self, NONCE_LEN, Text, Ttl};
use crate::tree::{self, Value};
use crate::{Instance, Timestamp};

/// What goes back to the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A new token. Its packets may travel `hop_limit` hops, those of every other answer as far as they need.
    Token {
        /// The token.
        text: Text,
        /// The life that was asked for.
        ttl: Ttl,
        /// The instance's `HttpPutResponseHopLimit`.
        hop_limit: HopLimit,
    },
    /// Metadata.
    Metadata {
        /// A leaf or a listing.
        value: Value,
        /// How it was asked for.
        session: Session,
    },
    /// The methods of the path, and nothing else.
    Methods(Allow),
    /// An error.
    Refused(Refusal),
}

impl Answer {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Token { .. } | Self::Metadata { .. } | Self::Methods(_) => 200,
            Self::Refused(refusal) => refusal.status(),
        }
    }
}

/// Answers a request that `who` made at `now`. `nonce` is drawn only if a token is issued.
#[must_use]
pub fn answer(
    who: Option<&Instance>,
    request: &Request<'_>,
    keyring: &Keyring,
    now: Timestamp,
    nonce: impl FnOnce() -> [u8; NONCE_LEN],
) -> Answer {
    let Some(instance) = who else {
        return Answer::Refused(Refusal::Stranger);
    };
    let open = |text: &[u8]| token::open(keyring, &instance.id, text, now);
    match decide(&instance.options, request, open) {
        Decision::Issue(ttl) => Answer::Token {
            text: token::seal(keyring, &instance.id, ttl, now, nonce()),
            ttl,
            hop_limit: instance.options.http_put_response_hop_limit,
        },
        Decision::Serve(session) => match tree::find(instance, request.path, now) {
            Ok(value) => Answer::Metadata { value, session },
            Err(refusal) => Answer::Refused(refusal),
        },
        Decision::Describe(allow) => Answer::Methods(allow),
        Decision::Refuse(refusal) => Answer::Refused(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::HttpTokens;
    use crate::request::{Header, Method};
    use crate::testing::{keyring, launch, noon};
    use crate::tree::Content;

    fn asked<'a>(method: Method, path: &'a str, token: Header<'a>) -> Request<'a> {
        Request { method, path: path.as_bytes(), token, ttl: Header::Once(b"60"), forwarded: false }
    }

    #[test]
    fn the_story_401_a_token_and_the_instance_id() {
        let mut instance = launch().instance();
        instance.options.http_tokens = HttpTokens::Required;
        let answer_to =
            |request: &Request<'_>| answer(Some(&instance), request, &keyring(), noon(), || [5; 12]);
        let path = "/latest/meta-data/instance-id";
        let refused = answer_to(&asked(Method::Get, path, Header::Absent));
        assert_eq!((refused.status(), refused), (401, Answer::Refused(Refusal::TokenMissing)));
        let Answer::Token { text, hop_limit, .. } =
            answer_to(&asked(Method::Put, "/latest/api/token", Header::Absent))
        else {
            panic!("no token");
        };
        assert_eq!(hop_limit, HopLimit::ONE);
        let served = answer_to(&asked(Method::Get, path, Header::Once(text.expose())));
        let value = Value { body: "i-12345678901234567".into(), content: Content::Text };
        assert_eq!(served, Answer::Metadata { value, session: Session::V2 { left: 60 } });
    }

    #[test]
    fn a_stranger_learns_nothing_and_is_issued_nothing() {
        for method in [Method::Get, Method::Put, Method::Options] {
            let request = asked(method, "/latest/api/token", Header::Absent);
            let answered = answer(None, &request, &keyring(), noon(), || panic!("no nonce is drawn"));
            assert_eq!(answered, Answer::Refused(Refusal::Stranger));
        }
    }
}
