//! Routers between a command and who listens.

use std::process::{Command, Stdio};

use imds_netns::{Error, Plan, spawn};

use crate::Test;
use crate::role::{plan, role};
use crate::spawn::{answer, finish};

pub(crate) const TESTS: &[Test] = &[
    ("routers::every_address_answers_behind_them", every_address_answers_behind_them),
    ("routers::what_is_not_served_is_refused_and_nothing_leaves", what_is_not_served_is_refused),
    ("routers::they_can_do_without_ipv6", they_can_do_without_ipv6),
    ("routers::a_limit_on_namespaces_is_told", a_limit_on_namespaces_is_told),
];

fn behind(routers: u8) -> Plan {
    Plan { routers, ..plan() }
}

fn every_address_answers_behind_them() {
    for routers in [1, 2, 8] {
        let plan = behind(routers);
        let mut command = role("ask");
        command.arg("hello").args(plan.listen.iter().map(ToString::to_string)).stdout(Stdio::piped());
        let spawned = spawn(&mut command, &plan).unwrap();
        assert_eq!(spawned.inside.spaces.len(), usize::from(routers) + 1);
        spawned.inside.listeners.iter().for_each(answer);
        let expected =
            "hello at 169.254.169.254:80\nhello at [fd00:ec2::254]:80\nhello at 169.254.170.2:80\n";
        assert_eq!(finish(spawned.child), expected);
    }
}

fn what_is_not_served_is_refused() {
    let mut command = role("connect");
    command.args([
        "169.254.169.254:81",
        "[fd00:ec2::254]:81",
        "127.0.0.1:80",
        "192.0.2.1:80",
        "[2001:db8::1]:80",
    ]);
    let spawned = spawn(command.stdout(Stdio::piped()), &behind(2)).unwrap();
    let expected =
        "ConnectionRefused\nConnectionRefused\nConnectionRefused\nNetworkUnreachable\nNetworkUnreachable\n";
    // The namespaces stay while it runs.
    let _spaces = spawned.inside;
    assert_eq!(finish(spawned.child), expected);
}

fn they_can_do_without_ipv6() {
    let address = "169.254.169.254".parse().unwrap();
    let plan = Plan { addresses: vec![address], listen: vec![(address, 80).into()], ..behind(1) };
    let mut command = role("ask");
    let spawned = spawn(command.args(["hello", "169.254.169.254:80"]).stdout(Stdio::piped()), &plan).unwrap();
    spawned.inside.listeners.iter().for_each(answer);
    assert_eq!(finish(spawned.child), "hello at 169.254.169.254:80\n");
}

/// A limit of a user namespace of its own: there is room for the first, and for no router.
fn a_limit_on_namespaces_is_told() {
    let script = "echo 1 > /proc/sys/user/max_net_namespaces
        exec \"$0\" --role spawn-behind 1";
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "sh", "-ec", script]).arg(std::env::current_exe().unwrap());
    let output = inside.output().expect("unshare, of util-linux");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("sysctl user.max_net_namespaces"), "{printed}");
}

/// In a process of its own: what becomes of a command behind so many routers.
pub(crate) fn try_spawn(routers: &str) {
    match spawn(&mut Command::new("true"), &behind(routers.parse().unwrap())) {
        Ok(mut spawned) => println!("spawned: {}", spawned.child.wait().unwrap()),
        Err(error @ Error::NetworkNamespace(_)) => println!("{error}"),
        Err(error) => println!("another: {error}"),
    }
}
