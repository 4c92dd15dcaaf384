//! What is left when one of the two ends before the other.

use rustix::process::{Signal, kill_process};

use super::{A, ID, Site};
use crate::run::{Running, until};

/// Keeps a connection, asks over another one whenever it is told, and will not be told to end.
const STUBBORN: &str = r#"
    trap "" TERM
    exec 3<>/dev/tcp/169.254.169.254/80
    printf 'GET /latest/meta-data/instance-id HTTP/1.1\r\n\r\n' >&3
    while read -r line <&3; do [ "$line" = $'\r' ] && break; done
    read -r -N 19 id <&3
    echo "$$ $id"
    while read -r path; do
        curl -s -m 10 -o /dev/null "http://169.254.169.254$path"
        echo "$?"
    done
    cat <&3 | wc -c
    echo closed
"#;

#[test]
fn when_it_is_killed_nothing_is_served_there_any_longer() {
    for site in Site::all() {
        let mut run = Running::start(&mut site.exec(A, &["bash", "-c", STUBBORN]));
        let told = run.out.next();
        let (_, id) = told.split_once(' ').unwrap();
        assert_eq!(id, A);
        assert_eq!(run.ask(ID), "0");
        kill_process(run.pid(), Signal::KILL).unwrap();
        // Its sockets are closed, not only deaf: connecting is refused.
        until("nobody listens", || run.ask(ID) == "7");
        // And so is what was connected before.
        drop(run.child.stdin.take());
        assert_eq!(run.out.next(), "0");
        assert_eq!(run.out.next(), "closed");
    }
}

#[test]
fn when_it_is_killed_the_command_is_told_to_end() {
    let script = "trap 'echo told; exit' TERM; echo ready; sleep 60 & wait";
    for site in Site::all() {
        let run = Running::start(&mut site.exec(A, &["sh", "-c", script]));
        assert_eq!(run.out.next(), "ready");
        kill_process(run.pid(), Signal::KILL).unwrap();
        assert_eq!(run.out.next(), "told");
    }
}

#[test]
fn when_the_service_ends_the_command_does_and_one_is_told_why() {
    for signal in [Signal::TERM, Signal::KILL] {
        for mut site in Site::all() {
            let mut obedient = site.asker(A);
            let mut stubborn = Running::start(&mut site.exec(A, &["bash", "-c", STUBBORN]));
            assert_eq!(obedient.ask(ID), format!("{A} 200"));
            assert!(stubborn.out.next().ends_with(A));
            kill_process(rustix::process::Pid::from_child(&site.service().child), signal).unwrap();
            for run in [&mut obedient, &mut stubborn] {
                until("it ends", || {
                    run.child.try_wait().unwrap().is_some_and(|ended| ended.code() == Some(1))
                });
                let told = "imds: the service has ended, and the command with it; start `imds serve` again";
                assert_eq!(run.err.next(), told);
            }
            // The next service is found where the one before was.
            site.serve();
            assert_eq!(site.asker(A).ask(ID), format!("{A} 200"));
        }
    }
}
