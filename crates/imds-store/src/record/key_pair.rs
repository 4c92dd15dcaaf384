//! Key pairs.

use std::collections::BTreeMap;

use imds_core::Timestamp;
use serde::{Deserialize, Serialize};

/// `key-pair/REGION/NAME`. The private key is told once and not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPair {
    /// `key-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// `rsa` or `ed25519`
    pub kind: String,
    /// As the API tells it.
    pub fingerprint: String,
    /// The OpenSSH public key, which `public-keys/` serves.
    pub public_key: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}
