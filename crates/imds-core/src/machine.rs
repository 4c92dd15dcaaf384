//! A machine: an instance as its owner sees it, with what the instance itself is never told.

use std::collections::BTreeMap;

use crate::lifecycle::State;
use crate::options::MetadataOptions;
use crate::{Instance, Timestamp};

/// An instance, and what its owner decides about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What the instance reads. While it is stopped, [`Instance::options`] are those that it will start with.
    pub instance: Instance,
    /// Its state, as it was last told; [`State::settled`] is where that leads.
    pub state: State,
    /// When that was.
    pub state_since: Timestamp,
    /// Were its metadata options changed while it was stopped, so that they are still to be applied?
    pub has_pending_options: bool,
    /// `ClientToken` of its launch.
    pub client_token: Option<String>,
    /// Its instance profile.
    pub profile: Option<Profile>,
    /// `DisableApiTermination`: is it protected from `TerminateInstances`?
    pub is_termination_disabled: bool,
    /// `DisableApiStop`: is it protected from `StopInstances`?
    pub is_stop_disabled: bool,
    /// `InstanceInitiatedShutdownBehavior`: is it terminated, and not stopped, when it shuts itself down?
    pub is_terminated_on_shutdown: bool,
    /// `EbsOptimized`
    pub is_ebs_optimized: bool,
    /// `SourceDestCheck`
    pub is_source_checked: bool,
    /// `CpuCredits`: `standard` or `unlimited`, where it was chosen.
    pub cpu_credits: Option<String>,
    /// Tags of its root volume.
    pub volume_tags: BTreeMap<String, String>,
}

/// The association of an instance with an instance profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `arn:aws:iam::…:instance-profile/NAME`
    pub arn: String,
    /// `AIPA…`
    pub id: String,
    /// `iip-assoc-…`
    pub association_id: String,
    /// When they were associated.
    pub since: Timestamp,
}

impl Machine {
    /// A machine whose launch begins.
    #[must_use]
    pub fn launched(instance: Instance) -> Self {
        Self {
            state: State::Pending,
            state_since: instance.pending_time,
            has_pending_options: false,
            client_token: None,
            profile: None,
            is_termination_disabled: false,
            is_stop_disabled: false,
            is_terminated_on_shutdown: false,
            is_ebs_optimized: false,
            is_source_checked: true,
            cpu_credits: None,
            volume_tags: BTreeMap::new(),
            instance,
        }
    }

    /// From `now` on, the machine is in (or on its way to) this state. Starting applies the metadata options that wait.
    pub fn enter(&mut self, state: State, now: Timestamp) {
        if self.state.settled() == state.settled() {
            return;
        }
        self.state = state;
        self.state_since = now;
        if state == State::Pending {
            self.has_pending_options = false;
            self.instance.pending_time = now;
            self.instance.changed = now;
        }
    }

    /// From `now` on, these are the metadata options; of a stopped machine, from its next start on.
    pub fn set_options(&mut self, options: MetadataOptions, now: Timestamp) {
        if options == self.instance.options {
            return;
        }
        self.instance.options = options;
        self.instance.changed = now;
        self.has_pending_options = !self.state.is_running();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::HttpTokens;
    use crate::testing::{launch, noon};
    use jiff::SignedDuration;

    #[test]
    fn options_of_a_stopped_machine_wait_for_its_start() {
        let later = noon() + SignedDuration::from_secs(60);
        let mut machine = Machine::launched(launch().instance());
        let required = MetadataOptions { http_tokens: HttpTokens::Required, ..machine.instance.options };
        machine.set_options(required, later);
        assert!(!machine.has_pending_options);
        assert_eq!(machine.instance.changed, later);
        machine.enter(State::Stopping, later);
        machine.set_options(MetadataOptions::default(), later);
        assert!(machine.has_pending_options);
        machine.enter(State::Stopped, later);
        assert_eq!(machine.state, State::Stopping, "that is where it is on its way to");
        machine.enter(State::Pending, later);
        assert!(!machine.has_pending_options);
        assert_eq!(machine.instance.pending_time, later);
        machine.enter(State::ShuttingDown, later);
        assert!(machine.state.is_terminated());
    }
}
