//! That a service ends, and all of it; and that the environment is none of its concern. Both are seen in a process of their
//! own, which is this test again.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use openimds::{Event, Fault, Imds, Options};

use crate::talk::{action, v1};

/// Says to a test that it is in its own process.
const ALONE: &str = "OPENIMDS_TEST_ALONE";

/// Runs the test of this name alone, with these variables; false if this is it.
fn is_told_to_another(name: &str, variables: &[(&str, &str)]) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("1 passed"), "{told}");
    true
}

/// Threads and descriptors of this process.
fn held() -> (usize, usize) {
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// A service that has something to do, until it is dropped in the midst of it.
fn live(environment_delay: &str) {
    let text = format!("[service]\nenvironment-delay = \"{environment_delay}\"");
    let imds = Imds::builder().config(text).spawn().unwrap();
    imds.event(Event::spot_interruption().after(Duration::from_secs(3_600))).unwrap();
    imds.fault(Fault::drop().path("/held")).unwrap();
    assert_eq!(v1(imds.endpoint(), "/latest/meta-data/instance-id"), 200);
    action(imds.admin(), "elasticbeanstalk", "CreateApplication", &[("ApplicationName", "shop")]);
    let environment = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", "shop-dev"),
        ("SolutionStackName", "64bit Amazon Linux 2023 v4.7.0 running Python 3.11"),
    ];
    action(imds.admin(), "elasticbeanstalk", "CreateEnvironment", &environment);
    let silent = [imds.endpoint(), imds.admin()].map(connected);
    let held = connected(imds.endpoint());
    (&held).write_all(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    drop(imds);
    drop((silent, held));
}

fn connected(url: &str) -> TcpStream {
    TcpStream::connect(url.trim_start_matches("http://")).unwrap()
}

#[test]
fn fifty_services_leave_nothing_behind() {
    if is_told_to_another("ends::fifty_services_leave_nothing_behind", &[]) {
        return;
    }
    // One is found in the midst of the start, the other after it.
    let faults = "[[fault]]\nkind = \"drop\"\n".repeat(257);
    let refused = || {
        for builder in [Imds::builder().config(&*faults), Imds::builder().role("no name!")] {
            builder.spawn().unwrap_err();
        }
    };
    // What is made once in a process is made now.
    live("1ms");
    refused();
    let before = held();
    for _ in 0..25 {
        live("1ms");
        live("3600s");
    }
    (0..5).for_each(|_| refused());
    // The system may still be about to forget the last of them.
    let end = Instant::now() + Duration::from_secs(20);
    while (held().0 > before.0 || held().1 > before.1) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    let after = held();
    assert!(
        after.0 <= before.0 && after.1 <= before.1,
        "threads and descriptors: {before:?}, then {after:?}"
    );
}

#[test]
fn who_drops_a_service_waits_for_no_client() {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let imds = Imds::builder().spawn().unwrap();
        let mut slow = connected(imds.endpoint());
        slow.write_all(b"PUT /latest/api/token HTTP/1.1\r\nContent-Length: 9\r\n\r\n1").unwrap();
        // One that came later is answered: it is in the midst of its body.
        assert_eq!(v1(imds.endpoint(), "/latest/meta-data/instance-id"), 200);
        let begin = Instant::now();
        drop(imds);
        // A busy machine may take as long as the patience of `imds serve` once, but not each time.
        if begin.elapsed() < Duration::from_secs(1) {
            return;
        }
        assert!(Instant::now() < end, "each takes {:?}", begin.elapsed());
    }
}

#[test]
fn connections_take_a_share_of_the_descriptors() {
    if std::env::var_os(ALONE).is_none() {
        let test = std::env::current_exe().unwrap();
        let output = Command::new("sh")
            .args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\""])
            .arg(test)
            .args(["--exact", "ends::connections_take_a_share_of_the_descriptors", "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("1 passed"), "{told}");
        return;
    }
    let imds = Imds::builder().config("[service]\nheader-timeout = \"60s\"").spawn().unwrap();
    let mut connections: Vec<TcpStream> = (0..100).map(|_| connected(imds.endpoint())).collect();
    connections.iter_mut().for_each(|one| one.write_all(b"G").unwrap());
    let is_closed = |one: &mut TcpStream| {
        one.set_nonblocking(true).unwrap();
        !one.read(&mut [0; 1]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let end = Instant::now() + Duration::from_secs(30);
    while !connections.iter_mut().any(is_closed) {
        assert!(Instant::now() < end, "there are as many as there are descriptors for");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_environment_disturbs_nothing() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "a, b"),
        ("AWS_SECRET_ACCESS_KEY", "wrong"),
        ("AWS_SESSION_TOKEN", "not a token"),
        ("AWS_REGION", "no region!"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("http_proxy", "http://127.0.0.1:9"),
        ("IMDS_ADMIN", "http://127.0.0.1:9"),
        ("IMDS_HTTP_TOKENS", "required"),
    ];
    if is_told_to_another("ends::the_environment_disturbs_nothing", &variables) {
        return;
    }
    let imds = Imds::builder().region("eu-west-1").spawn().unwrap();
    imds.modify(Options::new().hop_limit(2)).unwrap();
    assert_eq!(v1(imds.endpoint(), "/latest/meta-data/instance-id"), 200);
    assert_eq!(imds.calls().unwrap().len(), 1);
}
