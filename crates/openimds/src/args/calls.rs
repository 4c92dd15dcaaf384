//! `imds calls`, as typed.

use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use imds_core::audit::Whose;
use imds_core::id::InstanceId;

use super::control::{Door, Output};

/// `imds calls`
#[derive(Debug, Args)]
#[command(
    after_help = "The last 100 calls of each instance are remembered, and of those that no instance made. A test that \
    nothing uses IMDSv1: imds calls reset; run it; imds calls --fail-on v1"
)]
pub struct Calls {
    /// Whom to ask.
    #[command(flatten)]
    pub door: Door,
    /// Something else than telling them.
    #[command(subcommand)]
    pub verb: Option<CallsVerb>,
    /// Which calls.
    #[command(flatten)]
    pub list: List,
}

/// Which calls are told, and how.
#[derive(Debug, Args)]
pub struct List {
    /// The calls of this instance alone, or (none) those of nobody who is known
    #[arg(long, value_name = "ID|none")]
    pub instance: Option<Caller>,
    /// The calls after the one with this number alone
    #[arg(long, value_name = "NUMBER")]
    pub since: Option<u64>,
    /// Exit with 1 when a call was IMDSv1, when there was none at all, or may have been more than are remembered
    #[arg(long, value_enum, value_name = "v1", hide_possible_values = true)]
    pub fail_on: Option<Failing>,
    /// With --fail-on: that there was no call at all is no failure
    #[arg(long, requires = "fail_on")]
    pub allow_none: bool,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// `imds calls reset`
#[derive(Debug, Subcommand)]
pub enum CallsVerb {
    /// Forget all calls so far; numbers go on
    Reset,
}

/// `--fail-on`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Failing {
    /// Calls of IMDSv1
    V1,
}

/// `--instance`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub Whose);

impl FromStr for Caller {
    type Err = imds_core::Error;

    fn from_str(text: &str) -> Result<Self, imds_core::Error> {
        Ok(Self(if text == "none" { Whose::Strangers } else { Whose::Instance(text.parse::<InstanceId>()?) }))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Verb};

    fn typed(words: &str) -> Result<Calls, clap::Error> {
        let cli = Cli::try_parse_from(words.split(' '))?;
        let Verb::Calls(calls) = cli.verb else { panic!("{words}") };
        Ok(calls)
    }

    #[test]
    fn calls_are_chosen_or_forgotten() {
        let calls = typed("imds calls --instance none --since 7 --fail-on v1 --json").unwrap();
        assert_eq!(calls.list.instance, Some(Caller(Whose::Strangers)));
        assert_eq!((calls.list.since, calls.list.fail_on), (Some(7), Some(Failing::V1)));
        assert!(calls.list.output.is_json() && calls.verb.is_none());
        let calls = typed("imds calls --instance i-0000000a").unwrap();
        assert_eq!(calls.list.instance, Some(Caller(Whose::Instance("i-0000000a".parse().unwrap()))));
        assert!(matches!(typed("imds calls reset").unwrap().verb, Some(CallsVerb::Reset)));
        assert!(
            typed("imds calls --fail-on v1 --allow-none").unwrap().list.allow_none && !calls.list.allow_none
        );
        for bad in [
            "--allow-none",
            "--instance x",
            "--since -1",
            "--since x",
            "--fail-on v2",
            "forget",
            "reset --since 1",
        ] {
            assert!(typed(&format!("imds calls {bad}")).is_err(), "{bad}");
        }
    }
}
