//! When to send a request again: only what is safe to, later each time, and within a budget.
//!
//! | failed with                                       | and then                               |
//! |---------------------------------------------------|----------------------------------------|
//! | `Returned`: UNKNOWN, BUSY, EXPIRED, DRAINING,     | again, after `retry_after` and a wait  |
//! | UNREACHABLE, `NO_ROUTE`, LIMIT                    |                                        |
//! | `NotSent`: the link was lost, too many in flight  | again, after a wait                    |
//! | `InDoubt`: GONE, the link was lost                | again if it is declared idempotent     |
//! | all the rest                                      | it has failed                          |

use std::time::{Duration, Instant};

use zmtp_proto::{Backoff, Next, Reconnect, Retry};

use crate::client::error::{Doubt, RequestError, UnsentReason};
use crate::core::ReturnReason;

/// How a client sends requests again that were not processed.
///
/// The waits are drawn by chance, up to `first` before the second attempt, twice that before the
/// third, and `max` at most; what the MUX says of `retry_after` is added. No attempt begins that
/// would have to wait beyond the time of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The longest wait before the second attempt; it doubles with each.
    pub first: Duration,
    /// The longest wait of all.
    pub max: Duration,
    /// How many attempts there may be in all.
    pub budget: RetryBudget,
}

impl Default for RetryPolicy {
    /// Waits from 50 ms to 2 s, and the usual budget.
    fn default() -> Self {
        let (first, max) = (Duration::from_millis(50), Duration::from_secs(2));
        Self { first, max, budget: RetryBudget::default() }
    }
}

/// How many requests of a client may be sent again, so that retries never multiply an overload: each
/// takes one from a store, which is filled by time and by requests.
///
/// A retry that finds the store empty waits for what time puts into it, behind all who wait already.
/// If the time of its request does not suffice for that, the request fails at once, as it had. Both
/// are counted: [`retries_delayed`](crate::ClientCounters::retries_delayed),
/// [`retries_refused`](crate::ClientCounters::retries_refused).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    /// What 100 requests put into the store.
    pub percent: u8,
    /// What a second puts into it.
    pub per_second: u16,
    /// What it holds at most, and at first.
    pub burst: u16,
}

impl Default for RetryBudget {
    /// One for ten requests, ten a second, a hundred at once.
    fn default() -> Self {
        Self { percent: 10, per_second: 10, burst: 100 }
    }
}

/// Whether a request may be processed twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotence {
    /// Nobody said so: what is in doubt is never sent again.
    #[default]
    Unknown,
    /// It does no harm: what is in doubt may be sent again, if a policy says so.
    Declared,
}

/// What to do about a request that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    /// Send it again when this much time has passed.
    After(Duration),
    /// The same, which is later than it would be if there were no budget.
    AfterRefill(Duration),
    /// Tell that it has failed.
    Fail,
    /// The same, for lack of budget.
    Spent,
}

/// What is left of a client's budget, in hundredths.
#[derive(Debug)]
pub(crate) struct Budget {
    terms: RetryBudget,
    /// Less than nothing, when retries wait that have taken theirs already: so each waits for all
    /// before it, and as long as it was told.
    left: i64,
    /// Until when time is credited.
    since: Instant,
}

impl Budget {
    pub(crate) fn new(budget: RetryBudget, now: Instant) -> Self {
        Self { terms: budget, left: i64::from(budget.burst).saturating_mul(WHOLE), since: now }
    }

    /// Notes a request, as it is sent for the first time.
    pub(crate) fn credit(&mut self) {
        self.put(self.terms.percent.into());
    }

    /// Takes what a retry costs, and returns how long to wait until that is there; `None` if it will
    /// not be within `time`, and nothing is taken.
    // spec: mux:client:retry-budget
    fn spend(&mut self, now: Instant, time: Duration) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.since);
        let millis = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let earned = millis.saturating_mul(self.terms.per_second.into()) / MILLIS_PER_HUNDREDTH;
        if earned > 0 {
            self.put(earned);
            self.since = now;
        }
        let left = self.left.saturating_sub(WHOLE);
        let short = u64::try_from(left.saturating_neg()).unwrap_or(0);
        let wait = match short.saturating_mul(MILLIS_PER_HUNDREDTH.unsigned_abs()) {
            0 => Duration::ZERO,
            owed => Duration::from_millis(owed).checked_div(self.terms.per_second.into())?,
        };
        if wait > Duration::ZERO && wait >= time {
            return None;
        }
        self.left = left;
        Some(wait)
    }

    fn put(&mut self, hundredths: i64) {
        let max = i64::from(self.terms.burst).saturating_mul(WHOLE);
        self.left = self.left.saturating_add(hundredths).min(max);
    }
}

/// The attempts of one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    backoff: Backoff,
    idempotence: Idempotence,
    deadline: Instant,
}

impl Attempts {
    pub(crate) fn new(policy: &RetryPolicy, idempotence: Idempotence, deadline: Instant) -> Self {
        let (first, max) = (policy.first, policy.max);
        Self { backoff: Backoff::new(Reconnect::Backoff { first, max }), idempotence, deadline }
    }

    /// Decides on a request that has failed. `chance` is 64 random bits.
    // spec: mux:client:retry-only-safe, mux:client:retry-wait
    pub(crate) fn next(
        &mut self,
        why: &RequestError,
        budget: &mut Budget,
        now: Instant,
        chance: u64,
    ) -> Verdict {
        let Some(retry_after) = self.worth(why) else { return Verdict::Fail };
        let Next::After(wait) = self.backoff.next(Retry::Later, chance) else {
            return Verdict::Fail;
        };
        let wait = retry_after.saturating_add(wait);
        let time = self.deadline.saturating_duration_since(now);
        if wait >= time {
            return Verdict::Fail;
        }
        match budget.spend(now, time) {
            Some(refill) if refill > wait => Verdict::AfterRefill(refill),
            Some(_) => Verdict::After(wait),
            None => Verdict::Spent,
        }
    }

    /// Returns how long to wait at least before it is worth another attempt, if it is.
    fn worth(&self, why: &RequestError) -> Option<Duration> {
        match why {
            RequestError::Returned { reason, retry_after, .. } => match reason {
                ReturnReason::Denied | ReturnReason::Malformed => None,
                ReturnReason::Unknown
                | ReturnReason::Busy
                | ReturnReason::Expired
                | ReturnReason::Draining
                | ReturnReason::Unreachable
                | ReturnReason::NoRoute
                | ReturnReason::Limit => Some(*retry_after),
            },
            RequestError::NotSent { reason, .. } => match reason {
                UnsentReason::LinkLost | UnsentReason::TooMany => Some(Duration::ZERO),
                UnsentReason::NoName
                | UnsentReason::TooLong
                | UnsentReason::NotConnected
                | UnsentReason::NoRoom
                | UnsentReason::Closed
                | UnsentReason::Over => None,
            },
            RequestError::InDoubt { reason } => match (reason, self.idempotence) {
                (Doubt::Gone(_) | Doubt::LinkLost, Idempotence::Declared) => Some(Duration::ZERO),
                (Doubt::Timeout | Doubt::Closed, _) | (_, Idempotence::Unknown) => None,
            },
        }
    }
}

/// Hundredths that a retry costs.
const WHOLE: i64 = 100;

/// Milliseconds in which one in a second makes a hundredth.
const MILLIS_PER_HUNDREDTH: i64 = 10;

#[cfg(test)]
mod tests {
    use zmtp_proto::Message;

    use super::*;
    use crate::core::GoneReason;

    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    fn start() -> Instant {
        Instant::now()
    }

    fn returned(reason: ReturnReason, retry_after: Duration) -> RequestError {
        RequestError::Returned { reason, retry_after, message: Message::single(b"x") }
    }

    fn not_sent(reason: UnsentReason) -> RequestError {
        RequestError::NotSent { reason, message: Message::single(b"x") }
    }

    /// mux:client:retry-only-safe.
    #[test]
    fn what_is_in_doubt_is_sent_again_only_if_that_does_no_harm() {
        let (now, policy) = (start(), RetryPolicy::default());
        let deadline = now + Duration::from_secs(30);
        let again = |why: &RequestError, idempotence| {
            let mut budget = Budget::new(policy.budget, now);
            let mut attempts = Attempts::new(&policy, idempotence, deadline);
            matches!(attempts.next(why, &mut budget, now, 0), Verdict::After(_))
        };
        for number in [1, 2, 3, 5, 6, 7, 8] {
            let reason = [
                ReturnReason::Unknown,
                ReturnReason::Busy,
                ReturnReason::Expired,
                ReturnReason::Denied,
                ReturnReason::Draining,
                ReturnReason::Unreachable,
                ReturnReason::NoRoute,
                ReturnReason::Limit,
            ][number - 1];
            assert!(again(&returned(reason, Duration::ZERO), Idempotence::Unknown), "{reason:?}");
        }
        for reason in [UnsentReason::LinkLost, UnsentReason::TooMany] {
            assert!(again(&not_sent(reason), Idempotence::Unknown), "{reason}");
        }
        for why in [
            returned(ReturnReason::Denied, Duration::ZERO),
            returned(ReturnReason::Malformed, Duration::ZERO),
            not_sent(UnsentReason::NoName),
            not_sent(UnsentReason::TooLong),
            not_sent(UnsentReason::NotConnected),
            not_sent(UnsentReason::NoRoom),
            not_sent(UnsentReason::Closed),
            not_sent(UnsentReason::Over),
            RequestError::InDoubt { reason: Doubt::Timeout },
            RequestError::InDoubt { reason: Doubt::Closed },
        ] {
            assert!(!again(&why, Idempotence::Declared), "{why}");
        }
        for reason in [Doubt::Gone(GoneReason::Lost), Doubt::LinkLost] {
            let why = RequestError::InDoubt { reason };
            assert!(!again(&why, Idempotence::Unknown), "{why}");
            assert!(again(&why, Idempotence::Declared), "{why}");
        }
    }

    /// mux:client:retry-wait.
    #[test]
    fn waits_longer_each_time_and_never_beyond_the_deadline() {
        let (now, policy) = (start(), RetryPolicy::default());
        let mut budget = Budget::new(policy.budget, now);
        let retry_after = Duration::from_millis(70);
        let busy = returned(ReturnReason::Busy, retry_after);
        let mut attempts =
            Attempts::new(&policy, Idempotence::Unknown, now + Duration::from_secs(30));
        for longest in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
            let Verdict::After(wait) = attempts.next(&busy, &mut budget, now, u64::MAX) else {
                panic!("no further attempt");
            };
            let longest = Duration::from_millis(longest) + retry_after;
            assert!(wait <= longest && wait + Duration::from_millis(1) > longest, "{wait:?}");
        }
        let mut attempts = Attempts::new(&policy, Idempotence::Unknown, now + retry_after);
        assert_eq!(attempts.next(&busy, &mut budget, now, 0), Verdict::Fail);
    }

    /// mux:client:retry-budget.
    #[test]
    fn retries_are_a_tenth_of_the_requests_and_what_time_gives() {
        let policy = RetryPolicy {
            budget: RetryBudget { percent: 10, per_second: 2, burst: 3 },
            ..RetryPolicy::default()
        };
        let now = start();
        let mut budget = Budget::new(policy.budget, now);
        let spend = |budget: &mut Budget, now| {
            (0..100).take_while(|_| budget.spend(now, Duration::ZERO).is_some()).count()
        };
        assert_eq!(spend(&mut budget, now), 3);
        for _ in 0..19 {
            budget.credit();
        }
        assert_eq!(spend(&mut budget, now), 1);
        budget.credit();
        assert_eq!(spend(&mut budget, now), 1);
        let later = now + Duration::from_millis(999);
        assert_eq!(spend(&mut budget, later), 1);
        assert_eq!(spend(&mut budget, later + Duration::from_hours(1)), 3, "the store is limited");
    }

    /// mux:client:retry-budget.
    #[test]
    fn who_finds_no_budget_waits_behind_all_others_and_within_its_time() {
        let policy = RetryPolicy {
            budget: RetryBudget { percent: 0, per_second: 2, burst: 1 },
            ..RetryPolicy::default()
        };
        let now = start();
        let why = returned(ReturnReason::Unknown, Duration::ZERO);
        let retry = |budget: &mut Budget, now, seconds| {
            let deadline = now + Duration::from_secs(seconds);
            Attempts::new(&policy, Idempotence::Unknown, deadline).next(&why, budget, now, 0)
        };
        let mut budget = Budget::new(policy.budget, now);
        assert!(matches!(retry(&mut budget, now, 3), Verdict::After(_)));
        for place in 1..6 {
            let wait = Duration::from_millis(500) * place;
            assert_eq!(retry(&mut budget, now, 3), Verdict::AfterRefill(wait));
        }
        assert_eq!(retry(&mut budget, now, 3), Verdict::Spent);
        assert_eq!(retry(&mut budget, now, 4), Verdict::AfterRefill(Duration::from_secs(3)));
        // What those who wait have taken is not given to others when time has brought it.
        let later = now + Duration::from_secs(2);
        assert_eq!(retry(&mut budget, later, 9), Verdict::AfterRefill(Duration::from_millis(1500)));
        assert!(matches!(retry(&mut budget, later + Duration::from_secs(9), 9), Verdict::After(_)));
        // Where time brings nothing, nobody waits for it.
        let terms = RetryBudget { percent: 10, per_second: 0, burst: 1 };
        let mut budget = Budget::new(terms, now);
        assert!(matches!(retry(&mut budget, now, 3600), Verdict::After(_)));
        assert_eq!(retry(&mut budget, now, 3600), Verdict::Spent);
        (0..10).for_each(|_| budget.credit());
        assert!(matches!(retry(&mut budget, now, 3600), Verdict::After(_)));
    }
}
