//! Something that is planned for instances, as a test asks for it.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// Something that is planned for instances, in the words of `imds event`: for all of them, unless some are named.
///
/// Of a spot interruption and of maintenance they are told two minutes before it happens, of all else when it happens.
/// [`Imds::advance`](crate::Imds::advance) brings it about without waiting.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Event {
    instances: Vec<Value>,
    asked: Map<String, Value>,
}

impl Event {
    fn new(kind: &str) -> Self {
        Self { instances: Vec::new(), asked: Map::new() }.with("kind", kind)
    }

    /// A spot interruption, which terminates, in two minutes, so that instances are told at once, unless it is said
    /// otherwise: `spot/instance-action`, `spot/termination-time`.
    pub fn spot_interruption() -> Self {
        Self::new("spot-interruption")
    }

    /// A rebalance recommendation, now unless a time is given: `events/recommendations/rebalance`.
    pub fn rebalance() -> Self {
        Self::new("rebalance")
    }

    /// Maintenance, `system-maintenance`, in two minutes, so that instances are told at once, unless it is said otherwise:
    /// `events/maintenance/scheduled`, then `history`.
    pub fn maintenance() -> Self {
        Self::new("maintenance")
    }

    /// Where Auto Scaling takes instances, now unless a time is given: `autoscaling/target-lifecycle-state`. `Terminated`,
    /// `InService` and the like.
    pub fn asg_lifecycle(state: impl Into<String>) -> Self {
        Self::new("asg-lifecycle").with("state", state.into())
    }

    /// Only for this instance; can be given several times.
    pub fn instance(mut self, id: impl Into<String>) -> Self {
        self.instances.push(id.into().into());
        self
    }

    /// How long until it happens, in whole seconds, rounded up: `--in`.
    pub fn after(self, time: Duration) -> Self {
        self.with("in", seconds(time))
    }

    /// When it happens, by the service's clock: `2026-11-24T12:00:00Z`.
    pub fn at(self, time: impl Into<String>) -> Self {
        self.with("at", time.into())
    }

    /// How long before it instances are told, of an interruption and of maintenance.
    pub fn notice(self, time: Duration) -> Self {
        self.with("notice", seconds(time))
    }

    /// What an interruption does: `stop`, `hibernate` or `terminate`.
    pub fn action(self, action: impl Into<String>) -> Self {
        self.with("action", action.into())
    }

    /// What maintenance does: `system-reboot`, `instance-retirement` and the like.
    pub fn code(self, code: impl Into<String>) -> Self {
        self.with("code", code.into())
    }

    /// What EC2 says about maintenance.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.with("description", description.into())
    }

    /// How long maintenance takes.
    pub fn duration(self, time: Duration) -> Self {
        self.with("duration", seconds(time))
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.asked.insert(name.to_owned(), value.into());
        self
    }

    /// What is asked of the service.
    pub(super) fn body(self) -> Value {
        let whom = if self.instances.is_empty() {
            ("all", json!(true))
        } else {
            ("instances", self.instances.into())
        };
        let mut asked = self.asked;
        asked.insert(whom.0.to_owned(), whom.1);
        asked.into()
    }
}

/// A length of time in whole seconds, rounded up: nothing is to happen early.
pub(super) fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs().saturating_add((time.subsec_nanos() > 0).into()))
}
