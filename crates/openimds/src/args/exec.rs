//! `imds exec`, as typed.

use std::ffi::OsString;

use clap::{ArgGroup, Args};
use imds_core::id::InstanceId;

use super::Network;
use super::control::{Door, to_be};

/// `imds exec`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("whom").required(true).args(["instance", "environment"]),
    after_help = "The command runs in a network namespace of its own, as an ordinary user too. In it there are \
    loopback and the metadata addresses, and without --network host nothing else: no way out to any network. Port 80 there is the metadata of \
    the instance, as the running service has it: what is changed about it, the next call sees."
)]
pub struct Exec {
    /// Whom to be: the id of an instance
    #[arg(value_name = "INSTANCE", value_parser = to_be)]
    pub instance: Option<InstanceId>,
    /// An instance of this Elastic Beanstalk environment
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Put so many routers between the command and the service, as containers and their hosts have them
    #[arg(long, value_name = "0..8", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=8), hide_default_value = true)]
    pub hops: u8,
    /// Let the command reach what this machine reaches (host), which needs pasta; or nothing but the metadata (none)
    #[arg(
        long,
        value_enum,
        value_name = "none|host",
        default_value = "none",
        hide_default_value = true,
        hide_possible_values = true,
        conflicts_with = "hops"
    )]
    pub network: Network,
    /// Which service.
    #[command(flatten)]
    pub door: Door,
    /// Serve the network namespace of this process, such as a container's, instead of running a command
    #[arg(long, value_name = "PID", conflicts_with_all = ["command", "hops", "network"])]
    pub attach: Option<u32>,
    /// The command, and what it is given, after `--` [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
