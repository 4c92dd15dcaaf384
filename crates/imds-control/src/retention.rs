//! What is kept for a while and then goes: terminated instances, which are shown for about an hour, and the client tokens
//! of calls that are not sent again any more.

use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Batch, Claim, Trace};
use imds_store::{Error, Revision, Store};

/// Seconds that a terminated instance is shown for (EC2 User Guide, "Terminate Amazon EC2 instances").
const SHOWN: i64 = 3_600;

/// Seconds that a client token is known for (EC2 API Reference, "Ensuring idempotency").
const CLAIMED: i64 = 86_400;

/// Deletes what has been kept for long enough at `now`, a terminated instance with its history; `None` when there was
/// nothing. It is to be called at start and every few minutes.
///
/// # Errors
/// When the store fails. If something was changed meanwhile, nothing is deleted until the next call.
pub fn sweep(store: &dyn Store, now: Timestamp) -> Result<Option<Revision>, Error> {
    let mut batch = Batch::default();
    let is_over = |since: Timestamp, seconds: i64| now.as_second() - since.as_second() > seconds;
    for piece in record::pieces() {
        for (id, found) in record::list::<Machine>(store, &piece)? {
            if found.record.state.is_terminated() && is_over(found.record.state_since, SHOWN) {
                // One that the configuration file launched anew meanwhile stays.
                batch.remove(&id, &found);
                for (name, _) in record::list::<Trace>(store, &format!("{id}/"))? {
                    batch.delete::<Trace>(&name);
                }
            }
        }
    }
    for (name, found) in record::list::<Claim>(store, "")? {
        if is_over(found.record.at, CLAIMED) {
            batch.delete::<Claim>(&name);
        }
    }
    if batch.is_empty() {
        return Ok(None);
    }
    match store.commit(batch.writes()) {
        Ok(revision) => Ok(Some(revision)),
        Err(Error::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use imds_core::lifecycle::State;
    use imds_core::testing::{launch, noon};
    use imds_store::Memory;
    use imds_store::record::Caller;

    use super::*;

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(noon().as_second() + seconds).unwrap()
    }

    #[test]
    fn what_is_terminated_goes_after_an_hour_with_its_history() {
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

        assert_eq!(sweep(&store, later(SHOWN)).unwrap(), None);
        assert!(sweep(&store, later(SHOWN + 1)).unwrap().is_some());
        let names = |kind: &str| -> Vec<String> {
            store.list(kind).unwrap().into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(names("machine/"), ["machine/i-00000002"]);
        assert_eq!(names("history/").len(), 1);
        assert!(names("history/")[0].starts_with("history/i-00000002/"));
        assert_eq!(names("claim/").len(), 1);
        assert_eq!(sweep(&store, later(CLAIMED)).unwrap(), None);
        assert!(sweep(&store, later(CLAIMED + 1)).unwrap().is_some());
        assert_eq!(names("claim/").len(), 0);
        assert_eq!(names("machine/").len(), 1);
    }
}
