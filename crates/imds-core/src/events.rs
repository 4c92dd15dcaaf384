//! What is about to happen to an instance, as `events/` and `spot/` tell it.

use crate::Timestamp;

/// An interruption of a spot instance: `spot/instance-action` and `spot/termination-time`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpotAction {
    /// `stop`, `hibernate` or `terminate`.
    pub action: String,
    /// When it happens.
    pub time: Timestamp,
}

/// A maintenance event: one entry of `events/maintenance/scheduled` while its state is `active`, of
/// `events/maintenance/history` afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// `instance-stop`, `instance-reboot`, `system-reboot`, `system-maintenance`, `instance-retirement`.
    pub code: String,
    /// What EC2 says about it.
    pub description: String,
    /// `instance-event-…`
    pub event_id: String,
    /// The earliest start.
    pub not_before: Timestamp,
    /// The latest end, where there is one.
    pub not_after: Option<Timestamp>,
    /// `active`, `completed` or `canceled`.
    pub state: String,
}

/// All that is known of an instance's near future. Empty means: nothing will happen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Events {
    /// Maintenance, in the order of notice.
    pub maintenance: Vec<Maintenance>,
    /// When a rebalance recommendation was given.
    pub rebalance: Option<Timestamp>,
    /// The interruption that is coming.
    pub spot: Option<SpotAction>,
}
