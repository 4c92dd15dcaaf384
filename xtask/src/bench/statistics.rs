//! Medians, bootstrap intervals, and a small source of chance for both and for the order of rounds.

/// Resamples that an interval is drawn from.
const RESAMPLES: usize = 10_000;

/// SplitMix64 (Steele, Lea and Flood, 2014): enough for shuffling, useless for secrets.
pub(crate) struct Chance(u64);

impl Chance {
    /// The same seed gives the same draws.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`; the bias is far below what is measured here.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The middle one; of an even number, the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The least of `values` that at least `percent` of a hundred of them do not exceed.
pub(crate) fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// A median with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// The median.
    pub(crate) median: f64,
    /// Where the interval starts.
    pub(crate) low: f64,
    /// Where it ends.
    pub(crate) high: f64,
}

impl Estimate {
    /// The median of `values`, and the middle 95 % of the medians of their resamples (percentile bootstrap).
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut chance = Chance::new(1);
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| median(&values.iter().map(|_| values[chance.below(values.len())]).collect::<Vec<_>>()))
            .collect();
        medians.sort_by(f64::total_cmp);
        Self {
            median: median(values),
            low: medians[RESAMPLES / 40],
            high: medians[RESAMPLES - RESAMPLES / 40 - 1],
        }
    }

    /// How far from 1 the interval reaches: what an A/A pair shows of the machine's noise.
    pub(crate) fn reach(self) -> f64 {
        (self.high - 1.0).abs().max((self.low - 1.0).abs())
    }

    /// Whether a ratio is told from 1: the interval leaves 1 out, and the gap exceeds `noise`.
    pub(crate) fn differs(self, noise: f64) -> bool {
        (self.low > 1.0 || self.high < 1.0) && (self.median - 1.0).abs() > noise
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Estimate, median, percentile};

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn percentiles() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            [0.0, 50.0, 99.0, 100.0].map(|percent| percentile(&values, percent)),
            [1.0, 100.0, 198.0, 200.0]
        );
        assert!(percentile(&[], 99.0).is_nan());
    }

    #[test]
    fn the_interval_holds_the_median_and_narrows_with_the_values() {
        let wide = Estimate::of(&[0.5, 1.5, 0.7, 1.3, 0.9, 1.1, 1.0, 0.8, 1.2, 1.4]);
        assert!(wide.low < wide.median && wide.median < wide.high, "{wide:?}");
        assert_eq!(Estimate::of(&[1.1; 10]), Estimate { median: 1.1, low: 1.1, high: 1.1 });
    }

    #[test]
    fn no_verdict_on_a_gap_inside_the_noise() {
        let ratio = Estimate { median: 1.05, low: 1.02, high: 1.08 };
        assert!(ratio.differs(0.04));
        assert!(!ratio.differs(0.06));
        assert!(!Estimate { median: 1.05, low: 0.99, high: 1.2 }.differs(0.01));
        assert!((Estimate { median: 1.0, low: 0.97, high: 1.01 }.reach() - 0.03).abs() < 1e-9);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..20).collect();
        Chance::new(7).shuffle(&mut items);
        assert_ne!(items, (0..20).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..20).collect::<Vec<_>>());
    }
}
