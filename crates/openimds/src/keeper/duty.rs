//! What the helper does: start the command, then watch the files and wait.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use imds_core::Timestamp;
use imds_netns::{Plan, handoff};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use zeroize::Zeroizing;

use super::report::{self, Report};
use crate::config::{Bundle, Config, Flags, gather};

/// What the helper is there for.
pub struct Duty {
    /// The file that is watched.
    pub config: Option<PathBuf>,
    /// The flags that go with it.
    pub flags: Flags,
    /// What the service started with.
    pub bundle: Bundle,
    /// The folder whose keyring is watched, and the keyring that the service started with.
    pub state: Option<(PathBuf, Zeroizing<String>)>,
    /// What is run.
    pub command: Option<Command>,
}

/// The command of `imds run`.
pub struct Command {
    /// Its name, for messages.
    pub name: OsString,
    /// How it is started.
    pub command: std::process::Command,
    /// Where it runs.
    pub plan: Plan,
}

/// Files are read again so long after they were touched: editors write in several steps.
const QUIET: Duration = Duration::from_millis(50);

/// How long a command may take to end when its service is gone.
const GRACE: Duration = Duration::from_secs(2);
/// How often a folder that has gone is looked for.
const AGAIN: Duration = Duration::from_secs(1);

/// Signals that a terminal sends to everybody; the service decides what they mean.
const SHARED: [i32; 4] = [
    signal_hook::consts::SIGHUP,
    signal_hook::consts::SIGINT,
    signal_hook::consts::SIGQUIT,
    signal_hook::consts::SIGTERM,
];

impl Duty {
    /// Does it until the service ends, or the command.
    pub(super) fn carry_out(mut self, mut stream: UnixStream) -> ExitCode {
        let start =
            |command: Command| super::may_start(&mut stream).and_then(|()| command.start(&mut stream));
        let running = match self.command.take().map(start) {
            Some(None) => return ExitCode::FAILURE,
            Some(running) => running,
            None => None,
        };
        // Caught, not ignored: what is ignored stays so in a program that is executed.
        for signal in SHARED {
            let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
        }
        let mut watch = Watch::new()
            .inspect_err(|error| {
                tracing::warn!(%error, "files cannot be watched; changes to them take effect at the next start");
            })
            .ok();
        match self.attend(&mut stream, running, &mut watch) {
            Ok(()) => ExitCode::SUCCESS,
            // The service is gone, and with it all reason to go on.
            Err(_) => ExitCode::FAILURE,
        }
    }

    fn attend(
        &mut self,
        stream: &mut UnixStream,
        mut running: Option<Running>,
        watch: &mut Option<Watch>,
    ) -> io::Result<()> {
        if let Some(watch) = watch {
            watch.follow(self.bundle.paths());
            let keyring = self.state.as_ref().map(|(state, _)| state.join(imds_store::keyring::FILE));
            watch.follow(keyring.as_deref());
            // What happened between reading and watching.
            self.look(stream, watch)?;
            self.look_at_keys(stream)?;
        }
        loop {
            let ready = wait(stream, watch.as_ref(), running.as_ref())?;
            if ready.service {
                let Some(signals) = super::signals(stream) else {
                    running.as_ref().map(Running::end).transpose()?;
                    return Ok(());
                };
                for signal in signals.into_iter().filter_map(Signal::from_named_raw) {
                    // One that cannot be delivered is no reason to end what it was meant for.
                    let _ = running.as_ref().map(|running| pidfd_send_signal(&running.pidfd, signal));
                }
            }
            if let Some(running) = running.as_mut().filter(|_| ready.command) {
                let ended = running.child.wait()?;
                return report::send(stream, &Report::of(ended));
            }
            if let Some(watch) = watch.as_mut().filter(|_| ready.files)
                && watch.is_touched()?
            {
                self.look(stream, watch)?;
                self.look_at_keys(stream)?;
            }
        }
    }

    /// Reads the configuration again, and reports it if it changed and is valid.
    fn look(&mut self, stream: &mut UnixStream, watch: &mut Watch) -> io::Result<()> {
        loop {
            let bundle = match gather(self.config.as_deref(), &self.flags) {
                Ok(bundle) if bundle == self.bundle => return Ok(()),
                Ok(bundle) => bundle,
                Err(error) => {
                    tracing::error!(%error, "the configuration was refused; the one before stays");
                    // When what is missing comes, that is a change.
                    watch.follow(error.path());
                    return Ok(());
                }
            };
            if let Err(error) = self.check(&bundle) {
                tracing::error!(%error, "the configuration was refused; the one before stays");
                return Ok(());
            }
            // Once more around: what the new one names may have changed before it was watched.
            watch.follow(bundle.paths());
            report::send(stream, &Report::Configuration(Box::new(bundle.clone())))?;
            self.bundle = bundle;
        }
    }

    /// Is the new configuration valid? Tells what of it has to wait.
    fn check(&self, bundle: &Bundle) -> Result<(), crate::config::Error> {
        let now = Timestamp::now();
        let config = Config::new(bundle, &self.flags, now)?;
        let before = Config::new(&self.bundle, &self.flags, now);
        if before.is_ok_and(|before| before.service != config.service || before.listen() != config.listen()) {
            tracing::warn!(
                "what [service] and listen say takes effect at the next start; instances are live"
            );
        }
        Ok(())
    }

    fn look_at_keys(&mut self, stream: &mut UnixStream) -> io::Result<()> {
        let Some((state, known)) = &mut self.state else { return Ok(()) };
        match self::keys(state) {
            Ok(text) if text != *known => {
                known.clone_from(&text);
                report::send(stream, &Report::Keyring(text))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::error!(%error, "the keyring was refused; the one before stays");
                Ok(())
            }
        }
    }
}

fn keys(state: &Path) -> Result<Zeroizing<String>, imds_store::keyring::Error> {
    let keyring = imds_store::keyring::load(state)?;
    Ok(keyring.map(|keyring| imds_store::keyring::text(&keyring)).unwrap_or_default())
}

impl Report {
    fn of(ended: ExitStatus) -> Self {
        Self::Ended { status: ended.code(), signal: ended.signal() }
    }
}

/// The command, while it runs.
struct Running {
    child: Child,
    pidfd: OwnedFd,
}

impl Running {
    /// Ends the command, whose service is gone: by asking, and if that does not help, by force.
    fn end(&self) -> io::Result<()> {
        pidfd_send_signal(&self.pidfd, Signal::TERM)?;
        let grace = Timespec::try_from(GRACE).map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
        if retried(|| poll(&mut fds, Some(&grace)))? == 0 {
            pidfd_send_signal(&self.pidfd, Signal::KILL)?;
        }
        Ok(())
    }
}

impl Command {
    /// Starts it and reports how that went.
    fn start(mut self, stream: &mut UnixStream) -> Option<Running> {
        let name = self.name.display().to_string();
        let started = imds_netns::spawn(&mut self.command, &self.plan).map_err(|error| {
            if let imds_netns::Error::Exec(error) = &error {
                let (cure, status) = if error.kind() == io::ErrorKind::NotFound {
                    ("is it installed, and in the PATH?", 127)
                } else {
                    ("may this user execute it?", 126)
                };
                (format!("cannot run {name}: {error}; {cure}"), status)
            } else {
                (error.to_string(), 1)
            }
        });
        let started = started.and_then(|spawned| {
            let pid = i32::try_from(spawned.child.id()).ok().and_then(Pid::from_raw);
            let pidfd = pid
                .ok_or(io::ErrorKind::NotFound.into())
                .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
            let pidfd = pidfd.map_err(|error: io::Error| (format!("cannot watch {name}: {error}"), 1))?;
            Ok((spawned, pidfd))
        });
        match started {
            Ok((spawned, pidfd)) => {
                let sockets: Vec<_> = spawned.listeners.iter().map(|listener| listener.as_fd()).collect();
                let bytes = report::encode(&Report::Started).ok()?;
                handoff::send(stream, &bytes, &sockets).ok()?;
                Some(Running { child: spawned.child, pidfd })
            }
            Err((message, status)) => {
                let _ = report::send(stream, &Report::Failed { message, status });
                None
            }
        }
    }
}

/// The folders of the files that matter. A file that is replaced is another file; its folder stays.
struct Watch {
    inotify: OwnedFd,
    /// Each folder by its number, and the names that matter in it.
    names: HashMap<i32, (PathBuf, Vec<OsString>)>,
    /// Files whose folder has gone.
    lost: Vec<PathBuf>,
}

impl Watch {
    fn new() -> io::Result<Self> {
        let inotify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        Ok(Self { inotify, names: HashMap::new(), lost: Vec::new() })
    }

    /// Watches these files, too. What cannot be watched is said, and is no reason to lose the rest.
    fn follow<'a>(&mut self, paths: impl IntoIterator<Item = &'a Path>) {
        for path in paths {
            if let Err(error) = self.follow_one(path) {
                tracing::warn!(%error, path = %path.display(), "a file cannot be watched yet");
                self.lost.push(path.to_owned());
            }
            // Behind a link, it is the file at its end that is written to.
            if let Some(target) = path.canonicalize().ok().filter(|target| target != path) {
                let _ = self.follow_one(&target);
            }
        }
    }

    fn follow_one(&mut self, path: &Path) -> io::Result<()> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let events = inotify::WatchFlags::CLOSE_WRITE
            | inotify::WatchFlags::CREATE
            | inotify::WatchFlags::DELETE
            | inotify::WatchFlags::MOVED_TO;
        // A folder that is watched already keeps its number.
        let id = inotify::add_watch(&self.inotify, folder, events)?;
        let (_, names) = self.names.entry(id).or_insert_with(|| (folder.to_owned(), Vec::new()));
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        Ok(())
    }

    /// Was one of the files touched? If so, waits a little for the rest of what is being done to it.
    fn is_touched(&mut self) -> io::Result<bool> {
        if !self.drain()? && !self.find_again() {
            return Ok(false);
        }
        std::thread::sleep(QUIET);
        self.drain()?;
        Ok(true)
    }

    /// Reads the events that there are. Did one concern a file that matters?
    fn drain(&mut self) -> io::Result<bool> {
        let mut is_touched = false;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(inotify::ReadFlags::IGNORED) => {
                    // The folder itself is gone; another may come in its place.
                    let gone = self.names.remove(&event.wd()).into_iter();
                    self.lost.extend(
                        gone.flat_map(|(folder, names)| names.into_iter().map(move |name| folder.join(name))),
                    );
                }
                // Some were lost: one of them may have mattered.
                Ok(event) if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) => is_touched = true,
                Ok(event) => {
                    let name =
                        event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    let known = self
                        .names
                        .get(&event.wd())
                        .is_some_and(|(_, names)| names.iter().any(|known| *known == *name));
                    // A folder that is swapped by a link of its own, as Kubernetes does, shows no more than `..data`.
                    is_touched |= known || name.starts_with("..");
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(is_touched),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Watches files again whose folder had gone. Is one of them there?
    fn find_again(&mut self) -> bool {
        let lost = std::mem::take(&mut self.lost);
        let before = lost.len();
        for path in lost {
            if self.follow_one(&path).is_err() {
                self.lost.push(path);
            }
        }
        self.lost.len() < before
    }
}

/// What there is to attend to.
struct Ready {
    service: bool,
    files: bool,
    command: bool,
}

fn wait(stream: &UnixStream, watch: Option<&Watch>, running: Option<&Running>) -> io::Result<Ready> {
    let fds = [
        Some(stream.as_fd()),
        watch.map(|watch| watch.inotify.as_fd()),
        running.map(|running| running.pidfd.as_fd()),
    ];
    let mut polled: Vec<_> = fds
        .iter()
        .flatten()
        .map(|fd: &BorrowedFd<'_>| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let again = watch.filter(|watch| !watch.lost.is_empty()).map(|_| AGAIN);
    let timeout = again.map(|again| Timespec::try_from(again).map_err(io::Error::other)).transpose()?;
    let is_timeout = retried(|| poll(&mut polled, timeout.as_ref()))? == 0;
    let mut ready = polled.iter().map(|fd| !fd.revents().is_empty());
    let mut next = |fd: &Option<BorrowedFd<'_>>| fd.is_some() && ready.next().unwrap_or(false);
    Ok(Ready { service: next(&fds[0]), files: next(&fds[1]) || is_timeout, command: next(&fds[2]) })
}

fn retried<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}
