//! The service's clock in the helper: as it is kept, and as commits change it.

use imds_core::Timestamp;
use imds_core::clock::{Clock, Pace};
use imds_store::record::{self, Batch, Record as _};
use imds_store::store::Event;
use imds_store::{Error, ServiceClock, Store};

/// Goes on from what was kept, at this pace if one was asked for. It is kept before anybody reads it.
pub(super) fn begin(store: &dyn Store, pace: Option<Pace>, clock: &ServiceClock) -> Result<(), Error> {
    let kept = record::get::<Clock>(store, record::clock::NAME)?.map(|found| found.record);
    let machine = Timestamp::now();
    let changed = match (kept, pace) {
        // The machine's own: nothing is to be kept of it.
        (None, None | Some(Pace::REAL)) => return Ok(()),
        (Some(kept), None) => kept,
        (kept, Some(pace)) => {
            let changed = kept.unwrap_or_else(|| Clock::of_machine(machine)).paced(machine, pace);
            let mut batch = Batch::default();
            batch.put(record::clock::NAME, &changed);
            store.commit(batch.writes())?;
            changed
        }
    };
    clock.set(changed);
    tracing::info!(now = %clock.now(), pace = %changed.pace, paused = changed.is_paused, "the clock is not the machine's");
    Ok(())
}

/// Takes up what changes say of the clock. Does one?
pub(super) fn follow(clock: &ServiceClock, changes: &[(&str, Option<&[u8]>)]) -> bool {
    let mut is_changed = false;
    for (key, value) in changes {
        let Some(value) = value.filter(|_| is_clock(key)) else { continue };
        match record::decode::<Clock>(key, value) {
            Ok(changed) => {
                clock.set(changed);
                is_changed = true;
            }
            Err(error) => tracing::error!(%error, "the clock goes on as it was"),
        }
    }
    is_changed
}

/// As [`follow`], of a commit that the store tells.
pub(super) fn heard(clock: &ServiceClock, event: &Event) -> bool {
    let changes: Vec<_> = event.changes.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
    follow(clock, &changes)
}

fn is_clock(key: &str) -> bool {
    key.split_once('/') == Some((Clock::KIND, record::clock::NAME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::clock::Stretch;
    use imds_store::Memory;

    fn shown(store: &dyn Store) -> Option<Clock> {
        record::get(store, record::clock::NAME).unwrap().map(|found| found.record)
    }

    #[test]
    fn it_begins_as_the_machines_and_goes_on_from_what_was_kept() {
        let store = Memory::default();
        for pace in [None, Some(Pace::REAL)] {
            begin(&store, pace, &ServiceClock::default()).unwrap();
            assert_eq!(shown(&store), None);
        }
        let clock = ServiceClock::default();
        begin(&store, Some(Pace::new(60).unwrap()), &clock).unwrap();
        let kept = shown(&store).unwrap();
        assert_eq!((kept.pace.get(), clock.clock(kept.machine)), (60, kept));
        let ahead = kept.advanced(kept.machine, Stretch::minutes(600)).unwrap().paused(kept.machine, true);
        let mut batch = Batch::default();
        batch.put(record::clock::NAME, &ahead);
        store.commit(batch.writes()).unwrap();
        for (pace, expected) in [(None, 60), (Some(Pace::REAL), 1)] {
            let again = ServiceClock::default();
            begin(&store, pace, &again).unwrap();
            let kept = shown(&store).unwrap();
            assert_eq!((again.now(), kept.pace.get(), kept.is_paused), (ahead.shown, expected, true));
        }
    }

    #[test]
    fn changes_are_followed_and_what_is_damaged_changes_nothing() {
        let clock = ServiceClock::default();
        let machine = Timestamp::now();
        let ahead = Clock::of_machine(machine).advanced(machine, Stretch::minutes(600)).unwrap();
        let ahead = ahead.paused(machine, true);
        let kept = serde_json::to_vec(&ahead.to_form()).unwrap();
        assert!(!follow(&clock, &[("clock/other", Some(&kept)), ("machine/service", Some(&kept))]));
        assert!(!follow(&clock, &[("clock/service", None), ("clock/service", Some(b"{}"))]));
        assert!(clock.now() < ahead.shown);
        assert!(follow(&clock, &[("machine/x", None), ("clock/service", Some(&kept))]));
        assert_eq!(clock.now(), ahead.shown);
    }
}
