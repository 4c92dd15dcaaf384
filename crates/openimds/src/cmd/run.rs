//! `imds run`: a command in a network namespace where the metadata addresses are this service.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::ExitCode;

use imds_core::Timestamp;
use imds_core::options::Switch;
use imds_netns::Plan;
use imds_server::audit::Format;
use imds_store::Registry;

use crate::app::{App, Ended, Signals, fail};
use crate::args::Run;
use crate::config::{Config, gather};
use crate::keeper::{self, Command, Duty, Report, Task};
use crate::listen::Listener;
use crate::logging;

/// Where metadata is served.
const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
const IPV6: IpAddr = IpAddr::V6(imds_server::IPV6_ENDPOINT);
/// Where ECS serves credentials. Nothing listens there, so that nothing meant for it leaves.
const CONTAINER_CREDENTIALS: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2));

/// What makes clients ask elsewhere, or not at all.
const MISLEADING: [&str; 3] = [
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
];

pub(super) fn run(args: Run) -> anyhow::Result<ExitCode> {
    let log = args.options.log.map(Format::from);
    logging::start(log.unwrap_or(Format::Text), tracing::Level::WARN);
    let flags = args.options.flags();
    let bundle = gather(args.options.config.as_deref(), &flags)?;
    let mut config = Config::new(&bundle, &flags, Timestamp::now())?;
    let keyring = super::keys(args.options.state.as_deref())?;

    let command = command(&args.command, plan(&config));
    let duty = Duty {
        config: args.options.config,
        flags,
        bundle,
        state: super::watched(args.options.state, &keyring),
        task: Task::Run(Box::new(command)),
    };
    let mut keeper = keeper::start(duty)?;
    // Before there is a command that could send one.
    let signals = Signals::catch()?;
    let registry = Registry::new(keyring);
    if let Err(report) = keeper.opened(&registry) {
        return Ok(super::refused(report));
    }
    let listeners = match keeper.listeners()? {
        Ok(listeners) => listeners.into_iter().map(Listener::in_namespace).collect::<Result<_, _>>()?,
        Err(report) => return Ok(super::refused(report)),
    };
    super::limit(&mut config);
    let settings = config.service;
    let app = App { settings, registry, keeper, signals, listeners: vec![listeners], log };
    let ended = app.serve(
        || {},
        |signal, running| {
            // What the terminal sends, the command has got already.
            if signal.is_sent {
                running.pass(signal.number);
            }
            None
        },
    )?;
    Ok(match ended {
        Ended::Reported(Some(Report::Ended { status, signal })) => exit(status, signal),
        Ended::Reported(_) | Ended::Stopped => {
            fail("the helper process that ran the command ended before it")
        }
    })
}

/// The addresses of the namespace, and those among them that answer.
fn plan(config: &Config) -> Plan {
    let default = config.instances.iter().find(|entry| entry.place.is_default);
    let has_ipv6 = default.is_some_and(|entry| entry.instance.options.http_protocol_ipv6 == Switch::Enabled);
    let mut plan = Plan { addresses: vec![IPV4, CONTAINER_CREDENTIALS], listen: vec![(IPV4, 80).into()] };
    // A kernel without IPv6 has no way by which anything meant for its address could leave.
    if has_ipv6 || kernel_has_ipv6() {
        plan.addresses.push(IPV6);
    }
    if has_ipv6 {
        plan.listen.push((IPV6, 80).into());
    }
    plan
}

/// Would a new namespace have IPv6?
fn kernel_has_ipv6() -> bool {
    let disabled = std::fs::read_to_string("/sys/module/ipv6/parameters/disable_ipv6");
    Path::new("/proc/net/if_inet6").exists() && disabled.is_ok_and(|disabled| disabled.trim() == "0")
}

fn command(words: &[OsString], plan: Plan) -> Command {
    let name = words.first().cloned().unwrap_or_default();
    let mut command = std::process::Command::new(&name);
    command.args(words.iter().skip(1));
    for variable in MISLEADING {
        command.env_remove(variable);
    }
    for variable in ["NO_PROXY", "no_proxy"] {
        command.env(variable, without_proxy(std::env::var_os(variable).as_deref()));
    }
    Command { name, command, plan }
}

/// The list of what needs no proxy, with the metadata addresses in it.
fn without_proxy(before: Option<&OsStr>) -> OsString {
    let mut list = OsString::new();
    if let Some(before) = before.filter(|before| !before.is_empty()) {
        list.push(before);
        list.push(",");
    }
    list.push(format!("{IPV4},{IPV6},[{IPV6}],{CONTAINER_CREDENTIALS}"));
    list
}

/// Ends as the command ended: with its status, or by its signal.
fn exit(status: Option<i32>, signal: Option<i32>) -> ExitCode {
    if let Some(signal) = signal {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        return ExitCode::from(u8::try_from(128 + signal).unwrap_or(255));
    }
    status.and_then(|status| u8::try_from(status).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_addresses_need_no_proxy_whatever_did_not_before() {
        let own = "169.254.169.254,fd00:ec2::254,[fd00:ec2::254],169.254.170.2";
        assert_eq!(without_proxy(None), own);
        assert_eq!(without_proxy(Some(OsStr::new(""))), own);
        assert_eq!(
            without_proxy(Some(OsStr::new("localhost,.corp"))),
            OsString::from(format!("localhost,.corp,{own}"))
        );
    }
}
