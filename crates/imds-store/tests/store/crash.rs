//! A process that is killed while it commits: what it acknowledged is there, and nothing is half there.

use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use imds_store::Embedded;
use imds_store::store::{Expected, Revision, Store};

use crate::{delete, folder, put};

const ROUNDS: u64 = 20;
/// Acknowledged commits of a round, at least: 10,000 in all.
const COMMITS: u64 = 500;
/// The test of this file. With [`STATE`] it is the process that is killed, and writes to the store that this names.
const TEST: &str = "crash::what_a_killed_process_acknowledged_is_there_and_nothing_by_half";
const STATE: &str = "IMDS_TEST_CRASH_STATE";
/// Keys that every commit sets to its number.
const COUNTERS: [&str; 3] = ["count/a", "count/b", "count/c"];
/// How many commits a key of its own outlives the one that wrote it.
const KEPT: u64 = 50;
const SIGKILL: i32 = 9;

/// The key of its own that a commit writes.
fn own(number: u64) -> String {
    format!("own/{number:08}")
}

/// Its value, from a few bytes to some pages.
fn content(number: u64) -> String {
    format!("{number} ").repeat(usize::try_from(number * 7919 % 1500).unwrap() + 1)
}

/// Commits number after number and says so on stdout, until it is killed.
fn write(state: &Path) {
    let store = Embedded::open(state).unwrap();
    for number in last(&store) + 1.. {
        let mut batch = COUNTERS.map(|key| put(key, Expected::Any, &number.to_string())).to_vec();
        batch.push(put(&own(number), Expected::Absent, &content(number)));
        if number > KEPT {
            batch.push(delete(&own(number - KEPT), Expected::Revision(number - KEPT)));
        }
        assert_eq!(store.commit(&batch).unwrap(), number);
        // One write of less than a page: a reader of the pipe gets all of it, or nothing.
        std::io::stdout().write_all(format!("acknowledged {number}\n").as_bytes()).unwrap();
    }
}

fn last(store: &dyn Store) -> Revision {
    store.get(COUNTERS[0]).unwrap().map_or(0, |kept| kept.revision)
}

/// Lets a writer make some commits and go on for a moment, kills it, and says which it acknowledged last.
fn kill_one(state: &Path, commits: u64, moment: Duration) -> Option<u64> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(STATE, state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // The harness may begin the first line.
    let mut acknowledged = lines.filter_map(|line| line.split_once("acknowledged ")?.1.parse().ok());
    let reached = acknowledged.by_ref().take(usize::try_from(commits).unwrap()).last();
    sleep(moment);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(SIGKILL), "it ended by itself: {status}");
    acknowledged.last().or(reached)
}

/// Checks that all up to the acknowledged commit is there, and the one under way all or not at all; says which is
/// the last.
fn check(state: &Path, acknowledged: u64) -> u64 {
    let store = Embedded::open(state).unwrap();
    let last = last(&store);
    assert!((acknowledged..=acknowledged + 1).contains(&last), "{acknowledged} acknowledged, {last} there");
    for (key, kept) in store.list("count/").unwrap() {
        assert_eq!((kept.revision, &*kept.value), (last, last.to_string().as_bytes()), "{key}");
    }
    let kept = store.list("own/").unwrap();
    let numbers = (last + 1).saturating_sub(KEPT).max(1)..=last;
    assert_eq!(
        kept.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        numbers.clone().map(own).collect::<Vec<_>>()
    );
    for (number, (key, kept)) in numbers.zip(kept) {
        assert!(kept.revision == number && *kept.value == *content(number).as_bytes(), "{key}");
    }
    last
}

#[test]
fn what_a_killed_process_acknowledged_is_there_and_nothing_by_half() {
    if let Some(state) = env::var_os(STATE) {
        return write(Path::new(&state));
    }
    let folder = folder();
    let state = folder.path().join("state");
    let chance = RandomState::new();
    let below = |end: u64, of: (u64, &str)| chance.hash_one(of) % end;
    let (mut last, mut acknowledged) = (0, 0);
    for round in 1..=ROUNDS {
        // While it opens or begins, and while it commits.
        let opening = Duration::from_micros(below(20_000, (round, "opening")));
        let moment = Duration::from_micros(below(2_000, (round, "moment")));
        let commits = COMMITS + below(COMMITS, (round, "commits"));
        eprintln!("round {round}: killed after {opening:?}, then {moment:?} after {commits} commits");
        for (commits, moment) in [(0, opening), (commits, moment)] {
            let reached = kill_one(&state, commits, moment).unwrap_or(last);
            acknowledged += reached - last;
            last = check(&state, reached);
        }
    }
    eprintln!("{acknowledged} commits were acknowledged");
    assert!(acknowledged >= ROUNDS * COMMITS);
}
