//! Faults on request: whose calls they concern, what is done to them, how often and for how long. Chance and time are
//! arguments.

mod bucket;
mod draft;
mod pattern;
mod stale;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::id::InstanceId;
use crate::request::Method;
use crate::words::words;

pub use bucket::Bucket;
pub use draft::Draft;
pub use pattern::Pattern;
pub use stale::stale;

/// Faults that there may be at once, by the file and by calls together.
pub const MOST: usize = 256;
/// The longest that an answer is held back, and a connection without one.
pub const LONGEST: Duration = Duration::from_secs(60);
/// Packets a second that EC2 takes from an interface to its link-local services; it drops the others (wire.md 1.10).
pub const EC2_PACKETS: u32 = 1_024;

words! {
    /// What a fault looks like.
    Kind {
        /// The answer comes late.
        Latency = "latency",
        /// An error comes in place of the answer.
        Status = "status",
        /// The connection is reset.
        Reset = "reset",
        /// No answer comes.
        Drop = "drop",
        /// The connection closes before the body is whole.
        Truncate = "truncate",
        /// 200, and nothing in it.
        Empty = "empty",
        /// A role's keys that have ended.
        StaleCredentials = "stale-credentials",
        /// Too many calls.
        Throttle = "throttle",
    },
    "latency, status, reset, drop, truncate, empty, stale-credentials or throttle"
}

words! {
    /// What is counted of an instance that is throttled.
    Per {
        /// Calls.
        Requests = "requests",
        /// The packets that they come in, as EC2 counts.
        Packets = "packets",
    },
    "requests or packets"
}

words! {
    /// What happens to a call that is too many.
    Excess {
        /// It is not answered, as on EC2.
        Drop = "drop",
        /// It is answered 429, with `Retry-After`.
        Refuse = "429",
    },
    "drop or 429"
}

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Its answer comes so much later.
    Latency(Duration),
    /// It is answered with this status, an error's.
    Status(u16),
    /// Its connection is reset.
    Reset,
    /// It is not answered.
    Drop,
    /// Its connection closes after so many bytes of the body, or half of it; one byte at least is missing.
    Truncate(Option<usize>),
    /// It is answered 200 without a body.
    Empty,
    /// The keys that it is answered with ended an hour ago or more.
    StaleCredentials,
    /// It is too many, unless there is room for it.
    Throttle {
        /// So many a second, and as many at once.
        rate: u32,
        /// Of what.
        per: Per,
        /// What happens to the others.
        excess: Excess,
    },
}

impl Deed {
    /// What it looks like.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Latency(_) => Kind::Latency,
            Self::Status(_) => Kind::Status,
            Self::Reset => Kind::Reset,
            Self::Drop => Kind::Drop,
            Self::Truncate(_) => Kind::Truncate,
            Self::Empty => Kind::Empty,
            Self::StaleCredentials => Kind::StaleCredentials,
            Self::Throttle { .. } => Kind::Throttle,
        }
    }
}

/// A fault on request, as validated: [`Draft::rule`] makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    instances: Vec<InstanceId>,
    path: Option<Pattern>,
    methods: Vec<Method>,
    probability: f64,
    /// How many calls it concerns at most.
    pub count: Option<u64>,
    /// How long it is in force, by the service's clock.
    pub lasts: Option<Duration>,
    /// What it does.
    pub deed: Deed,
}

impl Rule {
    /// Does it concern a call of this instance?
    #[must_use]
    pub fn concerns(&self, instance: &InstanceId, method: Method, path: &[u8]) -> bool {
        (self.instances.is_empty() || self.instances.contains(instance))
            && (self.methods.is_empty() || self.methods.contains(&method))
            && self.path.as_ref().is_none_or(|pattern| pattern.matches(path))
    }

    /// Is a call that it concerns one of those that chance takes? `draw` is random.
    #[must_use]
    pub fn is_drawn(&self, draw: u32) -> bool {
        f64::from(draw) / (f64::from(u32::MAX) + 1.0) < self.probability
    }
}

/// A fault that was asked for, on its way to where calls meet it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    /// Its number, which no other has had.
    pub number: u64,
    /// What it says.
    pub draft: Draft,
    /// From when on it is over, by the service's clock, if it lasts for so long alone.
    pub until: Option<Timestamp>,
}

impl Requested {
    /// Is its time over at `now`, by the service's clock?
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// What is said when there would be more than [`MOST`].
#[must_use]
pub fn full() -> String {
    format!("more than {MOST} faults, by the file and by calls together, are too many; remove some first")
}

/// How many packets a call comes in: on a connection of its own handshake, request, acknowledgement and end; on a kept one
/// the request and the acknowledgement of its answer [assumed].
#[must_use]
pub fn packets(is_kept: bool) -> u32 {
    if is_kept { 2 } else { 5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::launch;

    fn rule(draft: Draft) -> Rule {
        draft.rule().unwrap()
    }

    #[test]
    fn a_rule_concerns_what_it_names_and_nothing_else() {
        let (own, other) = (launch().id, "i-0000000b".parse::<InstanceId>().unwrap());
        let plain = Draft { kind: "drop".into(), ..Draft::default() };
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let put = Draft {
            instances: of(&[own.as_str()]),
            methods: of(&["PUT"]),
            path: Some("/latest/api/token".into()),
            ..plain.clone()
        };
        let all = Draft { instances: of(&["all"]), ..plain.clone() };
        for (draft, instance, method, path, expected) in [
            (&plain, &other, Method::Other, "/x", true),
            (&all, &other, Method::Get, "/x", true),
            (&put, &own, Method::Put, "/latest/api/token", true),
            (&put, &other, Method::Put, "/latest/api/token", false),
            (&put, &own, Method::Get, "/latest/api/token", false),
            (&put, &own, Method::Put, "/latest/meta-data/", false),
        ] {
            let rule = rule(draft.clone());
            assert_eq!(
                rule.concerns(instance, method, path.as_bytes()),
                expected,
                "{draft:?} {instance} {path}"
            );
        }
    }

    #[test]
    fn chance_is_none_all_or_its_share() {
        let with = |probability| {
            rule(Draft { kind: "drop".into(), probability: Some(probability), ..Draft::default() })
        };
        for draw in [0, 1, u32::MAX / 2, u32::MAX] {
            assert!(!with(0.0).is_drawn(draw) && with(1.0).is_drawn(draw), "{draw}");
        }
        // A generator whose every number is known.
        let mut state = 1_u32;
        let drawn = (0..10_000).filter(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            with(0.25).is_drawn(state)
        });
        let drawn = drawn.count();
        assert!((2_400..2_600).contains(&drawn), "{drawn} of 10000");
    }
}
