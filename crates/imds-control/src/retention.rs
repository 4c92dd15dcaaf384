//! What is kept for a while and then goes: terminated instances and environments, which are shown for about an hour, the
//! events of environments, and the client tokens of calls that are not sent again any more.

use std::collections::BTreeMap;

use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Batch, Claim, Environment, EnvironmentEvent, Record};
use imds_store::{Error, Store};

/// Seconds that a terminated instance is shown for (EC2 User Guide, "Terminate Amazon EC2 instances").
const SHOWN: i64 = 3_600;

/// Seconds that a terminated environment is shown for [assumed].
const ENVIRONMENT_SHOWN: i64 = 3_600;

/// Seconds that an event is kept for: six weeks (Elastic Beanstalk API Reference, `DescribeEvents`).
const TOLD: i64 = 42 * 86_400;

/// Events of a region that are kept at most, the latest [assumed]: an update makes seven or eight.
const EVENTS: usize = 100_000;

/// Seconds that a client token is known for (EC2 API Reference, "Ensuring idempotency").
const CLAIMED: i64 = 86_400;

/// Writes of one commit, so that calls in between need not wait for all of them.
const PIECE: usize = 500;

/// Deletes what has been kept for long enough at `now`, and says how much that was. It is to be called at start and every
/// few minutes. The history of an instance is kept for good.
///
/// # Errors
/// The first thing that went wrong: the store failed, or something in it is damaged and stays. All that could be deleted
/// is, nevertheless. What was changed meanwhile is left for the next call.
pub fn sweep(store: &dyn Store, now: Timestamp) -> Result<usize, Error> {
    let is_over = |since: Timestamp, seconds: i64| now.as_second() - since.as_second() > seconds;
    let mut sweep = Sweep { store, batch: Batch::default(), deleted: 0, failed: None };
    for piece in record::pieces() {
        // One that the configuration file launched anew meanwhile stays.
        sweep.kind::<Machine>(&piece, |machine| {
            machine.state.is_terminated() && is_over(machine.state_since, SHOWN)
        });
    }
    sweep.kind::<Claim>("", |claim| is_over(claim.at, CLAIMED));
    sweep.kind::<Environment>("", |environment| {
        environment.is_terminated() && is_over(environment.updated, ENVIRONMENT_SHOWN)
    });
    let told = sweep.events(|at| is_over(at, TOLD), EVENTS);
    sweep.note(told);
    sweep.failed.map_or(Ok(sweep.deleted), Err)
}

/// Deletions, piece by piece.
struct Sweep<'s> {
    store: &'s dyn Store,
    batch: Batch,
    deleted: usize,
    failed: Option<Error>,
}

impl Sweep<'_> {
    /// Deletes those of a kind that are over.
    fn kind<R: Record>(&mut self, prefix: &str, is_over: impl Fn(&R) -> bool) {
        let swept = record::each::<R>(self.store, prefix).and_then(|all| {
            for (name, found) in all {
                match found {
                    Ok(found) if is_over(&found.record) => {
                        self.batch.remove(&name, &found);
                        self.commit_above(PIECE)?;
                    }
                    Ok(_) => {}
                    Err(error) => self.note(Err(error)),
                }
            }
            self.commit_above(1)
        });
        self.note(swept);
    }

    /// Deletes events that are over, and the oldest of a region that has more than `most`. What they are is not read: there
    /// may be many, and their names say when they were.
    fn events(&mut self, is_over: impl Fn(Timestamp) -> bool, most: usize) -> Result<(), Error> {
        let all = self.store.list(&record::key::<EnvironmentEvent>(""))?;
        let mut regions = BTreeMap::<&str, Vec<(Timestamp, &str)>>::new();
        for (key, _) in &all {
            let name = &key[EnvironmentEvent::KIND.len() + 1..];
            let Some((region, at)) = region_and_time(name) else {
                let why = "its name is none of an event".to_owned();
                self.note(Err(Error::Damaged { key: key.clone(), why }));
                continue;
            };
            regions.entry(region).or_default().push((at, name));
        }
        for mut events in regions.into_values() {
            events.sort_unstable();
            let surplus = events.len().saturating_sub(most);
            let over = events.iter().enumerate().filter(|(place, (at, _))| *place < surplus || is_over(*at));
            for (_, (_, name)) in over {
                self.batch.delete::<EnvironmentEvent>(name);
                self.commit_above(PIECE)?;
            }
        }
        self.commit_above(1)
    }

    /// The first failure is the one that is told to the caller.
    fn note(&mut self, result: Result<(), Error>) {
        let Err(error) = result else { return };
        if self.failed.is_none() {
            self.failed = Some(error);
        } else {
            tracing::warn!(%error, "what is old could not be deleted");
        }
    }

    /// Commits, if there are that many deletions.
    fn commit_above(&mut self, least: usize) -> Result<(), Error> {
        if self.batch.len() < least { Ok(()) } else { self.commit() }
    }

    fn commit(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        match self.store.commit(batch.writes()) {
            Ok(_) => self.deleted += batch.len(),
            Err(Error::Conflict { .. }) => {}
            Err(error @ (Error::Io(_) | Error::Damaged { .. })) => return Err(error),
        }
        Ok(())
    }
}

/// The region and the time of an event, by its name.
fn region_and_time(name: &str) -> Option<(&str, Timestamp)> {
    let (region, rest) = name.split_once('/')?;
    let at = Timestamp::from_millisecond(rest.get(..20)?.parse().ok()?).ok()?;
    Some((region, at))
}

#[cfg(test)]
mod tests {
    use imds_core::lifecycle::State;
    use imds_core::testing::{launch, noon};
    use imds_store::Memory;
    use imds_store::record::{Caller, Trace};
    use imds_store::store::{Effect, Expected, Write};

    use super::*;

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(noon().as_second() + seconds).unwrap()
    }

    #[test]
    fn what_is_terminated_goes_after_an_hour_and_its_history_stays() {
        let store = Memory::default();
        let mut batch = Batch::default();
        let trace = Trace {
            at: noon(),
            option: "HttpTokens".into(),
            old: "optional".into(),
            new: "required".into(),
            by: Caller { access_key: None, address: "127.0.0.1".into() },
        };
        for (id, state) in [("i-00000001", State::ShuttingDown), ("i-00000002", State::Stopping)] {
            let mut machine = Machine::launched(launch().instance());
            machine.instance.id = id.parse().unwrap();
            machine.enter(state, noon());
            batch.create(id, &machine);
            batch.create(&record::trace_name(&machine.instance.id, 1, 0), &trace);
        }
        let claim = Claim { parameters: String::new(), made: Vec::new(), at: noon() };
        batch.create("us-east-1/RunInstances/t", &claim);
        store.commit(batch.writes()).unwrap();

        assert_eq!(sweep(&store, later(SHOWN)).unwrap(), 0);
        assert_eq!(sweep(&store, later(SHOWN + 1)).unwrap(), 1);
        let names = |kind: &str| -> Vec<String> {
            store.list(kind).unwrap().into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(names("machine/"), ["machine/i-00000002"]);
        assert_eq!(names("history/").len(), 2);
        assert_eq!(names("claim/").len(), 1);
        assert_eq!(sweep(&store, later(CLAIMED)).unwrap(), 0);
        assert_eq!(sweep(&store, later(CLAIMED + 1)).unwrap(), 1);
        assert_eq!(names("claim/").len(), 0);
        assert_eq!(names("machine/").len(), 1);
    }

    #[test]
    fn an_environment_goes_after_an_hour_and_its_events_after_six_weeks() {
        let store = Memory::default();
        let mut batch = Batch::default();
        for (id, status) in [("e-1", "Terminated"), ("e-2", "Terminating"), ("e-3", "Ready")] {
            let environment = serde_json::json!({
                "id": id, "name": id, "region": "us-east-1", "application": "a", "solution_stack": "s",
                "tier": "WebServer", "cname_prefix": id, "created": noon(), "updated": noon(), "status": status,
                "health": "Grey", "last_event": noon(),
            });
            let environment: Environment = serde_json::from_value(environment).unwrap();
            batch.create(&Environment::record_name("us-east-1", id), &environment);
            let event = EnvironmentEvent {
                at: noon(),
                application: "a".into(),
                environment: Some((id.into(), id.into())),
                version: None,
                solution_stack: None,
                severity: "INFO".into(),
                message: String::new(),
                request_id: None,
            };
            batch.create(&EnvironmentEvent::record_name("us-east-1", noon(), id), &event);
        }
        store.commit(batch.writes()).unwrap();
        let left = |kind: &str| store.list(kind).unwrap().len();
        for (seconds, environments, events) in
            [(ENVIRONMENT_SHOWN, 3, 3), (ENVIRONMENT_SHOWN + 1, 2, 3), (TOLD, 2, 3), (TOLD + 1, 2, 0)]
        {
            sweep(&store, later(seconds)).unwrap();
            let found = (left("environment/"), left("environment-event/"));
            assert_eq!(found, (environments, events), "{seconds}");
        }
    }

    fn event(at: Timestamp) -> EnvironmentEvent {
        EnvironmentEvent {
            at,
            application: "a".into(),
            environment: None,
            version: None,
            solution_stack: None,
            severity: "INFO".into(),
            message: String::new(),
            request_id: None,
        }
    }

    #[test]
    fn of_too_many_events_the_oldest_of_a_region_go() {
        let store = Memory::default();
        let mut batch = Batch::default();
        for (region, count) in [("eu-west-1", 3), ("us-east-1", 5), ("us-east-2", 4)] {
            for second in 0..count {
                let at = later(second);
                batch.create(&EnvironmentEvent::record_name(region, at, &format!("{second}")), &event(at));
            }
        }
        store.commit(batch.writes()).unwrap();
        let mut sweep = Sweep { store: &store, batch: Batch::default(), deleted: 0, failed: None };
        sweep.events(|_| false, 3).unwrap();
        assert!(sweep.failed.is_none());
        let left = |region: &str| -> Vec<String> {
            let names = record::list::<EnvironmentEvent>(&store, &format!("{region}/")).unwrap();
            names.iter().map(|(name, _)| name.rsplit('-').next().unwrap().to_owned()).collect()
        };
        assert_eq!(
            (left("eu-west-1").join(""), left("us-east-1").join(""), left("us-east-2").join("")),
            ("012".to_owned(), "234".to_owned(), "123".to_owned())
        );
    }

    #[test]
    fn what_is_damaged_stays_and_all_else_goes() {
        let store = Memory::default();
        let mut batch = Batch::default();
        let mut machine = Machine::launched(launch().instance());
        machine.enter(State::ShuttingDown, noon());
        batch.create("i-00000001", &machine);
        let claim = Claim { parameters: String::new(), made: Vec::new(), at: noon() };
        batch.create("us-east-1/RunInstances/t", &claim);
        batch.create(&EnvironmentEvent::record_name("us-east-1", noon(), "x"), &event(noon()));
        store.commit(batch.writes()).unwrap();
        let set = |key: &str| Write {
            key: key.to_owned(),
            expected: Expected::Any,
            effect: Effect::Set(b"{".as_slice().into()),
        };
        // One of each kind, in the order before the whole one. Of an event the name is enough.
        let old = format!("environment-event/{}", EnvironmentEvent::record_name("us-east-1", noon(), "a"));
        let damaged = [
            "claim/us-east-1/RunInstances/a",
            "environment-event/us-east-1/yesterday",
            "environment/us-east-1/e-1",
            "machine/i-00000000",
        ];
        store.commit(&damaged.map(set)).unwrap();
        store.commit(&[set(&old)]).unwrap();
        for _ in 0..2 {
            let error = sweep(&store, later(TOLD + 1)).unwrap_err();
            assert!(matches!(&error, Error::Damaged { key, .. } if key == "machine/i-00000000"), "{error}");
            let left: Vec<_> = store.list("").unwrap().into_iter().map(|(key, _)| key).collect();
            assert_eq!(left, damaged);
        }
    }

    #[test]
    fn much_goes_in_pieces() {
        let store = Memory::default();
        let mut batch = Batch::default();
        let claim = Claim { parameters: String::new(), made: Vec::new(), at: noon() };
        let many = 2 * PIECE + 1;
        (0..many).for_each(|n| batch.create(&format!("us-east-1/RunInstances/{n}"), &claim));
        store.commit(batch.writes()).unwrap();
        let events = store.watch();
        assert_eq!(sweep(&store, later(CLAIMED + 1)).unwrap(), many);
        assert_eq!(events.try_iter().count(), 3);
        assert_eq!(store.list("claim/").unwrap(), []);
    }
}
