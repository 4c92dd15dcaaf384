//! The composition root: from a validated configuration and open sockets to a running service.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use imds_control::Door;
use imds_core::Timestamp;
use imds_core::keyring::{Keyring, SECRET_LEN};
use imds_server::audit::{Format, Log};
use imds_server::{Service, Shared};
use imds_store::Registry;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::config::{Config, Flags};
use crate::keeper::{Keeper, Link, Report};
use crate::listen::{Gate, Listener, Workers};
use crate::logging::Writer;
use crate::{door, sandbox, thread};

/// All that a service is made of.
pub struct App {
    /// What it serves.
    pub config: Config,
    /// The flags that changed files are read with.
    pub flags: Flags,
    /// The keys of its tokens.
    pub keyring: Keyring,
    /// The helper process.
    pub keeper: Keeper,
    /// What it is told from outside.
    pub signals: Signals,
    /// The listeners of each worker.
    pub listeners: Vec<Vec<Listener>>,
    /// The door, if it has one.
    pub door: Option<TcpListener>,
    /// How calls are told, if they are.
    pub log: Option<Format>,
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
    registry: Arc<Registry>,
    flags: Flags,
    link: Link,
}

impl App {
    /// Serves until told to stop, or until the helper has a last report.
    ///
    /// # Errors
    /// When threads or sockets cannot be had.
    pub fn serve(
        self,
        ready: impl FnOnce(),
        mut on_signal: impl FnMut(Arrived, &Running) -> Option<Ended>,
    ) -> io::Result<Ended> {
        let registry = Arc::new(Registry::new(self.keyring));
        registry.set_instances(self.config.instances, Timestamp::now());
        let shared = Arc::new(Shared {
            registry: Arc::clone(&registry),
            error_pages: self.config.service.error_pages,
            strangers: Arc::default(),
            traffic: Arc::default(),
        });
        let gate = Arc::new(Gate::new(self.config.service.limits));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;

        sandbox::confine();
        let writer = Writer::start()?;
        let log = self.log.map(|format| (format, writer.sink()));
        let for_workers = Arc::clone(&shared);
        let workers = Workers::prepare(self.listeners, &gate, move || {
            Service::new(Arc::clone(&for_workers), log.clone().map(|(format, sink)| Log::new(format, sink)))
        })?;
        let mut signals = self.signals.forwarded()?;
        sandbox::filter();
        workers.release();

        let door = Door {
            registry: Arc::clone(&registry),
            strangers: Arc::clone(&shared.strangers),
            traffic: Arc::clone(&shared.traffic),
            server_name: self.config.service.server_name,
        };
        let ended = runtime.block_on(async {
            let _door = self.door.map(|listener| door::open(listener, door)).transpose()?.map(tokio::spawn);
            ready();
            let link = Link::new(self.keeper.into_stream())?;
            let mut running = Running { registry, flags: self.flags, link };
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
    fn take(&self, report: Option<Report>) -> Option<Ended> {
        match report {
            Some(Report::Configuration(bundle)) => {
                let now = Timestamp::now();
                match Config::new(&bundle, &self.flags, now) {
                    Ok(config) => {
                        self.registry.set_instances(config.instances, now);
                        tracing::info!("the configuration changed");
                    }
                    Err(error) => refuse(&error),
                }
                None
            }
            Some(Report::Keyring(text)) => {
                match imds_store::keyring::parse(&text) {
                    Ok(keyring) => {
                        self.registry.set_keyring(keyring);
                        tracing::info!("the keyring changed");
                    }
                    Err(error) => tracing::error!(%error, "the keyring was refused; the one before stays"),
                }
                None
            }
            report @ (Some(Report::Started | Report::Failed { .. } | Report::Ended { .. }) | None) => {
                Some(Ended::Reported(report))
            }
        }
    }
}

fn refuse(error: &crate::config::Error) {
    tracing::error!(%error, "the configuration was refused; the one before stays");
}

/// The signals that a service is sent. They are caught from the moment that this is made.
pub struct Signals(SignalsInfo<WithOrigin>);

impl Signals {
    /// Catches them.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn catch() -> io::Result<Self> {
        use signal_hook::consts::{
            SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
        };
        let all = [SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH];
        SignalsInfo::new(all).map(Self)
    }

    /// Hands them on from a thread that waits for them.
    fn forwarded(mut self) -> io::Result<UnboundedReceiver<Arrived>> {
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
