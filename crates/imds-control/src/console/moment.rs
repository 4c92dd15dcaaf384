//! Times on pages: in UTC, to the second.

use imds_core::Timestamp;

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// For programs: RFC 3339.
    pub(super) exact: String,
    /// For people: the day.
    pub(super) day: String,
    /// And the time, in UTC.
    pub(super) time: String,
}

impl Moment {
    /// That of a timestamp.
    pub(super) fn of(at: Timestamp) -> Self {
        Self {
            exact: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            day: at.strftime("%Y-%m-%d").to_string(),
            time: at.strftime("%H:%M:%S UTC").to_string(),
        }
    }

    /// On one line.
    pub(super) fn told(&self) -> String {
        format!("{} {}", self.day, self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_utc_to_the_second() {
        let noon = Moment::of(imds_core::testing::noon());
        assert_eq!((&*noon.exact, &*noon.told()), ("2026-11-24T12:00:00Z", "2026-11-24 12:00:00 UTC"));
    }
}
