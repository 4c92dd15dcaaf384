//! The composition root: from a validated configuration and open sockets to a running service.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use imds_core::audit::{Counts, Recorded, Tallies, Whose};
use imds_core::id::InstanceId;
use imds_core::keyring::SECRET_LEN;
use imds_core::options::HttpTokens;
use imds_core::token::NONCE_LEN;
use imds_core::view::{self, View};
use imds_server::audit::{Format, Log};
use imds_server::journal::{self, Journal, Reader, Sink};
use imds_server::{Service, Shared};
use imds_store::registry::Change;
use imds_store::{Registry, Snapshot};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::config::Service as Settings;
use crate::keeper::{Asked, Keeper, Link, Report};
use crate::listen::{Callers, Gate, Listener, Lodger, Lodgers, Workers};
use crate::logging::Writer;
use crate::{sandbox, thread};

/// All that a service is made of.
pub struct App {
    /// What was set for it.
    pub settings: Settings,
    /// Its instances and the keys of its tokens.
    pub registry: Registry,
    /// The helper process.
    pub keeper: Keeper,
    /// What it is told from outside.
    pub signals: Signals,
    /// The listeners of each worker.
    pub listeners: Vec<Vec<Listener>>,
    /// How calls are told, if they are.
    pub log: Option<Format>,
    /// Are calls remembered, for a door that shows them?
    pub is_remembering: bool,
}

/// Why a service that ran has ended.
pub enum Ended {
    /// It was told to.
    Stopped,
    /// The command that it ran for has ended, or the helper is gone.
    Reported(Option<Report>),
}

/// A signal that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrived {
    /// Its number.
    pub number: i32,
    /// Did a process send it, and not the terminal, which tells everybody?
    pub is_sent: bool,
}

/// The parts of a service that its main thread holds.
pub struct Running {
    shared: Arc<Shared>,
    link: Link,
    lodgers: Lodgers,
    callers: Callers,
    /// Who asks for the calls, if they are remembered.
    journal: Option<Reader>,
}

impl App {
    /// Serves until told to stop, or until the helper has a last report.
    ///
    /// # Errors
    /// When threads or sockets cannot be had.
    pub fn serve(
        mut self,
        ready: impl FnOnce(),
        mut on_signal: impl FnMut(Arrived, &Running) -> Option<Ended>,
    ) -> io::Result<Ended> {
        let shared = Arc::new(Shared {
            registry: Arc::new(self.registry),
            faults: self.keeper.faults(),
            error_pages: self.settings.error_pages,
            hosts: self.settings.hosts,
            strangers: Arc::default(),
            traffic: Arc::default(),
        });
        let gate = Arc::new(Gate::new(self.settings.limits));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;

        sandbox::confine();
        let writer = Writer::start()?;
        let log = self.log.map(|format| (format, writer.sink()));
        let (sink, journal) = self.is_remembering.then(remember).transpose()?.unzip();
        let for_workers = Arc::clone(&shared);
        let workers = Workers::prepare(self.listeners, &gate, move || {
            let log = log.clone().map(|(format, sink)| Log::new(format, sink));
            Service::new(Arc::clone(&for_workers), log, sink.clone().map(Journal::new))
        })?;
        let mut signals = self.signals.forwarded()?;
        sandbox::filter();
        workers.release();

        let ended = runtime.block_on(async {
            ready();
            let link = Link::new(self.keeper.into_stream())?;
            let (lodgers, callers) = (workers.lodgers(), workers.callers());
            let mut running = Running { shared, link, lodgers, callers, journal };
            loop {
                tokio::select! {
                    report = running.link.next() => if let Some(ended) = running.take(report) {
                        break Ok(ended);
                    },
                    Some(signal) = signals.recv() => if let Some(ended) = on_signal(signal, &running) {
                        break Ok(ended);
                    },
                }
            }
        });
        workers.stop();
        writer.finish();
        ended
    }
}

impl Running {
    /// Passes a signal to the command.
    pub fn pass(&self, signal: i32) {
        self.link.signal(signal);
    }

    /// Does what a report asks for; the last one is why the service ends.
    fn take(&mut self, report: Option<Report>) -> Option<Ended> {
        match report {
            Some(Report::Changed { revision, changes }) => {
                self.apply(changes);
                self.link.applied(revision);
                None
            }
            Some(Report::Lodged { lodger, instance, count, sockets }) => {
                let admitted = instance.parse().is_ok_and(|id| {
                    sockets.len() == count
                        && self.lodgers.admit(Lodger(lodger), id, sockets, &self.shared.registry).is_ok()
                });
                if !admitted {
                    tracing::warn!(instance, "`imds exec` is not served: are there too many open files?");
                }
                self.link.lodged(lodger, admitted);
                None
            }
            Some(Report::Left { lodger }) => {
                self.lodgers.leave(Lodger(lodger));
                None
            }
            Some(Report::Asked { number, question }) => {
                self.answer(number, question);
                None
            }
            Some(Report::Faults(told)) => {
                self.shared.faults.set(told);
                None
            }
            Some(Report::Keyring(text)) => {
                match imds_store::keyring::parse(&text) {
                    Ok(keyring) => {
                        self.shared.registry.set_keyring(keyring);
                        tracing::info!("the keyring changed");
                    }
                    Err(error) => tracing::error!(%error, "the keyring was refused; the one before stays"),
                }
                None
            }
            report @ (Some(
                Report::Opened { .. } | Report::Started | Report::Failed { .. } | Report::Ended { .. },
            )
            | None) => Some(Ended::Reported(report)),
        }
    }

    /// Answers what the door asks, now or when every worker has told what it knows.
    fn answer(&mut self, number: u64, question: Asked) {
        match question {
            Asked::Tallies => self.link.counted(number, self.tallies()),
            Asked::Tally(instance) => self.link.counted(number, self.tally(&instance)),
            Asked::Calls(owner) => {
                let answer = self.link.recorded(number);
                match owner.whose() {
                    Some(of) => self.calls(of, answer),
                    None => answer(Vec::new()),
                }
            }
            Asked::Faults => self.link.struck(number, self.shared.faults.struck()),
            Asked::Forget => self.forget(number),
            Asked::View { instance, path } => self.link.viewed(number, self.view(&instance, &path)),
        }
    }

    /// The calls that are remembered, with all that have been answered already.
    fn calls(&mut self, of: Whose, answer: impl FnOnce(Vec<Recorded>) + Send + 'static) {
        let Some(journal) = &mut self.journal else { return answer(Vec::new()) };
        let question = journal.ask(of, self.callers.count(), answer);
        hand_on(&self.callers, journal, question);
    }

    /// Forgets them.
    fn forget(&mut self, number: u64) {
        let done = self.link.forgotten(number);
        let Some(journal) = &mut self.journal else { return done() };
        let question = journal.forget(self.callers.count(), done);
        hand_on(&self.callers, journal, question);
    }

    /// What an instance is answered. It is no call: nobody counts it, and nobody is told.
    fn view(&self, instance: &str, path: &str) -> Option<View> {
        let registry = &self.shared.registry;
        let snapshot = registry.by_id(&instance.parse().ok()?)?;
        let mut nonce = [0; NONCE_LEN];
        imds_server::random::fill(&mut nonce).ok()?;
        Some(view::of(&snapshot.instance, path.as_bytes(), &registry.keyring(), registry.now(), || nonce))
    }

    /// What guests see follows, and so does where they are heard.
    fn apply(&mut self, changes: Vec<Change>) {
        self.shared.registry.apply(changes);
        self.lodgers.follow(&self.shared.registry);
    }

    /// All counters now.
    fn tallies(&self) -> Tallies {
        Tallies {
            instances: self.shared.registry.all().iter().map(|snapshot| counts(snapshot)).collect(),
            strangers: self.shared.strangers.read(),
            traffic: self.shared.traffic.read(),
        }
    }

    /// The counters of an instance now, and nothing of the others.
    fn tally(&self, instance: &str) -> Tallies {
        let snapshot = instance.parse().ok().and_then(|id| self.shared.registry.by_id(&id));
        Tallies {
            instances: snapshot.iter().map(|snapshot| counts(snapshot)).collect(),
            ..Tallies::default()
        }
    }
}

/// What was counted of an instance.
fn counts(snapshot: &Snapshot) -> (InstanceId, HttpTokens, Counts) {
    (snapshot.instance.id.clone(), snapshot.instance.options.http_tokens, snapshot.tally.read())
}

/// Has every worker hand its calls on for a question.
fn hand_on(callers: &Callers, journal: &Reader, question: u64) {
    for _ in 0..callers.hand_on(question) {
        journal.pass_over(question);
    }
}

/// Starts the thread that remembers calls: where they go, and who may ask for them.
fn remember() -> io::Result<(Sink, Reader)> {
    let (sink, reader, desk) = journal::open();
    thread::start("imds-journal", move || desk.keep())?;
    Ok((sink, reader))
}

/// The signals that a service is sent. They are caught from the moment that this is made.
pub struct Signals(SignalsInfo<WithOrigin>);

impl Signals {
    /// Catches them.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn catch() -> io::Result<Self> {
        Self::catch_those(|_| true)
    }

    /// Catches those of them that are wanted.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn catch_those(is_wanted: impl Fn(i32) -> bool) -> io::Result<Self> {
        use signal_hook::consts::{
            SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
        };
        let all = [SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH];
        SignalsInfo::new(all.into_iter().filter(|signal| is_wanted(*signal))).map(Self)
    }

    /// Hands them on from a thread that waits for them.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn forwarded(mut self) -> io::Result<UnboundedReceiver<Arrived>> {
        let (sender, receiver) = unbounded_channel();
        thread::start("imds-signals", move || {
            for origin in &mut self.0 {
                let _ = sender.send(Arrived { number: origin.signal, is_sent: origin.process.is_some() });
            }
        })?;
        Ok(receiver)
    }
}

/// Random bytes for a new key.
///
/// # Errors
/// When the system has none.
pub fn secret() -> io::Result<[u8; SECRET_LEN]> {
    let mut secret = [0; SECRET_LEN];
    imds_server::random::fill(&mut secret)?;
    Ok(secret)
}

/// The line that says where the service answers.
#[must_use]
pub fn ready_line(listen: &[SocketAddr], admin: SocketAddr) -> String {
    let listen: Vec<_> = listen.iter().map(|address| format!("\"{address}\"")).collect();
    format!("{{\"listen\":[{}],\"admin\":\"{admin}\"}}\n", listen.join(","))
}

/// Writes to standard output, whose reader may be gone.
pub fn print(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// The exit status of a failure, after its one sentence.
pub fn fail(error: impl std::fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "imds: {error}");
    ExitCode::FAILURE
}
