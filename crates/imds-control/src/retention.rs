//! What is kept for a while and then goes: terminated instances and environments, which are shown for about an hour, the
//! events of environments, and the client tokens of calls that are not sent again any more.

use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Batch, Claim, Environment, EnvironmentEvent, Found, Record};
use imds_store::{Error, Store};

/// Seconds that a terminated instance is shown for (EC2 User Guide, "Terminate Amazon EC2 instances").
const SHOWN: i64 = 3_600;

/// Seconds that a terminated environment is shown for [assumed].
const ENVIRONMENT_SHOWN: i64 = 3_600;

/// Seconds that an event is kept for: six weeks (Elastic Beanstalk API Reference, `DescribeEvents`).
const TOLD: i64 = 42 * 86_400;

/// Seconds that a client token is known for (EC2 API Reference, "Ensuring idempotency").
const CLAIMED: i64 = 86_400;

/// Writes of one commit, so that calls in between need not wait for all of them.
const PIECE: usize = 500;

/// Deletes what has been kept for long enough at `now`, and says how much that was. It is to be called at start and every
/// few minutes. The history of an instance is kept for good.
///
/// # Errors
/// When the store fails. What was changed meanwhile is left for the next call.
pub fn sweep(store: &dyn Store, now: Timestamp) -> Result<usize, Error> {
    let is_over = |since: Timestamp, seconds: i64| now.as_second() - since.as_second() > seconds;
    let mut sweep = Sweep { store, batch: Batch::default(), deleted: 0 };
    for piece in record::pieces() {
        for (id, found) in record::list::<Machine>(store, &piece)? {
            if found.record.state.is_terminated() && is_over(found.record.state_since, SHOWN) {
                // One that the configuration file launched anew meanwhile stays.
                sweep.delete(&id, &found)?;
            }
        }
    }
    for (name, found) in record::list::<Claim>(store, "")? {
        if is_over(found.record.at, CLAIMED) {
            sweep.delete(&name, &found)?;
        }
    }
    for (name, found) in record::list::<Environment>(store, "")? {
        if found.record.is_terminated() && is_over(found.record.updated, ENVIRONMENT_SHOWN) {
            sweep.delete(&name, &found)?;
        }
    }
    for (name, found) in record::list::<EnvironmentEvent>(store, "")? {
        if is_over(found.record.at, TOLD) {
            sweep.delete(&name, &found)?;
        }
    }
    sweep.commit()?;
    Ok(sweep.deleted)
}

/// Deletions, piece by piece.
struct Sweep<'s> {
    store: &'s dyn Store,
    batch: Batch,
    deleted: usize,
}

impl Sweep<'_> {
    fn delete<R: Record>(&mut self, name: &str, found: &Found<R>) -> Result<(), Error> {
        self.batch.remove(name, found);
        if self.batch.len() < PIECE { Ok(()) } else { self.commit() }
    }

    fn commit(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        match self.store.commit(batch.writes()) {
            Ok(_) => self.deleted += batch.len(),
            Err(Error::Conflict { .. }) => {}
            Err(error @ (Error::Io(_) | Error::Damaged { .. })) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use imds_core::lifecycle::State;
    use imds_core::testing::{launch, noon};
    use imds_store::Memory;
    use imds_store::record::{Caller, Trace};

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
