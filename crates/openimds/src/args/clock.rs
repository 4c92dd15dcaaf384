//! `imds clock`, as typed.

use clap::{Args, Subcommand};
use imds_core::clock::{Pace, Stretch};

use super::control::{Door, Output};

/// `imds clock`
#[derive(Debug, Args)]
#[command(
    after_help = "Everything of the service goes by this clock: tokens and keys end by it, signatures are as old as it \
    says, events come at its second. It never goes back. With --state it goes on from there after a restart."
)]
pub struct Clock {
    /// Whom to ask.
    #[command(flatten)]
    pub door: Door,
    /// What to do.
    #[command(subcommand)]
    pub verb: ClockVerb,
}

/// What can be done with the clock.
#[derive(Debug, Subcommand)]
pub enum ClockVerb {
    /// Show it
    Show(Output),
    /// Make it later at once, by 90s, 2m, 1h30m or 15d
    Advance {
        /// By how much
        #[arg(value_name = "TIME")]
        by: Stretch,
        /// More than a year (366d) at once: it never goes back
        #[arg(long)]
        far: bool,
        /// How.
        #[command(flatten)]
        output: Output,
    },
    /// Let it stand still
    Pause(Output),
    /// Let it go on
    Resume(Output),
    /// Let it go so many times as fast as the machine's, from 1x to 86400x
    Pace {
        /// How fast
        #[arg(value_name = "60x")]
        pace: Pace,
        /// How.
        #[command(flatten)]
        output: Output,
    },
}

impl ClockVerb {
    /// How the clock is printed.
    #[must_use]
    pub fn output(&self) -> &Output {
        match self {
            Self::Show(output)
            | Self::Pause(output)
            | Self::Resume(output)
            | Self::Advance { output, .. }
            | Self::Pace { output, .. } => output,
        }
    }
}
