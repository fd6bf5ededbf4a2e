//! Tokens: how often a client may be refused before it is not read for a while.

use std::time::{Duration, Instant};

use crate::core::rate::Rate;

/// What a client has left. Each refusal costs a token; time and admitted messages bring them back.
// spec: mux:overload:refusal-tokens
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tokens {
    /// Spent, and not yet back.
    spent: u32,
    /// Messages admitted since that was last reckoned.
    admitted: u32,
    reckoned: Option<Instant>,
}

/// Whether tokens are spent and not yet back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    None,
    Some,
}

impl Tokens {
    /// Tells whether an admitted message brings one back.
    #[inline]
    pub(crate) fn are_spent(&self) -> Spent {
        if self.spent > 0 { Spent::Some } else { Spent::None }
    }

    /// Tells whether more of them are spent than at another time, which was at the same instant.
    pub(crate) fn are_fewer_than(&self, before: &Self) -> bool {
        self.spent > before.spent
    }

    /// Notes that a message was admitted.
    pub(crate) fn earn(&mut self) {
        if self.spent > 0 {
            self.admitted = self.admitted.saturating_add(1);
        }
    }

    /// Takes a token, of which there may be none left.
    pub(crate) fn spend(&mut self, limits: Rate, now: Instant) {
        self.reckon(limits, now);
        self.spent = self.spent.saturating_add(1);
    }

    /// Returns how long to wait; zero if there is a token. Without any the wait is for a sixteenth of
    /// them: to be looked at for each alone costs more than what it is for.
    // spec: mux:overload:refusal-tokens
    pub(crate) fn wait(&mut self, limits: Rate, now: Instant) -> Duration {
        self.reckon(limits, now);
        match self.spent.checked_sub(limits.burst) {
            None => Duration::ZERO,
            Some(lacking) => {
                let some = limits.burst.checked_div(16).unwrap_or_default().max(1);
                let lacking = f64::from(lacking.saturating_add(some));
                Duration::from_secs_f64(lacking / f64::from(limits.per_second.max(1)))
            }
        }
    }

    fn reckon(&mut self, limits: Rate, now: Instant) {
        let since = *self.reckoned.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        let earned =
            passed.as_nanos().saturating_mul(u128::from(limits.per_second)) / 1_000_000_000;
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if earned > 0 {
            // What is left of the time counts next time.
            let counted =
                Duration::from_secs_f64(f64::from(earned) / f64::from(limits.per_second.max(1)));
            self.reckoned = Some(since.checked_add(counted).unwrap_or(now).min(now));
        }
        let back = earned.saturating_add(std::mem::take(&mut self.admitted));
        self.spent = self.spent.saturating_sub(back);
        if self.spent == 0 {
            self.reckoned = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Rate = Rate { burst: 10, per_second: 4 };

    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    fn start() -> Instant {
        Instant::now()
    }

    /// mux:overload:refusal-tokens.
    #[test]
    fn a_burst_is_free_and_then_time_or_success_is_waited_for() {
        let (mut tokens, now) = (Tokens::default(), start());
        for _ in 0..10 {
            assert_eq!(tokens.wait(LIMITS, now), Duration::ZERO);
            tokens.spend(LIMITS, now);
        }
        assert_eq!(tokens.wait(LIMITS, now), Duration::from_millis(250));
        tokens.spend(LIMITS, now);
        assert_eq!(tokens.wait(LIMITS, now), Duration::from_millis(500));
        tokens.earn();
        assert_eq!(tokens.wait(LIMITS, now), Duration::from_millis(250));
        tokens.earn();
        assert_eq!(tokens.wait(LIMITS, now), Duration::ZERO);
        tokens.spend(LIMITS, now);
        let later = now + Duration::from_millis(249);
        assert!(tokens.wait(LIMITS, later) > Duration::ZERO);
        assert_eq!(tokens.wait(LIMITS, now + Duration::from_millis(250)), Duration::ZERO);
        // Never more than the burst, however long nothing is refused.
        let much_later = now + Duration::from_hours(1);
        for _ in 0..10 {
            tokens.spend(LIMITS, much_later);
        }
        assert_eq!(tokens.wait(LIMITS, much_later), Duration::from_millis(250));
    }

    /// mux:overload:refusal-tokens.
    #[test]
    fn who_has_none_is_not_looked_at_for_each_that_comes_back() {
        let limits = Rate { burst: 1_000, per_second: 1_000 };
        let (mut tokens, now) = (Tokens::default(), start());
        for _ in 0..1_000 {
            assert_eq!(tokens.wait(limits, now), Duration::ZERO);
            tokens.spend(limits, now);
        }
        let wait = tokens.wait(limits, now);
        assert_eq!(wait, Duration::from_millis(62));
        let (later, mut count) = (now + wait, 0);
        while tokens.wait(limits, later).is_zero() {
            tokens.spend(limits, later);
            count += 1;
        }
        assert_eq!(count, 62);
    }

    /// mux:overload:refusal-tokens.
    #[test]
    fn asking_often_brings_no_more_than_asking_once() {
        let (mut tokens, mut now) = (Tokens::default(), start());
        for _ in 0..10 + 8 {
            tokens.spend(LIMITS, now);
        }
        let mut waited = Duration::ZERO;
        while tokens.wait(LIMITS, now) > Duration::ZERO {
            now += Duration::from_millis(7);
            waited += Duration::from_millis(7);
        }
        assert!(
            (Duration::from_millis(2250)..Duration::from_millis(2270)).contains(&waited),
            "{waited:?}"
        );
    }
}
