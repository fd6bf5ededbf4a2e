//! Arrivals: how often connections come from each address.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::core::lobby::origin::Origin;
use crate::core::rate::{Bucket, Rate};

/// A bucket for each origin that came lately.
///
/// A bucket that is full says nothing, and is forgotten. Of the others there are at most so many;
/// then the one that is nearest to full is forgotten as well, since it says least.
#[derive(Debug)]
pub(super) struct Arrivals {
    rate: Rate,
    buckets_max: usize,
    buckets: BTreeMap<Origin, Bucket>,
    /// The same buckets by when they are full.
    order: BTreeSet<(Instant, Origin)>,
}

impl Arrivals {
    pub(super) fn new(rate: Rate, buckets_max: usize) -> Self {
        Self { rate, buckets_max, buckets: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Takes a token of `origin`; returns whether there was one.
    // spec: mux:limit:handshakes-per-ip
    #[must_use]
    pub(super) fn take(&mut self, origin: Origin, now: Instant) -> bool {
        self.forget_full(now);
        let before = self.buckets.get(&origin).copied();
        let Some(after) = before.unwrap_or(Bucket::full(now)).take(self.rate, now) else {
            return false;
        };
        match before {
            Some(before) => drop(self.order.remove(&(before.full_at(), origin))),
            None if self.buckets.len() >= self.buckets_max => self.forget_first(),
            None => {}
        }
        self.buckets.insert(origin, after);
        self.order.insert((after.full_at(), origin));
        true
    }

    fn forget_full(&mut self, now: Instant) {
        while self.order.first().is_some_and(|(full_at, _)| *full_at <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, origin)) = self.order.pop_first() {
            self.buckets.remove(&origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[expect(clippy::disallowed_methods, reason = "only differences of it count")]
    fn start() -> Instant {
        Instant::now()
    }

    fn ip(number: u32) -> Origin {
        Origin::of(Some(IpAddr::V4(number.into())))
    }

    fn arrivals(buckets_max: usize) -> Arrivals {
        Arrivals::new(Rate { per_second: 20, burst: 20 }, buckets_max)
    }

    /// mux:limit:handshakes-per-ip.
    #[test]
    fn each_address_has_tokens_of_its_own() {
        let (mut arrivals, begin) = (arrivals(8), start());
        for origin in [ip(1), ip(2)] {
            for _ in 0..20 {
                assert!(arrivals.take(origin, begin));
            }
            assert!(!arrivals.take(origin, begin));
        }
        assert!(!arrivals.take(ip(1), begin + SECOND / 21));
        assert!(arrivals.take(ip(1), begin + SECOND / 20));
        assert!(!arrivals.take(ip(1), begin + SECOND / 20));
    }

    /// mux:limit:handshakes-per-ip.
    #[test]
    fn only_so_many_addresses_are_remembered_and_those_that_come_most_often() {
        let (mut arrivals, begin) = (arrivals(8), start());
        for _ in 0..20 {
            assert!(arrivals.take(ip(0), begin));
        }
        for number in 1..10_000 {
            assert!(arrivals.take(ip(number), begin));
            assert!(arrivals.buckets.len() <= 8);
            assert_eq!(arrivals.buckets.len(), arrivals.order.len());
        }
        assert!(!arrivals.take(ip(0), begin), "it has not been forgotten");
        assert!(arrivals.take(ip(0), begin + SECOND));
        assert_eq!(arrivals.buckets.len(), 1, "those that are full are");
    }
}
