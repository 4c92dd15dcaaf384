//! A way out of a namespace, made by somebody else.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use imds_netns::{CONNECTED, Error, Helper, Plan, fork, handoff, spawn};

use rustix::thread::{
    CapabilitySet, LinkNameSpaceType, capabilities, configure_capability_in_ambient_set,
    move_into_link_name_space, set_capabilities,
};

use crate::Test;
use crate::role::{plan, role};
use crate::spawn::{answer, finish};

pub(crate) const TESTS: &[Test] = &[
    ("outside::it_is_made_before_the_command_starts", it_is_made_before_the_command_starts),
    ("outside::without_it_nothing_runs", without_it_nothing_runs),
    ("outside::who_takes_an_address_away_is_found_out", who_takes_an_address_away_is_found_out),
];

/// A process that has a script done in the namespace that it is sent, and answers with `reply`, if with anything.
fn helper(script: &'static str, reply: Option<u8>) -> Helper {
    fork(move |mut stream: UnixStream| {
        let (_, files) = handoff::recv(&stream, &mut [0]).unwrap();
        let [network, user] = &files[..] else { return ExitCode::FAILURE };
        let own = std::fs::read_link("/proc/self/ns/user").unwrap();
        if own != std::fs::read_link(format!("/proc/self/fd/{}", user.as_raw_fd())).unwrap() {
            move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User)).unwrap();
        }
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        // What a user namespace gives ends with the first program that is executed, but for this.
        let mut sets = capabilities(None).unwrap();
        sets.inheritable |= CapabilitySet::NET_ADMIN;
        set_capabilities(None, sets).unwrap();
        configure_capability_in_ambient_set(CapabilitySet::NET_ADMIN, true).unwrap();
        assert!(Command::new("sh").args(["-ec", script]).status().unwrap().success());
        drop(files);
        reply.map_or(Ok(()), |reply| stream.write_all(&[reply, b'?'])).unwrap();
        ExitCode::SUCCESS
    })
    .unwrap()
}

fn through(helper: &Helper) -> Plan {
    Plan { outside: Some(Arc::new(helper.stream.try_clone().unwrap())), ..plan() }
}

fn it_is_made_before_the_command_starts() {
    let more = "ip link add out type veth peer name other; ip link set out up; ip link set other up
        ip address add 192.0.2.2/24 dev out; ip route add default via 192.0.2.1";
    let helper = helper(more, Some(CONNECTED));
    let mut command = role("ask");
    command.args(["hello", "169.254.169.254:80", "[fd00:ec2::254]:80"]).stdout(Stdio::piped());
    let spawned = spawn(&mut command, &through(&helper)).unwrap();
    spawned.inside.listeners[..2].iter().for_each(answer);
    assert_eq!(finish(spawned.child), "hello at 169.254.169.254:80\nhello at [fd00:ec2::254]:80\n");
    assert!(helper.wait().unwrap().success());
}

/// What becomes of a command that would leave a mark.
fn refused(helper: Helper) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let error = spawn(Command::new("touch").arg(&mark), &through(&helper)).unwrap_err();
    assert!(!mark.exists());
    let _ = helper.wait();
    error
}

fn without_it_nothing_runs() {
    for reply in [Some(!CONNECTED), None] {
        let error = refused(helper("true", reply));
        assert!(matches!(error, Error::Outside(_)), "{error:?}");
    }
    let gone = fork(|_| ExitCode::SUCCESS).unwrap();
    assert!(matches!(refused(gone), Error::Outside(_)));
}

fn who_takes_an_address_away_is_found_out() {
    for (script, lost) in [
        ("ip address del 169.254.169.254/32 dev lo", "169.254.169.254"),
        ("ip address del fd00:ec2::254/128 dev lo", "fd00:ec2::254"),
        ("ip link set lo down", "does not end at `lo`"),
        (
            "ip rule add pref 0 to 169.254.170.2 unreachable; ip rule del pref 0 lookup local; ip rule add pref 9 lookup local",
            "169.254.170.2",
        ),
    ] {
        let error = refused(helper(script, Some(CONNECTED)));
        let said = format!("{error} {error:?}");
        assert!(said.contains(lost) || matches!(error, Error::NotClosed), "{script}: {said}");
    }
}
