//! Which calls meet a fault, how often, and what becomes of them.

use std::time::Instant;

use imds_core::Machine;
use imds_core::lifecycle::State;
use imds_core::request::{Header, Method};
use imds_core::testing::{everything, keyring, noon};
use imds_store::Registry;
use imds_store::record::Place;
use imds_store::registry::Change;

use super::*;

fn snapshot(id: &str) -> Arc<Snapshot> {
    let registry = Registry::new(keyring());
    let mut instance = everything();
    instance.id = id.parse().unwrap();
    let machine = Machine { state: State::Running, ..Machine::launched(instance) };
    let place = Place { is_default: true, ..Place::default() };
    let id = machine.instance.id.clone();
    let role = machine.instance.role.clone().map(Box::new);
    registry.apply([
        Change::Place(id.clone(), Some(place)),
        Change::Machine(id.clone(), Some(Box::new(machine))),
        Change::Role(id.clone(), role),
    ]);
    registry.by_id(&id).unwrap()
}

const OWN: &str = "i-12345678901234567";
const KEYS: &str = "/latest/meta-data/iam/security-credentials/web";

fn asked(number: u64, json: &str) -> Requested {
    Requested { number, draft: serde_json::from_str(json).unwrap(), until: None }
}

fn faults(all: &[&str]) -> Faults {
    let faults = Faults::default();
    faults.set((1..).zip(all).map(|(number, json)| asked(number, json)).collect());
    faults
}

fn meet(faults: &Faults, id: &str, path: &str) -> Option<Strike> {
    meet_at(faults, id, path, noon())
}

fn meet_at(faults: &Faults, id: &str, path: &str, now: Timestamp) -> Option<Strike> {
    let snapshot = snapshot(id);
    let request = Request {
        method: Method::Get,
        path: path.as_bytes(),
        token: Header::Absent,
        ttl: Header::Absent,
        forwarded: false,
    };
    let answer = imds_core::answer::answer(Some(&snapshot.instance), &request, &keyring(), now, || [5; 12]);
    let met = Met { snapshot: &snapshot, request: &request, answer: &answer, is_kept: false, now };
    faults.strike(&met, || 0)
}

#[test]
fn each_kind_has_its_outcome_and_its_status() {
    for (json, status, carry, wait) in [
        (r#"{"kind":"latency","delay":"2s"}"#, 200, Carry::Answer, 2),
        (r#"{"kind":"status","status":503}"#, 503, Carry::Answer, 0),
        (r#"{"kind":"reset"}"#, 0, Carry::Reset, 0),
        (r#"{"kind":"drop"}"#, 0, Carry::Nothing, 60),
        (r#"{"kind":"truncate"}"#, 200, Carry::Answer, 0),
        (r#"{"kind":"empty"}"#, 200, Carry::Answer, 0),
        (r#"{"kind":"stale-credentials"}"#, 200, Carry::Answer, 0),
    ] {
        let strike = meet(&faults(&[json]), OWN, KEYS).unwrap();
        assert_eq!((strike.status(200), strike.carry()), (status, carry), "{json}");
        assert_eq!(strike.wait().as_secs(), wait, "{json}");
        assert_eq!(strike.is_foreign(), status != 200 || json.contains("empty"), "{json}");
    }
}

#[test]
fn delays_add_up_and_of_the_others_the_first_decides() {
    let all = [
        r#"{"kind":"latency","delay":"40s"}"#,
        r#"{"kind":"status","status":503}"#,
        r#"{"kind":"reset"}"#,
        r#"{"kind":"latency","delay":"40s"}"#,
    ];
    let faults = faults(&all);
    let strike = meet(&faults, OWN, KEYS).unwrap();
    assert_eq!((strike.status(200), strike.kind, strike.wait()), (503, Kind::Status, LONGEST));
    assert_eq!(faults.struck(), [(1, 1), (2, 1), (3, 0), (4, 1)]);
}

#[test]
fn what_has_struck_often_enough_strikes_no_longer() {
    let faults = faults(&[r#"{"kind":"drop","count":2}"#, r#"{"kind":"reset","probability":0}"#]);
    let struck = (0..5).filter(|_| meet(&faults, OWN, "/").is_some());
    assert_eq!(struck.count(), 2);
    assert_eq!(faults.struck(), [(1, 2), (2, 0)]);
}

#[test]
fn how_long_it_is_in_force_goes_by_the_service_s_clock() {
    let faults = Faults::default();
    let until = Some(noon() + Duration::from_secs(120));
    faults.set(vec![Requested { until, ..asked(1, r#"{"kind":"drop","for":"2m"}"#) }]);
    for (seconds, is_met) in [(0, true), (119, true), (120, false), (9_999, false)] {
        let now = noon() + Duration::from_secs(seconds);
        assert_eq!(meet_at(&faults, OWN, "/", now).is_some(), is_met, "after {seconds}s");
    }
    assert_eq!(faults.struck(), [(1, 2)]);
}

#[test]
fn keys_alone_are_stale() {
    let faults = faults(&[r#"{"kind":"stale-credentials","count":1}"#]);
    for path in ["/latest/meta-data/instance-id", "/latest/meta-data/iam/security-credentials/", "/nothing"] {
        assert!(meet(&faults, OWN, path).is_none(), "{path}");
    }
    let Some(Strike { outcome: Outcome::Stale(value), .. }) = meet(&faults, OWN, KEYS) else { panic!() };
    assert!(String::from_utf8_lossy(&value.body).contains("\"Expiration\" : \"2026-11-24T11:00:00Z\""));
}

#[test]
fn each_instance_has_a_bucket_of_its_own() {
    let faults = faults(&[r#"{"kind":"throttle","rate":2}"#, r#"{"kind":"throttle","rate":1000000}"#]);
    for id in [OWN, "i-0000000b"] {
        assert!(meet(&faults, id, "/").is_none() && meet(&faults, id, "/").is_none(), "{id}");
        let strike = meet(&faults, id, "/").unwrap();
        assert!(matches!(strike.outcome, Outcome::TooMany(1)), "{strike:?}");
    }
    let packets = self::faults(&[r#"{"kind":"throttle","rate":10,"per":"packets"}"#]);
    let passed = (0..5).filter(|_| meet(&packets, OWN, "/").is_none());
    assert_eq!(passed.count(), 2, "five packets each");
}

#[test]
fn what_stays_goes_on_and_what_goes_is_lifted() {
    let faults = faults(&[r#"{"kind":"drop","count":2}"#, r#"{"kind":"reset"}"#]);
    let held = meet(&faults, OWN, "/").unwrap();
    faults.set(vec![asked(1, r#"{"kind":"drop","count":2}"#), asked(3, r#"{"kind":"empty"}"#)]);
    assert!(!held.is_lifted());
    assert_eq!(faults.struck(), [(1, 1), (3, 0)]);
    faults.set(Vec::new());
    assert!(held.is_lifted() && !faults.is_any());
    assert!(meet(&faults, OWN, "/").is_none());
}

#[test]
fn looking_for_faults_where_there_are_none_costs_nothing_worth_counting() {
    const CALLS: u32 = 100_000;
    let faults = Faults::default();
    let rounds = (0..20).map(|_| {
        let start = Instant::now();
        let any = (0..CALLS).filter(|_| std::hint::black_box(&faults).is_any()).count();
        assert_eq!(any, 0);
        start.elapsed() / CALLS
    });
    // The best of them: this machine does something else, too.
    let each = rounds.min().unwrap();
    println!("{each:?} a call");
    // One load and one test, and many times that without optimisation.
    assert!(each.as_nanos() < 200, "{each:?}");
}
