//! Where the runtime socket is, and who is heard there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::{A, B, ID, Site};
use crate::run::{Said, until};

const ELSEWHERE: &str = "imds: this is another network namespace than the service's, as it is inside `imds run` and \
     `imds exec`; run `imds exec` where `imds serve` runs\n";

#[test]
fn inside_nobody_becomes_another() {
    let become_b = "\"$IMDS\" exec i-0000000000000000b -- sh -c 'echo never'";
    for site in Site::all() {
        assert_eq!(Said::by(&mut site.exec(B, &["echo", "here"])).well(), "here\n");
        for outer in [&["exec", A, "--"][..], &["run", "--"]] {
            let mut inside = site.imds(outer);
            let said = Said::by(inside.args(["sh", "-c", become_b]));
            assert_eq!(
                (said.code, said.out.as_str(), said.err.as_str()),
                (Some(1), "", ELSEWHERE),
                "{outer:?}"
            );
        }
        // Nor in a namespace of whichever making.
        let mut other = site.program("unshare");
        other.args(["--user", "--map-root-user", "--net", "sh", "-c", become_b]);
        let said = Said::by(&mut other);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
        // As root of it, the user is another, or there is another place to look first.
        assert!(said.err == ELSEWHERE || said.err.contains("no service with its --admin"), "{said:?}");
    }
}

#[test]
fn it_is_the_users_alone_and_goes_with_the_service() {
    for mut site in Site::all() {
        let socket = site.path("runtime/openimds/exec-1339.sock");
        let mode = |path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(socket.parent().unwrap()), mode(&socket)), (0o700, 0o600));
        for signal in [Signal::TERM, Signal::KILL] {
            kill_process(Pid::from_child(&site.service().child), signal).unwrap();
            until("it goes", || !socket.exists());
            let said = site.script(A, "true");
            assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
            let expected = "imds: no service with its --admin at port 1339 runs on this machine for this user; start \
                `imds serve`, or say which one by --admin URL or IMDS_ADMIN\n";
            assert_eq!(said.err, expected);
            site.serve();
            assert!(socket.exists());
        }
    }
}

#[test]
fn a_service_that_was_started_elsewhere_is_told_from_none() {
    for site in Site::all() {
        let mut exec = site.exec(A, &["true"]);
        let said =
            Said::by(exec.env("XDG_RUNTIME_DIR", site.folder.path()).env("TMPDIR", site.path("runtime")));
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
        let told = "one answers at http://127.0.0.1:1339, but it was started by another user, or with another \
            XDG_RUNTIME_DIR";
        assert!(said.err.contains(told), "{said:?}");
    }
}

#[test]
fn another_service_is_another_socket() {
    for mut site in Site::all() {
        let mut other =
            site.imds(&["serve", "--admin", "127.0.0.1:1500", "--listen", "127.0.0.1:0", "--print-ready"]);
        other.stderr(std::process::Stdio::null());
        let other = crate::support::Service::spawn(&mut other);
        let own = "i-12345678901234567";
        let get = format!("curl -s http://169.254.169.254{ID}");
        let mut exec = site.imds(&["exec", "--admin", "http://127.0.0.1:1500", own, "--", "sh", "-c", &get]);
        assert_eq!(Said::by(&mut exec).well(), own);
        let mut exec = site.exec(own, &["sh", "-c", &get]);
        assert_eq!(Said::by(exec.env("IMDS_ADMIN", "http://127.0.0.1:1500")).well(), own);
        assert_eq!(site.script(A, &get).well(), A);
        drop(other);
        assert!(site.service().child.try_wait().unwrap().is_none());
    }
}

#[test]
fn without_a_folder_of_the_session_there_is_one_of_the_users() {
    for mut site in Site::all() {
        site.service = None;
        let temporary = site.path("runtime");
        let of_user = |command: &mut Command| {
            // One that is not the user's is as good as none: root's are 65534's here, and the other way round.
            command.env("XDG_RUNTIME_DIR", "/proc/1/no/such/folder").env("TMPDIR", &temporary);
        };
        let mut serve = site.imds(&["serve", "--print-ready", "--admin", "127.0.0.1:1777"]);
        of_user(serve.stderr(std::process::Stdio::null()));
        let service = crate::support::Service::spawn(&mut serve);
        let mut exec =
            site.imds(&["exec", "--admin", "http://127.0.0.1:1777", "i-12345678901234567", "--", "true"]);
        of_user(&mut exec);
        Said::by(&mut exec).well();
        let is_root = rustix::process::geteuid().is_root() && !site.enter.contains(&"setpriv".to_owned());
        let entries: Vec<_> = fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
        if !is_root {
            let uid = fs::metadata(&temporary).unwrap().uid();
            assert!(entries.contains(&temporary.join(format!("openimds-{uid}"))), "{entries:?}");
        }
        drop(service);
    }
}

#[test]
fn a_folder_that_others_may_enter_is_not_trusted() {
    for mut site in Site::all() {
        site.service = None;
        let folder = site.path("runtime/openimds");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let said = site.script(A, "true");
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
        assert!(said.err.contains("is not this user's alone (others may enter it)"), "{}", said.err);
    }
}
