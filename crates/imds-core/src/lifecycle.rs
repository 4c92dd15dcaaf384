//! Where an instance is between its launch and its termination (EC2 User Guide, "Instance lifecycle").

use crate::words::words;

words!(
    /// The state of an instance, as the EC2 API names it. What `-ing` and `pending` name is told by the call that
    /// begins the transition; with nothing to boot it is over by the next look (docs/control-api.md).
    State {
        /// It is being launched or started.
        Pending = "pending",
        /// It runs: its metadata is served.
        Running = "running",
        /// It is being terminated.
        ShuttingDown = "shutting-down",
        /// It is gone; it is shown for a while.
        Terminated = "terminated",
        /// It is being stopped.
        Stopping = "stopping",
        /// It is stopped; it keeps its address.
        Stopped = "stopped",
    },
    "an instance state: `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`"
);

impl State {
    /// The state's number in the API.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    /// Where a transition ends.
    #[must_use]
    pub fn settled(self) -> Self {
        match self {
            Self::Pending | Self::Running => Self::Running,
            Self::ShuttingDown | Self::Terminated => Self::Terminated,
            Self::Stopping | Self::Stopped => Self::Stopped,
        }
    }

    /// Does the instance run, so that it is served its metadata?
    #[must_use]
    pub fn is_running(self) -> bool {
        self.settled() == Self::Running
    }

    /// Is it gone for good?
    #[must_use]
    pub fn is_terminated(self) -> bool {
        self.settled() == Self::Terminated
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Pending, Running, ShuttingDown, Stopped, Stopping, Terminated};

    #[test]
    fn a_transition_ends_where_it_leads() {
        for (state, end, code) in [
            (Pending, Running, 0),
            (Running, Running, 16),
            (ShuttingDown, Terminated, 32),
            (Terminated, Terminated, 48),
            (Stopping, Stopped, 64),
            (Stopped, Stopped, 80),
        ] {
            assert_eq!((state.settled(), state.code()), (end, code));
            assert_eq!(state.is_running(), end == Running, "{state}");
            assert_eq!(state.is_terminated(), end == Terminated, "{state}");
        }
    }
}
