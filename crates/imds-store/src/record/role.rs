//! IAM: roles and instance profiles. They belong to the account and to no region.

use std::collections::BTreeMap;

use imds_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::trust::{self, Principal};
use super::{Found, get};
use crate::store::{Error, Store};

/// `role/NAME`, the name in small letters: no two roles have names that differ in nothing else.
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
    /// ARN of the policy that bounds what it may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// Inline policies: name and document.
    #[serde(default)]
    pub inline_policies: BTreeMap<String, String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// `instance-profile/NAME`, the name in small letters, as of roles.
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

/// The name of a role's record, or of an instance profile's, below its kind.
#[must_use]
pub fn record_name(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl Role {
    /// The role that has this name, letter for letter.
    ///
    /// # Errors
    /// When the store cannot be read, or the record is damaged.
    pub fn find(store: &dyn Store, name: &str) -> Result<Option<Found<Self>>, Error> {
        Ok(get::<Self>(store, &record_name(name))?.filter(|found| found.record.name == name))
    }

    /// `arn:aws:iam::123456789012:role/some/path/NAME`
    #[must_use]
    pub fn arn(&self, partition: &str, account: &str) -> String {
        format!("arn:{partition}:iam::{account}:role{}{}", self.path, self.name)
    }

    /// Does its trust policy let somebody assume it? `account` is the role's own.
    #[must_use]
    pub fn trusts(&self, account: &str, principal: Principal<'_>) -> bool {
        trust::allows(&self.trust_policy, account, principal)
    }
}

impl InstanceProfile {
    /// The profile that has this name, letter for letter.
    ///
    /// # Errors
    /// When the store cannot be read, or the record is damaged.
    pub fn find(store: &dyn Store, name: &str) -> Result<Option<Found<Self>>, Error> {
        Ok(get::<Self>(store, &record_name(name))?.filter(|found| found.record.name == name))
    }

    /// `arn:aws:iam::123456789012:instance-profile/some/path/NAME`
    #[must_use]
    pub fn arn(&self, partition: &str, account: &str) -> String {
        format!("arn:{partition}:iam::{account}:instance-profile{}{}", self.path, self.name)
    }
}
