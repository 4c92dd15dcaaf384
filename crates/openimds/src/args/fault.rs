//! `imds fault`, as typed. What of it is permitted, the domain says.

use clap::{Args, Subcommand};
use imds_core::fault::Draft;

use super::control::{Door, Output};

/// `imds fault`
#[derive(Debug, Args)]
pub struct Fault {
    /// Whom to ask.
    #[command(flatten)]
    pub door: Door,
    /// What to do.
    #[command(subcommand)]
    pub verb: FaultVerb,
}

/// What can be done about faults.
#[derive(Debug, Subcommand)]
pub enum FaultVerb {
    /// Ask for one, and print its number
    Add(Box<Add>),
    /// List those that were asked for, and how often each struck
    List(Output),
    /// Remove some, or all
    Remove(Remove),
}

/// `imds fault add`
#[derive(Debug, Args)]
pub struct Add {
    /// latency, status, reset, drop, truncate, empty, stale-credentials or throttle
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// Only calls of this instance; can be given several times [default: all]
    #[arg(long, value_name = "ID|all")]
    pub instance: Vec<String>,
    /// Only this path (/latest/…) and all below it, or a pattern with * and ?
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Only this method (GET, HEAD, PUT or OPTIONS); can be given several times
    #[arg(long, value_name = "METHOD")]
    pub method: Vec<String>,
    /// Only this share of the calls
    #[arg(long, value_name = "0..1")]
    pub probability: Option<f64>,
    /// Only so many calls
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Only for so long by the clock of the service: 90s, 5m
    #[arg(long = "for", value_name = "TIME")]
    pub lasts: Option<String>,
    /// latency: how much later the answer comes, 60s at most
    #[arg(long, value_name = "TIME")]
    pub delay: Option<String>,
    /// status: the error, 400 to 599 [default: 500]
    #[arg(long, value_name = "CODE")]
    pub status: Option<u64>,
    /// truncate: how many bytes of the body still come [default: half of it]
    #[arg(long, value_name = "BYTES")]
    pub after: Option<u64>,
    /// throttle: how many a second each instance may make [default: 1024 packets, as EC2]
    #[arg(long, value_name = "N")]
    pub rate: Option<u64>,
    /// throttle: of what [default: requests]
    #[arg(long, value_name = "requests|packets")]
    pub per: Option<String>,
    /// throttle: what happens to the others [default: 429 for requests, drop for packets]
    #[arg(long, value_name = "drop|429")]
    pub answer: Option<String>,
}

/// `imds fault remove`
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Remove {
    /// Their numbers
    #[arg(value_name = "ID")]
    pub ids: Vec<u64>,
    /// All of them
    #[arg(long)]
    pub all: bool,
}

impl From<&Add> for Draft {
    fn from(typed: &Add) -> Self {
        Self {
            kind: typed.kind.clone(),
            instances: typed.instance.clone(),
            path: typed.path.clone(),
            methods: typed.method.clone(),
            probability: typed.probability,
            count: typed.count,
            lasts: typed.lasts.clone(),
            delay: typed.delay.clone(),
            status: typed.status,
            after: typed.after,
            rate: typed.rate,
            per: typed.per.clone(),
            answer: typed.answer.clone(),
        }
    }
}
