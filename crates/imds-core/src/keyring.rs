//! The keys that seal tokens: one current, and those before it for as long as a token of theirs may live.

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
use jiff::SignedDuration;
use zeroize::Zeroizing;

use crate::Timestamp;
use crate::ttl::Ttl;

/// Bytes of a key's secret.
pub const SECRET_LEN: usize = 32;

/// A key, ready for use.
pub struct Key {
    id: u16,
    secret: Zeroizing<[u8; SECRET_LEN]>,
    replaced: Option<Timestamp>,
    cipher: LessSafeKey,
}

impl Key {
    /// A key from its stored parts; `replaced` is when a newer one took its place, by the machine's clock: a keyring is
    /// rotated while no service runs, and shared by replicas, each of which may have a clock of its own.
    ///
    /// # Panics
    /// Never: the secret has the length that the cipher needs.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn new(id: u16, secret: &[u8; SECRET_LEN], replaced: Option<Timestamp>) -> Self {
        let cipher = UnboundKey::new(&AES_256_GCM_SIV, secret).expect("an AES-256 key has 32 bytes");
        Self { id, secret: Zeroizing::new(*secret), replaced, cipher: LessSafeKey::new(cipher) }
    }

    /// Its number, which tokens carry.
    #[must_use]
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Its secret, to be stored and nothing else.
    #[must_use]
    pub fn secret(&self) -> &[u8; SECRET_LEN] {
        &self.secret
    }

    /// When a newer key took its place.
    #[must_use]
    pub fn replaced(&self) -> Option<Timestamp> {
        self.replaced
    }

    pub(crate) fn cipher(&self) -> &LessSafeKey {
        &self.cipher
    }

    /// From when on it opens nothing: a token of the longest life, sealed at the last moment, has ended by then. No
    /// service's clock goes slower than the machine's, unless it stands still.
    fn end(&self) -> Option<Timestamp> {
        let replaced = self.replaced?;
        Some(
            replaced
                .checked_add(SignedDuration::from_secs(Ttl::MAX.seconds().into()))
                .unwrap_or(Timestamp::MAX),
        )
    }

    fn is_spent(&self, machine: Timestamp) -> bool {
        self.end().is_some_and(|end| end <= machine)
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self::new(self.id, &self.secret, self.replaced)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("replaced", &self.replaced).finish_non_exhaustive()
    }
}

/// The keys of a service, shared by every replica that should accept its tokens (wire.md decision 5).
#[derive(Debug, Clone)]
pub struct Keyring {
    current: Key,
    previous: Vec<Key>,
}

impl Keyring {
    /// A keyring with one key.
    #[must_use]
    pub fn new(secret: &[u8; SECRET_LEN]) -> Self {
        Self { current: Key::new(1, secret, None), previous: Vec::new() }
    }

    /// A keyring from its stored keys. `None` unless just one of them is current and all have ids of their own.
    #[must_use]
    pub fn from_keys(keys: Vec<Key>) -> Option<Self> {
        let ids: BTreeSet<_> = keys.iter().map(Key::id).collect();
        let distinct = ids.len() == keys.len();
        let (mut current, previous): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|key| key.replaced.is_none());
        let current = current.pop().filter(|_| current.is_empty() && distinct)?;
        Some(Self { current, previous })
    }

    /// The keyring after a rotation: `secret` becomes current, the key before it still opens what it sealed, and
    /// what nothing alive can have been sealed with goes. `machine` is the machine's time.
    #[must_use]
    pub fn rotated(self, secret: &[u8; SECRET_LEN], machine: Timestamp) -> Self {
        let mut this = self.without_spent(machine);
        let mut id = this.current.id.wrapping_add(1);
        while this.previous.iter().any(|key| key.id == id) {
            id = id.wrapping_add(1);
        }
        let mut before = std::mem::replace(&mut this.current, Key::new(id, secret, None));
        before.replaced = Some(machine);
        this.previous.push(before);
        this
    }

    /// The keyring without those that open nothing any longer, when the machine's clock shows `machine`.
    #[must_use]
    pub fn without_spent(mut self, machine: Timestamp) -> Self {
        self.previous.retain(|key| !key.is_spent(machine));
        self
    }

    /// When the first of its keys ends, by the machine's clock; the current one does not.
    #[must_use]
    pub fn next_end(&self) -> Option<Timestamp> {
        self.previous.iter().filter_map(Key::end).min()
    }

    /// The key that seals.
    #[must_use]
    pub fn current(&self) -> &Key {
        &self.current
    }

    /// Every key, the current one first.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// The key that a token names.
    #[must_use]
    pub fn key(&self, id: u16) -> Option<&Key> {
        self.keys().find(|key| key.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noon;

    #[test]
    fn a_replaced_key_opens_for_six_hours_and_then_goes() {
        let ring = Keyring::new(&[1; 32]).rotated(&[2; 32], noon());
        let later = |seconds| noon() + SignedDuration::from_secs(seconds);
        assert_eq!(ring.current().id(), 2);
        assert_eq!((ring.next_end(), Keyring::new(&[1; 32]).next_end()), (Some(later(21_600)), None));
        let at = |seconds| ring.clone().without_spent(later(seconds));
        assert!(at(21_599).key(1).is_some());
        assert!(at(21_600).key(1).is_none());
        assert!(at(1_000_000).key(2).is_some());
        let again = ring.rotated(&[3; 32], later(21_600));
        assert_eq!(again.keys().map(Key::id).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn ids_wrap_without_meeting_one_that_is_kept() {
        let ring =
            Keyring::from_keys(vec![Key::new(u16::MAX, &[1; 32], None), Key::new(0, &[2; 32], Some(noon()))])
                .unwrap();
        assert_eq!(ring.rotated(&[3; 32], noon()).current().id(), 1);
    }

    #[test]
    fn stored_keys_must_make_sense() {
        let key = |id, replaced| Key::new(id, &[1; 32], replaced);
        assert!(Keyring::from_keys(vec![]).is_none());
        assert!(Keyring::from_keys(vec![key(1, Some(noon()))]).is_none());
        assert!(Keyring::from_keys(vec![key(1, None), key(2, None)]).is_none());
        assert!(Keyring::from_keys(vec![key(1, None), key(1, Some(noon()))]).is_none());
        assert!(Keyring::from_keys(vec![key(2, Some(noon())), key(1, None)]).is_some());
    }

    #[test]
    fn a_key_does_not_print_its_secret() {
        assert_eq!(format!("{:?}", Key::new(1, &[65; 32], None)), "Key { id: 1, replaced: None, .. }");
    }
}
