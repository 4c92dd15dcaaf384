//! `imds event`, as typed.

use clap::{Args, Subcommand};
use imds_core::Timestamp;
use imds_core::clock::Stretch;
use imds_core::id::InstanceId;
use imds_core::timeline::{Action, Code, Lifecycle};

use super::control::{Door, Output};

/// `imds event`
#[derive(Debug, Args)]
#[command(
    after_help = "Everything goes by the service's clock (`imds clock`). Of an interruption and of maintenance, instances \
    are told two minutes before."
)]
pub struct Event {
    /// Whom to ask.
    #[command(flatten)]
    pub door: Door,
    /// What to do.
    #[command(subcommand)]
    pub verb: EventVerb,
}

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub enum EventVerb {
    /// Interrupt spot instances, in two minutes unless a time is given: spot/instance-action, spot/termination-time
    SpotInterruption(SpotInterruption),
    /// Recommend rebalancing: events/recommendations/rebalance
    Rebalance(Plain),
    /// Schedule maintenance, in two minutes unless a time is given: events/maintenance/scheduled, and history afterwards
    Maintenance(Maintenance),
    /// Say where Auto Scaling is taking instances: autoscaling/target-lifecycle-state
    AsgLifecycle(AsgLifecycle),
    /// List what is planned, and what has happened
    List(List),
    /// Cancel an event, for all instances that have it
    Cancel(Cancel),
}

/// Whom an event is for, and when it happens.
#[derive(Debug, Args)]
pub struct Aim {
    /// Whom.
    #[command(flatten)]
    pub whom: Whom,
    /// How long until it happens: 90s, 2m, 1h30m, 15d
    #[arg(long = "in", value_name = "TIME")]
    pub after: Option<Stretch>,
    /// When it happens: 2026-11-24T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "after", value_parser = moment)]
    pub at: Option<Timestamp>,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// Whom an event is for: who names nobody is told that `--all` would do.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Whom {
    /// The instances
    #[arg(value_name = "INSTANCE")]
    pub instances: Vec<InstanceId>,
    /// All instances that there are, but for the built-in one beside those of the file
    #[arg(long)]
    pub all: bool,
}

/// `imds event rebalance`
#[derive(Debug, Args)]
pub struct Plain {
    /// Whom, when.
    #[command(flatten)]
    pub aim: Aim,
}

/// `imds event spot-interruption`
#[derive(Debug, Args)]
pub struct SpotInterruption {
    /// Whom, when.
    #[command(flatten)]
    pub aim: Aim,
    /// What happens to them
    #[arg(long, value_name = "stop|hibernate|terminate", default_value = "terminate")]
    pub action: Action,
    /// How long before it they are told [default: 2m]
    #[arg(long, value_name = "TIME")]
    pub notice: Option<Stretch>,
}

/// `imds event maintenance`
#[derive(Debug, Args)]
pub struct Maintenance {
    /// Whom, when.
    #[command(flatten)]
    pub aim: Aim,
    /// What is done: instance-stop, instance-reboot, system-reboot, system-maintenance, instance-retirement
    #[arg(long, value_name = "CODE", default_value = "system-maintenance")]
    pub code: Code,
    /// What EC2 says about it
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// How long it takes at most: until then it is scheduled
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Stretch>,
    /// How long before it they are told [default: 2m]
    #[arg(long, value_name = "TIME")]
    pub notice: Option<Stretch>,
}

/// `imds event asg-lifecycle`
#[derive(Debug, Args)]
pub struct AsgLifecycle {
    /// Whom, when.
    #[command(flatten)]
    pub aim: Aim,
    /// Detached, InService, Standby, Terminated, or Warmed:Hibernated, Warmed:Running, Warmed:Stopped, Warmed:Terminated
    #[arg(long, value_name = "STATE")]
    pub state: Lifecycle,
}

/// `imds event list`
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this instance
    #[arg(long, value_name = "INSTANCE")]
    pub instance: Option<InstanceId>,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// `imds event cancel`
#[derive(Debug, Args)]
pub struct Cancel {
    /// The event, as `imds event list` shows it
    #[arg(value_name = "ID", value_parser = id)]
    pub id: String,
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "a time is like 2026-11-24T12:00:00Z")
}

/// An id fit for a path.
fn id(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix("event-").filter(|digits| (1..=40).contains(&digits.len()));
    match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some(_) => Ok(text.to_owned()),
        None => Err("an event is called `event-` and hexadecimal digits"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::Cli;

    #[test]
    fn what_is_missing_or_no_time_is_told_with_what_would_do() {
        let refused = |words: &str| {
            let words = format!("imds event {words}");
            Cli::try_parse_from(words.split(' ')).map(|_| ()).map_err(|error| error.to_string())
        };
        for (words, why) in [
            ("spot-interruption --in 10m", "<INSTANCE|--all>"),
            ("rebalance", "<INSTANCE|--all>"),
            ("rebalance --all i-0000000a", "cannot be used with"),
            ("rebalance --all --at tomorrow", "a time is like 2026-11-24T12:00:00Z"),
            ("maintenance --all --in 1m --at 2026-11-24T12:00:00Z", "cannot be used with"),
        ] {
            let told = refused(words).unwrap_err();
            assert!(told.contains(why), "{words}: {told}");
        }
        for words in
            ["rebalance i-0000000a i-0000000b --in 1m", "maintenance --all --at 2026-11-24T12:00:00Z"]
        {
            assert_eq!(refused(words), Ok(()), "{words}");
        }
    }
}
