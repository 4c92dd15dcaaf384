//! What is planned to happen to an instance, each thing at its second: notice of it appears in the tree, and what is over
//! moves or goes, by the time of the request alone.

mod keeping;
mod wish;

use std::borrow::Cow;

use crate::clock::Stretch;
use crate::events::{Events, Maintenance, SpotAction};
use crate::words::words;
use crate::{Instance, Timestamp};

pub use keeping::full;
pub use wish::{Wish, id_of};

/// Things that can be planned for an instance, by the file and by calls together.
pub const MOST: usize = 100;
/// How long before a spot interruption there is notice of it (EC2 User Guide, "Spot Instance interruption notices").
pub const NOTICE: Stretch = Stretch::minutes(2);

words!(
    /// What an interruption does to a spot instance.
    Action {
        /// It is stopped.
        Stop = "stop",
        /// It is hibernated.
        Hibernate = "hibernate",
        /// It is terminated.
        Terminate = "terminate",
    },
    "an action: stop, hibernate or terminate"
);

words!(
    /// What maintenance does (EC2 API Reference, `InstanceStatusEvent`).
    Code {
        /// The instance is stopped.
        InstanceStop = "instance-stop",
        /// The instance is rebooted.
        InstanceReboot = "instance-reboot",
        /// Its host is rebooted.
        SystemReboot = "system-reboot",
        /// Its host is worked on.
        SystemMaintenance = "system-maintenance",
        /// The instance is terminated, or stopped.
        InstanceRetirement = "instance-retirement",
    },
    "a code: instance-stop, instance-reboot, system-reboot, system-maintenance or instance-retirement"
);

words!(
    /// Where Auto Scaling is taking an instance: all that `autoscaling/target-lifecycle-state` can say (EC2 User Guide,
    /// "Instance metadata categories").
    Lifecycle {
        /// Out of its group.
        Detached = "Detached",
        /// Into service.
        InService = "InService",
        /// Out of service, for a while.
        Standby = "Standby",
        /// To its end.
        Terminated = "Terminated",
        /// Into a warm pool, hibernated.
        WarmedHibernated = "Warmed:Hibernated",
        /// Into a warm pool, running.
        WarmedRunning = "Warmed:Running",
        /// Into a warm pool, stopped.
        WarmedStopped = "Warmed:Stopped",
        /// Out of a warm pool, to its end.
        WarmedTerminated = "Warmed:Terminated",
    },
    "a lifecycle state: Detached, InService, Standby, Terminated, Warmed:Hibernated, Warmed:Running, Warmed:Stopped or \
     Warmed:Terminated"
);

/// One thing that is planned for an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// `event-…`; other instances may have the same event.
    pub id: String,
    /// What.
    pub plan: Plan,
    /// When it happens.
    pub at: Timestamp,
    /// When the instance is told; not after it happens.
    pub notice: Timestamp,
    /// When it was canceled. Of what was told by then, maintenance stays in the history.
    pub canceled: Option<Timestamp>,
    /// Does the configuration file say it?
    pub is_from_file: bool,
}

/// What is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// `spot/`
    SpotInterruption(Action),
    /// `events/recommendations/rebalance`
    Rebalance,
    /// `events/maintenance/`
    Maintenance {
        /// What is done.
        code: Code,
        /// What EC2 says about it.
        description: String,
        /// The latest end, where there is one.
        not_after: Option<Timestamp>,
    },
    /// `autoscaling/target-lifecycle-state`
    Lifecycle(Lifecycle),
}

/// How far a planned thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nobody is told yet.
    Planned,
    /// The instance is told.
    Noticed,
    /// It has happened, and the instance still reads of it.
    Happened,
    /// It has happened, and nothing of it is in the tree any longer.
    Over,
    /// It will not happen.
    Canceled,
}

impl Progress {
    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Noticed => "noticed",
            Self::Happened => "happened",
            Self::Over => "over",
            Self::Canceled => "canceled",
        }
    }
}

impl Plan {
    /// The word for its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SpotInterruption(_) => "spot-interruption",
            Self::Rebalance => "rebalance",
            Self::Maintenance { .. } => "maintenance",
            Self::Lifecycle(_) => "asg-lifecycle",
        }
    }
}

impl Planned {
    /// How far it is by itself; whether the instance still reads of what has happened, [`Instance::progress`] knows.
    #[must_use]
    pub fn progress(&self, now: Timestamp) -> Progress {
        if self.canceled.is_some() {
            Progress::Canceled
        } else if now < self.notice {
            Progress::Planned
        } else if now < self.end() {
            Progress::Noticed
        } else {
            Progress::Happened
        }
    }

    /// When it has happened: maintenance at its latest end, everything else when it happens.
    fn end(&self) -> Timestamp {
        match &self.plan {
            Plan::Maintenance { not_after: Some(end), .. } => *end,
            Plan::Maintenance { not_after: None, .. }
            | Plan::SpotInterruption(_)
            | Plan::Rebalance
            | Plan::Lifecycle(_) => self.at,
        }
    }

    /// The moments at which what an instance reads changes.
    fn moments(&self) -> impl Iterator<Item = Timestamp> {
        let is_maintenance = matches!(self.plan, Plan::Maintenance { .. });
        [Some(self.notice), self.canceled, is_maintenance.then(|| self.end())].into_iter().flatten()
    }

    /// Cancels it; `false` for what nobody has been told of, or leaves nothing behind: that is forgotten.
    pub fn cancel(&mut self, now: Timestamp) -> bool {
        let is_told = now >= self.notice && matches!(self.plan, Plan::Maintenance { .. });
        if is_told || self.is_from_file {
            self.canceled = Some(now);
        }
        is_told || self.is_from_file
    }

    /// The entry of `events/maintenance/`, if it is one and was told.
    fn maintenance(&self, now: Timestamp) -> Option<Maintenance> {
        let Plan::Maintenance { code, description, not_after } = &self.plan else { return None };
        let state = match self.progress(now) {
            Progress::Planned => return None,
            Progress::Noticed => "active",
            Progress::Happened | Progress::Over => "completed",
            Progress::Canceled if self.canceled.is_some_and(|canceled| canceled < self.notice) => {
                return None;
            }
            Progress::Canceled => "canceled",
        };
        Some(Maintenance {
            code: code.as_str().to_owned(),
            description: description.clone(),
            event_id: format!("instance-{}", self.id),
            not_before: self.at,
            not_after: *not_after,
            state: state.to_owned(),
        })
    }
}

impl Instance {
    /// What is told of its near future at `now`: what the record has always said, and what is planned and was noticed.
    ///
    /// A notice stays after its time, as long as the instance goes on as if nothing had happened, and is gone when it is
    /// started again [assumed]: on EC2 nobody is left to read it.
    #[must_use]
    pub fn events_at(&self, now: Timestamp) -> Cow<'_, Events> {
        if self.timeline.is_empty() {
            return Cow::Borrowed(&self.events);
        }
        let mut events = self.events.clone();
        for planned in self.noticed(now) {
            let is_past = planned.canceled.is_some() || self.is_started_since(planned);
            match &planned.plan {
                Plan::SpotInterruption(action) if !is_past => {
                    events.spot = Some(SpotAction { action: action.to_string(), time: planned.at });
                }
                Plan::Rebalance if !is_past => events.rebalance = Some(planned.at),
                Plan::Maintenance { .. } => events.maintenance.extend(planned.maintenance(now)),
                Plan::SpotInterruption(_) | Plan::Rebalance | Plan::Lifecycle(_) => {}
            }
        }
        Cow::Owned(events)
    }

    /// `autoscaling/target-lifecycle-state` at `now`: the last one that was told.
    #[must_use]
    pub fn lifecycle_at(&self, now: Timestamp) -> Option<&str> {
        let states = self.noticed(now).filter(|planned| planned.canceled.is_none());
        let states = states.filter_map(|planned| match &planned.plan {
            Plan::Lifecycle(state) => Some(state.as_str()),
            Plan::SpotInterruption(_) | Plan::Rebalance | Plan::Maintenance { .. } => None,
        });
        states.last().or(self.autoscaling_target_lifecycle_state.as_deref())
    }

    /// When anything that it reads last changed, at `now`.
    #[must_use]
    pub fn changed_at(&self, now: Timestamp) -> Timestamp {
        let moments = self.timeline.iter().flat_map(Planned::moments).filter(|moment| *moment <= now);
        moments.fold(self.changed, Timestamp::max)
    }

    /// How far the thing with this place in the timeline is; `None` where there is none.
    #[must_use]
    pub fn progress(&self, place: usize, now: Timestamp) -> Option<Progress> {
        let progress = self.timeline.get(place)?.progress(now);
        Some(if self.is_without_trace(place, now) { Progress::Over } else { progress })
    }

    /// Plans something more.
    pub fn plan(&mut self, planned: Planned) {
        // In the order of notice; what is noticed at the same time, in the order in which it was planned.
        let place = self.timeline.partition_point(|known| known.notice <= planned.notice);
        self.timeline.insert(place, planned);
    }

    /// Was it started again after that happened? Events have whole seconds: what is planned in the second of the launch
    /// comes after it.
    fn is_started_since(&self, planned: &Planned) -> bool {
        self.pending_time.as_second() > planned.at.as_second()
    }

    fn noticed(&self, now: Timestamp) -> impl Iterator<Item = &Planned> {
        self.timeline.iter().take_while(move |planned| planned.notice <= now)
    }
}

#[cfg(test)]
mod tests;
