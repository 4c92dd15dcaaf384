//! What is done to environments in the background, on a thread that waits for the next step or for a change.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use imds_control::Door;
use imds_control::environments::{Surroundings, advance};
use imds_core::{Machine, Timestamp};
use imds_store::Error;
use imds_store::record::{Environment, Record};
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
        loop {
            let wait = match runtime.block_on(step(&door)) {
                Ok(next) => next.map_or(LONGEST, |next| until(next, Timestamp::now())),
                Err(error) => {
                    tracing::error!(%error, "environments cannot be worked on; it is tried again");
                    AGAIN
                }
            };
            if !changed(&events, wait) {
                return;
            }
        }
    };
    std::thread::Builder::new().name("imds-progress".to_owned()).spawn(body)?;
    Ok(())
}

/// Does what is due, once guests see all that was done before: what is launched answers before what it replaces goes,
/// however short the delay.
async fn step(door: &Door) -> Result<Option<Timestamp>, Error> {
    let surroundings =
        Surroundings { vpc: door.vpc, delay: door.environment_delay, authority: &door.authority };
    if !door.plane.follows(door.store.revision()?).await {
        return Err(io::Error::other("the metadata process does not follow").into());
    }
    advance(&*door.store, surroundings, Timestamp::now())
}

fn until(next: Timestamp, now: Timestamp) -> Duration {
    let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
    wait.min(LONGEST)
}

/// Waits until an environment or a machine has changed, or for this long; false when the store is gone.
fn changed(events: &Receiver<Event>, wait: Duration) -> bool {
    let end = std::time::Instant::now() + wait;
    loop {
        let left = end.saturating_duration_since(std::time::Instant::now());
        match events.recv_timeout(left) {
            Ok(event) if concerns(&event) => {
                // What else has changed by now is looked at with it.
                events.try_iter().for_each(drop);
                return true;
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

fn concerns(event: &Event) -> bool {
    event.changes.iter().any(|(key, _)| {
        key.split_once('/').is_some_and(|(kind, _)| [Environment::KIND, Machine::KIND].contains(&kind))
    })
}
