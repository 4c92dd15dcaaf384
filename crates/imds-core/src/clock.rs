//! The service's clock: what time it is for instances and for whoever asks the APIs. It goes with the machine's until
//! somebody advances, pauses or hastens it, and it never goes back.
//!
//! It is told as what it said once and how fast it goes since, so that two processes that read the same machine's clock
//! agree on every moment.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{Timestamp, stretch};

/// The last moment that a clock shows. Where a service adds hours to its time, there must be room for them.
pub const LAST: Timestamp = Timestamp::constant(7_258_118_400, 0);

/// The longest stretch: ten years.
const LONGEST: u64 = 3_650 * 86_400;

/// The longest stretch that nobody is asked about: what is typed by mistake can never be taken back.
const FAR: u64 = 366 * 86_400;

/// A clock that was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The machine's time when it was changed last.
    pub machine: Timestamp,
    /// What it showed then.
    pub shown: Timestamp,
    /// How fast it goes.
    pub pace: Pace,
    /// Does it stand still?
    pub is_paused: bool,
    /// How often it was changed: of two clocks, the one with more is the later one.
    pub changes: u64,
}

/// Why a clock, a pace or a stretch of time is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No pace.
    #[error("a pace is a whole number from 1x to 86400x")]
    Pace,
    /// No stretch of time.
    #[error("a time is like 90s, 2m, 1h30m or 15d, more than nothing and ten years (3650d) at most")]
    Stretch,
    /// So much at once is as likely a mistake. How that it is none is said is for whoever asks to add.
    #[error(
        "more than a year (366d) at once is far, and the clock never goes back; if that is meant, say so"
    )]
    Far,
    /// It would be later than [`LAST`].
    #[error("the clock shows no time after 2199")]
    Late,
}

impl Clock {
    /// A clock that shows what the machine's does.
    #[must_use]
    pub fn of_machine(machine: Timestamp) -> Self {
        Self { machine, shown: machine, pace: Pace::REAL, is_paused: false, changes: 0 }
    }

    /// What it shows when the machine's clock shows `machine`.
    #[must_use]
    pub fn at(&self, machine: Timestamp) -> Timestamp {
        if self.is_paused {
            return self.shown;
        }
        // The machine's clock may be put back, and this one does not go with it.
        let passed = (machine.as_nanosecond() - self.machine.as_nanosecond()).max(0);
        let shown = self.shown.as_nanosecond().saturating_add(passed.saturating_mul(self.pace.0.into()));
        let last = LAST.as_nanosecond().max(self.shown.as_nanosecond());
        Timestamp::from_nanosecond(shown.min(last)).unwrap_or(self.shown)
    }

    /// How long it takes, by the machine's clock, until this one shows `then`; `None` while it never will.
    #[must_use]
    pub fn until(&self, then: Timestamp, machine: Timestamp) -> Option<Duration> {
        let left = then.as_nanosecond() - self.at(machine).as_nanosecond();
        if left <= 0 {
            return Some(Duration::ZERO);
        }
        if self.is_paused || then > LAST {
            return None;
        }
        let pace = i128::from(self.pace.0);
        // Not a nanosecond too early.
        let real = (left + pace - 1) / pace;
        Some(Duration::from_nanos(u64::try_from(real).unwrap_or(u64::MAX)))
    }

    /// The same, later by `by`.
    ///
    /// # Errors
    /// [`Error::Late`]
    pub fn advanced(&self, machine: Timestamp, by: Stretch) -> Result<Self, Error> {
        let shown = self.at(machine).checked_add(by.0).map_err(|_| Error::Late)?;
        if shown > LAST { Err(Error::Late) } else { Ok(Self { shown, ..self.changed(machine) }) }
    }

    /// The same, with another pace from now on.
    #[must_use]
    pub fn paced(&self, machine: Timestamp, pace: Pace) -> Self {
        Self { pace, ..self.changed(machine) }
    }

    /// The same, standing still from now on, or going on.
    #[must_use]
    pub fn paused(&self, machine: Timestamp, is_paused: bool) -> Self {
        Self { is_paused, ..self.changed(machine) }
    }

    fn changed(&self, machine: Timestamp) -> Self {
        Self { machine, shown: self.at(machine), changes: self.changes + 1, ..*self }
    }
}

/// How fast a clock goes: so many seconds a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace(u32);

impl Pace {
    /// That of the machine.
    pub const REAL: Self = Self(1);

    /// A pace of 1 to 86,400: a day a second.
    ///
    /// # Errors
    /// [`Error::Pace`]
    pub fn new(pace: u64) -> Result<Self, Error> {
        let pace = u32::try_from(pace).ok().filter(|pace| (1..=86_400).contains(pace));
        pace.map(Self).ok_or(Error::Pace)
    }

    /// Seconds a second.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// `60x`, or `60`
impl FromStr for Pace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.strip_suffix('x').unwrap_or(text);
        Self::new(stretch::number(digits).ok_or(Error::Pace)?)
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x", self.0)
    }
}

/// A length of time, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch(Duration);

impl Stretch {
    /// So many minutes.
    #[must_use]
    pub const fn minutes(minutes: u16) -> Self {
        Self(Duration::from_secs(minutes as u64 * 60))
    }

    /// How long it is.
    #[must_use]
    pub fn length(self) -> Duration {
        self.0
    }

    /// The same, unless a clock that is advanced by it goes so far that it must be said: `is_far`.
    ///
    /// # Errors
    /// [`Error::Far`]
    pub fn meant(self, is_far: bool) -> Result<Self, Error> {
        if is_far || self.0.as_secs() <= FAR { Ok(self) } else { Err(Error::Far) }
    }
}

/// `90s`, `2m`, `1h30m`, `15d`, or seconds without a unit.
impl FromStr for Stretch {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = stretch::read(text).filter(|length| length.subsec_nanos() == 0);
        let read = read.filter(|length| (1..=LONGEST).contains(&length.as_secs()));
        read.map(Self).ok_or(Error::Stretch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noon;

    fn later(seconds: u64) -> Timestamp {
        noon() + Duration::from_secs(seconds)
    }

    fn stretch(text: &str) -> Stretch {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_advanced_hastened_paused_and_goes_on_from_where_it_was() {
        let clock = Clock::of_machine(noon());
        assert_eq!(clock.at(later(7)), later(7));
        let clock = clock.advanced(later(10), stretch("2m")).unwrap();
        assert_eq!((clock.at(later(10)), clock.at(later(11))), (later(130), later(131)));
        let clock = clock.paced(later(20), Pace::new(60).unwrap());
        assert_eq!((clock.at(later(20)), clock.at(later(22))), (later(140), later(260)));
        let clock = clock.paused(later(30), true);
        assert_eq!((clock.at(later(30)), clock.at(later(9_999))), (later(740), later(740)));
        let clock = clock.advanced(later(40), stretch("10s")).unwrap();
        assert_eq!(clock.at(later(99)), later(750), "it is advanced while it stands still, too");
        let clock = clock.paused(later(100), false);
        assert_eq!((clock.at(later(100)), clock.at(later(101))), (later(750), later(810)));
        assert_eq!(clock.changes, 5);
    }

    #[test]
    fn it_never_goes_back_and_ends_at_the_last_moment() {
        let clock = Clock::of_machine(later(100)).advanced(later(100), stretch("1h")).unwrap();
        assert_eq!(clock.at(noon()), later(3_700), "the machine's clock was put back");
        let changed = clock.paced(noon(), Pace::new(2).unwrap());
        assert_eq!(changed.at(noon()), later(3_700));
        let fast = clock.paced(later(100), Pace::new(86_400).unwrap());
        assert_eq!(fast.at(later(1_000_000)), LAST);
        assert_eq!(fast.at(Timestamp::MAX), LAST);
        assert_eq!(fast.advanced(later(1_000_000), stretch("1s")), Err(Error::Late));
        assert_eq!(fast.until(Timestamp::MAX, noon()), None);
        // A machine whose own clock is beyond it is not put back.
        assert_eq!(Clock::of_machine(Timestamp::MAX).at(Timestamp::MAX), Timestamp::MAX);
        let mut clock = clock;
        let ten_years = stretch("3650d");
        let advances = std::iter::from_fn(|| {
            clock = clock.advanced(noon(), ten_years).ok()?;
            Some(())
        });
        assert_eq!(advances.count(), 17);
    }

    #[test]
    fn how_long_it_takes_goes_by_the_machines_clock() {
        let clock = Clock::of_machine(noon()).paced(noon(), Pace::new(60).unwrap());
        for (then, wait) in [
            (later(120), Some(Duration::from_secs(2))),
            (later(0), Some(Duration::ZERO)),
            (Timestamp::MIN, Some(Duration::ZERO)),
            (later(1), Some(Duration::from_nanos(16_666_667))),
        ] {
            assert_eq!(clock.until(then, noon()), wait, "{then}");
        }
        assert_eq!(clock.paused(noon(), true).until(later(1), noon()), None);
        assert_eq!(clock.paused(noon(), true).until(noon(), noon()), Some(Duration::ZERO));
    }

    #[test]
    fn paces_and_stretches_are_what_they_are_called() {
        for (text, pace) in [("1x", 1), ("60x", 60), ("60", 60), ("86400x", 86_400)] {
            assert_eq!(text.parse::<Pace>().map(Pace::get), Ok(pace), "{text}");
        }
        for bad in [
            "",
            "x",
            "0",
            "0x",
            "-1x",
            "+1x",
            "1.5x",
            "86401x",
            "60xx",
            "60 x",
            "99999999999999999999x",
            "６０x",
        ] {
            assert_eq!(bad.parse::<Pace>(), Err(Error::Pace), "{bad}");
        }
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("2m", 120), ("1h30m", 5_400), ("1d1s", 86_401), ("3650d", LONGEST)]
        {
            assert_eq!(stretch(text).length().as_secs(), seconds, "{text}");
        }
        let meant = |text, is_far| stretch(text).meant(is_far).map_err(|error| error.to_string());
        assert!(meant("366d", false).is_ok() && meant("3650d", true).is_ok());
        assert!(meant("366d1s", false).unwrap_err().contains("never goes back"));
        for bad in [
            "",
            "0",
            "0s",
            "-1s",
            "+1s",
            "1.5h",
            "s",
            "1s1m",
            "1m1m",
            "1m1",
            "1s500ms",
            "500ms",
            "2 m",
            "1w",
            "3651d",
            "3650d1s",
            "18446744073709551615d",
            "99999999999999999999s",
            "１s",
            "1é",
            "now",
        ] {
            assert_eq!(bad.parse::<Stretch>(), Err(Error::Stretch), "{bad}");
        }
    }
}
