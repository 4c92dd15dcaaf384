//! How many connections there may be, in all and from one source.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// What a connection may cost, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a whole header; and for a whole body, and for an answer to be taken.
    pub header_timeout: Duration,
    /// Between the requests of a kept connection.
    pub idle_timeout: Duration,
    /// Connections in all.
    pub max_connections: u32,
    /// Connections from one address.
    pub max_connections_per_source: u32,
}

impl Default for Limits {
    /// interface.md, "Service options".
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(5),
            max_connections: 20_000,
            max_connections_per_source: 1_024,
        }
    }
}

/// Sources share this many counters by a hash that they cannot know, so that counting costs no lock and no more
/// memory however many sources there are. Two that meet share their limit.
const COUNTERS: usize = 1 << 16;

/// Counts connections, for all workers.
pub struct Gate {
    limits: Limits,
    hasher: RandomState,
    all: AtomicU32,
    sources: Box<[AtomicU32]>,
}

/// A connection's place in the count, given back when it is dropped.
pub struct Pass {
    gate: Arc<Gate>,
    counter: usize,
}

impl Gate {
    /// A gate with nobody inside.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let sources = (0..COUNTERS).map(|_| AtomicU32::new(0)).collect();
        Self { limits, hasher: RandomState::new(), all: AtomicU32::new(0), sources }
    }

    /// The limits that it keeps.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Lets a connection from `source` in, unless there are too many: an address, or a lodger.
    #[must_use]
    pub fn enter(self: &Arc<Self>, source: impl Hash) -> Option<Pass> {
        let counter = usize::try_from(self.hasher.hash_one(source)).unwrap_or(0) % COUNTERS;
        let pass = Pass { gate: Arc::clone(self), counter };
        let all = self.all.fetch_add(1, Relaxed);
        let same = self.sources[counter].fetch_add(1, Relaxed);
        // Refused, the pass goes at once and takes its two counts along.
        (all < self.limits.max_connections && same < self.limits.max_connections_per_source).then_some(pass)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.all.fetch_sub(1, Relaxed);
        self.gate.sources[self.counter].fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_limits_in_all_and_from_one_source() {
        let limits = Limits { max_connections: 3, max_connections_per_source: 2, ..Limits::default() };
        let gate = Arc::new(Gate::new(limits));
        let enter = |last: u8| gate.enter([10, 0, 0, last]);
        let (first, second) = (enter(1).unwrap(), enter(1).unwrap());
        assert!(enter(1).is_none(), "two from one source");
        let third = enter(2).unwrap();
        assert!(enter(3).is_none(), "three in all");
        drop((first, third));
        assert!(enter(1).is_some());
        drop(second);
        assert_eq!(gate.all.load(Relaxed), 0);
        assert!(gate.sources.iter().all(|counter| counter.load(Relaxed) == 0));
    }
}
