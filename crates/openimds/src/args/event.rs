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
    /// Schedule maintenance: events/maintenance/scheduled, and history afterwards
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
    /// The instances
    #[arg(required_unless_present = "all", value_name = "INSTANCE")]
    pub instances: Vec<InstanceId>,
    /// All instances that there are
    #[arg(long, conflicts_with = "instances")]
    pub all: bool,
    /// How long until it happens: 90s, 2m, 1h30m, 15d
    #[arg(long = "in", value_name = "TIME")]
    pub after: Option<Stretch>,
    /// When it happens: 2026-11-24T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "after")]
    pub at: Option<Timestamp>,
    /// How.
    #[command(flatten)]
    pub output: Output,
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

/// An id fit for a path.
fn id(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix("event-").filter(|digits| (1..=40).contains(&digits.len()));
    match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some(_) => Ok(text.to_owned()),
        None => Err("an event is called `event-` and hexadecimal digits"),
    }
}
