//! Rates: so many in a second, and so many at once after a pause.

use std::time::{Duration, Instant};

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How often in a second, in the long run; at least once.
    pub per_second: u32,
    /// How often at once, after a pause that was long enough; at least once.
    pub burst: u32,
}

/// A bucket of tokens of one [`Rate`], kept as the instant at which it will be full.
///
/// So it needs no timer to be filled, and one that is full is as good as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    full_at: Instant,
}

impl Rate {
    /// Returns how long one token takes to come back.
    fn interval(self) -> Duration {
        SECOND.checked_div(self.per_second).unwrap_or(SECOND)
    }

    /// Returns how long an empty bucket takes to be full.
    fn span(self) -> Duration {
        self.interval().saturating_mul(self.burst.max(1))
    }
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes a token, if there is one: returns the bucket without it.
    pub(crate) fn take(self, rate: Rate, now: Instant) -> Option<Self> {
        let full_at = self.full_at.max(now).checked_add(rate.interval())?;
        let missing = full_at.saturating_duration_since(now);
        (missing <= rate.span()).then_some(Self { full_at })
    }

    /// Returns when it is full, if nothing more is taken.
    pub(crate) fn full_at(self) -> Instant {
        self.full_at
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the one real instant that virtual time begins at.
    #[expect(clippy::disallowed_methods, reason = "only differences of it count")]
    fn start() -> Instant {
        Instant::now()
    }

    /// Takes as many tokens as there are.
    fn drain(bucket: &mut Bucket, rate: Rate, now: Instant) -> usize {
        let mut taken = 0;
        while let Some(rest) = bucket.take(rate, now) {
            *bucket = rest;
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_burst_is_followed_by_the_rate() {
        let begin = start();
        for (per_second, burst) in [(20, 20), (1, 1), (3, 7), (1000, 1), (1_000_000_000, 5)] {
            let rate = Rate { per_second, burst };
            let mut bucket = Bucket::full(begin);
            assert_eq!(drain(&mut bucket, rate, begin), burst as usize, "{rate:?}");
            let once = begin + rate.interval();
            assert_eq!(drain(&mut bucket, rate, once), 1, "{rate:?}");
            let rested = once + rate.span() * 3;
            assert!(bucket.full_at() <= rested);
            assert_eq!(drain(&mut bucket, rate, rested), burst as usize, "{rate:?}");
        }
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let begin = start();
        let rate = Rate { per_second: 2, burst: 1 };
        let bucket = Bucket::full(begin).take(rate, begin).unwrap();
        for tenth in 0..5 {
            assert_eq!(bucket.take(rate, begin + SECOND / 10 * tenth), None, "{tenth}");
        }
        assert!(bucket.take(rate, begin + SECOND / 2).is_some());
    }
}
