//! `[[fault]]`: a fault on request, as it is written in the file.

use imds_core::fault::{Draft, MOST, full};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::{Bundle, Error};

/// `[[fault]]`
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Fault {
    /// `latency`, `status`, `reset`, `drop`, `truncate`, `empty`, `stale-credentials` or `throttle`.
    pub(super) kind: String,
    /// The instances whose calls it concerns; left out, all of them.
    #[serde(default)]
    pub(super) instances: Vec<String>,
    /// A path with all below it, or a pattern with `*` and `?`.
    pub(super) path: Option<String>,
    /// `GET`, `HEAD`, `PUT`, `OPTIONS`; left out, all of them.
    #[serde(default)]
    pub(super) methods: Vec<String>,
    /// Which share of these calls, 0 to 1.
    pub(super) probability: Option<f64>,
    /// How many calls at most.
    pub(super) count: Option<u64>,
    /// How long from when the service reads it, by its clock: `90s`.
    pub(super) r#for: Option<String>,
    /// Of `latency`: `500ms`.
    pub(super) delay: Option<String>,
    /// Of `status`: 400 to 599.
    pub(super) status: Option<u64>,
    /// Of `truncate`: bytes of the body that still come.
    pub(super) after: Option<u64>,
    /// Of `throttle`: so many a second.
    pub(super) rate: Option<u64>,
    /// Of `throttle`: `requests` or `packets`.
    pub(super) per: Option<String>,
    /// Of `throttle`: `drop` or `429`.
    pub(super) answer: Option<String>,
}

impl From<Fault> for Draft {
    fn from(fault: Fault) -> Self {
        Self {
            kind: fault.kind,
            instances: fault.instances,
            path: fault.path,
            methods: fault.methods,
            probability: fault.probability,
            count: fault.count,
            lasts: fault.r#for,
            delay: fault.delay,
            status: fault.status,
            after: fault.after,
            rate: fault.rate,
            per: fault.per,
            answer: fault.answer,
        }
    }
}

/// The faults of a file, each of which must be permitted.
pub(super) fn drafts(written: &[Spanned<Fault>], bundle: &Bundle) -> Result<Vec<Draft>, Error> {
    if let Some(extra) = written.get(MOST) {
        return Err(bundle.refused(extra.span().start, full()));
    }
    let drafts = written.iter().map(|fault| {
        let draft = Draft::from(fault.get_ref().clone());
        match draft.rule() {
            Ok(_) => Ok(draft),
            Err(why) => Err(bundle.refused(fault.span().start, why)),
        }
    });
    drafts.collect()
}
