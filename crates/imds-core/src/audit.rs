//! What is counted and told about every call.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize, Serializer};

use crate::Timestamp;
use crate::access::{Refusal, Session};
use crate::answer::Answer;
use crate::fault::Kind;
use crate::id::InstanceId;
use crate::options::HttpTokens;

/// Which version of the service a request spoke: the headers say so (EC2 User Guide, "Access instance metadata").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// IMDSv1: neither of the two headers came.
    V1,
    /// IMDSv2: a token, or the TTL that asks for one.
    V2,
}

impl Version {
    /// `v1` or `v2`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// Calls of each instance, and of strangers, that are remembered to be told.
pub const REMEMBERED: usize = 100;

/// One call, as the access log tells it. It has no place for a token, a body or a query string.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// When it came.
    pub at: Timestamp,
    /// Whose metadata was asked for; `None` for a stranger.
    pub instance: Option<&'a InstanceId>,
    /// Who asked.
    pub source: IpAddr,
    /// The method as it was written.
    pub method: &'a str,
    /// The path as it was written, without the query string.
    pub path: &'a [u8],
    /// How it was answered; 0 if a fault left it without an answer.
    pub status: u16,
    /// Which version it spoke.
    pub version: Version,
    /// `User-Agent`, empty if there was none.
    pub user_agent: &'a [u8],
    /// From the whole header to the answer.
    pub micros: u64,
    /// The fault on request that it met.
    pub fault: Option<Kind>,
}

/// A call as it is remembered: what the guest sent cut to a bearable length, everything that has the form of a token taken
/// out, and what is not ASCII escaped. Serialized it is as `/api/v1/calls` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Its number: later calls have higher ones.
    pub number: u64,
    /// When it came.
    pub at: Timestamp,
    /// Whose metadata was asked for; `None` for a stranger.
    #[serde(serialize_with = "word")]
    pub instance: Option<InstanceId>,
    /// Who asked.
    pub source: IpAddr,
    /// The method as it was written.
    pub method: String,
    /// The path as it was written, without the query string.
    pub path: String,
    /// How it was answered; 0 if a fault left it without an answer.
    pub status: u16,
    /// Which version it spoke.
    pub version: Version,
    /// `User-Agent`, empty if there was none.
    pub user_agent: String,
    /// From the whole header to the answer.
    pub micros: u64,
    /// The fault on request that it met.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "word")]
    pub fault: Option<Kind>,
}

fn word<T: Display, S: Serializer>(word: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    word.as_ref().map(ToString::to_string).serialize(serializer)
}

/// Whose calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    All,
    /// Those of one instance.
    Instance(InstanceId),
    /// Those of nobody who is known.
    Strangers,
}

/// The statuses that are counted one by one; another, as a fault may have, is counted as the last, which is none.
pub const STATUSES: [u16; 14] = [200, 400, 401, 403, 404, 405, 408, 413, 414, 429, 431, 500, 503, 0];

/// Upper bounds of the latency histogram, in microseconds; a slower call is counted in one more bucket.
pub const BUCKETS: [u64; 8] = [10, 25, 50, 100, 250, 1_000, 10_000, 100_000];

/// The counters of one instance, shared by all who count and all who read. Named as CloudWatch names them.
#[derive(Debug, Default)]
pub struct Tally {
    metadata_no_token: AtomicU64,
    metadata_no_token_rejected: AtomicU64,
    tokens_issued: AtomicU64,
    statuses: [AtomicU64; STATUSES.len()],
    latencies: [AtomicU64; BUCKETS.len() + 1],
    latency_sum: AtomicU64,
}

/// What happened to connections, log lines and remembered calls, of all instances together.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections closed at once because there were too many, in all or from one source.
    pub over_limit: AtomicU64,
    /// Connections closed because a header, a body or the next request did not come in time.
    pub timed_out: AtomicU64,
    /// Access log lines that were lost because the log was written too slowly.
    pub lines_lost: AtomicU64,
    /// Calls that are not remembered because the journal was read too slowly.
    pub calls_lost: AtomicU64,
}

/// What a [`Tally`] held at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// IMDSv1 calls that were answered 200, counted while tokens are optional.
    pub metadata_no_token: u64,
    /// IMDSv1 calls that were answered 401, counted while tokens are required.
    pub metadata_no_token_rejected: u64,
    /// Tokens issued.
    pub tokens_issued: u64,
    /// Calls by status, in the order of [`STATUSES`].
    pub statuses: [u64; STATUSES.len()],
    /// Calls by latency, in the order of [`BUCKETS`], and those slower than all.
    pub latencies: [u64; BUCKETS.len() + 1],
    /// The sum of all latencies, in microseconds.
    pub latency_sum: u64,
}

/// All counters at one moment, on their way from where they are counted to where they are shown.
#[derive(Debug, Clone, Default)]
pub struct Tallies {
    /// Those of each instance, with the mode that it is in.
    pub instances: Vec<(InstanceId, HttpTokens, Counts)>,
    /// Those of calls that belong to no instance.
    pub strangers: Counts,
    /// Connections accepted, over the limit and timed out, and log lines and calls lost: see [`Traffic`].
    pub traffic: [u64; 5],
}

impl Traffic {
    /// The counts now, in the order of the fields.
    #[must_use]
    pub fn read(&self) -> [u64; 5] {
        [&self.accepted, &self.over_limit, &self.timed_out, &self.lines_lost, &self.calls_lost]
            .map(|counter| counter.load(Relaxed))
    }
}

impl Tally {
    /// Counts one call.
    pub fn count(&self, answer: &Answer, micros: u64) {
        match answer {
            Answer::Metadata { session: Session::V1, .. } => add(&self.metadata_no_token, 1),
            Answer::Refused(Refusal::TokenMissing) => add(&self.metadata_no_token_rejected, 1),
            Answer::Token { .. } => add(&self.tokens_issued, 1),
            Answer::Metadata { .. } | Answer::Methods(_) | Answer::Refused(_) => {}
        }
        self.count_status(answer.status());
        self.count_time(micros);
    }

    fn count_time(&self, micros: u64) {
        let bucket = BUCKETS.iter().position(|bound| micros <= *bound).unwrap_or(BUCKETS.len());
        add(&self.latencies[bucket], 1);
        add(&self.latency_sum, micros);
    }

    /// Counts an answer that a fault gave in the place of the service's.
    pub fn count_fault(&self, status: u16, micros: u64) {
        self.count_status(status);
        self.count_time(micros);
    }

    /// Counts an answer that HTTP itself gave, before there was a call.
    pub fn count_status(&self, status: u16) {
        let index = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        add(&self.statuses[index], 1);
    }

    /// The counts now.
    #[must_use]
    pub fn read(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        Counts {
            metadata_no_token: get(&self.metadata_no_token),
            metadata_no_token_rejected: get(&self.metadata_no_token_rejected),
            tokens_issued: get(&self.tokens_issued),
            statuses: self.statuses.each_ref().map(get),
            latencies: self.latencies.each_ref().map(get),
            latency_sum: get(&self.latency_sum),
        }
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokenless_calls_are_counted_by_their_outcome() {
        let tally = Tally::default();
        let metadata = |session| Answer::Metadata { value: crate::tree::Value::text("x"), session };
        tally.count(&metadata(Session::V1), 3);
        tally.count(&metadata(Session::V2 { left: 1 }), 30);
        tally.count(&Answer::Refused(Refusal::TokenMissing), 11);
        tally.count(&Answer::Refused(Refusal::TokenInvalid), 1_000_000);
        tally.count(&Answer::Refused(Refusal::NotFound), 1);
        tally.count_status(431);
        tally.count_status(418);
        let counts = tally.read();
        assert_eq!(
            (counts.metadata_no_token, counts.metadata_no_token_rejected, counts.tokens_issued),
            (1, 1, 0)
        );
        assert_eq!(counts.statuses, [2, 0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1]);
        assert_eq!(counts.latencies, [2, 1, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(counts.latency_sum, 1_000_045);
    }
}
