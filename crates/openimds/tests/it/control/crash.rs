//! A service that is killed while it writes: all that it acknowledged is there, and nothing by halves.
//!
//! Callers write down what was acknowledged, and what was asked for last: that may be there, all of it, or not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use super::{Api, helper, serve, text};
use crate::serve::{Watched, until};

mod ledger;

use ledger::Ledger;

const KILLS: usize = 20;
/// Writes that are acknowledged before a kill, at least: 10,000 in all.
const WRITES: usize = 500;
const CALLERS: u64 = 4;
/// A seed in this variable is used instead of the clock.
const SEED: &str = "IMDS_CRASH_SEED";

/// Numbers that are not expected (SplitMix64, by Sebastiano Vigna).
pub(super) struct Random(u64);

impl Random {
    /// As the clock is, or as [`SEED`] says; and with what it begins.
    pub(super) fn begin() -> (Self, u64) {
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::try_from(clock).unwrap());
        (Self(seed), seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Who is killed, in which order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Death {
    Service,
    Helper,
    ServiceThenHelper,
    HelperThenService,
}

pub(super) const DEATHS: [Death; 4] =
    [Death::ServiceThenHelper, Death::HelperThenService, Death::Helper, Death::Service];

/// Has a process ended, as far as it can while its parent does not look?
fn has_ended(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

/// Ends both processes of a service, or one, upon which the other ends too.
pub(super) fn kill(service: Watched, death: Death, gap: Duration) {
    let (main, helper) = (Pid::from_child(&service.child), helper(&service));
    let strike = |pid| {
        let _ = kill_process(pid, Signal::KILL);
    };
    match death {
        Death::Service => strike(main),
        Death::Helper => strike(helper),
        Death::ServiceThenHelper => {
            strike(main);
            thread::sleep(gap);
            strike(helper);
        }
        Death::HelperThenService => {
            strike(helper);
            thread::sleep(gap);
            strike(main);
        }
    }
    // Neither outlives the other.
    until("both ended", || (has_ended(main) && has_ended(helper)).then_some(()));
    drop(service);
}

/// What callers and the killer share.
#[derive(Default)]
struct Battle {
    acknowledged: AtomicUsize,
    is_killed: AtomicBool,
}

/// Writes until the service is gone.
fn write(service: Watched, ledgers: &mut [Ledger], random: &mut Random, death: Death) -> usize {
    let battle = Battle::default();
    let goal = WRITES + usize::try_from(random.below(100)).unwrap();
    thread::scope(|scope| {
        for ledger in ledgers {
            let mut api = Api::of(&service);
            let (battle, mut random) = (&battle, Random(random.next()));
            scope.spawn(move || {
                while ledger.write(&mut api, &mut random, &battle.is_killed) {
                    battle.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        until_reached(&battle, goal);
        thread::sleep(Duration::from_micros(random.below(3_000)));
        battle.is_killed.store(true, Ordering::SeqCst);
        kill(service, death, Duration::from_micros(random.below(1_000)));
    });
    battle.acknowledged.into_inner()
}

fn until_reached(battle: &Battle, goal: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    while battle.acknowledged.load(Ordering::Relaxed) < goal {
        assert!(Instant::now() < end, "writes are too slow: {:?}", battle.acknowledged);
        thread::sleep(Duration::from_micros(200));
    }
}

/// What the service tells of all instances, by their ids.
fn told(api: &mut Api) -> HashMap<String, String> {
    let all = api.instances().into_iter();
    all.map(|one| (text(&one, "instanceId").unwrap().to_owned(), one)).collect()
}

#[test]
fn what_was_acknowledged_is_there_after_every_crash_and_nothing_by_halves() {
    let (mut random, seed) = Random::begin();
    // What a killed process has written stays in the system's memory, so that a disk adds nothing but time.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let start = || serve(&["--state", folder.path().to_str().unwrap()]);
    let began = Instant::now();
    let mut ledgers: Vec<Ledger> = Vec::new();
    let (mut acknowledged, mut survived, mut writing) = (0, 0, Duration::ZERO);
    for round in 0..KILLS {
        let service = start();
        let mut api = Api::of(&service);
        let all = told(&mut api);
        for ledger in &mut ledgers {
            survived += ledger.check(&all);
        }
        let newest = ledgers.len().saturating_sub(usize::try_from(CALLERS).unwrap());
        for ledger in &mut ledgers[newest..] {
            ledger.check_closely(&mut api, &service);
        }
        let first = ledgers.len();
        ledgers
            .extend((0..CALLERS).map(|number| Ledger::begin(&mut api, &format!("{seed}-{round}-{number}"))));
        let death = DEATHS[round % DEATHS.len()];
        let begun = Instant::now();
        acknowledged += write(service, &mut ledgers[first..], &mut random, death);
        writing += begun.elapsed();
    }
    let service = start();
    let mut api = Api::of(&service);
    let all = told(&mut api);
    let launched: usize = ledgers
        .iter_mut()
        .map(|ledger| {
            survived += ledger.check(&all);
            ledger.check_closely(&mut api, &service);
            ledger.instances()
        })
        .sum();
    // The built-in one and those that are in a ledger are all that there are.
    assert_eq!(told(&mut api).len(), launched + 1, "seed {seed}");
    println!(
        "seed {seed}: {acknowledged} acknowledged writes, {KILLS} kills, {survived} writes survived unacknowledged, \
         {launched} instances, {writing:?} of {:?}",
        began.elapsed()
    );
    assert!(acknowledged >= KILLS * WRITES);
}
