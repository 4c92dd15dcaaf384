//! The command as a process: it is as if it had been started without `imds run`.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::{Running, Said, User, folder, until, users};

#[test]
fn the_exit_status_is_the_commands() {
    for user in users() {
        for status in [0, 1, 7, 22, 255] {
            let said = user.script(&[], &format!("exit {status}"));
            assert_eq!((said.code, said.err.as_str()), (Some(status), ""));
        }
    }
}

#[test]
fn what_it_was_started_with_open_the_command_has_open() {
    let folder = folder();
    fs::write(folder.path().join("file"), "of the caller\n").unwrap();
    for user in users() {
        let mut sh = user.program("sh");
        sh.args(["-c", "exec 7<\"$1\"; exec \"$IMDS\" run -- sh -c 'cat <&7'", "sh"]);
        assert_eq!(Said::by(sh.arg(folder.path().join("file"))).well(), "of the caller\n");
    }
}

#[test]
fn a_command_that_cannot_be_run_is_told_apart() {
    for user in users() {
        for (command, status, reason) in [
            ("no-such-command-here", 127, "No such file or directory"),
            ("/no/such/command", 127, "No such file or directory"),
            ("/etc/passwd", 126, "Permission denied"),
            ("/etc", 126, "Permission denied"),
        ] {
            let said = Said::by(&mut user.run(&[], &[command]));
            assert_eq!((said.code, said.out.as_str()), (Some(status), ""), "{said:?}");
            let expected = format!("imds: cannot run {command}: {reason}");
            assert!(said.err.starts_with(&expected) && said.err.lines().count() == 1, "{said:?}");
        }
        assert_eq!(Said::by(&mut user.run(&[], &[])).code, Some(2));
    }
}

#[test]
fn the_signal_that_ends_the_command_ends_imds_run() {
    let folder = folder();
    for user in users() {
        for signal in [Signal::KILL, Signal::TERM, Signal::PIPE, Signal::USR1, Signal::SEGV] {
            let number = signal.as_raw();
            let mut run = user.run(&[], &["sh", "-c", &format!("ulimit -c 0; kill -{number} $$")]);
            let status = run.current_dir(folder.path()).status().unwrap();
            assert_eq!(status.signal(), Some(number), "{status}");
        }
    }
}

#[test]
fn a_signal_that_is_sent_to_imds_run_comes_to_the_command() {
    for user in users() {
        for signal in [Signal::TERM, Signal::USR1, Signal::USR2, Signal::WINCH] {
            let number = signal.as_raw();
            // An answer shows that the service is there and has its handlers.
            let script = format!(
                "trap 'echo came; kill $!; exit 9' {number}
                curl -s -o /dev/null http://169.254.169.254/
                sleep 60 & echo ready
                wait"
            );
            let run = Running::start(&mut user.run(&[], &["sh", "-c", &script]));
            assert_eq!(run.out.next(), "ready");
            kill_process(run.pid(), signal).unwrap();
            assert_eq!(run.out.next(), "came");
            assert_eq!(run.end().code(), Some(9));
        }
    }
}

#[test]
fn streams_and_directory_are_the_callers() {
    let folder = folder();
    let input: Vec<u8> =
        (0..1_000_000_u32).map(|number| number.to_le_bytes()[usize::from(number % 3 == 0)]).collect();
    for user in users() {
        let mut run = user.run(&[], &["sh", "-c", "pwd -P; cat; echo wrong >&2; exit 7"]);
        run.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = run.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            scope.spawn(|| {
                stdin.write_all(&input).unwrap();
                drop(stdin);
            });
            child.wait_with_output().unwrap()
        });
        let place = format!("{}\n", folder.path().canonicalize().unwrap().display());
        assert_eq!(output.status.code(), Some(7));
        assert!(output.stdout == [place.as_bytes(), &input].concat(), "{} bytes", output.stdout.len());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "wrong\n");
    }
}

#[test]
fn the_user_stays() {
    let ids = ["sh", "-c", "id -u; id -g"];
    for user in users() {
        let without = Said::by(user.program(ids[0]).args(&ids[1..])).well();
        assert_eq!(Said::by(&mut user.run(&[], &ids)).well(), without);
    }
}

/// The environment of a command of this user's, with `imds run` or without.
fn environment(user: &User, with_run: bool, own: &[(&str, &str)]) -> Vec<String> {
    let mut command = if with_run { user.run(&[], &["env", "-0"]) } else { user.program("env") };
    if !with_run {
        command.arg("-0");
    }
    let mut all: Vec<_> =
        Said::by(command.envs(own.iter().copied())).well().split('\0').map(str::to_owned).collect();
    all.sort();
    all
}

#[test]
fn the_environment_is_the_callers_but_for_what_misleads() {
    let addresses = "169.254.169.254,fd00:ec2::254,[fd00:ec2::254],169.254.170.2";
    let kept = [
        ("AWS_PROFILE", "mine"),
        ("AWS_EC2_METADATA_V1_DISABLED", "true"),
        ("MANY", "two\nlines = ü "),
        ("NONE", ""),
    ];
    let misleading = [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"),
        ("NO_PROXY", "localhost,.corp"),
    ];
    for user in users() {
        let mut expected = environment(&user, false, &kept);
        expected.push(format!("NO_PROXY=localhost,.corp,{addresses}"));
        expected.push(format!("no_proxy={addresses}"));
        expected.sort();
        assert_eq!(environment(&user, true, &[&kept[..], &misleading].concat()), expected);
    }
}

#[test]
fn a_proxy_is_not_asked_for_metadata() {
    let script = "curl -sS http://169.254.169.254/latest/meta-data/instance-id; echo
        curl -sS 'http://[fd00:ec2::254]/latest/meta-data/instance-id'";
    for user in users() {
        let mut run = user.run(&["--http-protocol-ipv6", "enabled"], &["sh", "-c", script]);
        run.env("http_proxy", "http://127.0.0.1:9").env("ALL_PROXY", "http://127.0.0.1:9");
        assert_eq!(Said::by(&mut run).well(), "i-12345678901234567\ni-12345678901234567");
    }
}

/// The parent of a process.
fn parent(pid: Pid) -> Pid {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1;
    Pid::from_raw(fields.split(' ').nth(1).unwrap().parse().unwrap()).unwrap()
}

fn has_ended(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ")
}

#[test]
fn a_signal_that_comes_at_once_is_passed_on() {
    // The command's parent is the helper, and the helper's is `imds run`.
    let script = "trap 'exit 9' TERM; kill -TERM $(cut -d' ' -f4 /proc/$PPID/stat); sleep 20 & wait";
    for user in users() {
        let status = user.run(&[], &["sh", "-c", script]).status().unwrap();
        assert_eq!(status.code(), Some(9));
    }
}

#[test]
fn a_command_that_will_not_be_told_ends_too() {
    let script = "trap '' TERM; curl -s -o /dev/null http://169.254.169.254/; echo $$; exec sleep 60";
    let users = users();
    let runs: Vec<_> =
        users.iter().map(|user| Running::start(&mut user.run(&[], &["sh", "-c", script]))).collect();
    let commands = runs.iter().map(|run| Pid::from_raw(run.out.next().parse().unwrap()).unwrap());
    let commands: Vec<_> = commands.collect();
    for run in &runs {
        kill_process(run.pid(), Signal::KILL).unwrap();
    }
    until("the end of the commands", || commands.iter().all(|command| has_ended(*command)));
}

#[test]
fn the_command_ends_with_whichever_process_of_imds_run_is_killed() {
    for user in users() {
        for is_helper in [false, true] {
            // An answer shows that everybody is there.
            let script = "curl -sSf -o /dev/null http://169.254.169.254/ && echo $$ && exec sleep 60";
            let mut run = Running::start(&mut user.run(&[], &["sh", "-c", script]));
            let command = Pid::from_raw(run.out.next().parse().unwrap()).unwrap();
            let helper = parent(command);
            assert_eq!(parent(helper), run.pid());
            kill_process(if is_helper { helper } else { run.pid() }, Signal::KILL).unwrap();
            until("the end of the command", || has_ended(command));
            until("the end of the helper", || has_ended(helper));
            let status = run.child.wait().unwrap();
            if is_helper {
                assert_eq!(status.code(), Some(1));
                let told = run.err.next();
                assert!(told.contains("the helper process that ran the command ended before it"), "{told}");
            } else {
                assert_eq!(status.signal(), Some(9));
            }
        }
    }
}
