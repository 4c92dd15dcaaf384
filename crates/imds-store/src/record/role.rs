//! IAM: roles and instance profiles. They belong to the account and to no region.

use std::collections::BTreeMap;

use imds_core::Timestamp;
use serde::{Deserialize, Serialize};

/// `role/NAME`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// `/`, or `/some/path/`
    pub path: String,
    /// `AROA…`
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Who may assume it: the trust policy, as it came.
    pub trust_policy: String,
    /// What its owner says about it.
    #[serde(default)]
    pub description: String,
    /// Seconds that a session may live.
    pub max_session_duration: u32,
    /// ARNs of the managed policies that are attached.
    #[serde(default)]
    pub attached_policies: Vec<String>,
    /// Inline policies: name and document.
    #[serde(default)]
    pub inline_policies: BTreeMap<String, String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// `instance-profile/NAME`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Its name.
    pub name: String,
    /// `/`, or `/some/path/`
    pub path: String,
    /// `AIPA…`
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The name of its role; it has one at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}
