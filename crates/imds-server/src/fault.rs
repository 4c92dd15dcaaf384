//! Faults on request, at work: which calls meet one, and what the connection does then.
//!
//! Without faults, a call looks at one flag and no more.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use imds_core::Timestamp;
use imds_core::answer::Answer;
use imds_core::fault::{self, Bucket, Deed, Excess, Kind, LONGEST, Per, Requested, Rule};
use imds_core::id::InstanceId;
use imds_core::request::Request;
use imds_core::tree::Value;
use imds_store::Snapshot;

/// The faults that are in force, for all workers.
#[derive(Debug, Default)]
pub struct Faults {
    is_any: AtomicBool,
    all: RwLock<Arc<[Arc<Fault>]>>,
}

/// One of them. How long it is in force goes by the service's clock; what clients wait for is real.
#[derive(Debug)]
pub(crate) struct Fault {
    asked: Requested,
    rule: Rule,
    since: Instant,
    struck: AtomicU64,
    is_lifted: AtomicBool,
    buckets: Mutex<HashMap<InstanceId, Bucket>>,
}

/// A call that has an answer.
pub(crate) struct Met<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) request: &'a Request<'a>,
    pub(crate) answer: &'a Answer,
    pub(crate) is_kept: bool,
    pub(crate) now: Timestamp,
}

/// What a call met.
#[derive(Debug)]
pub struct Strike {
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    delay: Duration,
    by: Vec<Arc<Fault>>,
}

/// What becomes of the answer.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is written.
    Answer,
    /// Keys that have ended are written.
    Stale(Value),
    /// An error is.
    Status(u16),
    /// 429, with so many seconds.
    TooMany(u64),
    /// 200, and nothing.
    Empty,
    /// It is cut.
    Truncate(Option<usize>),
    /// The connection is reset.
    Reset,
    /// Nothing is written.
    Nothing,
}

impl Faults {
    /// Puts these in force, and lifts the others. One that is in force goes on.
    pub fn set(&self, told: Vec<Requested>) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let known = |number| all.iter().find(|fault| fault.number() == number).map(Arc::clone);
        let now: Vec<_> = told
            .into_iter()
            .filter_map(|asked| known(asked.number).or_else(|| Some(Arc::new(Fault::new(asked)?))))
            .collect();
        for fault in all.iter().filter(|fault| !now.iter().any(|stays| stays.number() == fault.number())) {
            fault.is_lifted.store(true, Relaxed);
        }
        self.is_any.store(!now.is_empty(), Relaxed);
        *all = now.into();
    }

    /// How often each struck, by its number.
    #[must_use]
    pub fn struck(&self) -> Vec<(u64, u64)> {
        self.all().iter().map(|fault| (fault.number(), fault.struck.load(Relaxed))).collect()
    }

    /// Are there any? That is all that a call costs while there are none.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.is_any.load(Relaxed)
    }

    /// What a call meets: delays add up, and of the others the first decides. `draw` is random.
    pub(crate) fn strike(&self, met: &Met<'_>, mut draw: impl FnMut() -> u32) -> Option<Strike> {
        let at = Instant::now();
        let mut strike: Option<Strike> = None;
        for fault in self.all().iter() {
            let is_decided = strike.as_ref().is_some_and(|strike| strike.kind != Kind::Latency);
            let is_delay = fault.rule.deed.kind() == Kind::Latency;
            if (is_decided && !is_delay) || !fault.concerns(met) || !fault.rule.is_drawn(draw()) {
                continue;
            }
            let Some((delay, outcome)) = fault.outcome(met, at) else { continue };
            if !fault.take() {
                continue;
            }
            let kind = fault.rule.deed.kind();
            let strike = strike.get_or_insert(Strike {
                kind,
                outcome: Outcome::Answer,
                delay: Duration::ZERO,
                by: Vec::new(),
            });
            strike.delay = (strike.delay + delay).min(LONGEST);
            strike.by.push(Arc::clone(fault));
            if !is_delay {
                (strike.kind, strike.outcome) = (kind, outcome);
            }
        }
        strike
    }

    fn all(&self) -> Arc<[Arc<Fault>]> {
        Arc::clone(&self.all.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Fault {
    /// `None` for what is not permitted.
    fn new(asked: Requested) -> Option<Self> {
        Some(Self {
            rule: asked.draft.rule().ok()?,
            asked,
            since: Instant::now(),
            struck: AtomicU64::new(0),
            is_lifted: AtomicBool::new(false),
            buckets: Mutex::default(),
        })
    }

    fn number(&self) -> u64 {
        self.asked.number
    }

    fn concerns(&self, met: &Met<'_>) -> bool {
        !self.asked.is_over(met.now)
            && self.rule.concerns(&met.snapshot.instance.id, met.request.method, met.request.path)
    }

    /// Counts a call that it strikes, unless it has struck as often as it may.
    fn take(&self) -> bool {
        let most = self.rule.count.unwrap_or(u64::MAX);
        self.struck.fetch_update(Relaxed, Relaxed, |struck| (struck < most).then_some(struck + 1)).is_ok()
    }

    /// What it makes of a call; `None` if it lets the call pass.
    fn outcome(&self, met: &Met<'_>, at: Instant) -> Option<(Duration, Outcome)> {
        let outcome = match self.rule.deed {
            Deed::Latency(delay) => return Some((delay, Outcome::Answer)),
            Deed::Status(status) => Outcome::Status(status),
            Deed::Reset => Outcome::Reset,
            Deed::Drop => Outcome::Nothing,
            Deed::Truncate(after) => Outcome::Truncate(after),
            Deed::Empty => Outcome::Empty,
            Deed::StaleCredentials => match met.answer {
                Answer::Metadata { .. } => {
                    Outcome::Stale(fault::stale(&met.snapshot.instance, met.request.path, met.now)?)
                }
                Answer::Token { .. } | Answer::Methods(_) | Answer::Refused(_) => return None,
            },
            Deed::Throttle { rate, per, excess } => {
                let cost = match per {
                    Per::Requests => 1,
                    Per::Packets => fault::packets(met.is_kept),
                };
                let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
                let bucket = buckets.entry(met.snapshot.instance.id.clone()).or_default();
                let wait = bucket.take(rate, cost, at.saturating_duration_since(self.since)).err()?;
                match excess {
                    Excess::Drop => Outcome::Nothing,
                    Excess::Refuse => {
                        Outcome::TooMany(wait.as_millis().div_ceil(1_000).try_into().unwrap_or(1))
                    }
                }
            }
        };
        Some((Duration::ZERO, outcome))
    }
}

/// What a connection does with an answer that met a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carry {
    /// Writes it.
    Answer,
    /// Resets the connection.
    Reset,
    /// Writes nothing, and closes when it has waited for [`Strike::wait`].
    Nothing,
}

impl Strike {
    /// How long the connection waits first.
    #[must_use]
    pub fn wait(&self) -> Duration {
        match self.carry() {
            Carry::Nothing => LONGEST,
            Carry::Answer | Carry::Reset => self.delay,
        }
    }

    /// What it does then.
    #[must_use]
    pub fn carry(&self) -> Carry {
        match self.outcome {
            Outcome::Reset => Carry::Reset,
            Outcome::Nothing => Carry::Nothing,
            Outcome::Answer
            | Outcome::Stale(_)
            | Outcome::Status(_)
            | Outcome::TooMany(_)
            | Outcome::Empty
            | Outcome::Truncate(_) => Carry::Answer,
        }
    }

    /// Has a fault that it is the work of been removed meanwhile? Nobody is to wait for that any longer.
    #[must_use]
    pub fn is_lifted(&self) -> bool {
        self.by.iter().any(|fault| fault.is_lifted.load(Relaxed))
    }

    /// The status that is sent, where the service would have sent this one; 0 if none is.
    pub(crate) fn status(&self, own: u16) -> u16 {
        match self.outcome {
            Outcome::Answer | Outcome::Stale(_) | Outcome::Truncate(_) => own,
            Outcome::Status(status) => status,
            Outcome::TooMany(_) => 429,
            Outcome::Empty => 200,
            Outcome::Reset | Outcome::Nothing => 0,
        }
    }

    /// Is the answer another one than the service's own?
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Status(_) | Outcome::TooMany(_) | Outcome::Empty | Outcome::Reset | Outcome::Nothing
        )
    }
}

impl Display for Strike {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a fault on request: {}", self.kind)
    }
}

#[cfg(test)]
mod tests;
