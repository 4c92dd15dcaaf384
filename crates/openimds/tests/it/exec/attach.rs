//! `imds exec --attach`: a container, as a rootless engine makes it, becomes an instance.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::{A, B, ID, Site};
use crate::run::{ASKER, Running, Said, until};

/// A namespace with a way out of its own, in which a command GETs every path it is told.
fn container(site: &Site) -> Running {
    let script = format!(
        "ip link set lo up
        ip link add eth0 type veth peer name other && ip link set eth0 up && ip link set other up
        ip address add 10.88.0.5/16 dev eth0
        echo ready
        {ASKER}; true"
    );
    let mut unshare = site.program("unshare");
    let run = Running::start(unshare.args(["--user", "--map-root-user", "--net", "sh", "-c", &script]));
    assert_eq!(run.out.next(), "ready");
    run
}

fn attach(site: &Site, container: &Running, id: &str) -> Command {
    let pid = container.child.id().to_string();
    site.imds(&["exec", "--attach", &pid, id])
}

fn attached(site: &Site, container: &Running, id: &str) -> Running {
    let run = Running::start(&mut attach(site, container, id));
    assert_eq!(run.out.next(), format!("process {} is served as {id}", container.child.id()));
    run
}

fn has_device(container: &Running) -> bool {
    fs::read_to_string(format!("/proc/{}/net/dev", container.child.id())).unwrap().contains("imds0")
}

#[test]
fn a_container_is_an_instance_until_that_is_ended() {
    for site in Site::all() {
        let mut container = container(&site);
        assert_eq!(container.ask(ID), " 000");
        for id in [A, B] {
            let run = attached(&site, &container, id);
            assert_eq!(container.ask(ID), format!("{id} 200"));
            site.set(id, &["--http-tokens", "required"]);
            assert_eq!(container.ask(ID), " 401");
            site.set(id, &["--http-tokens", "optional"]);
            assert_eq!(container.ask(ID), format!("{id} 200"));
            kill_process(run.pid(), Signal::INT).unwrap();
            assert!(run.end().success());
            assert!(!has_device(&container), "when it says that it has ended, it has taken all away");
            assert_eq!(container.ask(ID), " 000");
        }
        assert!(container.end().success());
    }
}

#[test]
fn whichever_ends_first_the_container_is_as_it_was() {
    for mut site in Site::all() {
        // Killed.
        let first = container(&site);
        let run = attached(&site, &first, A);
        kill_process(run.pid(), Signal::KILL).unwrap();
        until("the link goes", || !has_device(&first));
        // The container itself.
        let run = attached(&site, &first, A);
        assert!(first.end().success());
        let mut run = run;
        until("it ends with its container", || {
            run.child.try_wait().unwrap().is_some_and(|ended| ended.success())
        });
        // The service.
        let second = container(&site);
        let mut run = attached(&site, &second, A);
        kill_process(Pid::from_child(&site.service().child), Signal::KILL).unwrap();
        until("it ends", || run.child.try_wait().unwrap().is_some_and(|ended| ended.code() == Some(1)));
        assert!(run.err.next().starts_with("imds: the service has ended, and process "));
        assert!(!has_device(&second));
        site.serve();
    }
}

#[test]
fn what_is_no_container_is_refused_and_left_alone() {
    for mut site in Site::all() {
        let service = site.service().child.id().to_string();
        let said = Said::by(&mut site.imds(&["exec", "--attach", &service, A]));
        assert_eq!(said.code, Some(1));
        let expected =
            format!("imds: process {service} has no network namespace of its own, so nothing was changed");
        assert!(said.err.starts_with(&expected), "{said:?}");

        let mut run = site.asker(A);
        // It answers when it has its addresses.
        assert_eq!(run.ask(ID), format!("{A} 200"));
        let container = container(&site);
        let _run = attached(&site, &container, A);
        for other in [&run, &container] {
            let said = Said::by(&mut attach(&site, other, B));
            assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
            assert!(said.err.starts_with("imds: 169.254.169.254 is taken there"), "{said:?}");
        }
        let said = Said::by(&mut attach(&site, &container, "i-0000000000000000c"));
        assert!(said.code == Some(1) && said.out.is_empty(), "{said:?}");
        for words in [
            &["exec", "--attach", &service, A, "--", "true"][..],
            &["exec", "--attach", &service, "--hops", "1", A],
            &["exec", "--attach", "me", A],
            &["exec", "--attach", &service],
        ] {
            assert_eq!(Said::by(&mut site.imds(words)).code, Some(2), "{words:?}");
        }
    }
}

#[test]
fn from_within_nothing_can_be_attached() {
    let script = "\"$IMDS\" exec --attach $$ i-0000000000000000b";
    for site in Site::all() {
        let mut container = site.program("unshare");
        let said = Said::by(container.args(["--user", "--map-current-user", "--net", "sh", "-c", script]));
        assert_eq!(said.code, Some(1));
        // The namespace that it is in is the first thing that is wrong.
        assert!(said.err.contains("no network namespace of its own"), "{said:?}");
    }
}
