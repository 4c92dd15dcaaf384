//! Sessions of roles: temporary keys that are issued and known again, and kept by nobody (STS API Reference, `AssumeRole`).
//!
//! The session token holds what it is for, sealed; access key id and secret key follow from it and the issuer's secret. So
//! whatever was issued is known after a restart, and nothing of it has to be stored.
//!
//! ```text
//! 02 | nonce 12 | sealed: issued 8, expires 8, and account, role id, role, session name, each after its length 1 | tag 16
//! ```
//! Times are in seconds since 1970, big-endian. The access key id is associated data: a token is worthless with another.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Timestamp;
use crate::credentials::{Credentials, Secret};
use crate::id::{AccountId, unique};

/// Bytes of an issuer's secret.
pub const SECRET_LEN: usize = 32;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 12;

const VERSION: u8 = 2;
const HEAD_LEN: usize = 1 + NONCE_LEN;
/// Characters of a token that are looked at: every one that was issued is far shorter.
const LIMIT: usize = 2_048;

/// Who has temporary keys, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The account of the role.
    pub account: AccountId,
    /// The role's name.
    pub role: String,
    /// `AROA…`
    pub role_id: String,
    /// The session's name: of an instance's own keys, the instance's id.
    pub name: String,
    /// When the keys were issued.
    pub issued: Timestamp,
    /// When they end.
    pub expires: Timestamp,
}

impl Session {
    /// `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`
    #[must_use]
    pub fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:sts::{}:assumed-role/{}/{}", self.account, self.role, self.name)
    }

    /// `AROA…:SESSION`, the `UserId` and `AssumedRoleId` of STS.
    #[must_use]
    pub fn user_id(&self) -> String {
        format!("{}:{}", self.role_id, self.name)
    }
}

/// Why keys are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// They were not issued here, or altered.
    #[error("the security token included in the request is invalid")]
    Invalid,
    /// They have ended.
    #[error("the security token included in the request is expired")]
    Expired,
}

/// Issues temporary keys, and knows them again.
pub struct Issuer {
    cipher: LessSafeKey,
    derive: hmac::Key,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer(…)")
    }
}

impl Issuer {
    /// An issuer with this secret.
    ///
    /// # Panics
    /// Never: what is derived has the length that the cipher needs.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn new(secret: &[u8; SECRET_LEN]) -> Self {
        let root = hmac::Key::new(HMAC_SHA256, secret);
        let seal = hmac::sign(&root, b"seal");
        let cipher = UnboundKey::new(&AES_256_GCM_SIV, seal.as_ref()).expect("an AES-256 key has 32 bytes");
        let derive = hmac::Key::new(HMAC_SHA256, hmac::sign(&root, b"derive").as_ref());
        Self { cipher: LessSafeKey::new(cipher), derive }
    }

    /// Keys of a session. The nonce should be random; the same one with the same session gives the same keys.
    ///
    /// # Panics
    /// Never: the cipher takes so few bytes.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn issue(&self, session: &Session, nonce: [u8; NONCE_LEN]) -> Credentials {
        let mut sealed = Vec::new();
        sealed.extend(session.issued.as_second().to_be_bytes());
        sealed.extend(session.expires.as_second().to_be_bytes());
        for text in [session.account.as_str(), &session.role_id, &session.role, &session.name] {
            let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
            sealed.push(length);
            sealed.extend(&text.as_bytes()[..usize::from(length)]);
        }
        let access_key_id = self.access_key_id(&nonce);
        let bound = Aad::from(access_key_id.as_bytes());
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
            .expect("some hundred bytes are not too long to seal");
        let token = STANDARD.encode([&[VERSION][..], &nonce, &sealed].concat());
        Credentials {
            secret_access_key: self.secret_access_key(&token),
            access_key_id,
            session_token: Secret::new(token),
            issued: Some(session.issued),
            expiration: Some(session.expires),
        }
    }

    /// Whose keys these are, and their secret key.
    ///
    /// # Errors
    /// When they were not issued here, or have ended.
    pub fn open(
        &self,
        access_key_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<(Session, Secret), Refused> {
        // Before any work on what a stranger sent.
        if token.len() > LIMIT {
            return Err(Refused::Invalid);
        }
        let mut bytes = STANDARD.decode(token).map_err(|_| Refused::Invalid)?;
        let (head, sealed) = bytes.split_at_mut_checked(HEAD_LEN).ok_or(Refused::Invalid)?;
        let nonce = <[u8; NONCE_LEN]>::try_from(&head[1..]).map_err(|_| Refused::Invalid)?;
        if head[0] != VERSION || self.access_key_id(&nonce) != access_key_id {
            return Err(Refused::Invalid);
        }
        let bound = Aad::from(access_key_id.as_bytes());
        let opened = self.cipher.open_in_place(Nonce::assume_unique_for_key(nonce), bound, sealed);
        let session = opened.ok().and_then(|bytes| read(bytes)).ok_or(Refused::Invalid)?;
        if session.expires <= now {
            return Err(Refused::Expired);
        }
        Ok((session, self.secret_access_key(token)))
    }

    /// `ASIA` and 16 of the letters and digits that AWS uses.
    fn access_key_id(&self, nonce: &[u8; NONCE_LEN]) -> String {
        let mut context = hmac::Context::with_key(&self.derive);
        context.update(b"access-key-id");
        context.update(nonce);
        let tag = context.sign();
        unique("ASIA", &tag.as_ref()[..16])
    }

    /// 40 characters.
    fn secret_access_key(&self, token: &str) -> Secret {
        let mut context = hmac::Context::with_key(&self.derive);
        context.update(b"secret-access-key");
        context.update(token.as_bytes());
        Secret::new(STANDARD.encode(&context.sign().as_ref()[..30]))
    }
}

fn read(mut bytes: &[u8]) -> Option<Session> {
    let mut second = || {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        bytes = rest;
        Timestamp::from_second(i64::from_be_bytes(*number)).ok()
    };
    let (issued, expires) = (second()?, second()?);
    let mut text = || {
        let (length, rest) = bytes.split_first()?;
        let (text, rest) = rest.split_at_checked(usize::from(*length))?;
        bytes = rest;
        std::str::from_utf8(text).ok()
    };
    let (account, role_id, role, name) = (text()?, text()?, text()?, text()?);
    Some(Session {
        account: account.parse().ok()?,
        role: role.to_owned(),
        role_id: role_id.to_owned(),
        name: name.to_owned(),
        issued,
        expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noon;
    use jiff::SignedDuration;

    fn session() -> Session {
        Session {
            account: "123456789012".parse().unwrap(),
            role: "web".into(),
            role_id: "AROAEXAMPLE0000000000".into(),
            name: "i-12345678901234567".into(),
            issued: noon(),
            expires: noon() + SignedDuration::from_hours(6),
        }
    }

    #[test]
    fn what_was_issued_is_known_again_until_it_ends() {
        let issuer = Issuer::new(&[1; 32]);
        let keys = issuer.issue(&session(), [2; 12]);
        assert!(keys.access_key_id.starts_with("ASIA") && keys.access_key_id.len() == 20);
        assert_eq!(keys.secret_access_key.expose().len(), 40);
        let again = Issuer::new(&[1; 32]);
        let open = |at| again.open(&keys.access_key_id, keys.session_token.expose(), at);
        let (found, secret) = open(noon()).unwrap();
        assert_eq!((&found, &secret), (&session(), &keys.secret_access_key));
        assert_eq!(found.arn("aws-cn"), "arn:aws-cn:sts::123456789012:assumed-role/web/i-12345678901234567");
        assert_eq!(found.user_id(), "AROAEXAMPLE0000000000:i-12345678901234567");
        assert!(open(session().expires - SignedDuration::from_secs(1)).is_ok());
        assert_eq!(open(session().expires), Err(Refused::Expired));
        assert_ne!(issuer.issue(&session(), [3; 12]).access_key_id, keys.access_key_id);
    }

    #[test]
    fn what_was_altered_or_issued_elsewhere_is_refused() {
        let issuer = Issuer::new(&[1; 32]);
        let keys = issuer.issue(&session(), [2; 12]);
        let (id, token) = (keys.access_key_id.as_str(), keys.session_token.expose());
        let refused = |issuer: &Issuer, id: &str, token: &str| issuer.open(id, token, noon()).unwrap_err();
        assert_eq!(refused(&Issuer::new(&[9; 32]), id, token), Refused::Invalid);
        assert_eq!(refused(&issuer, "ASIAAAAAAAAAAAAAAAAA", token), Refused::Invalid);
        assert_eq!(
            refused(&issuer, &issuer.issue(&session(), [3; 12]).access_key_id, token),
            Refused::Invalid
        );
        for bad in ["", "x", "AAAA", &"A".repeat(64), &"A".repeat(1 << 20), "é"] {
            assert_eq!(refused(&issuer, id, bad), Refused::Invalid);
        }
        let bytes = STANDARD.decode(token).unwrap();
        for index in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[index] ^= 1;
            assert_eq!(refused(&issuer, id, &STANDARD.encode(altered)), Refused::Invalid, "{index}");
            assert_eq!(refused(&issuer, id, &STANDARD.encode(&bytes[..index])), Refused::Invalid, "{index}");
        }
    }

    #[test]
    fn an_issuer_does_not_print() {
        assert_eq!(format!("{:?}", Issuer::new(&[1; 32])), "Issuer(…)");
    }
}
