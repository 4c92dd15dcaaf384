//! The helper process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{ExitCode, Stdio};

use imds_netns::{fork, fork_apart, fork_apart_with, handoff};

use crate::Test;
use crate::role::role;

pub(crate) const TESTS: &[Test] = &[
    ("fork::a_helper_answers_and_sees_the_end", a_helper_answers_and_sees_the_end),
    ("fork::a_helper_that_panics_exits_101", a_helper_that_panics),
    ("fork::a_helper_apart_holds_nothing_but_its_stream", a_helper_apart_holds_nothing_but_its_stream),
    ("fork::a_helper_apart_keeps_a_further_stream", a_helper_apart_keeps_a_further_stream),
    ("fork::a_helper_passes_a_file", a_helper_passes_a_file),
    ("fork::the_first_of_two_helpers_ends_when_asked", the_first_of_two_helpers_ends_when_asked),
    ("fork::a_helper_sees_its_parent_killed", a_helper_sees_its_parent_killed),
];

fn a_helper_answers_and_sees_the_end() {
    let mut helper = fork(|mut stream| {
        let mut byte = [0];
        while stream.read(&mut byte).is_ok_and(|length| length == 1) {
            stream.write_all(&[byte[0] + 1]).unwrap();
        }
        ExitCode::from(3)
    })
    .unwrap();
    assert_ne!(helper.pid(), std::process::id());
    for byte in [1, 7] {
        helper.stream.write_all(&[byte]).unwrap();
        let mut answer = [0];
        helper.stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [byte + 1]);
    }
    let (stream, process) = (helper.stream, helper.process);
    drop(stream);
    assert_eq!(process.wait().unwrap().code(), Some(3));
}

fn a_helper_that_panics() {
    let helper = fork(|_| {
        std::panic::set_hook(Box::new(|_| {}));
        panic!("on purpose")
    });
    assert_eq!(helper.unwrap().wait().unwrap().code(), Some(101));
}

fn a_helper_apart_holds_nothing_but_its_stream() {
    let held = [File::open("/proc/self/status").unwrap(), File::open("/dev/null").unwrap()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut helper = fork_apart(|mut stream| {
        // The folder that is being read is open as well.
        let open = fs::read_dir("/proc/self/fd").unwrap().count() - 1;
        stream.write_all(&[u8::try_from(open).unwrap()]).unwrap();
        // It lives on until it is told to end.
        let _ = stream.read(&mut [0]);
        ExitCode::from(3)
    })
    .unwrap();
    let mut open = [0];
    helper.stream.read_exact(&mut open).unwrap();
    assert_eq!(open, [4]);
    drop(listener);
    assert!(TcpStream::connect(address).is_err(), "nobody listens there any longer");
    assert!(held.iter().all(|file| file.metadata().is_ok()), "here they are open");
    assert_eq!(helper.wait().unwrap().code(), Some(3));
}

fn a_helper_apart_keeps_a_further_stream() {
    let (mut here, there) = UnixStream::pair().unwrap();
    let _held = File::open("/dev/null").unwrap();
    let helper = fork_apart_with(Some(there), |mut stream, further| {
        let open = fs::read_dir("/proc/self/fd").unwrap().count() - 1;
        further.unwrap().write_all(&[u8::try_from(open).unwrap()]).unwrap();
        let _ = stream.read(&mut [0]);
        ExitCode::SUCCESS
    })
    .unwrap();
    let mut said = Vec::new();
    here.read_to_end(&mut said).unwrap();
    assert_eq!(said, [5], "and nobody else has it");
    assert_eq!(helper.wait().unwrap().code(), Some(0));
}

fn a_helper_passes_a_file() {
    let helper = fork(|stream| {
        let file = File::open("/proc/self/status").unwrap();
        handoff::send(&stream, b"status", &[file.as_fd()]).unwrap();
        ExitCode::SUCCESS
    })
    .unwrap();
    let mut name = [0; 16];
    let (length, fds) = handoff::recv(&helper.stream, &mut name).unwrap();
    assert_eq!((&name[..length], fds.len()), (&b"status"[..], 1));
    // The file is open in the kernel, whoever opened it: its content is that of the helper.
    let mut status = String::new();
    File::from(fds.into_iter().next().unwrap()).read_to_string(&mut status).unwrap_or_default();
    assert!(status.is_empty() || status.contains(&format!("Pid:\t{}\n", helper.pid())), "{status}");
    assert_eq!(helper.wait().unwrap().code(), Some(0));
}

fn the_first_of_two_helpers_ends_when_asked() {
    let echo = || {
        fork(|mut stream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            ExitCode::from(all.len() as u8)
        })
        .unwrap()
    };
    let (mut first, second) = (echo(), echo());
    first.stream.write_all(b"four").unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(4));
    assert_eq!(second.wait().unwrap().code(), Some(0));
}

fn a_helper_sees_its_parent_killed() {
    let mut parent = role("forker").stdout(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(parent.stdout.take().unwrap()).lines();
    let pid: u32 = printed.next().unwrap().unwrap().parse().unwrap();
    assert_ne!(pid, parent.id());
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(printed.next().unwrap().unwrap(), "helper read Ok(0)");
    assert!(printed.next().is_none());
}
