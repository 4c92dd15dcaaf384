//! The command as a process: it is as if it had been started without `imds exec`.

use std::os::unix::process::ExitStatusExt as _;

use rustix::process::{Signal, kill_process};

use super::{A, Site};
use crate::run::{Running, Said};

#[test]
fn exit_status_and_ending_signal_are_the_commands() {
    for site in Site::all() {
        for status in [0, 7, 255] {
            let said = site.script(A, &format!("exit {status}"));
            assert_eq!((said.code, said.err.as_str()), (Some(status), ""));
        }
        for signal in [Signal::KILL, Signal::TERM, Signal::USR1] {
            let number = signal.as_raw();
            let status = site.exec(A, &["sh", "-c", &format!("kill -{number} $$")]).status().unwrap();
            assert_eq!(status.signal(), Some(number), "{status}");
        }
    }
}

#[test]
fn a_command_that_cannot_be_run_is_told_apart() {
    for site in Site::all() {
        for (command, status, reason) in [
            ("no-such-command-here", 127, "No such file or directory"),
            ("/etc/passwd", 126, "Permission denied"),
        ] {
            let said = Said::by(&mut site.exec(A, &[command]));
            assert_eq!((said.code, said.out.as_str()), (Some(status), ""), "{said:?}");
            let expected = format!("imds: cannot run {command}: {reason}");
            assert!(said.err.starts_with(&expected) && said.err.lines().count() == 1, "{said:?}");
        }
    }
}

#[test]
fn a_signal_that_is_sent_comes_to_the_command() {
    for site in Site::all() {
        for signal in [Signal::TERM, Signal::HUP, Signal::USR1, Signal::WINCH] {
            let number = signal.as_raw();
            let script = format!("trap 'echo came; kill $!; exit 9' {number}; sleep 60 & echo ready; wait");
            // Whoever runs the tests may have had a signal ignored, as nohup does, and what is ignored stays so.
            let mut exec = site.program("env");
            exec.arg("--default-signal").arg(&site.imds).args(["exec", A, "--", "sh", "-c", &script]);
            let run = Running::start(&mut exec);
            assert_eq!(run.out.next(), "ready");
            kill_process(run.pid(), signal).unwrap();
            assert_eq!(run.out.next(), "came");
            assert_eq!(run.end().code(), Some(9));
        }
    }
}

#[test]
fn a_signal_that_was_ignored_before_stays_so() {
    let script =
        "trap '' HUP; exec \"$IMDS\" exec i-0000000000000000a -- sh -c 'kill -HUP $$ $PPID; echo alive'";
    for site in Site::all() {
        let mut sh = site.program("sh");
        assert_eq!(Said::by(sh.args(["-c", script])).well(), "alive\n");
    }
}

#[test]
fn without_a_command_it_is_the_users_shell() {
    for site in Site::all() {
        let mut exec = site.imds(&["exec", A]);
        let said = Said::by(exec.env("SHELL", "/bin/echo"));
        assert_eq!(said.well(), "\n");
        let mut exec = site.imds(&["exec", A]);
        assert_eq!(Said::by(&mut exec).well(), "", "/bin/sh reads nothing");
    }
}

#[test]
fn user_environment_and_network_are_as_in_run() {
    let script =
        "id -u; id -g; cat /proc/net/dev | tail -n +3 | cut -d: -f1; env -0 | sort -z | tr '\\0' '\\n'";
    for site in Site::all() {
        let with = |words: &[&str]| {
            let mut imds = site.imds(words);
            imds.args(["sh", "-c", script]);
            imds.env("AWS_EC2_METADATA_DISABLED", "true")
                .env("NO_PROXY", "localhost")
                .env("AWS_PROFILE", "mine");
            Said::by(&mut imds).well()
        };
        let inside = with(&["exec", A, "--"]);
        assert_eq!(inside, with(&["run", "--"]));
        assert!(
            inside.contains("NO_PROXY=localhost,169.254.169.254,") && inside.contains("AWS_PROFILE=mine")
        );
        assert!(!inside.contains("METADATA_DISABLED"), "{inside}");
    }
}

#[test]
fn there_is_no_way_out() {
    for site in Site::all() {
        for (address, reason) in [
            // The door and the service, as they are outside.
            ("127.0.0.1:1339", "Connection refused"),
            ("127.0.0.1:1338", "Connection refused"),
            ("169.254.170.2", "Connection refused"),
            ("192.0.2.1", "Network is unreachable"),
        ] {
            let said = site.script(A, &format!("curl -sv --max-time 10 'http://{address}/'"));
            assert_eq!(said.code, Some(7), "{address}: {}", said.err);
            assert!(said.err.contains(reason), "{address}: {}", said.err);
        }
    }
}
