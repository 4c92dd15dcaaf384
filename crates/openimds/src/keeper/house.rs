//! The door, in the process that may write what it changes.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use imds_control::faults::Faults;
use imds_control::{Authority, Door, Plane, Question, Sessions, retention};
use imds_store::{Revision, ServiceClock, Store};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::orders::Awaited;
use super::progress;
use super::report::Reporter;
use crate::config::Service as Settings;
use crate::door;

/// Calls of the door that are worked on at once; more wait.
const THREADS: usize = 8;
/// Questions to the metadata process that wait; more wait outside.
const QUESTIONS: usize = 16;

/// How long the helper of a service that was killed is given to give its address back.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often that is looked at.
const AGAIN: Duration = Duration::from_millis(10);
/// How often what is old is looked for.
const SWEEP: Duration = Duration::from_secs(300);
/// How often at most, however fast the clock goes.
const LEAST: Duration = Duration::from_secs(1);

/// A door that is to be opened.
pub(super) struct House {
    front: Front,
    awaited: Awaited,
    questions: mpsc::Receiver<Question>,
    reporter: Reporter,
}

impl House {
    /// Binds the door's address. Who connects waits until it is open.
    pub(super) fn new(settings: &Settings, behind: Behind, reporter: Reporter) -> anyhow::Result<Self> {
        let awaited = Awaited::new(behind.store.revision()?);
        let (front, questions) = Front::new(settings, behind, awaited.applied.subscribe())?;
        Ok(Self { front, awaited, questions, reporter })
    }

    /// Where it is.
    pub(super) fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// What it waits for.
    pub(super) fn awaited(&self) -> Awaited {
        self.awaited.clone()
    }
}

/// What is behind a door.
pub(super) struct Behind {
    pub(super) store: Arc<dyn Store>,
    pub(super) authority: Arc<Authority>,
    pub(super) clock: Arc<ServiceClock>,
    pub(super) faults: Arc<Faults>,
}

/// A door, bound, and a runtime to serve it on.
pub(super) struct Front {
    pub(super) address: SocketAddr,
    pub(super) door: Door,
    listener: TcpListener,
    runtime: Runtime,
}

impl Front {
    /// Binds it. Somebody else answers its questions, and tells what guests see.
    pub(super) fn new(
        settings: &Settings,
        behind: Behind,
        applied: watch::Receiver<Revision>,
    ) -> anyhow::Result<(Self, mpsc::Receiver<Question>)> {
        let admin = settings.admin;
        let listener = bind(admin).with_context(|| {
            format!("cannot open the door at {admin}: is another service running? Give it another --admin")
        })?;
        let address = listener.local_addr()?;
        let (sender, questions) = mpsc::channel(QUESTIONS);
        let Behind { store, authority, clock, faults } = behind;
        let door = Door {
            store,
            plane: Plane::new(applied, sender),
            authority,
            clock,
            faults,
            environment_delay: settings.environment_delay,
            server_name: settings.server_name.clone(),
            sessions: Arc::new(Sessions::new(&imds_server::random::secret()?)),
            vpc: settings.vpc,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            // As many answers are made at once: of many instances one is large.
            .max_blocking_threads(THREADS)
            .build()?;
        Ok((Self { address, door, listener, runtime }, questions))
    }

    /// Serves it, until what is to be done `meanwhile` has come to an end.
    pub(super) fn serve(self, meanwhile: impl Future<Output = ()>) {
        let Self { door, listener, runtime, .. } = self;
        runtime.block_on(async move {
            let sweeping = sweep(Arc::clone(&door.store), Arc::clone(&door.clock));
            match door::open(listener, door) {
                Ok(serving) => tokio::select! {
                    ((), ()) = async { tokio::join!(serving, sweeping) } => {}
                    () = meanwhile => {}
                },
                Err(error) => tracing::error!(%error, "the door cannot be opened"),
            }
        });
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let end = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < end => {
                std::thread::sleep(AGAIN);
            }
            result => return result,
        }
    }
}

/// Deletes what has been kept for long enough, now and again.
async fn sweep(store: Arc<dyn Store>, clock: Arc<ServiceClock>) {
    loop {
        let now = clock.now();
        let store = Arc::clone(&store);
        let swept = tokio::task::spawn_blocking(move || retention::sweep(&*store, now)).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "what is old could not be deleted");
        }
        tokio::time::sleep(clock.until(now + SWEEP).clamp(LEAST, SWEEP)).await;
    }
}

/// Opens it, on a thread of its own.
pub(super) fn open(house: House) -> anyhow::Result<()> {
    let House { front, awaited, mut questions, reporter } = house;
    progress::start(&front.door)?;
    let body = move || {
        front.serve(async move {
            while let Some(question) = questions.recv().await {
                let report = awaited.questions.ask(question);
                let reporter = reporter.clone();
                // The service may be slow to read.
                let _ = tokio::task::spawn_blocking(move || reporter.tell(&report)).await;
            }
        });
        // A service that says where its door is has one.
        std::process::exit(1);
    };
    std::thread::Builder::new().name("imds-door".to_owned()).spawn(body)?;
    Ok(())
}
