//! The composition root: from a validated configuration and open sockets to a running service.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use imds_server::audit::{Format, Log};
use imds_server::journal::Journal;
use imds_server::{Service, Shared};
use imds_store::Registry;
use imds_store::registry::Change;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::config::Service as Settings;
use crate::keeper::{Asked, Keeper, Link, Report};
use crate::listen::{GRACE, Gate, Listener, Lodger, Lodgers, Workers};
use crate::logging::Writer;
use crate::witness::{self, Witness};
use crate::{sandbox, stop, thread};

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
    /// What ends it when it comes to its end.
    pub stop: Option<File>,
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
    witness: Witness,
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
        let remembering = self.is_remembering.then(witness::remember).transpose()?;
        let (sink, journal) = remembering.map(|(sink, journal, _)| (sink, journal)).unzip();
        let for_workers = Arc::clone(&shared);
        let workers = Workers::prepare(self.listeners, &gate, move || {
            let log = log.clone().map(|(format, sink)| Log::new(format, sink));
            Service::new(Arc::clone(&for_workers), log, sink.clone().map(Journal::new))
        })?;
        let mut signals = self.signals.forwarded()?;
        let stopped = stop::reached(self.stop)?;
        sandbox::filter();
        workers.release();

        let ended = runtime.block_on(async {
            ready();
            let link = Link::new(self.keeper.into_stream())?;
            let (lodgers, callers) = (workers.lodgers(), workers.callers());
            let witness = Witness::new(Arc::clone(&shared), callers, journal);
            let mut running = Running { shared, link, lodgers, witness };
            let mut stopped = pin!(stopped);
            loop {
                tokio::select! {
                    report = running.link.next() => if let Some(ended) = running.take(report) {
                        break Ok(ended);
                    },
                    Some(signal) = signals.recv() => if let Some(ended) = on_signal(signal, &running) {
                        break Ok(ended);
                    },
                    () = &mut stopped => break Ok(Ended::Stopped),
                }
            }
        });
        workers.stop(GRACE);
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
        let (link, witness) = (&self.link, &mut self.witness);
        match question {
            Asked::Tallies => link.counted(number, witness.tallies()),
            Asked::Tally(instance) => link.counted(number, witness.tally(&instance)),
            Asked::Calls(owner) => {
                let answer = link.recorded(number);
                match owner.whose() {
                    Some(of) => witness.calls(of, answer),
                    None => answer(Vec::new()),
                }
            }
            Asked::Faults => link.struck(number, witness.struck()),
            Asked::Forget => witness.forget(link.forgotten(number)),
            Asked::View { instance, path } => link.viewed(number, witness.view(&instance, &path)),
        }
    }

    /// What guests see follows, and so does where they are heard.
    fn apply(&mut self, changes: Vec<Change>) {
        self.shared.registry.apply(changes);
        self.lodgers.follow(&self.shared.registry);
    }
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
