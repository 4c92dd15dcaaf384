//! A namespace that is there already.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use imds_netns::{Error, Helper, Plan, attach, fork, handoff, spawn};

use crate::role::plan;
use crate::spawn::answer;
use crate::{Test, is_root};

pub(crate) const TESTS: &[Test] = &[
    ("attach::the_addresses_lead_to_who_listens_and_no_longer", the_addresses_lead_to_who_listens),
    ("attach::nothing_is_left_when_it_is_killed", nothing_is_left_when_it_is_killed),
    ("attach::a_server_at_port_80_is_in_nobodys_way", a_server_at_port_80_is_in_nobodys_way),
    ("attach::what_is_no_container_is_refused", what_is_no_container_is_refused),
    ("attach::what_is_served_already_is_refused", what_is_served_already_is_refused),
    ("attach::others_containers_are_refused", others_containers_are_refused),
];

/// A container, as a rootless engine makes it: does what it is told, a line of shell each.
struct Container(Child, BufReader<std::process::ChildStdout>);

impl Container {
    fn new(more: &str) -> Self {
        let script = format!(
            "ip link set lo up
            ip link add name eth0 type veth peer name other && ip link set eth0 up && ip link set other up
            ip address add 10.88.0.5/16 dev eth0
            {more}
            echo ready
            while read -r line; do eval \"$line\"; done"
        );
        let mut sh = Command::new("unshare");
        sh.args(["--user", "--map-root-user", "--net", "sh", "-c", &script]).arg(env::current_exe().unwrap());
        let mut child =
            sh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare, of util-linux");
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut container = Self(child, out);
        assert_eq!(container.line(), "ready");
        container
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// How connecting to these addresses ends.
    fn connect(&mut self, addresses: &str) -> Vec<String> {
        self.tell(&format!("\"$0\" --role connect {addresses}"));
        addresses.split(' ').map(|_| self.line()).collect()
    }

    fn devices(&mut self) -> String {
        self.tell(
            "ls /sys/class/net >/dev/null; tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | sort | xargs",
        );
        self.line()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A process that attaches and sends the sockets, and takes all away when it is told.
fn attached(pid: u32) -> (Helper, Vec<TcpListener>) {
    let helper = fork(move |mut stream| {
        let mut attached = match attach(pid, &plan()) {
            Ok(attached) => attached,
            Err(error) => {
                println!("{error}");
                return ExitCode::FAILURE;
            }
        };
        let fds: Vec<_> = attached.listeners.iter().map(AsFd::as_fd).collect();
        handoff::send(&stream, b"!", &fds).unwrap();
        attached.listeners.clear();
        let _ = stream.read(&mut [0]);
        attached.detach().unwrap();
        ExitCode::SUCCESS
    })
    .unwrap();
    let listeners = handoff::recv(&helper.stream, &mut [0]).unwrap().1;
    (helper, listeners.into_iter().map(TcpListener::from).collect())
}

/// Why attaching fails.
fn refused(pid: u32) -> String {
    let mut helper = fork(move |mut stream| {
        let refused = attach(pid, &plan()).unwrap_err();
        let kinds = [
            (matches!(refused, Error::HostNetwork(_)), "host"),
            (matches!(refused, Error::Occupied(_)), "occupied"),
            (matches!(refused, Error::NoProcess(_)), "nobody"),
            (matches!(refused, Error::MayNotEnter { .. }), "forbidden"),
        ];
        let kind = kinds.iter().find_map(|(is_it, kind)| is_it.then_some(*kind)).unwrap_or("another");
        write!(stream, "{kind}: {refused}").unwrap();
        ExitCode::SUCCESS
    })
    .unwrap();
    let mut said = String::new();
    helper.stream.read_to_string(&mut said).unwrap();
    said
}

const IPV4: &str = "169.254.169.254:80 169.254.170.2:80";

fn the_addresses_lead_to_who_listens() {
    for (ipv6, addresses, unserved) in [
        (
            "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6",
            "169.254.169.254:80 169.254.170.2:80",
            "169.254.169.254:81",
        ),
        (
            "ip address add fd99::5/64 dev eth0 nodad",
            "169.254.169.254:80 [fd00:ec2::254]:80 169.254.170.2:80",
            "[fd00:ec2::254]:81",
        ),
        (
            "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip address add fd99::5/64 dev eth0 nodad",
            "169.254.169.254:80 [fd00:ec2::254]:80 169.254.170.2:80",
            "[fd00:ec2::254]:81",
        ),
    ] {
        let mut container = Container::new(ipv6);
        let before = container.devices();
        let (helper, listeners) = attached(container.0.id());
        assert_eq!(container.devices(), before.replace(" lo", " imds0 lo"));
        container.tell(&format!("\"$0\" --role ask hello {addresses}"));
        listeners.iter().for_each(answer);
        for address in addresses.split(' ') {
            assert_eq!(container.line(), format!("hello at {address}"));
        }
        assert_eq!(container.connect(unserved), ["ConnectionRefused"]);
        drop(listeners);
        assert_eq!(container.connect(addresses), vec!["ConnectionRefused"; addresses.split(' ').count()]);
        assert!(helper.wait().unwrap().success());
        assert_eq!(container.devices(), before);
        assert_eq!(container.connect(IPV4), ["NetworkUnreachable"; 2]);
    }
}

fn nothing_is_left_when_it_is_killed() {
    let mut container = Container::new("");
    let before = container.devices();
    let (helper, listeners) = attached(container.0.id());
    assert_ne!(container.devices(), before);
    let pid = rustix::process::Pid::from_raw(i32::try_from(helper.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    drop(listeners);
    assert!(helper.wait().unwrap().code().is_none());
    vanishes(&mut container, &before);
    // And there is room for the next.
    let (helper, _listeners) = attached(container.0.id());
    assert!(helper.wait().unwrap().success());
}

/// Waits until there are the devices of before.
fn vanishes(container: &mut Container, before: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while container.devices() != before {
        assert!(Instant::now() < end, "{}", container.devices());
        thread::sleep(Duration::from_millis(5));
    }
}

fn a_server_at_port_80_is_in_nobodys_way() {
    let mut container = Container::new("\"$0\" --role serve 0.0.0.0:80 & sleep 0.2");
    assert_eq!(container.connect("127.0.0.1:80"), ["connected"]);
    let (helper, listeners) = attached(container.0.id());
    container.tell("\"$0\" --role ask hello 169.254.169.254:80");
    answer(&listeners[0]);
    assert_eq!(container.line(), "hello at 169.254.169.254:80");
    assert!(helper.wait().unwrap().success());
    container.tell("kill $!");
}

fn what_is_no_container_is_refused() {
    let own = std::process::id();
    assert!(refused(own).starts_with(&format!("host: process {own} has no network namespace of its own")));
    // Root of a machine may see whose that is; others, and root of many a container, may not.
    let said = refused(1);
    assert!(said.starts_with("host: ") || said.starts_with("forbidden: "), "{said}");
    for nobody in [0, u32::MAX, 4_194_305] {
        assert!(refused(nobody).starts_with("nobody: "), "{nobody}");
    }
    let mut child = Command::new("true").spawn().unwrap();
    while fs::read_to_string(format!("/proc/{}/stat", child.id())).is_ok_and(|stat| !stat.contains(") Z ")) {
        thread::yield_now();
    }
    assert!(refused(child.id()).starts_with("nobody: "), "it has ended, and nobody has waited for it");
    child.wait().unwrap();
}

fn what_is_served_already_is_refused() {
    let cases = [
        "ip address add 169.254.169.254/32 dev lo",
        "ip address add 169.254.170.2/32 dev eth0",
        "ip route add 169.254.169.254 via 10.88.0.1",
        "ip route add 169.254.0.0/16 dev eth0",
        "ip route add unreachable 169.254.169.254",
        "ip route add 169.254.170.2 via 10.88.0.1 table 7",
        "ip -6 route add fd00:ec2::/32 dev eth0",
        "ip address add 198.18.254.9/24 dev eth0",
    ];
    for prepare in cases {
        let mut container = Container::new(prepare);
        let before = container.devices();
        assert!(refused(container.0.id()).starts_with("occupied: "), "{prepare}");
        assert_eq!(container.devices(), before);
    }
    // Where a rule leads elsewhere shows only when the link is there. It goes again.
    let mut container = Container::new(
        "ip rule add pref 1 to 169.254.169.254 lookup 7; ip route add default via 10.88.0.1 table 7",
    );
    let before = container.devices();
    assert!(refused(container.0.id()).starts_with("occupied: "));
    vanishes(&mut container, &before);

    let mut run = spawn(Command::new("cat").stdin(Stdio::piped()), &plan()).unwrap();
    assert!(refused(run.child.id()).starts_with("occupied: 169.254.169.254 is taken"));
    drop(run.child.stdin.take());
    run.child.wait().unwrap();

    let container = Container::new("");
    let (helper, _listeners) = attached(container.0.id());
    assert!(refused(container.0.id()).starts_with("occupied: "), "twice");
    assert!(helper.wait().unwrap().success());
}

fn others_containers_are_refused() {
    let mut own = spawn(Command::new("cat").stdin(Stdio::piped()), &Plan::default()).unwrap();
    let pid = own.child.id();
    let mut stranger = fork(move |mut stream| {
        if is_root() {
            let nobody = rustix::process::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        let refused = attach(pid, &plan()).map(drop);
        write!(stream, "{}", refused.map_or_else(|error| error.to_string(), |()| "served".to_owned()))
            .unwrap();
        ExitCode::SUCCESS
    })
    .unwrap();
    let mut said = String::new();
    stranger.stream.read_to_string(&mut said).unwrap();
    if is_root() {
        assert!(
            said.starts_with(&format!("cannot enter the network namespace of process {pid}: ")),
            "{said}"
        );
    } else {
        assert_eq!(said, "served", "one's own");
    }
    drop(own.child.stdin.take());
    own.child.wait().unwrap();
}
