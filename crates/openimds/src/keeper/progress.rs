//! What is done to environments in the background, on a thread that waits for the next step or for a change.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use imds_control::Door;
use imds_control::environments::{Agenda, Surroundings, proceed};
use imds_core::Timestamp;
use imds_store::Error;
use imds_store::store::Event;

/// How long it waits at most: a clock may be set.
const LONGEST: Duration = Duration::from_secs(60);
/// How long it waits after the store failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Starts it. What was cut off by the end of an earlier service goes on.
///
/// # Errors
/// When there is no thread to be had.
pub(super) fn start(door: &Door) -> io::Result<()> {
    let events = door.store.watch();
    let door = door.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let body = move || {
        let mut agenda = Agenda::default();
        loop {
            let wait = turn(&mut agenda, |agenda| runtime.block_on(round(&door, agenda)));
            if !changed(&events, wait, &mut agenda) {
                return;
            }
        }
    };
    std::thread::Builder::new().name("imds-progress".to_owned()).spawn(body)?;
    Ok(())
}

/// Does what is due, once guests see all that was done before: what is launched answers before what it replaces goes,
/// however short the delay.
async fn round(door: &Door, agenda: &mut Agenda) -> Result<(), Error> {
    let surroundings =
        Surroundings { vpc: door.vpc, delay: door.environment_delay, authority: &door.authority };
    if !door.plane.follows(door.store.revision()?).await {
        return Err(io::Error::other("the metadata process does not follow").into());
    }
    proceed(agenda, &*door.store, surroundings, Timestamp::now())
}

/// How long to wait after a round. Whatever becomes of one, there is a next one: nobody else does what clients wait for.
fn turn(agenda: &mut Agenda, round: impl FnOnce(&mut Agenda) -> Result<(), Error>) -> Duration {
    match catch_unwind(AssertUnwindSafe(|| round(agenda))) {
        Ok(Ok(())) => until(agenda.next(), Timestamp::now()),
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

fn until(next: Timestamp, now: Timestamp) -> Duration {
    let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
    wait.min(LONGEST)
}

/// Waits until there is something to look at, or for this long; false when the store is gone.
fn changed(events: &Receiver<Event>, wait: Duration, agenda: &mut Agenda) -> bool {
    let end = Instant::now() + wait;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match events.recv_timeout(left) {
            Ok(event) if agenda.hear(&event) => {
                // What else has changed by now is looked at with it.
                for event in events.try_iter() {
                    agenda.hear(&event);
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

    fn event(keys: &[&str]) -> Event {
        Event { revision: 1, changes: keys.iter().map(|key| ((*key).to_owned(), None)).collect() }
    }

    #[test]
    fn only_what_concerns_an_environment_ends_the_wait() {
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
            assert_eq!(changed(&events, Duration::from_secs(3_600), &mut agenda), is_changed, "{told:?}");
            assert_eq!(events.try_iter().count(), 0, "{told:?}");
        }
        let (_sender, events) = channel();
        assert!(changed(&events, Duration::ZERO, &mut Agenda::default()), "its time has come");
    }

    #[test]
    fn a_round_that_fails_or_panics_is_followed_by_another() {
        let mut agenda = Agenda::default();
        let failed = |_: &mut Agenda| Err(io::Error::other("no disk").into());
        assert_eq!(turn(&mut agenda, failed), AGAIN);
        agenda.hear(&event(&["environment/us-east-1/e-1"]));
        assert_eq!(turn(&mut agenda, |_| panic!("a fault of ours")), AGAIN);
        assert_eq!(turn(&mut agenda, |_| Ok(())), Duration::ZERO, "all are looked at again");
    }

    #[test]
    fn the_wait_ends_when_something_is_due_and_after_a_minute() {
        let now = Timestamp::from_second(1_795_531_769).unwrap();
        for (next, wait) in [
            (Timestamp::MIN, Duration::ZERO),
            (now, Duration::ZERO),
            (now + Duration::from_millis(500), Duration::from_millis(500)),
            (now + Duration::from_secs(61), LONGEST),
            (Timestamp::MAX, LONGEST),
        ] {
            assert_eq!(until(next, now), wait, "{next}");
        }
    }
}
