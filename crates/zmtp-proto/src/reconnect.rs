//! When to try a connection again: a policy, and the state that it needs.
//!
//! | on                    | state       | becomes      | gives                                 |
//! |-----------------------|-------------|--------------|---------------------------------------|
//! | an end, `Later`       | trying      | longer waits | a wait up to the longest of this step |
//! | an end, `Slowly`      | trying      | longer waits | a wait near the longest of all        |
//! | an end, `No`          | trying      | given up     | `GiveUp`                              |
//! | a connection lived    | trying      | first wait   |                                       |
//! | all the rest          |             | as it was    | `GiveUp`, of ends                     |
//!
//! Waits are drawn by chance, so that the peers of a service that went away do not all come back
//! in the same moment. The longest wait doubles with each failure in a row.
//!
//! ```
//! use std::time::Duration;
//! use zmtp_proto::{Backoff, Next, Reconnect, Retry};
//!
//! let mut backoff = Backoff::new(Reconnect::default());
//! // `chance` is 64 random bits, drawn anew for each call.
//! let chance = 1 << 63;
//! assert_eq!(
//!     backoff.next(Retry::AFTER_CLOSE, chance),
//!     Next::After(Duration::from_millis(50)),
//! );
//! assert_eq!(backoff.next(Retry::No, chance), Next::GiveUp);
//! ```

use std::time::Duration;

/// Whether a connection that ended is worth another try at the same endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It is not: somebody has to change something first.
    No,
    /// It is, but with a long wait from the first time on: the peer breaks the protocol, and will
    /// until somebody repairs it.
    Slowly,
    /// It is, after a wait that is short at first and grows with each failure: the trouble may pass
    /// by itself.
    Later,
}

impl Retry {
    /// For an end of which no [`ConnectionError`](crate::ConnectionError) tells: a peer that
    /// closed without ERROR, an error of the transport, an endpoint that nobody listens on.
    ///
    /// A peer that refuses a CURVE key in silence, as the protocol wants it, looks the same. Nothing
    /// ever makes this give up: count the handshakes that came to nothing, and tell somebody.
    // spec: 37:errors:retry-by-kind
    pub const AFTER_CLOSE: Self = Self::Later;
}

/// What a connector does about connections that end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconnect {
    /// It does not come back, whatever the end was.
    Never,
    /// It comes back after a while, as long as that makes sense.
    Backoff {
        /// The longest wait after the first failure; it doubles with each.
        first: Duration,
        /// The longest wait of all, and the time for which a connection has to live to count as
        /// a success.
        max: Duration,
    },
}

impl Default for Reconnect {
    /// A back-off from 100 ms to 30 s.
    fn default() -> Self {
        Self::Backoff { first: Duration::from_millis(100), max: Duration::from_secs(30) }
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a connection comes back only if somebody waits and dials"]
pub enum Next {
    /// Dial again when this much time has passed.
    After(Duration),
    /// Dial no more.
    GiveUp,
}

/// How the connections to one endpoint went so far.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: Reconnect,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The next wait is at most this long.
    Trying { ceiling: Duration },
    /// There are no tries any more.
    GivenUp,
}

impl Backoff {
    /// No wait is shorter, whatever chance and policy say, so that nobody dials in a tight loop.
    pub const WAIT_MIN: Duration = Duration::from_millis(10);

    /// Starts without failures. Limits below [`WAIT_MIN`](Self::WAIT_MIN) are raised to it.
    #[must_use]
    pub fn new(policy: Reconnect) -> Self {
        let state = match policy {
            Reconnect::Never => State::GivenUp,
            Reconnect::Backoff { first, max } => State::Trying { ceiling: within(first, max) },
        };
        Self { policy, state }
    }

    /// Takes in that a try failed or a connection ended, and says what to do now.
    ///
    /// `chance` is 64 random bits of the caller's, drawn anew for each call; this crate draws none. The wait is uniform
    /// between nothing and the longest of its step; after [`Retry::Slowly`], between half of the
    /// longest wait of all and the whole. After [`Next::GiveUp`] it stays at that.
    // spec: 37:errors:backoff-jitter
    pub fn next(&mut self, why: Retry, chance: u64) -> Next {
        let (Reconnect::Backoff { max, .. }, State::Trying { ceiling }) = (self.policy, self.state)
        else {
            return Next::GiveUp;
        };
        let wait = match why {
            // spec: 37:errors:no-retry-after-refusal
            Retry::No => {
                self.state = State::GivenUp;
                return Next::GiveUp;
            }
            // spec: 37:errors:retry-slowly-after-violation
            Retry::Slowly => share(within(max, max), UPPER_HALF | chance >> 1),
            Retry::Later => share(ceiling, chance),
        };
        self.state = State::Trying { ceiling: within(ceiling.saturating_mul(2), max) };
        Next::After(wait.max(Self::WAIT_MIN))
    }

    /// Takes in that a connection was established and lived for this long. Only one that lived as
    /// long as the longest wait counts; call it before [`next`](Self::next) when it ends.
    ///
    /// So a peer that lets us in and drops us at once is treated like one that does not let us in.
    // spec: 37:errors:backoff-jitter
    pub fn succeeded(&mut self, lived: Duration) {
        if let (Reconnect::Backoff { first, max }, State::Trying { .. }) = (self.policy, self.state)
            && lived >= max
        {
            self.state = State::Trying { ceiling: within(first, max) };
        }
    }
}

/// Returns `wait`, if it is neither above `max` nor too short.
fn within(wait: Duration, max: Duration) -> Duration {
    wait.min(max).max(Backoff::WAIT_MIN)
}

/// Returns `chance / 2^64` of `whole`, of which more than 584 years count as those.
fn share(whole: Duration, chance: u64) -> Duration {
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    // Two factors of 64 bits fit into 128, and the upper half of that into 64.
    let product = u128::from(nanos).saturating_mul(u128::from(chance));
    Duration::from_nanos(u64::try_from(product >> u64::BITS).unwrap_or(u64::MAX))
}

/// The least of the upper half of all chances.
const UPPER_HALF: u64 = 1 << 63;

#[cfg(test)]
mod tests;
