//! What is done to environments in the background, on a thread that waits for the next step or for a change.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use imds_control::Door;
use imds_control::environments::{Agenda, Surroundings, proceed};
use imds_store::store::Event;
use imds_store::{Error, ServiceClock};

use super::clock;

/// How long it waits at most: a clock may be set.
const LONGEST: Duration = Duration::from_secs(60);
/// How long it rests while the clock goes faster than the machine's.
const BREATH: Duration = Duration::from_millis(10);
/// How long it waits after the store failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Starts it. What was cut off by the end of an earlier service goes on. The thread ends with the store's watches.
///
/// # Errors
/// When there is no thread to be had.
pub(super) fn start(door: &Door) -> io::Result<JoinHandle<()>> {
    let events = door.store.watch();
    let door = door.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let body = move || {
        let mut agenda = Agenda::default();
        loop {
            let wait = turn(&mut agenda, &door.clock, |agenda| runtime.block_on(round(&door, agenda)));
            if !changed(&events, wait, &mut agenda, &door.clock) {
                return;
            }
        }
    };
    std::thread::Builder::new().name("imds-progress".to_owned()).spawn(body)
}

/// Does what is due, once guests see all that was done before: what is launched answers before what it replaces goes,
/// however short the delay.
async fn round(door: &Door, agenda: &mut Agenda) -> Result<(), Error> {
    let surroundings =
        Surroundings { vpc: door.vpc, delay: door.environment_delay, authority: &door.authority };
    if !door.plane.follows(door.store.revision()?).await {
        return Err(io::Error::other("the metadata process does not follow").into());
    }
    proceed(agenda, &*door.store, surroundings, door.clock.now())
}

/// How long to wait after a round. Whatever becomes of one, there is a next one: nobody else does what clients wait for.
fn turn(
    agenda: &mut Agenda,
    clock: &ServiceClock,
    round: impl FnOnce(&mut Agenda) -> Result<(), Error>,
) -> Duration {
    match catch_unwind(AssertUnwindSafe(|| round(agenda))) {
        Ok(Ok(())) => clock.until(agenda.next()).clamp(least(clock), LONGEST),
        Ok(Err(error)) => {
            tracing::error!(%error, "environments cannot be worked on; it is tried again");
            AGAIN
        }
        Err(_) => {
            tracing::error!("work on environments ended in a panic; it is tried again");
            // It may be half made up.
            *agenda = Agenda::default();
            AGAIN
        }
    }
}

/// How long it waits at least: in a round, a clock that is fast enough goes on to when the next one is due.
fn least(clock: &ServiceClock) -> Duration {
    if clock.is_fast() { BREATH } else { Duration::ZERO }
}

/// Waits until there is something to look at, or for this long, which another clock ends; false when the store is gone.
fn changed(events: &Receiver<Event>, wait: Duration, agenda: &mut Agenda, clock: &ServiceClock) -> bool {
    let mut hear = |event: &Event| clock::heard(clock, event) | agenda.hear(event);
    let end = Instant::now() + wait;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match events.recv_timeout(left) {
            Ok(event) if hear(&event) => {
                // What else has changed by now is looked at with it.
                for event in events.try_iter() {
                    hear(&event);
                }
                return true;
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use imds_core::Timestamp;
    use imds_core::clock::{Clock, Pace, Stretch};
    use imds_store::record::Record as _;

    fn event(keys: &[&str]) -> Event {
        Event { revision: 1, changes: keys.iter().map(|key| ((*key).to_owned(), None)).collect() }
    }

    #[test]
    fn only_what_concerns_an_environment_ends_the_wait() {
        let clock = ServiceClock::default();
        const ENVIRONMENT: &[&str] = &["environment/us-east-1/e-1"];
        for (told, is_changed) in [
            (&[ENVIRONMENT][..], true),
            (&[&["machine/i-1"], ENVIRONMENT, &["machine/i-2"]], true),
            (&[&["machine/i-1"], &["address/172.31.0.4", "environment-event/us-east-1/1"]], false),
            (&[], false),
        ] {
            let (sender, events) = channel();
            told.iter().for_each(|keys| sender.send(event(keys)).unwrap());
            drop(sender);
            // Nobody would wait for so long: it ends by what is told, or with the store.
            let mut agenda = Agenda::default();
            assert_eq!(
                changed(&events, Duration::from_secs(3_600), &mut agenda, &clock),
                is_changed,
                "{told:?}"
            );
            assert_eq!(events.try_iter().count(), 0, "{told:?}");
        }
        let (_sender, events) = channel();
        assert!(changed(&events, Duration::ZERO, &mut Agenda::default(), &clock), "its time has come");
    }

    #[test]
    fn a_round_that_fails_or_panics_is_followed_by_another() {
        let (mut agenda, clock) = (Agenda::default(), ServiceClock::default());
        let failed = |_: &mut Agenda| Err(io::Error::other("no disk").into());
        assert_eq!(turn(&mut agenda, &clock, failed), AGAIN);
        agenda.hear(&event(&["environment/us-east-1/e-1"]));
        assert_eq!(turn(&mut agenda, &clock, |_| panic!("a fault of ours")), AGAIN);
        assert_eq!(turn(&mut agenda, &clock, |_| Ok(())), Duration::ZERO, "all are looked at again");
        let machine = Timestamp::now();
        clock.set(Clock::of_machine(machine).paced(machine, Pace::new(86_400).unwrap()));
        assert_eq!(turn(&mut agenda, &clock, |_| Ok(())), BREATH);
    }

    #[test]
    fn another_clock_ends_the_wait() {
        let clock = ServiceClock::default();
        let machine = Timestamp::now();
        let ahead = Clock::of_machine(machine).advanced(machine, Stretch::minutes(600)).unwrap();
        let value = serde_json::to_vec(&ahead.to_form()).unwrap();
        let (sender, events) = channel();
        let changes = vec![("clock/service".to_owned(), Some(value.into()))];
        sender.send(Event { revision: 1, changes }).unwrap();
        assert!(changed(&events, Duration::from_secs(3_600), &mut Agenda::default(), &clock));
        assert!(clock.now() >= ahead.shown);
    }
}
