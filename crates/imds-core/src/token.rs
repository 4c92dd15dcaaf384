//! The session token: 40 bytes, sealed, bound to one instance, held by nobody (wire.md decision 5).
//!
//! ```text
//! 01 00 04 00 | key id 2 | nonce 12 | sealed expiry 6 | tag 16      as URL-safe base64 with padding: 56 characters
//! ```
//! The expiry is in milliseconds since 1970, big-endian. The first six bytes and the instance id are the associated
//! data, so that a token is worthless on any other instance.

use std::fmt;

use aws_lc_rs::aead::{Aad, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use crate::Timestamp;
use crate::id::InstanceId;
use crate::keyring::Keyring;
pub use crate::ttl::Ttl;

/// Characters of a token.
pub const TEXT_LEN: usize = 56;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 12;

const PREFIX: [u8; 4] = [1, 0, 4, 0];
const NONCE_AT: usize = 6;
const EXPIRY_AT: usize = NONCE_AT + NONCE_LEN;
const TAG_AT: usize = EXPIRY_AT + 6;
const LEN: usize = TAG_AT + 16;

/// A token as it is written, which does not print itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text([u8; TEXT_LEN]);

impl Text {
    /// The 56 characters, for the one who asked for them.
    #[must_use]
    pub fn expose(&self) -> &[u8; TEXT_LEN] {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Seals a token for `instance` that lives for `ttl` from `now`. The nonce should be random; should one ever come
/// twice, AES-GCM-SIV shows no more than that two expiries are the same.
///
/// # Panics
/// Never: the cipher takes six bytes.
#[must_use]
#[allow(clippy::expect_used)]
pub fn seal(
    keyring: &Keyring,
    instance: &InstanceId,
    ttl: Ttl,
    now: Timestamp,
    nonce: [u8; NONCE_LEN],
) -> Text {
    let key = keyring.current();
    let expires = now.as_millisecond() + i64::from(ttl.seconds()) * 1000;
    let mut bytes = [0; LEN];
    bytes[..4].copy_from_slice(&PREFIX);
    bytes[4..NONCE_AT].copy_from_slice(&key.id().to_be_bytes());
    bytes[NONCE_AT..EXPIRY_AT].copy_from_slice(&nonce);
    bytes[EXPIRY_AT..TAG_AT].copy_from_slice(&expires.to_be_bytes()[2..]);
    let bound = associated(&bytes, instance);
    let tag = key
        .cipher()
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound.bytes()),
            &mut bytes[EXPIRY_AT..TAG_AT],
        )
        .expect("six bytes are not too long to seal");
    bytes[TAG_AT..].copy_from_slice(tag.as_ref());
    let mut text = [0; TEXT_LEN];
    URL_SAFE.encode_slice(bytes, &mut text).expect("40 bytes are 56 characters");
    Text(text)
}

/// Opens a token that came with a request to `instance`: the seconds that it has left, rounded up, or `None` if it
/// was never issued for this instance, was altered, or has expired.
#[must_use]
pub fn open(keyring: &Keyring, instance: &InstanceId, text: &[u8], now: Timestamp) -> Option<u16> {
    // Before any work on what a stranger sent.
    if text.len() != TEXT_LEN {
        return None;
    }
    let mut bytes = [0; LEN + 2];
    let length = URL_SAFE.decode_slice(text, &mut bytes).ok()?;
    let bytes = <&mut [u8; LEN]>::try_from(bytes.get_mut(..length)?).ok()?;
    if bytes[..4] != PREFIX {
        return None;
    }
    let key = keyring.key(u16::from_be_bytes([bytes[4], bytes[5]]))?;
    let nonce = Nonce::try_assume_unique_for_key(&bytes[NONCE_AT..EXPIRY_AT]).ok()?;
    let bound = associated(bytes, instance);
    let expiry = key.cipher().open_in_place(nonce, Aad::from(bound.bytes()), &mut bytes[EXPIRY_AT..]).ok()?;
    let expires = expiry.iter().fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    let left = expires - now.as_millisecond();
    if left <= 0 { None } else { u16::try_from((left + 999) / 1000).ok() }
}

/// The associated data, without an allocation.
struct Associated {
    buffer: [u8; NONCE_AT + 32],
    length: usize,
}

impl Associated {
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

fn associated(token: &[u8; LEN], instance: &InstanceId) -> Associated {
    let id = instance.as_str().as_bytes();
    let mut buffer = [0; NONCE_AT + 32];
    buffer[..NONCE_AT].copy_from_slice(&token[..NONCE_AT]);
    // An instance id has 19 characters at most, by its type.
    buffer[NONCE_AT..NONCE_AT + id.len()].copy_from_slice(id);
    Associated { buffer, length: NONCE_AT + id.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{keyring, noon};
    use jiff::SignedDuration;

    fn id() -> InstanceId {
        "i-12345678901234567".parse().unwrap()
    }

    fn sealed(seconds: u16) -> Text {
        seal(&keyring(), &id(), Ttl::parse(seconds.to_string().as_bytes()).unwrap(), noon(), [9; 12])
    }

    #[test]
    fn the_text_has_ec2s_form_and_stays_the_same_over_releases() {
        let text = sealed(21_600);
        let text = std::str::from_utf8(text.expose()).unwrap();
        assert_eq!(text, "AQAEAAABCQkJCQkJCQkJCQkJ6r1gIMZ1G-wEfeNIH-__jW_nHryL_g==");
    }

    #[test]
    fn it_opens_until_its_last_millisecond_and_rounds_up() {
        let text = sealed(60);
        let open_at =
            |millis| open(&keyring(), &id(), text.expose(), noon() + SignedDuration::from_millis(millis));
        assert_eq!(open_at(0), Some(60));
        assert_eq!(open_at(1), Some(60));
        assert_eq!(open_at(1_000), Some(59));
        assert_eq!(open_at(59_999), Some(1));
        assert_eq!(open_at(60_000), None);
    }

    #[test]
    fn any_change_makes_it_worthless() {
        let text = *sealed(60).expose();
        let other = |c: u8| if c == b'A' { b'B' } else { b'A' };
        for at in 0..TEXT_LEN {
            let mut altered = text;
            altered[at] = other(altered[at]);
            assert_eq!(open(&keyring(), &id(), &altered, noon()), None, "character {at}");
            assert_eq!(open(&keyring(), &id(), &text[..at], noon()), None, "cut at {at}");
        }
        // Another spelling of the same bytes: bits behind the last one.
        let mut spelt = text;
        let last = TEXT_LEN - 3;
        spelt[last] = match spelt[last] {
            b'A' => b'B',
            b'Q' => b'R',
            b'g' => b'h',
            _ => b'x',
        };
        assert_eq!(open(&keyring(), &id(), &spelt, noon()), None);
        assert_eq!(open(&keyring(), &id(), &[0xff; TEXT_LEN], noon()), None);
        assert_eq!(open(&keyring(), &id(), &[b'='; TEXT_LEN], noon()), None);
    }

    #[test]
    fn it_belongs_to_one_instance_and_one_keyring() {
        let text = sealed(60);
        let stranger = "i-0123456789abcdef0".parse().unwrap();
        assert_eq!(open(&keyring(), &stranger, text.expose(), noon()), None);
        assert_eq!(open(&Keyring::new(&[8; 32]), &id(), text.expose(), noon()), None);
        let rotated = keyring().rotated(&[8; 32], noon());
        assert_eq!(open(&rotated, &id(), text.expose(), noon()), Some(60));
        assert_eq!(format!("{text:?}"), "Token(…)");
    }
}
