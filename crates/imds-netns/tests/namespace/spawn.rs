//! A command in a network namespace of its own.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use imds_netns::{Error, Plan, Spawned, spawn};
use rustix::net::sockopt;

use crate::Test;
use crate::role::{plan, role};

pub(crate) const TESTS: &[Test] = &[
    ("spawn::every_address_answers", every_address_answers),
    ("spawn::what_is_not_served_is_refused_and_nothing_leaves", what_is_not_served_is_refused),
    ("spawn::uid_and_gid_stay", uid_and_gid_stay),
    ("spawn::no_capability_is_gained", no_capability_is_gained),
    ("spawn::only_loopback_has_routes", only_loopback_has_routes),
    ("spawn::status_streams_and_directory_pass", status_streams_and_directory_pass),
    ("spawn::signals_are_the_callers", signals_are_the_callers),
    ("spawn::the_callers_namespace_stays", the_callers_namespace_stays),
    ("spawn::listeners_are_ready_for_use", listeners_are_ready_for_use),
    ("spawn::sixteen_at_once", sixteen_at_once),
    ("spawn::a_named_twice_address_is_held_once", a_named_twice_address_is_held_once),
    ("spawn::a_command_that_cannot_be_executed_is_told_apart", a_command_that_cannot_be_executed),
    ("spawn::a_missing_directory_is_told_apart", a_missing_directory),
    ("spawn::nothing_runs_if_a_listen_fails", nothing_runs_if_a_listen_fails),
    ("spawn::nothing_runs_if_an_address_is_not_local", nothing_runs_if_an_address_is_not_local),
    ("spawn::a_command_is_spent", a_command_is_spent),
    ("spawn::threads_are_refused", threads_are_refused),
    ("spawn::the_command_ends_with_its_parent", the_command_ends_with_its_parent),
];

/// Answers one connection: with the word it brought and the address it was made to.
pub(crate) fn answer(listener: &TcpListener) {
    let mut stream = accept(listener);
    let mut word = String::new();
    BufReader::new(&stream).read_line(&mut word).unwrap();
    let address = stream.local_addr().unwrap();
    writeln!(stream, "{} at {address}", word.trim_end()).unwrap();
}

fn accept(listener: &TcpListener) -> TcpStream {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match listener.accept() {
            Ok((stream, _)) => return stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => panic!("no connection came: {error}"),
        }
    }
}

/// Runs a command to its end and returns what it printed.
fn output(command: &mut Command) -> String {
    let spawned = spawn(command.stdout(Stdio::piped()), &plan()).unwrap();
    finish(spawned.child)
}

pub(crate) fn finish(child: std::process::Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn every_address_answers() {
    let plan = plan();
    let mut command = role("ask");
    command.arg("hello").args(plan.listen.iter().map(ToString::to_string)).stdout(Stdio::piped());
    let spawned = spawn(&mut command, &plan).unwrap();
    spawned.inside.listeners.iter().for_each(answer);
    let expected = "hello at 169.254.169.254:80\nhello at [fd00:ec2::254]:80\nhello at 169.254.170.2:80\n";
    assert_eq!(finish(spawned.child), expected);
}

fn what_is_not_served_is_refused() {
    let mut command = role("connect");
    // The last two are documentation addresses, which the namespace does not hold.
    command.args(["169.254.169.254:81", "[fd00:ec2::254]:81", "192.0.2.1:80", "[2001:db8::1]:80"]);
    let printed = output(&mut command);
    assert_eq!(printed, "ConnectionRefused\nConnectionRefused\nNetworkUnreachable\nNetworkUnreachable\n");
}

fn uid_and_gid_stay() {
    let id = |what: &str| output(Command::new("id").arg(what)).trim().parse::<u32>().unwrap();
    assert_eq!(id("-u"), rustix::process::geteuid().as_raw());
    assert_eq!(id("-g"), rustix::process::getegid().as_raw());
}

/// The lines of a process's status that begin with one of these names.
fn status(text: &str, names: &[&str]) -> Vec<String> {
    let named = |line: &&str| names.iter().any(|name| line.starts_with(name));
    text.lines().filter(named).map(str::to_owned).collect()
}

fn no_capability_is_gained() {
    let names = ["CapInh", "CapPrm", "CapEff", "CapAmb"];
    let ours = status(&fs::read_to_string("/proc/self/status").unwrap(), &names);
    let theirs = status(&output(Command::new("cat").arg("/proc/self/status")), &names);
    assert_eq!(theirs, ours);
    assert_eq!(theirs.len(), 4);
}

fn only_loopback_has_routes() {
    let v4 = output(Command::new("cat").arg("/proc/net/route"));
    assert_eq!(v4.lines().count(), 1, "more than the heading: {v4}");
    let v6 = output(Command::new("cat").arg("/proc/net/ipv6_route"));
    assert!(v6.contains("fd000ec2"), "{v6}");
    assert!(v6.lines().all(|line| line.ends_with(" lo")), "{v6}");
}

fn status_streams_and_directory_pass() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "cat; pwd -P; echo wrong >&2; exit 7"]).current_dir(folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(&mut command, &plan()).unwrap().child;
    child.stdin.take().unwrap().write_all(b"in\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let expected = format!("in\n{}\n", folder.path().canonicalize().unwrap().display());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert_eq!(output.stderr, b"wrong\n");
}

fn signals_are_the_callers() {
    let masks = |text: &str| {
        let lines = status(text, &["SigBlk", "SigIgn"]);
        let mask = |line: &String| u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap();
        lines.iter().map(mask).collect::<Vec<_>>()
    };
    let mut ours = masks(&fs::read_to_string("/proc/self/status").unwrap());
    // Rust ignores SIGPIPE (13) for itself and gives every child the default back.
    ours[1] &= !(1 << 12);
    assert_eq!(masks(&output(Command::new("cat").arg("/proc/self/status"))), ours);
}

fn the_callers_namespace_stays() {
    let ours = || fs::read_link("/proc/self/ns/net").unwrap().display().to_string();
    let before = ours();
    let theirs = output(Command::new("readlink").arg("/proc/self/ns/net"));
    assert_ne!(theirs.trim(), before);
    assert_eq!(ours(), before);
}

fn listeners_are_ready_for_use() {
    let mut spawned = spawn(&mut role("sleep"), &plan()).unwrap();
    for (listener, address) in spawned.inside.listeners.iter().zip(plan().listen) {
        assert_eq!(listener.local_addr().unwrap(), address);
        assert!(rustix::io::fcntl_getfd(listener).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(sockopt::socket_reuseaddr(listener).unwrap());
        assert!(address.is_ipv4() || sockopt::ipv6_v6only(listener).unwrap());
    }
    assert_eq!(spawned.inside.listeners.len(), 3);
    spawned.child.kill().unwrap();
    spawned.child.wait().unwrap();
}

fn sixteen_at_once() {
    let started: Vec<Spawned> = (0..16)
        .map(|number| {
            let mut command = role("ask");
            command.args([&number.to_string(), "169.254.169.254:80"]).stdout(Stdio::piped());
            spawn(&mut command, &plan()).unwrap()
        })
        .collect();
    // All have started before the first is answered.
    for spawned in &started {
        answer(&spawned.inside.listeners[0]);
    }
    for (number, spawned) in started.into_iter().enumerate() {
        assert_eq!(finish(spawned.child), format!("{number} at 169.254.169.254:80\n"));
    }
}

fn a_named_twice_address_is_held_once() {
    let addresses = ["169.254.169.254", "169.254.169.254", "127.0.0.1", "::1"].map(|a| a.parse().unwrap());
    let plan = Plan { addresses: addresses.to_vec(), ..Plan::default() };
    let mut spawned = spawn(&mut Command::new("true"), &plan).unwrap();
    assert!(spawned.child.wait().unwrap().success());
}

fn a_command_that_cannot_be_executed() {
    for (program, kind) in [
        ("no-such-command-here", io::ErrorKind::NotFound),
        ("/no/such/command", io::ErrorKind::NotFound),
        ("/proc/self/status", io::ErrorKind::PermissionDenied),
    ] {
        // A PATH of the caller's may hold a folder that this user may not search: that would be told instead.
        match spawn(Command::new(program).env("PATH", "/usr/bin:/bin"), &plan()) {
            Err(Error::Exec(error)) => assert_eq!(error.kind(), kind, "{program}"),
            other => panic!("{program}: {other:?}"),
        }
    }
}

fn a_missing_directory() {
    let refused = spawn(Command::new("true").current_dir("/no/such/directory"), &plan());
    assert!(matches!(refused, Err(Error::Start(_))), "{refused:?}");
}

/// Spawns a command that leaves a mark, which must fail without one.
fn refused(plan: &Plan) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let error = spawn(Command::new("touch").arg(&mark), plan).unwrap_err();
    assert!(!mark.exists());
    error
}

fn nothing_runs_if_a_listen_fails() {
    let mut plan = plan();
    plan.listen.push("192.0.2.1:80".parse().unwrap());
    let error = refused(&plan).to_string();
    assert!(error.starts_with("cannot listen on 192.0.2.1:80 in the new network namespace"), "{error}");
}

fn nothing_runs_if_an_address_is_not_local() {
    for address in ["224.0.0.1", "ff02::1", "0.0.0.0", "::"] {
        let address = address.parse().unwrap();
        let error = refused(&Plan { addresses: vec![address], ..Plan::default() });
        let named = matches!(error, Error::NotLocal(a) | Error::Address { address: a, .. } if a == address);
        assert!(named, "{address}: {error:?}");
    }
}

fn a_command_is_spent() {
    let mut command = Command::new("true");
    spawn(&mut command, &plan()).unwrap().child.wait().unwrap();
    assert!(command.spawn().is_err());
    assert!(matches!(spawn(&mut command, &plan()), Err(Error::Start(_))));
}

fn threads_are_refused() {
    let (stop, stopped) = mpsc::channel::<()>();
    let other = thread::spawn(move || stopped.recv());
    let refused = spawn(&mut Command::new("true"), &plan());
    let forked = imds_netns::fork(|_| std::process::ExitCode::SUCCESS);
    drop(stop);
    let _ = other.join();
    // The kernel lists a thread for a moment after it was joined; the next test must not meet it.
    while fs::read_dir("/proc/self/task").unwrap().count() > 1 {
        thread::yield_now();
    }
    assert!(matches!(refused, Err(Error::Threads(2))), "{refused:?}");
    assert!(matches!(forked, Err(Error::Threads(2))), "{forked:?}");
}

fn the_command_ends_with_its_parent() {
    let mut parent = role("parent").stdout(Stdio::piped()).spawn().unwrap();
    let mut pid = String::new();
    let mut printed = BufReader::new(parent.stdout.take().unwrap());
    printed.read_line(&mut pid).unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    has_ended(pid.trim());
}

/// Waits until a process has.
pub(crate) fn has_ended(pid: &str) {
    let is_over = || {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z ") || state.contains(") X ")
    };
    let end = Instant::now() + Duration::from_secs(20);
    while !is_over() {
        assert!(Instant::now() < end, "{pid} lives on");
        thread::sleep(Duration::from_millis(2));
    }
}
