//! The words of an Elastic Beanstalk environment (Elastic Beanstalk API Reference, `EnvironmentDescription`).

use crate::words::words;

words!(
    /// Where an environment is between its launch and its termination.
    Status {
        /// It is being launched.
        Launching = "Launching",
        /// What it is to be is being changed.
        Updating = "Updating",
        /// An update is being taken back.
        Aborting = "Aborting",
        /// It can be used and changed.
        Ready = "Ready",
        /// It is being terminated.
        Terminating = "Terminating",
        /// It is gone; it is shown for a while.
        Terminated = "Terminated",
    },
    "a status: `Launching`, `Updating`, `Aborting`, `Ready`, `Terminating` or `Terminated`"
);

words!(
    /// An environment's health, as a colour.
    Health {
        /// Nothing is wrong.
        Green = "Green",
        /// Something failed lately.
        Yellow = "Yellow",
        /// It does not work.
        Red = "Red",
        /// It is not known: the environment is being launched, changed or terminated.
        Grey = "Grey",
    },
    "a colour: `Green`, `Yellow`, `Red` or `Grey`"
);

words!(
    /// How bad an event is, from what is hardly of interest to the worst.
    Severity {
        /// Every step.
        Trace = "TRACE",
        /// For whoever looks for a fault.
        Debug = "DEBUG",
        /// What happened.
        Info = "INFO",
        /// It may be wrong.
        Warn = "WARN",
        /// It failed.
        Error = "ERROR",
        /// Nothing works any longer.
        Fatal = "FATAL",
    },
    "a severity: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`"
);

impl Status {
    /// Is it gone for good?
    #[must_use]
    pub fn is_terminated(self) -> bool {
        self == Self::Terminated
    }
}

impl Severity {
    /// From the least to the worst.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Is it as bad as `least`, or worse?
    #[must_use]
    pub fn is_at_least(self, least: Self) -> bool {
        let rank = |severity| Self::ALL.iter().position(|one| *one == severity);
        rank(self) >= rank(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_an_order() {
        assert!(Severity::Error.is_at_least(Severity::Error) && Severity::Fatal.is_at_least(Severity::Trace));
        assert!(!Severity::Warn.is_at_least(Severity::Error));
    }
}
