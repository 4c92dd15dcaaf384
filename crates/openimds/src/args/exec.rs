//! `imds exec`, as typed.

use std::ffi::OsString;

use clap::{ArgGroup, Args};
use imds_core::id::InstanceId;

use super::control::Door;

/// `imds exec`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("whom").required(true).args(["instance", "environment"]),
    after_help = "The command runs in a network namespace of its own, as an ordinary user too. In it there are \
    loopback and the metadata addresses, and nothing else: no way out to any network. Port 80 there is the metadata of \
    the instance, as the running service has it: what is changed about it, the next call sees."
)]
pub struct Exec {
    /// Whom to be: the id of an instance
    #[arg(value_name = "INSTANCE")]
    pub instance: Option<InstanceId>,
    /// An instance of this Elastic Beanstalk environment
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Which service.
    #[command(flatten)]
    pub door: Door,
    /// The command, and what it is given, after `--` [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
