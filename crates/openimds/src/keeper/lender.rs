//! Keys that come from elsewhere: kept fresh in the background, told when they change, and kept nowhere.
//!
//! Of the service's own STS they are had here; all others are fetched by `errands`. A GET finds what was told last.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imds_control::Authority;
use imds_control::sts::for_instance::{Asked, Refused, assume};
use imds_core::Timestamp;
use imds_core::credentials::Credentials;
use imds_core::id::InstanceId;
use imds_store::{ServiceClock, Store};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::feed::{Feed, is_gone};
use super::{clock, errands, retried};
use crate::config::{Config, Flags};
use crate::credentials::book::Book;
use crate::credentials::{Assume, Failure, Source};

/// How long the first keys are waited for before the service begins: whoever asks as soon as it does should find some.
const FIRST: Duration = Duration::from_secs(3);
/// How long it waits at most: a clock may be set, or a machine sleep.
const LONGEST: Duration = Duration::from_secs(5);

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
    /// Keys of the service's own STS, by the service's clock.
    own: Book,
    /// All others, which are real wherever the service's clock stands: by the machine's.
    real: Book,
    /// The process that fetches, if there is one.
    fetcher: Option<UnixStream>,
}

/// What is needed before there is a lender: a process that fetches, if one is needed.
pub(super) struct Fetcher(Option<UnixStream>);

impl Fetcher {
    /// Starts it. Must be called first of all.
    ///
    /// In `state` the keeper may write: what lies there is not what the user says.
    pub(super) fn start(
        config: &Config,
        file: Option<PathBuf>,
        flags: &Flags,
        state: Option<&Path>,
    ) -> anyhow::Result<Self> {
        Ok(Self(errands::start(config, file, flags, state)?))
    }
}

impl Lender {
    pub(super) fn new(
        fetcher: Fetcher,
        feed: Arc<Feed>,
        store: Arc<dyn Store>,
        authority: Arc<Authority>,
        clock: Arc<ServiceClock>,
    ) -> Self {
        let desk = Mutex::new(Desk { own: Book::default(), real: Book::default(), fetcher: fetcher.0 });
        Self(Arc::new(Shared { desk, bell: Condvar::new(), feed, store, authority, clock }))
    }

    /// Takes over what a configuration says of roles, and tells what is not as it was.
    pub(super) fn file(&self, config: &Config) -> io::Result<()> {
        let mut desk = self.0.desk();
        let of = |is_real: bool| {
            let lent = config
                .lent
                .iter()
                .filter(move |(_, lent)| lent.source.as_ref().is_some_and(Source::is_real) == is_real);
            lent.cloned()
        };
        desk.own.set(of(false), self.0.clock.now());
        desk.real.set(of(true), Timestamp::now());
        let is_in_vain = desk.fetcher.is_none()
            && config.lent.iter().any(|(_, lent)| lent.source.as_ref().is_some_and(Source::is_real));
        if is_in_vain {
            tracing::warn!("credentials of this kind are fetched from the next start on");
        }
        self.0.feed.file(&config.instances, desk.own.roles().chain(desk.real.roles()))?;
        self.0.bell.notify_all();
        Ok(())
    }

    /// Keys that were issued here have ended.
    pub(super) fn anew(&self) {
        self.0.desk().own.outdate(|_| true, self.0.clock.now());
        self.0.bell.notify_all();
    }

    /// Fetches what there is, as far as that is soon done. Starts no thread.
    pub(super) fn begin(&self) -> io::Result<()> {
        let end = Instant::now() + FIRST;
        let mut desk = self.0.desk();
        self.0.work(&mut desk)?;
        while desk.real.is_waiting() {
            let Some(fetcher) = desk.fetcher.as_mut() else { return Ok(()) };
            let left = end.saturating_duration_since(Instant::now());
            let wait = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut polled = [PollFd::new(fetcher, PollFlags::IN)];
            if retried(|| poll(&mut polled, Some(&wait)))? == 0 {
                tracing::info!("role credentials are not there yet; the service begins without them");
                return Ok(());
            }
            let Some((source, result)) = errands::outcome(fetcher) else { return Err(gone()) };
            self.0.take(&mut desk, &source, result)?;
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
        let (shared, events) = (Arc::clone(&self.0), self.0.store.watch());
        std::thread::Builder::new().name("imds-lender-clock".to_owned()).spawn(move || {
            for event in events {
                // It may be later all at once.
                if clock::heard(&shared.clock, &event) {
                    // Held, so that whoever is about to wait is not missed.
                    let _desk = shared.desk();
                    shared.bell.notify_all();
                }
            }
        })?;
        let Some(mut fetcher) = fetcher else { return Ok(()) };
        let shared = Arc::clone(&self.0);
        std::thread::Builder::new().name("imds-errands".to_owned()).spawn(move || {
            loop {
                let done = errands::outcome(&mut fetcher)
                    .ok_or_else(gone)
                    .and_then(|(source, result)| shared.take(&mut shared.desk(), &source, result));
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
            if let Err(error) = self.work(&mut desk) {
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
        let own = desk.own.next().map(|next| self.clock.until(next));
        let real = desk.real.next().map(|next| next.duration_since(Timestamp::now()));
        let real = real.map(|wait| Duration::try_from(wait).unwrap_or_default());
        own.into_iter().chain(real).min().map(|wait| wait.min(LONGEST))
    }

    fn work(&self, desk: &mut Desk) -> io::Result<()> {
        let now = self.clock.now();
        // New ones before old ones end: they are had here and now, however far the clock has jumped.
        for source in desk.own.take_due(now) {
            let result = match &source {
                Source::AssumeRole(asked) => self.own(asked, now),
                Source::Process(_) | Source::Profile(_) => {
                    Err(Failure::new("it is none of the service's own"))
                }
            };
            self.take(desk, &source, result)?;
        }
        for source in desk.real.take_due(Timestamp::now()) {
            if let Some(fetcher) = desk.fetcher.as_mut() {
                errands::ask(fetcher, &source)?;
                continue;
            }
            let why = "the service has to be started again: there was no role of this kind when it was";
            self.take(desk, &source, Err(Failure::new(why)))?;
        }
        let ended = [desk.own.expire(now), desk.real.expire(Timestamp::now())].concat();
        self.tell(desk, &ended)
    }

    /// Keys of the service's own STS.
    fn own(&self, asked: &Assume, now: Timestamp) -> Result<Credentials, Failure> {
        let Assume { role_arn, session_name, seconds, .. } = asked;
        let asked = Asked { role_arn, session_name, seconds: *seconds };
        assume(&*self.store, &self.authority.issuer(), &asked, now).map_err(|refused| match refused {
            Refused::Denied(message) => Failure::Denied(message),
            Refused::Other(message) => Failure::Other(message),
        })
    }

    fn take(&self, desk: &mut Desk, source: &Source, result: Result<Credentials, Failure>) -> io::Result<()> {
        if let Err(failure) = &result {
            tracing::warn!(error = %failure, "role credentials were not renewed");
        }
        let mut dice = [0];
        imds_server::random::fill(&mut dice)?;
        let told = if source.is_real() {
            desk.real.came(source, result, Timestamp::now(), dice[0])
        } else {
            desk.own.came(source, result, self.clock.now(), dice[0])
        };
        self.tell(desk, &told)
    }

    fn tell(&self, desk: &Desk, ids: &[InstanceId]) -> io::Result<()> {
        let roles =
            ids.iter().filter_map(|id| Some((id.clone(), desk.own.role(id).or_else(|| desk.real.role(id))?)));
        self.feed.lend(roles.collect())
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
