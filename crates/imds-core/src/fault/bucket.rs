//! A token bucket: so many a second, and as many at once.

use std::time::Duration;

/// What there is room for. Time is counted from any beginning, the same for each call.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Millionths of one that were taken and have not come back.
    taken: u64,
    at: Duration,
}

impl Bucket {
    const ONE: u64 = 1_000_000;

    /// Takes `cost` at `now`, where `rate` come back a second.
    ///
    /// # Errors
    /// How long it is until there is room for as much.
    pub fn take(&mut self, rate: u32, cost: u32, now: Duration) -> Result<(), Duration> {
        let (rate, cost) = (u64::from(rate.max(1)), u64::from(cost));
        // One that is asked for more than it ever holds would never give.
        let room = rate.max(cost) * Self::ONE;
        let passed = u64::try_from(now.saturating_sub(self.at).as_micros()).unwrap_or(u64::MAX);
        self.taken = self.taken.saturating_sub(passed.saturating_mul(rate));
        self.at = self.at.max(now);
        let wanted = self.taken + cost * Self::ONE;
        if wanted <= room {
            self.taken = wanted;
            return Ok(());
        }
        Err(Duration::from_micros((wanted - room).div_ceil(rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_so_many_however_they_come() {
        let mut bucket = Bucket::default();
        let millis = Duration::from_millis;
        for (at, taken) in
            [(0, true), (0, true), (0, false), (400, false), (500, true), (600, false), (5_000, true)]
        {
            assert_eq!(bucket.take(2, 1, millis(at)).is_ok(), taken, "at {at}");
        }
        assert_eq!(bucket.take(2, 1, millis(5_000)), Ok(()));
        assert_eq!(bucket.take(2, 1, millis(5_000)), Err(millis(500)));
        assert_eq!(bucket.take(2, 1, millis(4_000)), Err(millis(500)), "time does not run back");
    }

    #[test]
    fn what_costs_more_than_a_second_has_is_let_through_now_and_then() {
        let mut bucket = Bucket::default();
        let seconds = Duration::from_secs;
        for (at, result) in [(0, Ok(())), (0, Err(seconds(5))), (4, Err(seconds(1))), (5, Ok(()))] {
            assert_eq!(bucket.take(1, 5, seconds(at)), result, "at {at}");
        }
        assert_eq!(Bucket::default().take(u32::MAX, u32::MAX, Duration::MAX), Ok(()));
    }
}
