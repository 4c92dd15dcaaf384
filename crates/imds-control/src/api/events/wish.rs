//! What is asked to be planned, and for whom.

use axum::http::StatusCode;
use imds_core::id::InstanceId;
use imds_core::timeline::Wish;
use serde::Deserialize;

use super::super::Refusal;
use crate::call::instance_id;

/// As it comes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    instances: Vec<String>,
    #[serde(default)]
    all: bool,
    kind: String,
    #[serde(rename = "in")]
    after: Option<String>,
    at: Option<String>,
    notice: Option<String>,
    action: Option<String>,
    code: Option<String>,
    description: Option<String>,
    duration: Option<String>,
    state: Option<String>,
}

/// Which instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// All that there are.
    All,
    /// These, each once.
    These(Vec<InstanceId>),
}

impl Asked {
    /// Whom it is for.
    pub(super) fn target(&self) -> Result<Target, Refusal> {
        let wrong = |why| Refusal::new(StatusCode::BAD_REQUEST, why);
        match (self.all, &self.instances[..]) {
            (true, []) => Ok(Target::All),
            (false, [_, ..]) => {
                let ids = self.instances.iter().map(|id| instance_id(id));
                let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
                ids.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
                ids.dedup();
                Ok(Target::These(ids))
            }
            (true, [_, ..]) => Err(wrong("all is true and instances are named; leave one of them out")),
            (false, []) => Err(wrong("no instance is named; name some in instances, or set all to true")),
        }
    }

    /// What it is.
    pub(super) fn wish(self) -> Wish {
        let Self { kind, after, at, notice, action, code, description, duration, state, .. } = self;
        Wish { kind, after, at, notice, action, code, description, duration, state }
    }
}
