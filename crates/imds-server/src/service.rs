//! One call: convert, ask who, answer, respond, record.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use http::request::Parts;
use http::{HeaderValue, Response, Version};
use hyper::body::Body;
use imds_core::Timestamp;
use imds_core::access::Refusal;
use imds_core::answer::{Answer, answer};
use imds_core::audit::{Call, Tally, Traffic};
use imds_core::date::http_date;
use imds_core::options::HopLimit;
use imds_store::{Registry, Snapshot};

use crate::audit::Log;
use crate::body::drop_body;
use crate::fault::{Faults, Met, Outcome, Strike};
use crate::hosts::Hosts;
use crate::journal::Journal;
use crate::random::Nonces;
use crate::response::{self, ErrorPages, Frame};
use crate::{Source, request};

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    /// Instances and keys.
    pub registry: Arc<Registry>,
    /// Faults on request.
    pub faults: Faults,
    /// How errors look.
    pub error_pages: ErrorPages,
    /// Which names the service goes by, where that matters: where the credentials are real.
    pub hosts: Option<Hosts>,
    /// Counters of calls that belong to no instance.
    pub strangers: Arc<Tally>,
    /// Counters of connections.
    pub traffic: Arc<Traffic>,
}

/// The service, as one worker thread holds it.
pub struct Service {
    shared: Arc<Shared>,
    date: RefCell<Date>,
    nonces: RefCell<Nonces>,
    log: Option<RefCell<Log>>,
    journal: Option<RefCell<Journal>>,
}

/// A response, and what the connection must know of it.
pub struct Reply {
    /// What is written.
    pub response: Response<response::Body>,
    /// How many hops its packets may travel, if that is limited.
    pub hop_limit: Option<HopLimit>,
    /// Was the client refused before it had sent everything?
    pub is_cut_short: bool,
    /// What it met of faults on request.
    pub strike: Option<Box<Strike>>,
}

/// `Date`, formatted once a second.
struct Date {
    second: i64,
    value: HeaderValue,
}

impl Service {
    /// The service of a worker. Without a log and a journal, calls are counted and neither told nor remembered.
    #[must_use]
    pub fn new(shared: Arc<Shared>, log: Option<Log>, journal: Option<Journal>) -> Self {
        let date = Date { second: i64::MIN, value: HeaderValue::from_static("") };
        Self {
            shared,
            date: date.into(),
            nonces: Nonces::new().into(),
            log: log.map(RefCell::new),
            journal: journal.map(RefCell::new),
        }
    }

    /// What this worker shares with the others.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Answers a request that came from `source`. When its body cannot be read, `is_late` says whether that is because
    /// its time was over.
    pub async fn call<B: Body + Unpin>(
        &self,
        request: http::Request<B>,
        source: &Source,
        is_late: impl Fn() -> bool,
    ) -> Reply {
        let start = Instant::now();
        let (parts, body) = request.into_parts();
        let read = drop_body(body).await.and(request::check_target(&parts));
        let read = read.and_then(|()| self.check_host(&parts, source));
        let now = self.shared.registry.now();
        let asked = request::request(&parts);
        let snapshot = source.instance(&self.shared.registry);
        let snapshot = snapshot.as_deref();
        let answer = match read {
            Ok(()) => {
                let keyring = self.shared.registry.keyring();
                let who = snapshot.map(|snapshot| &snapshot.instance);
                answer(who, &asked, &keyring, now, || self.nonces.borrow_mut().draw())
            }
            Err(Refusal::Malformed) if is_late() => Answer::Refused(Refusal::BodyLate),
            Err(refusal) => Answer::Refused(refusal),
        };
        let is_kept = read.is_ok() && request::is_kept(&parts);
        let strike = match snapshot.filter(|_| self.shared.faults.is_any() && read.is_ok()) {
            Some(snapshot) => self.strike(&Met { snapshot, request: &asked, answer: &answer, is_kept, now }),
            None => None,
        };
        let done = Instant::now();
        let micros = u64::try_from(done.duration_since(start).as_micros()).unwrap_or(u64::MAX);
        let status = strike.as_ref().map_or(answer.status(), |strike| strike.status(answer.status()));
        let tally = snapshot.map_or(&*self.shared.strangers, |snapshot| &*snapshot.tally);
        match &strike {
            Some(_) if status == 0 => {}
            Some(strike) if strike.is_foreign() => tally.count_fault(status, micros),
            Some(_) | None => tally.count(&answer, micros),
        }
        let call = Call {
            at: now,
            instance: snapshot.map(|snapshot| &snapshot.instance.id),
            source: source.peer,
            method: parts.method.as_str(),
            path: asked.path,
            status,
            version: request::version(&asked),
            user_agent: request::user_agent(&parts),
            micros,
            fault: strike.as_ref().map(|strike| strike.kind),
        };
        self.tell(&call, done);
        let frame = Frame { date: self.date(now), is_kept };
        let mut reply = struck(&frame, self.shared.error_pages, answer, snapshot, strike, now);
        reply.is_cut_short = matches!(read, Err(refusal) if refusal != Refusal::ForeignHost);
        if parts.version == Version::HTTP_10 {
            // Said of a response of its own version, the library believes that it is to close.
            *reply.response.version_mut() = Version::HTTP_10;
        }
        reply
    }

    /// The response to what HTTP itself refuses.
    #[must_use]
    pub fn bare(&self, status: u16) -> Vec<u8> {
        self.shared.strangers.count_status(status);
        response::bare(self.shared.error_pages, status, &http_date(self.shared.registry.now()))
    }

    /// Hands the log lines on that have gathered.
    pub fn hand_on_log(&self) {
        if let Some(log) = &self.log {
            count(&self.shared.traffic.lines_lost, log.borrow_mut().hand_on());
        }
    }

    /// Hands the calls on that the journal has not got yet: somebody asks for them.
    pub fn hand_on_calls(&self, question: u64) {
        if let Some(journal) = &self.journal {
            journal.borrow_mut().mark(question);
        }
    }

    /// What a call meets of the faults that there are.
    #[cold]
    fn strike(&self, met: &Met<'_>) -> Option<Box<Strike>> {
        let draw = || {
            let [a, b, c, d, ..] = self.nonces.borrow_mut().draw();
            u32::from_le_bytes([a, b, c, d])
        };
        self.shared.faults.strike(met, draw).map(Box::new)
    }

    /// A page whose name was made to lead here is refused, where there is something real to be stolen.
    fn check_host(&self, parts: &Parts, source: &Source) -> Result<(), Refusal> {
        match &self.shared.hosts {
            Some(hosts) if !hosts.permit(parts, source.local.ip()) => Err(Refusal::ForeignHost),
            Some(_) | None => Ok(()),
        }
    }

    fn tell(&self, call: &Call<'_>, done: Instant) {
        if let Some(log) = &self.log {
            count(&self.shared.traffic.lines_lost, log.borrow_mut().record(call));
        }
        if let Some(journal) = &self.journal {
            count(&self.shared.traffic.calls_lost, journal.borrow_mut().record(call, done));
        }
    }

    fn date(&self, now: Timestamp) -> HeaderValue {
        let mut date = self.date.borrow_mut();
        if date.second != now.as_second() {
            *date = Date {
                second: now.as_second(),
                value: HeaderValue::try_from(http_date(now)).unwrap_or_else(|_| HeaderValue::from_static("")),
            };
        }
        date.value.clone()
    }
}

fn count(lost: &AtomicU64, number: u64) {
    if number > 0 {
        lost.fetch_add(number, Relaxed);
    }
}

/// The reply, as faults leave it.
fn struck(
    frame: &Frame,
    pages: ErrorPages,
    answer: Answer,
    snapshot: Option<&Snapshot>,
    strike: Option<Box<Strike>>,
    now: Timestamp,
) -> Reply {
    let Some(mut strike) = strike else { return reply(frame, pages, answer, snapshot, now) };
    let other = |response| Reply { response, hop_limit: None, is_cut_short: false, strike: None };
    let reply = match (std::mem::replace(&mut strike.outcome, Outcome::Answer), answer) {
        (Outcome::Stale(value), Answer::Metadata { session, .. }) => {
            reply(frame, pages, Answer::Metadata { value, session }, snapshot, now)
        }
        (Outcome::Answer | Outcome::Stale(_), answer) => reply(frame, pages, answer, snapshot, now),
        (Outcome::Truncate(after), answer) => {
            let whole = reply(frame, pages, answer, snapshot, now);
            Reply { response: response::truncated(whole.response, after), ..whole }
        }
        (Outcome::Status(status), _) => other(response::refusal(frame, pages, status, None)),
        (Outcome::TooMany(seconds), _) => other(response::too_many(frame, pages, seconds)),
        (Outcome::Empty, _) => other(response::empty(frame)),
        (outcome @ (Outcome::Reset | Outcome::Nothing), _) => {
            strike.outcome = outcome;
            other(response::empty(frame))
        }
    };
    Reply { strike: Some(strike), ..reply }
}

fn reply(
    frame: &Frame,
    pages: ErrorPages,
    answer: Answer,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> Reply {
    let mut limit = None;
    let response = match answer {
        Answer::Token { text, ttl, hop_limit } => {
            limit = Some(hop_limit);
            response::token(frame, &text, ttl)
        }
        Answer::Metadata { value, session } => {
            let last_modified = snapshot.map(|snapshot| snapshot.last_modified_at(now)).unwrap_or_default();
            response::metadata(frame, value, session, &last_modified)
        }
        Answer::Methods(allow) => response::methods(frame, allow),
        Answer::Refused(refusal) => response::refusal(frame, pages, refusal.status(), refusal.allow()),
    };
    Reply { response, hop_limit: limit, is_cut_short: false, strike: None }
}
