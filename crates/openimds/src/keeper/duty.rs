//! What the helper does: keep the store, open the door, start the command, then watch the files and wait.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use imds_control::faults::Faults;
use imds_core::id::InstanceId;
use imds_store::provider::file as feed;
use imds_store::store::Event;
use imds_store::{Embedded, Memory, ServiceClock, Store};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zeroize::Zeroizing;

use super::access::Access;
use super::command::{Command, Running};
use super::feed::Feed;
use super::house::{self, Behind, House};
use super::lender::Lender;
use super::lodging::{self, Lodging};
use super::notary::Notary;
use super::orders;
use super::report::{Reporter, Wire};
use super::signals;
use super::watch::Watch;
use crate::child::retried;
use crate::config::{Bundle, Config, Flags, gather};
use crate::sandbox;

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
    /// What speaks with the process that fetches keys, where there is one.
    pub fetcher: Option<UnixStream>,
    /// What it is for.
    pub task: Task,
}

/// What a service is for, as far as the helper has a part in it.
pub enum Task {
    /// `imds serve`: keep what changes, and open the door.
    Serve,
    /// `imds run`: run a command.
    Run(Box<Command>),
}

/// A file that was the same twice, so long apart, is taken for written: editors write in several steps.
const QUIET: Duration = Duration::from_millis(50);
/// How often a file that changes all the time is read before it is taken as it is.
const PATIENCE: u32 = 100;
/// How often a folder that has gone is looked for.
const AGAIN: Duration = Duration::from_secs(1);

/// The helper at work.
struct Work {
    config: Option<PathBuf>,
    flags: Flags,
    bundle: Bundle,
    state: Option<(PathBuf, Zeroizing<String>)>,
    store: Arc<dyn Store>,
    access: Access,
    notary: Notary,
    feed: Arc<Feed>,
    lender: Lender,
    clock: Arc<ServiceClock>,
    /// The listeners of instances, which stay as they were at the start.
    listens: HashMap<InstanceId, Vec<SocketAddr>>,
    faults: Arc<Faults>,
    reporter: Reporter,
}

impl Duty {
    /// Does it until the service ends, or the command.
    pub(super) fn carry_out(self, stream: UnixStream) -> ExitCode {
        let Ok(orders) = stream.try_clone() else { return ExitCode::FAILURE };
        let reporter = Reporter::new(stream);
        match self.begin(reporter.clone(), orders) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // If the service is gone, and with it all reason to go on, nobody hears it.
                let _ = reporter.tell(&Wire::Failed { message: format!("{error:#}"), status: 1 });
                ExitCode::FAILURE
            }
        }
    }

    /// Where it keeps what lasts, of a service that has this folder.
    fn kept<'s>(&self, state: Option<&'s Path>) -> Option<&'s Path> {
        match &self.task {
            Task::Serve => state,
            // It has no door, and no use for keys, nor for what others launched.
            Task::Run(_) => None,
        }
    }

    fn begin(self, reporter: Reporter, mut orders: UnixStream) -> anyhow::Result<()> {
        let state = self.state.as_ref().map(|(state, _)| state.as_path());
        let kept = self.kept(state);
        let store = open_store(kept)?;
        let clock = Arc::new(ServiceClock::default());
        super::clock::begin(&*store, self.flags.clock, &clock)?;
        let config = Config::new(&self.bundle, &self.flags, clock.now())?;
        let listens = listens(&config);
        // One for those who sign and those whose keys are told: what one issues the other knows.
        let access = Access::load(kept, config.service.auth)?;
        let authority = access.authority();
        let notary = Notary::load(state, Arc::clone(&store), reporter.clone())?;
        let feed = Arc::new(Feed::new(reporter.clone(), Arc::clone(&authority), Arc::clone(&clock)));
        let lender = Lender::new(
            self.fetcher,
            Arc::clone(&feed),
            Arc::clone(&store),
            Arc::clone(&authority),
            Arc::clone(&clock),
        );
        let mut work = Work {
            config: self.config,
            flags: self.flags,
            bundle: self.bundle,
            state: self.state,
            store,
            access,
            notary,
            clock: Arc::clone(&clock),
            feed,
            lender,
            listens,
            faults: faults(Arc::clone(&clock), reporter.clone()),
            reporter,
        };
        work.apply(&config, &work.bundle)
            .context("nothing was started, and what was kept before is unchanged")?;
        // Its secrets are to be gone when they are replaced: from here on only those have them who tell them.
        let settings = config.into_service();
        let events = work.store.watch();
        work.feed.everything(&*work.store)?;
        work.notary.begin()?;
        work.lender.begin()?;
        let house = match &self.task {
            Task::Serve => {
                let (store, faults) = (Arc::clone(&work.store), Arc::clone(&work.faults));
                let behind = Behind { store, authority, clock, faults };
                Some(House::new(&settings, behind, work.reporter.clone())?)
            }
            Task::Run(_) => None,
        };
        let admin = house.as_ref().map(House::address);
        let lodging = admin.and_then(|admin| Lodging::bind(admin.port()));
        let socket = lodging.as_ref().map(Lodging::path);
        work.reporter.tell(&Wire::Opened { admin })?;

        let running = match self.task {
            Task::Serve => {
                sandbox::confine_helper(work.state.as_ref().map(|(state, _)| &**state), socket);
                None
            }
            // Before there are threads: a command is started by one that is alone.
            Task::Run(command) => {
                if orders::may_start(&mut orders).is_none() {
                    return Ok(());
                }
                let Some(running) = command.start(&work.reporter) else { return Ok(()) };
                Some(running)
            }
        };
        signals::outlive()?;
        work.open(events, orders, running.as_ref(), house, lodging)?;
        Ok(work.attend(running)?)
    }
}

fn listens(config: &Config) -> HashMap<InstanceId, Vec<SocketAddr>> {
    let entries = config.instances.iter();
    entries.map(|entry| (entry.instance.id.clone(), entry.place.listen.clone())).collect()
}

fn open_store(kept: Option<&Path>) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match kept {
        Some(state) => Arc::new(Embedded::open(state)?),
        None => Arc::new(Memory::default()),
    })
}

impl Work {
    /// Starts the threads, of which there were none before.
    fn open(
        &mut self,
        events: Receiver<Event>,
        orders: UnixStream,
        running: Option<&Running>,
        house: Option<House>,
        lodging: Option<Lodging>,
    ) -> anyhow::Result<()> {
        let socket = lodging.as_ref().map(Lodging::path);
        let awaited = house.as_ref().map(House::awaited);
        let told = awaited.as_ref().map(|awaited| Arc::clone(&awaited.told)).unwrap_or_default();
        let lodgers = awaited.as_ref().map(|awaited| Arc::clone(&awaited.lodgers)).unwrap_or_default();
        orders::obey(orders, running.map(Running::handle).transpose()?, awaited, socket)?;
        let (feed, lender) = (Arc::clone(&self.feed), self.lender.clone());
        std::thread::Builder::new().name("imds-feed".to_owned()).spawn(move || {
            feed.follow(&events, &told, || lender.catch_up());
            // What guests are not told must not be answered as done.
            std::process::exit(1);
        })?;
        self.notary.start()?;
        self.lender.start()?;
        if let Some(lodging) = lodging {
            lodging::open(lodging, Arc::clone(&self.store), self.reporter.clone(), lodgers)?;
        }
        if let Some(house) = house {
            house::open(house)?;
        }
        Ok(())
    }

    fn attend(&mut self, mut running: Option<Running>) -> io::Result<()> {
        let mut watch = Watch::new()
            .inspect_err(|error| {
                tracing::warn!(%error, "files cannot be watched; changes to them take effect at the next start");
            })
            .ok();
        if let Some(watch) = &mut watch {
            watch.follow(self.bundle.paths());
            // What happened between reading and watching.
            self.look(watch)?;
            self.look_at_keys(watch)?;
        }
        loop {
            let again = self.access.again(Instant::now());
            let ready = wait(watch.as_ref(), running.as_ref(), again)?;
            if let Some(running) = running.as_mut().filter(|_| ready.command) {
                let ended = running.ended()?;
                return self.reporter.tell(&ended);
            }
            let Some(watch) = &mut watch else { continue };
            if ready.files && watch.is_touched()? {
                self.look(watch)?;
                self.look_at_keys(watch)?;
            } else if self.access.again(Instant::now()).is_some_and(|again| again.is_zero()) {
                self.look_at_keys(watch)?;
            }
        }
    }

    /// Reads the configuration again, and brings the store to what it says if it changed and is valid.
    fn look(&mut self, watch: &mut Watch) -> io::Result<()> {
        loop {
            let bundle = match self.settled() {
                Ok(bundle) if bundle == self.bundle => return Ok(()),
                Ok(bundle) => bundle,
                Err(error) => {
                    refuse(&error);
                    // When what is missing comes, that is a change.
                    watch.follow(error.path());
                    return Ok(());
                }
            };
            let config = match self.check(&bundle) {
                Ok(config) => config,
                Err(error) => {
                    refuse(&error);
                    return Ok(());
                }
            };
            // Once more around: what the new one names may have changed before it was watched.
            watch.follow(bundle.paths());
            if let Err(error) = self.apply(&config, &bundle) {
                // The same once more may be done when what was in the way has gone.
                refuse(&error);
                return Ok(());
            }
            tracing::info!("the configuration changed");
            self.bundle = bundle;
        }
    }

    /// Reads the configuration when it stays as it is. One that is being written can read as an empty one, which is
    /// valid, and would terminate every instance.
    fn settled(&self) -> Result<Bundle, crate::config::Error> {
        let mut last = self.gather();
        for _ in 0..PATIENCE {
            if last.as_ref().is_ok_and(|bundle| *bundle == self.bundle) {
                break;
            }
            std::thread::sleep(QUIET);
            let next = self.gather();
            let is_same = match (&last, &next) {
                (Ok(last), Ok(next)) => last == next,
                (Err(last), Err(next)) => last.to_string() == next.to_string(),
                (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
            };
            last = next;
            if is_same {
                break;
            }
        }
        last
    }

    fn gather(&self) -> Result<Bundle, crate::config::Error> {
        gather(self.config.as_deref(), &self.flags)
    }

    /// Brings roles and store to what a configuration says.
    fn apply(&self, config: &Config, bundle: &Bundle) -> anyhow::Result<()> {
        let mut entries = config.instances.clone();
        for entry in &mut entries {
            entry.place.listen = self.listens.get(&entry.instance.id).cloned().unwrap_or_default();
        }
        let room = self.faults.room_for_file(&config.faults)?;
        let new = self.feed.by_hand(&entries);
        match feed::apply(&*self.store, &entries, self.clock.now()) {
            Ok(_) => {
                room.take()?;
                Ok(self.lender.file(config)?)
            }
            Err(feed::Error::Refused { id, what }) => {
                self.feed.not_by_hand(&new);
                Err(config.refused(bundle, &id, what).into())
            }
            Err(feed::Error::Store(error)) => Err(error.into()),
        }
    }

    /// Is the new configuration valid? Tells what of it has to wait.
    fn check(&self, bundle: &Bundle) -> Result<Config, crate::config::Error> {
        let now = self.clock.now();
        let config = Config::new(bundle, &self.flags, now)?;
        if bundle.is_blank() && !self.bundle.is_blank() {
            return Err(bundle.refused_blank());
        }
        let before = Config::new(&self.bundle, &self.flags, now);
        if before.is_ok_and(|before| before.service != config.service || before.listen() != config.listen()) {
            tracing::warn!(
                "what [service] and listen say takes effect at the next start; instances are live"
            );
        }
        Ok(config)
    }

    fn look_at_keys(&mut self, watch: &mut Watch) -> io::Result<()> {
        // Each time: what is a link may lead elsewhere now.
        let keyring = self.state.as_ref().map(|(state, _)| state.join(imds_store::keyring::FILE));
        watch.follow(keyring.as_deref());
        watch.follow(self.access.file().as_deref());
        watch.follow(self.notary.files().iter().map(PathBuf::as_path));
        self.notary.look()?;
        if self.access.look(Instant::now()) {
            self.feed.anew()?;
            self.lender.anew();
        }
        let Some((state, known)) = &mut self.state else { return Ok(()) };
        match self::keys(state) {
            Ok(text) if text != *known => {
                known.clone_from(&text);
                self.reporter.tell(&Wire::Keyring(text))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::error!(%error, "the keyring was refused; the one before stays");
                Ok(())
            }
        }
    }
}

/// Those that are on request, of whom the service is told.
fn faults(clock: Arc<ServiceClock>, reporter: Reporter) -> Arc<Faults> {
    Arc::new(Faults::new(clock, Box::new(move |all| reporter.tell(&Wire::Faults(all)))))
}

fn refuse(error: &impl std::fmt::Display) {
    tracing::error!(%error, "the configuration was refused; the one before stays");
}

fn keys(state: &Path) -> Result<Zeroizing<String>, imds_store::keyring::Error> {
    let keyring = imds_store::keyring::load(state)?;
    Ok(keyring.map(|keyring| imds_store::keyring::text(&keyring)).unwrap_or_default())
}

/// What there is to attend to.
struct Ready {
    files: bool,
    command: bool,
}

/// Waits until there is something, `again` at most.
fn wait(watch: Option<&Watch>, running: Option<&Running>, again: Option<Duration>) -> io::Result<Ready> {
    let fds = [watch.map(AsFd::as_fd), running.map(AsFd::as_fd)];
    let mut polled: Vec<_> = fds
        .iter()
        .flatten()
        .map(|fd: &BorrowedFd<'_>| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let lost = watch.filter(|watch| watch.has_lost()).map(|_| AGAIN);
    let again = lost.into_iter().chain(again).min();
    let timeout = again.map(|again| Timespec::try_from(again).map_err(io::Error::other)).transpose()?;
    let is_timeout = retried(|| poll(&mut polled, timeout.as_ref()))? == 0;
    let mut ready = polled.iter().map(|fd| !fd.revents().is_empty());
    let mut next = |fd: &Option<BorrowedFd<'_>>| fd.is_some() && ready.next().unwrap_or(false);
    Ok(Ready { files: next(&fds[0]) || is_timeout, command: next(&fds[1]) })
}
