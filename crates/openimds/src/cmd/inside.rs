//! What `imds run` and `imds exec` have in common: the namespace, and the command as it is started there.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context as _;
use imds_netns::Plan;
use imds_server::{IPV4_ENDPOINT, IPV6_ENDPOINT};

use crate::args::Network;
use crate::pasta::Ports;

/// Where metadata is served.
const IPV4: IpAddr = IpAddr::V4(IPV4_ENDPOINT);
const IPV6: IpAddr = IpAddr::V6(IPV6_ENDPOINT);
/// Where ECS serves credentials. Nothing listens there, so that nothing meant for it leaves.
const CONTAINER_CREDENTIALS: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2));

/// What makes clients ask elsewhere, or not at all.
const MISLEADING: [&str; 3] = [
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
];

/// The addresses of the namespace, those among them that answer, and how many routers are in between.
pub(super) fn plan(has_ipv6: bool, routers: u8) -> Plan {
    let mut plan = Plan {
        addresses: vec![IPV4, CONTAINER_CREDENTIALS],
        listen: vec![(IPV4, 80).into()],
        routers,
        outside: None,
    };
    // A kernel without IPv6 has no way by which anything meant for its address could leave.
    if has_ipv6 || kernel_has_ipv6() {
        plan.addresses.push(IPV6);
    }
    if has_ipv6 {
        plan.listen.push((IPV6, 80).into());
    }
    plan
}

/// What a command reaches of this machine's loopback, if it has a way out.
pub(super) fn ports(network: Network) -> anyhow::Result<Option<Ports>> {
    match network {
        Network::None => Ok(None),
        Network::Host => {
            Ok(Some(Ports::listening().context("cannot see what listens on loopback; mount /proc")?))
        }
    }
}

/// Would a new namespace have IPv6?
pub(super) fn kernel_has_ipv6() -> bool {
    let disabled = std::fs::read_to_string("/sys/module/ipv6/parameters/disable_ipv6");
    Path::new("/proc/net/if_inet6").exists() && disabled.is_ok_and(|disabled| disabled.trim() == "0")
}

/// The command's name, and the command.
pub(super) fn command(words: &[OsString]) -> (OsString, Command) {
    let name = words.first().cloned().unwrap_or_default();
    let mut command = Command::new(&name);
    command.args(words.iter().skip(1));
    for variable in MISLEADING {
        command.env_remove(variable);
    }
    for variable in ["NO_PROXY", "no_proxy"] {
        command.env(variable, without_proxy(std::env::var_os(variable).as_deref()));
    }
    (name, command)
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
pub(super) fn exit(status: Option<i32>, signal: Option<i32>) -> ExitCode {
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
