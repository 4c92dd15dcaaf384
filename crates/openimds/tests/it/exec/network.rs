//! `--network host`, for `imds run` and `imds exec`: what the machine reaches, by pasta.
//!
//! Needs pasta, and a /dev/net/tun that the user may open; where that is root's alone, root lends the tests one by a
//! private bind mount. Who is neither root nor may open it tests that this is told.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use super::{A, ID, Site};
use crate::run::{Running, Said, until};

/// Ports of loopback that the tests have had, so that each pasta of theirs is known by its own.
static LAST: AtomicU16 = AtomicU16::new(18_080);

/// A site from which there is a way out, and a program on its loopback.
struct Connected {
    site: Site,
    /// Where that answers.
    port: u16,
    /// Another service: there is no other server that is certain to be there.
    server: crate::support::Service,
}

impl Connected {
    fn all() -> Vec<Self> {
        Site::all().into_iter().map(Self::new).collect()
    }

    fn new(mut site: Site) -> Self {
        for order in [
            "ip link add eth0 type veth peer name other",
            "ip link set eth0 up",
            "ip link set other up",
            "ip address add 10.99.0.2/24 dev eth0",
            "ip route add default via 10.99.0.1",
        ] {
            site.order(order);
        }
        let port = LAST.fetch_add(1, Relaxed);
        let listen = format!("127.0.0.1:{port}");
        let mut serve =
            site.imds(&["serve", "--print-ready", "--listen", &listen, "--admin", "127.0.0.1:1800"]);
        let server = crate::support::Service::spawn(serve.stderr(std::process::Stdio::null()));
        if rustix::process::geteuid().is_root() {
            let device = site.path("tun");
            let mode = Mode::from_raw_mode(0o666);
            mknodat(CWD, &device, FileType::CharacterDevice, mode, makedev(10, 200)).unwrap();
            rustix::fs::chmod(&device, mode).unwrap();
            // In the site's own mounts.
            site.order(&format!("mount --bind {} /dev/net/tun", device.display()));
        }
        Self { site, port, server }
    }

    fn has_tun(&self) -> bool {
        rustix::process::geteuid().is_root()
            || fs::File::options().read(true).write(true).open("/dev/net/tun").is_ok()
    }

    /// `imds` with these words, where /dev/net/tun is one that everybody may open.
    fn imds(&self, words: &[&str]) -> Command {
        self.site.imds(words)
    }

    /// Every pasta that passes its port.
    fn pastas(&self) -> Vec<Pid> {
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid = entry.unwrap().file_name().to_str()?.parse().ok()?;
            let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            let mut words = words.split('\0');
            let is_its = words.next()?.ends_with("pasta")
                && words.any(|word| word.split(',').any(|port| *port == self.port.to_string()));
            is_its.then(|| Pid::from_raw(pid)).flatten()
        });
        processes.collect()
    }

    fn inside(&self, words: &[&str], script: &str) -> Said {
        Said::by(self.imds(words).args(["--network", "host", "--", "sh", "-c", script]))
    }
}

const BOTH: [&[&str]; 2] = [&["run"], &["exec", A]];

#[test]
fn loopback_and_metadata_are_reached_and_no_door_is() {
    for connected in Connected::all() {
        if !connected.has_tun() {
            let said = connected.inside(&["run"], "true");
            assert_eq!(said.code, Some(1), "{said:?}");
            assert!(said.err.contains("/dev/net/tun") && said.err.lines().count() == 1, "{said:?}");
            continue;
        }
        for words in BOTH {
            let get = |address: &str| {
                let script = format!("curl -s -m 10 -o /dev/null -w '%{{http_code}}' 'http://{address}'");
                connected.inside(words, &script)
            };
            let own = if words == ["run"] { "i-12345678901234567" } else { A };
            let id = connected.inside(words, &format!("curl -s -m 10 http://169.254.169.254{ID}")).well();
            assert_eq!(id, own);
            assert_eq!(get(&format!("127.0.0.1:{}/latest/meta-data/", connected.port)).well(), "200");
            // The doors of both services, by loopback, by the machine's address and by its gateway's.
            for door in ["127.0.0.1:1339", "127.0.0.1:1800", "10.99.0.2:1339", "[::1]:1339"] {
                let said = get(&format!("{door}/healthz"));
                assert_eq!((said.code, said.out.as_str()), (Some(7), "000"), "{door}: {said:?}");
            }
            for gateway in ["10.99.0.1:1339", "10.99.0.1:1800", &format!("10.99.0.1:{}", connected.port)] {
                let said =
                    connected.inside(words, &format!("curl -s -m 1 -o /dev/null http://{gateway}/healthz"));
                assert!(matches!(said.code, Some(7 | 28)), "{gateway}: {said:?}");
            }
            // What is not served refuses, and does not leave.
            assert_eq!(get("169.254.170.2/").code, Some(7));
            assert_eq!(get("[fd00:ec2::254]/").code, Some(7));
            let routes = connected.inside(words, "ip route").well();
            assert!(routes.contains("default via 10.99.0.1"), "{routes}");
        }
        assert_eq!(connected.pastas(), []);
        drop(connected.server);
    }
}

#[test]
fn nothing_is_left_however_it_ends() {
    for connected in Connected::all().into_iter().filter(Connected::has_tun) {
        for words in BOTH {
            let said = connected.inside(words, "exit 7");
            assert_eq!((said.code, said.err.as_str()), (Some(7), ""));
            assert_eq!(connected.pastas(), [], "when it has ended, so has pasta");
            let said =
                Said::by(connected.imds(words).args(["--network", "host", "--", "no-such-command-here"]));
            assert_eq!(said.code, Some(127), "{said:?}");
            assert_eq!(connected.pastas(), []);
            for signal in [Signal::KILL, Signal::TERM] {
                let script = "echo ready; exec sleep 60";
                let mut imds = connected.imds(words);
                let run = Running::start(imds.args(["--network", "host", "--", "sh", "-c", script]));
                assert_eq!(run.out.next(), "ready");
                assert_eq!(connected.pastas().len(), 1);
                kill_process(run.pid(), signal).unwrap();
                until("it goes", || connected.pastas().is_empty());
            }
        }
        drop(connected.server);
    }
}

#[test]
fn when_pasta_ends_that_is_said_and_the_command_goes_on() {
    for connected in Connected::all().into_iter().filter(Connected::has_tun) {
        for words in BOTH {
            let script =
                "echo ready; read -r _; curl -s -m 10 http://169.254.169.254/latest/meta-data/instance-id";
            let mut imds = connected.imds(words);
            let mut run = Running::start(imds.args(["--network", "host", "--", "sh", "-c", script]));
            assert_eq!(run.out.next(), "ready");
            kill_process(connected.pastas()[0], Signal::KILL).unwrap();
            assert_eq!(run.err.next(), "imds: pasta has ended, and the command has no network any longer");
            writeln!(run.child.stdin.as_mut().unwrap()).unwrap();
            assert!(run.out.next().starts_with("i-"));
            assert!(run.end().success());
        }
        drop(connected.server);
    }
}

#[test]
fn what_is_missing_is_one_sentence_and_nothing_is_run() {
    for site in Site::all() {
        for words in BOTH {
            for (path, expected) in [
                // Without pasta,
                ("/no/such/folder", "--network host needs pasta: install it (Debian's package passt)"),
                // and, with it, without a way out of the machine, or without the device.
                ("/usr/local/bin:/usr/bin:/bin", "pasta cannot connect the command with the network: "),
            ] {
                let mut env = site.program("/usr/bin/env");
                env.arg(format!("PATH={path}")).arg(&site.imds).args(words);
                let said = Said::by(env.args(["--network", "host", "--", "/bin/echo", "ran"]));
                assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
                assert!(said.err.contains(expected) && said.err.contains("leave --network out"), "{said:?}");
                assert_eq!(said.err.lines().count(), 1, "{said:?}");
            }
            let both = ["--network", "host", "--hops", "1", "--", "true"];
            assert_eq!(Said::by(site.imds(words).args(both)).code, Some(2));
        }
    }
}
