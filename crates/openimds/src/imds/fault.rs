//! A fault on request, as a test asks for it.

use std::time::Duration;

use imds_core::fault::Draft;

/// A fault on request, in the words of `imds fault add`: for all calls, unless it is said which.
///
/// ```
/// # use openimds::Fault;
/// // The token path is dead, but IMDSv1 answers.
/// let dead = Fault::drop().path("/latest/api/token");
/// // The next three calls are answered 503.
/// let unavailable = Fault::status(503).count(3);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Fault(Draft);

impl Fault {
    fn new(kind: &str) -> Self {
        Self(Draft { kind: kind.to_owned(), ..Draft::default() })
    }

    /// The answer comes so much later: 1 ms to 60 s.
    pub fn latency(delay: Duration) -> Self {
        Self(Draft { delay: Some(millis(delay)), ..Self::new("latency").0 })
    }

    /// An error page of this status, 400 to 599, comes in place of the answer.
    pub fn status(status: u16) -> Self {
        Self(Draft { status: Some(status.into()), ..Self::new("status").0 })
    }

    /// The connection is reset.
    pub fn reset() -> Self {
        Self::new("reset")
    }

    /// No answer comes, and the connection stays open for a minute.
    pub fn drop() -> Self {
        Self::new("drop")
    }

    /// The connection closes before the body is whole.
    pub fn truncate() -> Self {
        Self::new("truncate")
    }

    /// 200, and nothing in it.
    pub fn empty() -> Self {
        Self::new("empty")
    }

    /// A role's keys that ended an hour ago or more.
    pub fn stale_credentials() -> Self {
        Self::new("stale-credentials")
    }

    /// 429 with `Retry-After` for what is more than so many requests a second of an instance.
    pub fn throttle(rate: u32) -> Self {
        Self(Draft { rate: Some(rate.into()), ..Self::new("throttle").0 })
    }

    /// Only calls of this instance; can be given several times.
    pub fn instance(mut self, id: impl Into<String>) -> Self {
        self.0.instances.push(id.into());
        self
    }

    /// Only this path and all below it, or a pattern with `*` and `?`: `/latest/api/token`, `*/meta-data/iam/*`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Only this method, `GET`, `HEAD`, `PUT` or `OPTIONS`; can be given several times.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.0.methods.push(method.into());
        self
    }

    /// Only this share of the calls, 0 to 1.
    pub fn probability(mut self, share: f64) -> Self {
        self.0.probability = Some(share);
        self
    }

    /// Only so many calls.
    pub fn count(mut self, calls: u64) -> Self {
        self.0.count = Some(calls);
        self
    }

    /// Only for so long, by the service's clock: `--for`.
    pub fn lasting(mut self, time: Duration) -> Self {
        self.0.lasts = Some(millis(time));
        self
    }

    /// Of [`Fault::truncate`]: how many bytes of the body still come, else half of it: `--after`.
    pub fn after_bytes(mut self, bytes: u64) -> Self {
        self.0.after = Some(bytes);
        self
    }

    /// Of [`Fault::throttle`]: what is counted, `requests` or `packets`.
    pub fn per(mut self, what: impl Into<String>) -> Self {
        self.0.per = Some(what.into());
        self
    }

    /// Of [`Fault::throttle`]: what happens to the others, `drop` or `429`.
    pub fn answer(mut self, answer: impl Into<String>) -> Self {
        self.0.answer = Some(answer.into());
        self
    }

    /// What is asked of the service.
    pub(super) fn draft(&self) -> &Draft {
        &self.0
    }
}

fn millis(time: Duration) -> String {
    format!("{}ms", time.as_nanos().div_ceil(1_000_000))
}
