//! The form of a machine.

use std::collections::BTreeMap;

use imds_core::id::AccountId;
use imds_core::lifecycle::State;
use imds_core::machine::Profile;
use imds_core::{Machine, Timestamp};
use serde::{Deserialize, Serialize};

use super::{instance, text};

/// What is kept of a machine. The keys of its role are not: they come from where they are read or minted.
#[derive(Serialize, Deserialize)]
pub struct Form {
    instance: instance::Form,
    state: String,
    state_since: Timestamp,
    #[serde(default)]
    has_pending_options: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileForm>,
    #[serde(default)]
    is_termination_disabled: bool,
    #[serde(default)]
    is_stop_disabled: bool,
    #[serde(default)]
    is_terminated_on_shutdown: bool,
    #[serde(default)]
    is_ebs_optimized: bool,
    #[serde(default)]
    is_source_checked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu_credits: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    volume_tags: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct ProfileForm {
    arn: String,
    id: String,
    association_id: String,
    since: Timestamp,
}

impl From<&Machine> for Form {
    fn from(machine: &Machine) -> Self {
        Self {
            instance: instance::Form::from(&machine.instance),
            state: machine.state.to_string(),
            state_since: machine.state_since,
            has_pending_options: machine.has_pending_options,
            client_token: machine.client_token.clone(),
            profile: machine.profile.as_ref().map(|profile| ProfileForm {
                arn: profile.arn.clone(),
                id: profile.id.clone(),
                association_id: profile.association_id.clone(),
                since: profile.since,
            }),
            is_termination_disabled: machine.is_termination_disabled,
            is_stop_disabled: machine.is_stop_disabled,
            is_terminated_on_shutdown: machine.is_terminated_on_shutdown,
            is_ebs_optimized: machine.is_ebs_optimized,
            is_source_checked: machine.is_source_checked,
            cpu_credits: machine.cpu_credits.clone(),
            volume_tags: machine.volume_tags.clone(),
        }
    }
}

impl Form {
    /// The machine that this is.
    pub(super) fn machine(self) -> Result<Machine, String> {
        Ok(Machine {
            instance: self.instance.instance()?,
            state: text::<State>(&self.state)?,
            state_since: self.state_since,
            has_pending_options: self.has_pending_options,
            client_token: self.client_token,
            profile: self.profile.map(|profile| Profile {
                arn: profile.arn,
                id: profile.id,
                association_id: profile.association_id,
                since: profile.since,
            }),
            is_termination_disabled: self.is_termination_disabled,
            is_stop_disabled: self.is_stop_disabled,
            is_terminated_on_shutdown: self.is_terminated_on_shutdown,
            is_ebs_optimized: self.is_ebs_optimized,
            is_source_checked: self.is_source_checked,
            cpu_credits: self.cpu_credits,
            volume_tags: self.volume_tags,
        })
    }
}

/// What of a machine its role's keys follow from, read without the rest: there are many machines, and few have a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// The account of the instance profile, and so of its role. The machine may be of another one.
    pub account: AccountId,
    /// The instance profile's ARN.
    pub arn: String,
    /// `AIPA…`
    pub profile_id: String,
}

/// The association of the machine that is kept as `value`; `None` of one that has no profile, or does not run.
///
/// # Errors
/// When it does not read as a machine.
pub fn association(value: &[u8]) -> Result<Option<Association>, String> {
    #[derive(Deserialize)]
    struct Part {
        state: String,
        #[serde(default)]
        profile: Option<Associated>,
    }
    #[derive(Deserialize)]
    struct Associated {
        arn: String,
        id: String,
    }
    let part: Part = serde_json::from_slice(value).map_err(|error| {
        // What it says may quote a secret; its place says enough.
        format!("it does not read at line {} column {}", error.line(), error.column())
    })?;
    let Some(profile) = part.profile else { return Ok(None) };
    if !text::<State>(&part.state)?.is_running() {
        return Ok(None);
    }
    Ok(Some(Association {
        account: text(profile.arn.split(':').nth(4).unwrap_or_default())?,
        arn: profile.arn,
        profile_id: profile.id,
    }))
}
