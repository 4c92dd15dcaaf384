//! Who changed what.

use imds_core::Timestamp;
use serde::{Deserialize, Serialize};

/// `history/ID/…`: one metadata option of one instance that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// When.
    pub at: Timestamp,
    /// The option's name in the EC2 API.
    pub option: String,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
    /// By whom.
    pub by: Caller,
}

/// Who asked for a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The access key that the request named; `None` for one that named none, and for the configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    /// The address that the request came from, or `file`.
    pub address: String,
}
