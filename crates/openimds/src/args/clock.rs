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
        #[arg(value_name = "TIME", value_parser = forward, allow_hyphen_values = true)]
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

/// How far a clock is advanced.
fn forward(text: &str) -> Result<Stretch, String> {
    let back = text.strip_prefix('-').and_then(|text| text.parse::<Stretch>().ok());
    if back.is_some() {
        return Err("the clock never goes back: what was issued, done and kept has its times".to_owned());
    }
    text.parse().map_err(|error: imds_core::clock::Error| error.to_string())
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Verb};

    #[test]
    fn a_clock_is_advanced_and_never_put_back() {
        let typed = |words: &str| Cli::try_parse_from(words.split(' ')).map(|cli| cli.verb);
        for (words, is_meant_far) in [("2m", false), ("400d --far", true), ("--far 400d", true)] {
            let verb = typed(&format!("imds clock advance {words}")).unwrap();
            let Verb::Clock(Clock { verb: ClockVerb::Advance { far, .. }, .. }) = verb else {
                panic!("{words}")
            };
            assert_eq!(far, is_meant_far, "{words}");
        }
        for (words, why) in [
            ("-2m", "the clock never goes back"),
            ("-- -90", "the clock never goes back"),
            ("--json -1h30m", "the clock never goes back"),
            ("-x", "a time is like 90s"),
            ("soon", "a time is like 90s"),
            ("", "a time is like 90s"),
        ] {
            let refused = typed(&format!("imds clock advance {words}")).unwrap_err().to_string();
            assert!(refused.contains(why), "{words}: {refused}");
        }
    }
}
