//! A process that goes into a namespace of its own by itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, ExitCode, Stdio};

use imds_netns::peer::{Home, Place};
use imds_netns::{enter, fork, handoff, start};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};

use crate::Test;
use crate::role::{plan, role};
use crate::spawn::{answer, has_ended};

pub(crate) const TESTS: &[Test] = &[
    ("enter::what_is_started_afterwards_is_there", what_is_started_afterwards_is_there),
    ("enter::uid_gid_and_capabilities_of_a_command_stay", uid_gid_and_capabilities_stay),
    ("enter::a_command_ends_with_its_parent", a_command_ends_with_its_parent),
    ("enter::who_is_inside_is_told_from_who_is_not", who_is_inside_is_told_from_who_is_not),
];

fn what_is_started_afterwards_is_there() {
    let before = fs::read_link("/proc/self/ns/net").unwrap();
    let mut helper = fork(|stream| {
        let plan = plan();
        let listeners = enter(&plan).unwrap().listeners;
        let fds: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
        handoff::send(&stream, b"!", &fds).unwrap();
        drop(listeners);
        let mut command = role("ask");
        command.arg("hello").args(plan.listen.iter().map(ToString::to_string)).stdout(Stdio::piped());
        let output = start(&mut command).unwrap().wait_with_output().unwrap();
        handoff::send(&stream, &output.stdout, &[]).unwrap();
        ExitCode::SUCCESS
    })
    .unwrap();
    let (_, listeners) = handoff::recv(&helper.stream, &mut [0]).unwrap();
    let listeners: Vec<_> =
        listeners.into_iter().map(|listener: OwnedFd| TcpListener::from(listener)).collect();
    listeners.iter().for_each(answer);
    let mut printed = String::new();
    helper.stream.read_to_string(&mut printed).unwrap();
    let expected = "hello at 169.254.169.254:80\nhello at [fd00:ec2::254]:80\nhello at 169.254.170.2:80\n";
    assert_eq!(printed, expected);
    assert!(helper.wait().unwrap().success());
    assert_eq!(fs::read_link("/proc/self/ns/net").unwrap(), before);
}

fn uid_gid_and_capabilities_stay() {
    let script = "id -u; id -g; grep ^Cap[IPEA] /proc/self/status";
    let outside = Command::new("sh").args(["-c", script]).output().unwrap().stdout;
    let mut helper = fork(|stream| {
        enter(&plan()).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(OwnedFd::from(stream));
        ExitCode::from(u8::from(!start(&mut command).unwrap().wait().unwrap().success()))
    })
    .unwrap();
    let mut inside = Vec::new();
    helper.stream.read_to_end(&mut inside).unwrap();
    assert_eq!(String::from_utf8(inside), String::from_utf8(outside));
    assert!(helper.wait().unwrap().success());
}

fn a_command_ends_with_its_parent() {
    let mut parent = role("starter").stdout(Stdio::piped()).spawn().unwrap();
    let mut pid = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    has_ended(pid.trim());
}

/// How the helper of the next test connects.
#[derive(Clone, Copy)]
enum Way {
    /// Before it goes inside,
    Before,
    /// from inside,
    Inside,
    /// from inside, over a socket that was made outside.
    Brought,
}

fn who_is_inside_is_told_from_who_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let home = Home::now();
    for (way, place) in
        [(Way::Before, Place::Home), (Way::Inside, Place::Elsewhere), (Way::Brought, Place::Elsewhere)]
    {
        let helper = fork(|mut stream| {
            let brought = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
            let before = matches!(way, Way::Before).then(|| UnixStream::connect(&path).unwrap());
            if before.is_none() {
                enter(&plan()).unwrap();
            }
            match way {
                Way::Before => {}
                Way::Inside => drop(UnixStream::connect(&path).unwrap().write_all(b"!")),
                Way::Brought => connect(&brought, &SocketAddrUnix::new(&path).unwrap()).unwrap(),
            }
            // Until it was looked at.
            let _ = stream.read(&mut [0]);
            ExitCode::SUCCESS
        })
        .unwrap();
        let connection = listener.accept().unwrap().0;
        assert_eq!(home.place_of(connection.as_fd()), place);
        assert!(helper.wait().unwrap().success());
        // Of a process that has ended nothing is believed but what the socket says, and that not alone.
        assert_eq!(home.place_of(connection.as_fd()), Place::Elsewhere);
    }
}
