//! Keys that come from elsewhere: kept fresh in the background, told when they change, and kept nowhere.
//!
//! Of the service's own STS they are had here; all others are fetched by `errands`. A GET finds what was told last.
//!
//! Of the locks the desk's comes first: while it is held `feed` takes its own, and never the other way.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imds_control::Authority;
use imds_control::sts::for_instance::{Asked, Refused, assume};
use imds_core::Timestamp;
use imds_core::credentials::Credentials;
use imds_core::id::InstanceId;
use imds_store::{ServiceClock, Store};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::errands;
use super::feed::{Feed, is_gone};
use crate::child::retried;
use crate::config::Config;
use crate::credentials::book::Book;
use crate::credentials::{Assume, Failure, Source, Timekeeper};

/// How long the first keys are waited for before the service begins: whoever asks as soon as it does should find some.
const FIRST: Duration = Duration::from_secs(3);
/// How long it waits at most: a clock may be set, or a machine sleep.
const LONGEST: Duration = Duration::from_secs(5);

/// How long nothing outside is called or run once more, and nothing of the service's own is tried again that failed,
/// however fast the clock goes.
const REST: Duration = Duration::from_secs(1);
/// The same of what the service's own STS gives, which costs little [assumed].
const BREATH: Duration = Duration::from_millis(20);

/// Why it is looked at what is due.
#[derive(Clone, Copy)]
enum Occasion {
    /// Time has passed.
    Time,
    /// Somebody waits for the keys to be those of another time.
    Change,
}

/// Who keeps the keys fresh.
#[derive(Clone)]
pub(super) struct Lender(Arc<Shared>);

struct Shared {
    desk: Mutex<Desk>,
    /// Rung when there may be something to do earlier than was thought.
    bell: Condvar,
    feed: Arc<Feed>,
    store: Arc<dyn Store>,
    authority: Arc<Authority>,
    clock: Arc<ServiceClock>,
}

struct Desk {
    /// Keys that go by the service's clock: those of its own STS, and others of which that is said.
    service: Book,
    /// Those that go by the machine's.
    machine: Book,
    /// Sources that nothing is had from before this moment.
    resting: HashMap<Source, Instant>,
    /// The process that fetches, if there is one.
    fetcher: Option<UnixStream>,
}

impl Desk {
    fn book(&mut self, timekeeper: Timekeeper) -> &mut Book {
        match timekeeper {
            Timekeeper::Service => &mut self.service,
            Timekeeper::Machine => &mut self.machine,
        }
    }

    /// What is due and does not rest.
    fn take_due(&mut self, timekeeper: Timekeeper, now: Timestamp, occasion: Occasion) -> Vec<Source> {
        let Self { service, machine, resting, .. } = self;
        let book = match timekeeper {
            Timekeeper::Service => service,
            Timekeeper::Machine => machine,
        };
        book.take_due(now, |source| may(resting, source, occasion))
    }
}

/// May something be had from there now? Who waits for keys of another time does not wait for the service's own to rest.
fn may(resting: &HashMap<Source, Instant>, source: &Source, occasion: Occasion) -> bool {
    let is_excused = match occasion {
        Occasion::Time => false,
        Occasion::Change => source.own().is_some(),
    };
    is_excused || !resting.contains_key(source)
}

impl Lender {
    pub(super) fn new(
        fetcher: Option<UnixStream>,
        feed: Arc<Feed>,
        store: Arc<dyn Store>,
        authority: Arc<Authority>,
        clock: Arc<ServiceClock>,
    ) -> Self {
        let (service, machine, resting) = (Book::default(), Book::default(), HashMap::new());
        let desk = Mutex::new(Desk { service, machine, resting, fetcher });
        Self(Arc::new(Shared { desk, bell: Condvar::new(), feed, store, authority, clock }))
    }

    /// Takes over what a configuration says of roles, and tells what is not as it was.
    pub(super) fn file(&self, config: &Config) -> io::Result<()> {
        let mut desk = self.0.desk();
        for timekeeper in Timekeeper::ALL {
            let is_meant = |source: &Source| source.timekeeper == timekeeper;
            let lent = config.lent.iter().filter(|(_, lent)| lent.source.as_ref().is_some_and(is_meant));
            desk.book(timekeeper).set(lent.cloned(), self.0.now(timekeeper));
        }
        let is_in_vain = desk.fetcher.is_none()
            && config.lent.iter().any(|(_, lent)| lent.source.as_ref().is_some_and(Source::is_real));
        if is_in_vain {
            tracing::warn!("credentials of this kind are fetched from the next start on");
        }
        self.0.feed.file(&config.instances, desk.service.roles().chain(desk.machine.roles()))?;
        self.0.bell.notify_all();
        Ok(())
    }

    /// Keys that were issued here have ended.
    pub(super) fn anew(&self) {
        self.0.desk().service.outdate(|source| source.own().is_some(), self.0.clock.now());
        self.0.bell.notify_all();
    }

    /// The service's clock was changed, or a role, and guests do not know that yet: when they do, none finds keys that have
    /// ended meanwhile, or none, where there are others to be had at once.
    pub(super) fn catch_up(&self) -> io::Result<()> {
        let mut desk = self.0.desk();
        desk.service.retry(|source| source.own().is_some(), self.0.clock.now());
        let done = self.0.work(&mut desk, Occasion::Change);
        drop(desk);
        self.0.bell.notify_all();
        done
    }

    /// Fetches what there is, as far as that is soon done. Starts no thread.
    pub(super) fn begin(&self) -> io::Result<()> {
        let end = Instant::now() + FIRST;
        let mut desk = self.0.desk();
        self.0.work(&mut desk, Occasion::Time)?;
        while desk.service.is_waiting() || desk.machine.is_waiting() {
            let Some(fetcher) = desk.fetcher.as_mut() else { return Ok(()) };
            let left = end.saturating_duration_since(Instant::now());
            let wait = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut polled = [PollFd::new(fetcher, PollFlags::IN)];
            if retried(|| poll(&mut polled, Some(&wait)))? == 0 {
                tracing::info!("role credentials are not there yet; the service begins without them");
                return Ok(());
            }
            let Some((source, result)) = errands::outcome(fetcher) else { return Err(gone()) };
            self.0.take(&mut desk, &source, result, None, self.0.now(source.timekeeper))?;
        }
        Ok(())
    }

    /// Goes on in the background, from when there may be threads.
    pub(super) fn start(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.0);
        let fetcher = shared.desk().fetcher.as_ref().map(UnixStream::try_clone).transpose()?;
        std::thread::Builder::new().name("imds-lender".to_owned()).spawn(move || {
            let error = shared.attend();
            end(&error);
        })?;
        let Some(mut fetcher) = fetcher else { return Ok(()) };
        let shared = Arc::clone(&self.0);
        std::thread::Builder::new().name("imds-errands".to_owned()).spawn(move || {
            loop {
                let done = errands::outcome(&mut fetcher)
                    .ok_or_else(gone)
                    .and_then(|(source, result)| shared.receive(&source, result));
                if let Err(error) = done {
                    end(&error);
                }
                shared.bell.notify_all();
            }
        })?;
        Ok(())
    }
}

impl Shared {
    /// Does what is due, whenever it is. Says why it could not go on.
    fn attend(&self) -> io::Error {
        let mut desk = self.desk();
        loop {
            if let Err(error) = self.work(&mut desk, Occasion::Time) {
                return error;
            }
            desk = match self.wait(&desk) {
                Some(wait) => self.bell.wait_timeout(desk, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.bell.wait(desk).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// How long there is nothing to do.
    fn wait(&self, desk: &Desk) -> Option<Duration> {
        let ready = |source: &Source| may(&desk.resting, source, Occasion::Time);
        let service = desk.service.next(ready).map(|next| self.clock.until(next));
        let machine = desk.machine.next(ready).map(|next| next.duration_since(Timestamp::now()));
        let machine = machine.map(|wait| Duration::try_from(wait).unwrap_or_default());
        let now = Instant::now();
        let rested = desk.resting.values().map(|end| end.saturating_duration_since(now));
        service.into_iter().chain(machine).chain(rested).min().map(|wait| wait.min(LONGEST))
    }

    fn work(&self, desk: &mut Desk, occasion: Occasion) -> io::Result<()> {
        let began = Instant::now();
        desk.resting.retain(|_, end| *end > began);
        for timekeeper in Timekeeper::ALL {
            let now = self.now(timekeeper);
            for source in desk.take_due(timekeeper, now, occasion) {
                desk.resting.insert(source.clone(), Instant::now() + REST);
                let mut because = None;
                let result = match (source.own(), desk.fetcher.as_mut()) {
                    // New ones before old ones end: they are had here and now, however far the clock has jumped.
                    (Some(asked), _) => {
                        let had = self.own(asked, now).map_err(|(failure, why)| {
                            because = why;
                            failure
                        });
                        had.inspect(|_| {
                            desk.resting.insert(source.clone(), Instant::now() + BREATH);
                        })
                    }
                    (None, Some(fetcher)) => {
                        errands::ask(fetcher, &source, self.clock.clock(Timestamp::now()))?;
                        continue;
                    }
                    (None, None) => Err(Failure::new(
                        "the service has to be started again: there was no role of this kind when it was",
                    )),
                };
                self.take(desk, &source, result, because, now)?;
            }
            let ended = desk.book(timekeeper).expire(now);
            self.tell(desk, &ended)?;
        }
        Ok(())
    }

    /// Keys of the service's own STS; or why there are none, and what more of that is for the log alone.
    fn own(&self, asked: &Assume, now: Timestamp) -> Result<Credentials, (Failure, Option<String>)> {
        let Assume { role_arn, session_name, seconds, .. } = asked;
        let asked = Asked { role_arn, session_name, seconds: *seconds };
        assume(&*self.store, &self.authority.issuer(), &asked, now).map_err(|refused| match refused {
            Refused::Denied { message, why } => (Failure::Denied(message), Some(why)),
            Refused::Other(message) => (Failure::Other(message), None),
        })
    }

    /// What came from outside.
    fn receive(&self, source: &Source, result: Result<Credentials, Failure>) -> io::Result<()> {
        let mut desk = self.desk();
        self.take(&mut desk, source, result, None, self.now(source.timekeeper))
    }

    fn take(
        &self,
        desk: &mut Desk,
        source: &Source,
        result: Result<Credentials, Failure>,
        why: Option<String>,
        now: Timestamp,
    ) -> io::Result<()> {
        // Once, and again when it is another one, or was none meanwhile.
        if let Err(failure) = &result
            && !desk.book(source.timekeeper).knows(source, failure)
        {
            tracing::warn!(error = %failure, why, %source, "role credentials were not renewed");
        }
        let mut dice = [0];
        imds_server::random::fill(&mut dice)?;
        let told = desk.book(source.timekeeper).came(source, result, now, dice[0]);
        self.tell(desk, &told)
    }

    fn tell(&self, desk: &Desk, ids: &[InstanceId]) -> io::Result<()> {
        let roles = ids
            .iter()
            .filter_map(|id| Some((id.clone(), desk.service.role(id).or_else(|| desk.machine.role(id))?)));
        self.feed.lend(roles.collect())
    }

    fn now(&self, timekeeper: Timekeeper) -> Timestamp {
        match timekeeper {
            Timekeeper::Service => self.clock.now(),
            Timekeeper::Machine => Timestamp::now(),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone() -> io::Error {
    io::Error::other("the process that fetches them has ended")
}

/// Keys that are not renewed must not look as if they were.
fn end(error: &io::Error) -> ! {
    if !is_gone(error) {
        tracing::error!(%error, "role credentials cannot be kept any longer; the service ends");
    }
    std::process::exit(1);
}
