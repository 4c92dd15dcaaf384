//! Obeying the service, on a thread that never waits to be heard: it must read while others write.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use imds_store::Revision;
use tokio::sync::{oneshot, watch};

use super::order::Order;
use super::questions::Questions;
use super::report;
use crate::child::Handle;

/// Bytes of an order: the counters of 100,000 instances have some 20 million. Whoever has taken the service over must not
/// take this process's memory, too.
const LIMIT: usize = 256 * 1024 * 1024;

/// What the door waits for.
#[derive(Clone)]
pub(super) struct Awaited {
    /// The last commit that guests see.
    pub(super) applied: watch::Sender<Revision>,
    /// The last commit that was told.
    pub(super) told: Arc<AtomicU64>,
    /// Who asked something.
    pub(super) questions: Questions,
    /// Lodgers that were told.
    pub(super) lodgers: Arc<Mutex<HashMap<u64, oneshot::Sender<bool>>>>,
}

impl Awaited {
    /// What begins with everything that was told up to this commit.
    pub(super) fn new(told: Revision) -> Self {
        Self {
            applied: watch::Sender::new(told),
            told: Arc::new(AtomicU64::new(told)),
            questions: Questions::default(),
            lodgers: Arc::default(),
        }
    }

    /// Guests see everything up to this commit.
    fn reached(&self, revision: Revision) {
        // Pieces of what there was at the start have no number, and what was not told cannot have been applied.
        let is_told = revision <= self.told.load(Ordering::Acquire);
        self.applied.send_if_modified(|applied| {
            let is_later = is_told && revision > *applied;
            if is_later {
                *applied = revision;
            }
            is_later
        });
    }

    fn lodged(&self, lodger: u64, is_served: bool) {
        let waiting = self.lodgers.lock().unwrap_or_else(PoisonError::into_inner).remove(&lodger);
        if let Some(waiting) = waiting {
            let _ = waiting.send(is_served);
        }
    }
}

/// Waits until the command may start; `None` when the service is gone.
pub(super) fn may_start(stream: &mut UnixStream) -> Option<()> {
    match next(stream)? {
        Order::Start => Some(()),
        Order::Signal(_) | Order::Applied(_) | Order::Told { .. } | Order::Lodged { .. } => None,
    }
}

/// Obeys, from here on. When the service is gone the command is ended, and this process, which leaves no `socket` behind.
pub(super) fn obey(
    mut stream: UnixStream,
    command: Option<Handle>,
    awaited: Option<Awaited>,
    socket: Option<&Path>,
) -> io::Result<()> {
    let socket = socket.map(Path::to_owned);
    let body = move || {
        while let Some(order) = next(&mut stream) {
            match (order, &command, &awaited) {
                (Order::Signal(signal), Some(command), _) => command.signal(signal),
                (Order::Applied(revision), _, Some(awaited)) => awaited.reached(revision),
                (Order::Told { number, answer }, _, Some(awaited)) => {
                    awaited.questions.answer(number, answer);
                }
                (Order::Lodged { lodger, is_served }, _, Some(awaited)) => awaited.lodged(lodger, is_served),
                (
                    Order::Start
                    | Order::Signal(_)
                    | Order::Applied(_)
                    | Order::Told { .. }
                    | Order::Lodged { .. },
                    ..,
                ) => {}
            }
        }
        let _ = command.as_ref().map(Handle::end);
        // One that stays is found to be nobody's by whoever binds it next.
        let _ = socket.map(std::fs::remove_file);
        std::process::exit(0);
    };
    std::thread::Builder::new().name("imds-orders".to_owned()).spawn(body)?;
    Ok(())
}

fn next(stream: &mut UnixStream) -> Option<Order> {
    serde_json::from_slice(&report::body(stream, LIMIT)?).ok()
}
