//! The keeper's part for a service in somebody's own process, which has no helper: the same feed, door and clock, around
//! a store in memory, on threads that end.

use std::io;
use std::iter::empty;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{Builder, JoinHandle};

use imds_control::faults::Faults;
use imds_control::{Authority, Question};
use imds_core::Machine;
use imds_core::clock::Pace;
use imds_core::id::InstanceId;
use imds_server::Shared;
use imds_store::provider::file;
use imds_store::record;
use imds_store::{Memory, ServiceClock, Store as _};
use tokio::sync::{mpsc, oneshot, watch};

use super::feed::Feed;
use super::house::{Behind, Front};
use super::report::Reporter;
use super::{clock, progress};
use crate::config::{Bundle, Config};
use crate::witness::Witness;

/// A keeper that lives with its service. When it is dropped its threads end and its door is closed.
pub(crate) struct Resident {
    address: SocketAddr,
    store: Arc<Memory>,
    /// Gone, it tells the door to close.
    stay: Option<oneshot::Sender<()>>,
    door: Option<JoinHandle<()>>,
    /// Those that end with the store's watches.
    followers: Vec<JoinHandle<()>>,
}

impl Resident {
    /// Tells the service what a configuration says, which came from `bundle`, and opens the door.
    ///
    /// # Errors
    /// When the configuration cannot be applied, the door cannot be bound, or there are no threads to be had.
    pub(crate) fn move_in(
        config: &Config,
        bundle: &Bundle,
        pace: Option<Pace>,
        shared: &Arc<Shared>,
        witness: Witness,
    ) -> anyhow::Result<Self> {
        let store = Arc::new(Memory::default());
        let clock = Arc::new(ServiceClock::default());
        clock::begin(&*store, pace, &clock)?;
        match file::apply(&*store, &config.instances, clock.now()) {
            Ok(_) => {}
            Err(file::Error::Refused { id, what }) => return Err(config.refused(bundle, &id, what).into()),
            Err(file::Error::Store(error)) => return Err(error.into()),
        }
        let faults = Arc::new(faults(Arc::clone(&clock), shared));
        faults.room_for_file(&config.faults)?.take()?;

        let (applied, follows) = watch::channel(store.revision()?);
        let registry = Arc::clone(&shared.registry);
        let reporter = Reporter::here(move |revision, changes| {
            registry.apply(changes);
            applied.send_if_modified(|applied| {
                let is_later = revision > *applied;
                *applied = revision.max(*applied);
                is_later
            });
        });
        let authority = Arc::new(Authority::open(&imds_server::random::secret()?));
        let feed = Feed::new(reporter, Arc::clone(&authority), Arc::clone(&clock));
        feed.file(&config.instances, empty())?;
        let events = store.watch();
        feed.everything(&*store)?;

        let behind = Behind { store: Arc::clone(&store) as _, authority, clock, faults };
        let (front, questions) = Front::new(&config.service, behind, follows)?;
        let (stay, left) = oneshot::channel();
        let followers = Vec::new();
        let mut resident = Self { address: front.address, store, stay: Some(stay), door: None, followers };
        resident.followers.push(start("imds-feed", move || {
            feed.follow(&events, &AtomicU64::default(), || Ok(()));
        })?);
        resident.followers.push(progress::start(&front.door)?);
        resident.door = Some(start("imds-door", move || front.serve(answer(questions, witness, left)))?);
        Ok(resident)
    }

    /// Where the door is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Is an instance kept, running or not?
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn knows(&self, id: &InstanceId) -> Result<bool, imds_store::Error> {
        Ok(record::get::<Machine>(&*self.store, id.as_str())?.is_some())
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // First whoever may still change something.
        drop(self.stay.take());
        let door = self.door.take().map(JoinHandle::join);
        self.store.end_watches();
        let followers = self.followers.drain(..).map(JoinHandle::join);
        let failed = door.into_iter().chain(followers).filter(Result::is_err).count();
        if failed > 0 {
            tracing::error!(failed, "threads of the service had ended by a panic");
        }
    }
}

/// Those that are on request, of whom the service knows at once.
fn faults(clock: Arc<ServiceClock>, shared: &Arc<Shared>) -> Faults {
    let shared = Arc::clone(shared);
    let tell = move |all| {
        shared.faults.set(all);
        Ok(())
    };
    Faults::new(clock, Box::new(tell))
}

/// Answers what the door asks, until it is told to close.
async fn answer(
    mut questions: mpsc::Receiver<Question>,
    mut witness: Witness,
    mut left: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut left => return,
            question = questions.recv() => match question {
                Some(question) => witness.answer(question),
                None => return,
            },
        }
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(body)
}
