//! Reading the service's clock. Both processes have one of these each, which follow the same record of the store.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use imds_core::Timestamp;
use imds_core::clock::{Clock, Pace};

/// The clock of a process. As long as nobody changed it, that is the machine's.
#[derive(Debug, Default)]
pub struct ServiceClock(ArcSwapOption<Clock>);

impl ServiceClock {
    /// What time it is. Takes no lock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let machine = Timestamp::now();
        self.0.load().as_deref().map_or(machine, |clock| clock.at(machine))
    }

    /// The clock as it was changed last, or the machine's.
    #[must_use]
    pub fn clock(&self, machine: Timestamp) -> Clock {
        self.0.load().as_deref().copied().unwrap_or_else(|| Clock::of_machine(machine))
    }

    /// Does it go faster than the machine's?
    #[must_use]
    pub fn is_fast(&self) -> bool {
        self.0.load().as_deref().is_some_and(|clock| clock.pace != Pace::REAL)
    }

    /// How long to wait, by the machine's clock, until this one shows `then`: [`Duration::MAX`] while it never will.
    #[must_use]
    pub fn until(&self, then: Timestamp) -> Duration {
        let machine = Timestamp::now();
        self.clock(machine).until(then, machine).unwrap_or(Duration::MAX)
    }

    /// From now on it is this one, unless a later one is known already: whoever hears of a change first makes it.
    pub fn set(&self, clock: Clock) {
        self.0.rcu(|known| match known {
            Some(known) if known.changes >= clock.changes => Some(Arc::clone(known)),
            Some(_) | None => Some(Arc::new(clock)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::clock::Stretch;

    #[test]
    fn it_is_the_machines_until_it_is_changed_and_an_earlier_change_comes_too_late() {
        let clock = ServiceClock::default();
        let before = Timestamp::now();
        let shown = clock.now();
        assert!(before <= shown && shown <= Timestamp::now());
        let first = clock.clock(before).advanced(before, Stretch::minutes(60)).unwrap();
        let second = first.paced(before, Pace::new(60).unwrap()).paused(before, true);
        assert!(!clock.is_fast());
        clock.set(second);
        clock.set(first);
        assert!(clock.is_fast());
        assert_eq!(clock.now(), second.shown);
        assert_eq!(clock.until(second.shown), Duration::ZERO);
        assert_eq!(clock.until(Timestamp::MAX), Duration::MAX);
    }
}
