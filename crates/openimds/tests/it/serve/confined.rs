//! The process that reads what strangers send has no privileges, and it and its helper do not outlive each other.

use std::collections::HashMap;
use std::fs;

use rustix::process::{Pid, Signal, getuid, kill_process};

use super::{Files, Watched, until};
use crate::support::{self, status};

/// The fields of a `status` file of /proc; none of a process that is gone or a mere entry for its parent to read.
fn fields(path: &str) -> Option<HashMap<String, String>> {
    let text = fs::read_to_string(path).ok()?;
    let fields: HashMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Some(fields).filter(|fields| !fields["State"].starts_with('Z'))
}

fn is_alive(pid: Pid) -> bool {
    fields(&format!("/proc/{pid}/status")).is_some()
}

fn threads(pid: Pid) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.map(|task| task.unwrap().path().to_str().unwrap().to_owned()).collect()
}

fn children(pid: Pid) -> Vec<Pid> {
    let all = support::children(pid.as_raw_nonzero().get().unsigned_abs());
    all.into_iter().map(|pid| Pid::from_raw(pid.try_into().unwrap()).unwrap()).collect()
}

/// The one helper of a service.
fn helper(service: &Watched) -> Pid {
    let children = children(service.pid());
    let [helper] = children[..] else { panic!("one child: {children:?}") };
    helper
}

#[test]
fn every_thread_is_shut_in() {
    let service = Watched::start(&[]);
    assert_eq!(status(&service.get("/", None)), 200);
    let own = getuid().as_raw();
    let uid = if own == 0 { 65_534 } else { own }.to_string();
    let threads = threads(service.pid());
    assert!(threads.len() >= 3, "the main one, a worker, the log's: {threads:?}");
    for thread in threads {
        let fields = fields(&format!("{thread}/status")).unwrap();
        let name = &fields["Name"];
        assert_eq!(fields["NoNewPrivs"], "1", "{name}");
        assert_eq!(fields["Seccomp"], "2", "{name}");
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(u64::from_str_radix(&fields[set], 16), Ok(0), "{set} of {name}");
        }
        assert_eq!(fields["Uid"].split('\t').collect::<Vec<_>>(), [&uid[..]; 4], "{name}");
        if own == 0 {
            assert_eq!(fields["Gid"].split('\t').collect::<Vec<_>>(), ["65534"; 4], "{name}");
            assert_eq!(fields["Groups"], "", "{name}");
        }
    }
    let said = service.said();
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

#[test]
fn it_has_one_child_and_that_has_none() {
    let service = Watched::start(&[]);
    assert_eq!(children(helper(&service)), []);
}

#[test]
fn of_all_sockets_the_helper_holds_the_door_alone() {
    let service = Watched::start(&[]);
    let text = fs::read_to_string("/proc/net/tcp").unwrap();
    let listening = |inode: &str| {
        text.lines().skip(1).any(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields[3] == "0A" && fields[9] == inode
        })
    };
    let held = |pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .filter_map(|file| fs::read_link(file.unwrap().path()).ok());
        files
            .filter(|file| {
                let file = file.to_string_lossy();
                file.strip_prefix("socket:[").and_then(|file| file.strip_suffix(']')).is_some_and(&listening)
            })
            .count()
    };
    assert!(held(service.pid()) >= 1, "a worker's");
    assert_eq!(held(helper(&service)), 1, "the door, which is nothing to strangers");
}

#[test]
fn every_thread_of_the_helper_has_lost_what_it_does_not_need() {
    // The capabilities to read files that are others'.
    const READING: u64 = 0b110;
    let files = Files::new(&[]);
    let service = Watched::start(&["--state", &files.text("state")]);
    assert!(!service.said().contains("could not be"), "{}", service.said());
    for thread in threads(helper(&service)) {
        let fields = fields(&format!("{thread}/status")).unwrap();
        let name = &fields["Name"];
        assert_eq!(fields["NoNewPrivs"], "1", "{name}");
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            let set = u64::from_str_radix(&fields[set], 16).unwrap();
            assert_eq!(set & !READING, 0, "{name}");
        }
    }
}

#[test]
fn the_helper_ends_with_the_service_however_that_ends() {
    for signal in [Signal::KILL, Signal::TERM, Signal::INT] {
        let service = Watched::start(&[]);
        let helper = helper(&service);
        assert!(is_alive(helper));
        let (ended, _) = service.end(signal);
        assert_eq!(ended.code(), if signal == Signal::KILL { None } else { Some(0) });
        until("the helper ends", || (!is_alive(helper)).then_some(()));
    }
}

#[test]
fn without_its_helper_the_service_ends_and_says_why() {
    let mut service = Watched::start(&[]);
    kill_process(helper(&service), Signal::KILL).unwrap();
    let (ended, said) = service.ended();
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.lines().any(|line| line.starts_with("imds: the helper process ended")), "{said}");
}
