//! Counts of durations in buckets whose width is a 128th of their value.

use std::time::Duration;

/// A histogram of durations, exact to a 128th.
#[derive(Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// An empty histogram.
    #[must_use]
    pub fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }

    /// Counts one duration.
    #[inline]
    pub fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(nanos)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// Returns the duration that `share` (0 to 1) of all stay at or below, in
    /// microseconds; 0 when empty.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> f64 {
        let rank = share * self.total as f64;
        let mut below = 0;
        for (index, count) in self.counts.iter().enumerate() {
            below += count;
            if *count > 0 && below as f64 >= rank {
                return upper(index) as f64 / 1e3;
            }
        }
        0.0
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// `nanos` below 128 have a bucket each; above, each doubling has 128.
fn bucket(nanos: u64) -> usize {
    let doublings = (u64::BITS - nanos.leading_zeros()).saturating_sub(SUB_BITS + 1);
    let index = (u64::from(doublings) << SUB_BITS) + (nanos >> doublings);
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The largest value of a bucket.
fn upper(index: usize) -> u64 {
    let index = index as u64;
    let doublings = (index >> SUB_BITS).saturating_sub(1);
    let mantissa = index - (doublings << SUB_BITS);
    mantissa.saturating_add(1).saturating_mul(1 << doublings) - 1
}

/// Each doubling has `1 << SUB_BITS` buckets.
const SUB_BITS: u32 = 7;

/// Buckets for all 64 bits.
const BUCKETS: usize = 58 << SUB_BITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_bucket_that_is_a_128th_wide() {
        for shift in 0..63 {
            for nanos in [1_u64 << shift, (1 << shift) + (1 << shift) / 3, (2 << shift) - 1] {
                let top = upper(bucket(nanos));
                assert!(top >= nanos && top - nanos <= nanos / 128, "{nanos} {top}");
            }
        }
    }

    #[test]
    fn quantiles_of_a_ramp() {
        let mut histogram = Histogram::new();
        for us in 1..=1000 {
            histogram.record(Duration::from_micros(us));
        }
        let p50 = histogram.quantile_us(0.5);
        let p99 = histogram.quantile_us(0.99);
        assert!((500.0..=504.0).contains(&p50), "{p50}");
        assert!((990.0..=998.0).contains(&p99), "{p99}");
        histogram.clear();
        assert!(histogram.quantile_us(0.5).abs() < 1e-9);
    }
}
