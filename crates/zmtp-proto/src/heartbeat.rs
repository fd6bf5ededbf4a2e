//! Heartbeats of our own: asking a silent peer whether it lives.
//!
//! | in      | on                      | does     | becomes |
//! |---------|-------------------------|----------|---------|
//! | `Heard` | any octet               |          | `Heard` |
//! | `Heard` | `interval` of silence   | PING     | `Asked` |
//! | `Asked` | any octet               |          | `Heard` |
//! | `Asked` | `timeout` of silence    | the end  |         |
//! | any     | reads were withheld     |          | `Heard` |
//!
//! With a time to live, PINGs go out in each third of it besides: the peer has been promised octets.

use std::time::{Duration, Instant};

use bytes::BufMut;
use thiserror::Error;

use crate::command::put_command;

/// Whether and how we ask silent peers. Peers of version 3.0 are never asked.
///
/// ```
/// use std::time::{Duration, Instant};
/// use zmtp_proto::{Pairing, Retry, Settings, SocketType, Traffic, Version};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (ours, theirs, version) = (SocketType::Router, SocketType::Dealer, Version::V3_1);
/// let begin = Instant::now();
/// // As behind a handshake; `Connection` does the same, and writes the PING itself.
/// let mut traffic = Traffic::new(&Settings::default(), Pairing { ours, theirs, version }, begin);
///
/// let asked_at = begin + Duration::from_secs(5);
/// assert_eq!(traffic.poll_timeout(), Some(asked_at));
/// let ping = traffic.handle_timeout(asked_at)?.ok_or("no PING")?;
/// let mut out = Vec::new();
/// ping.put(&mut out);
/// assert_eq!(out, b"\x04\x07\x04PING\0\0");
///
/// // Any octet would do for an answer; none comes.
/// let given_up_at = begin + Duration::from_secs(15);
/// assert_eq!(traffic.poll_timeout(), Some(given_up_at));
/// let error = traffic.handle_timeout(given_up_at).unwrap_err();
/// assert_eq!(error.to_string(), "no octet, though a PING asked for one, within 15s");
/// assert_eq!(error.retry(), Retry::Later);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// Never.
    Off,
    /// In this rhythm.
    On(Rhythm),
}

/// When to ask, and when to give up. Invariant: 0 < `interval` < `timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    interval: Duration,
    timeout: Duration,
    time_to_live: TimeToLive,
}

/// A rhythm that cannot be kept. The fault of whoever chose it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RhythmError {
    /// PINGs would be sent without a pause.
    #[error("an interval of no time at all")]
    NoInterval,
    /// The peer would be given up before it was asked, or at that moment.
    #[error("a timeout of {timeout:?}, which is not longer than the interval, {interval:?}")]
    NoTimeToAnswer {
        /// Silence after which a PING would be sent.
        interval: Duration,
        /// Silence after which the peer would be given up.
        timeout: Duration,
    },
}

impl Rhythm {
    /// Asks with a PING after `interval` of silence, and gives up after `timeout` of it in all,
    /// without a promise of our own.
    ///
    /// # Errors
    ///
    /// `interval` is zero, or `timeout` is not longer.
    // spec: 37:heartbeat:time-to-answer
    pub const fn new(interval: Duration, timeout: Duration) -> Result<Self, RhythmError> {
        if interval.is_zero() {
            return Err(RhythmError::NoInterval);
        }
        // In a constant durations are not compared, but numbers are.
        if timeout.as_nanos() <= interval.as_nanos() {
            return Err(RhythmError::NoTimeToAnswer { interval, timeout });
        }
        Ok(Self { interval, timeout, time_to_live: TimeToLive::NONE })
    }

    /// Promises octets within this time in each PING. To keep the promise, a PING goes out in each
    /// third of it, whatever the peer sends, so maybe far more often than after `interval`.
    #[must_use]
    pub const fn with_time_to_live(self, time_to_live: TimeToLive) -> Self {
        Self { time_to_live, ..self }
    }

    /// Returns the silence after which a PING is sent.
    #[must_use]
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// Returns the silence, in all, after which the peer is taken for dead.
    #[must_use]
    pub const fn timeout(self) -> Duration {
        self.timeout
    }

    /// Returns what we promise in a PING: octets within this time.
    #[must_use]
    pub const fn time_to_live(self) -> TimeToLive {
        self.time_to_live
    }
}

/// The time to live in a PING, in tenths of a second: 0, which promises nothing, to 655.
///
/// Above 65.5 s libzmq counts wrong and cuts the connection at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeToLive(u16);

impl TimeToLive {
    /// Promises nothing. libzmq cuts the connection when *we* are silent for the time, however
    /// much it sends itself: so this is what we send unless told otherwise.
    pub const NONE: Self = Self(0);

    /// The longest: 65.5 s.
    pub const MAX: Self = Self(655);

    /// Takes a time, cut to tenths of a second and to [`MAX`](Self::MAX).
    // spec: 37:heartbeat:ttl-sent
    #[must_use]
    pub fn new(time: Duration) -> Self {
        let tenths = time.as_millis().checked_div(100).unwrap_or_default();
        Self(u16::try_from(tenths).unwrap_or(u16::MAX).min(Self::MAX.0))
    }

    /// Returns how often to send a PING so that the promise is kept; `None` if there is none.
    fn rhythm(self) -> Option<Duration> {
        let time = Duration::from_millis(u64::from(self.0).saturating_mul(100));
        time.checked_div(3).filter(|rhythm| !rhythm.is_zero())
    }
}

// spec: 37:heartbeat:ping-after-silence, 37:heartbeat:dead-after-silence
impl Default for Rhythm {
    /// A PING after 5 s of silence, the end after 15 s, no promise.
    fn default() -> Self {
        let (interval, timeout) = (Duration::from_secs(5), Duration::from_secs(15));
        Self { interval, timeout, time_to_live: TimeToLive::NONE }
    }
}

impl Default for Heartbeat {
    /// In the usual [`Rhythm`].
    fn default() -> Self {
        Self::On(Rhythm::default())
    }
}

/// A PING of ours. Send it between messages, never inside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a peer that is not asked cannot answer"]
pub struct Ping(TimeToLive);

impl Ping {
    /// Octets of the frame.
    pub const LEN: usize = 2 + 5 + 2;

    /// Makes one that promises octets within this time.
    pub fn new(promise: TimeToLive) -> Self {
        Self(promise)
    }

    /// Appends the frame. Its context is empty: any octet that follows is an answer.
    pub fn put(&self, out: &mut impl BufMut) {
        put_command("PING", &self.0.0.to_be_bytes(), out);
    }
}

/// The clock of one connection.
#[derive(Debug)]
pub(crate) struct Pulse {
    rhythm: Rhythm,
    state: State,
    /// When the promise in our last PING needs another.
    promised: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Heard(Instant),
    /// Since when it is silent, and when that is too long.
    Asked(Instant, Instant),
}

/// Whether a silent peer is given more time: what [`Traffic::excuse`](crate::Traffic::excuse)
/// returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Excuse {
    /// It is: its timer was put off.
    Taken,
    /// It is not: it has been silent for longer than that already, and is to be cut.
    TooLate,
}

/// What is to be done when the clock has come to a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    Wait,
    Ask(Ping),
    Dead,
}

impl Pulse {
    /// Begins at the end of the handshake.
    pub(crate) fn new(rhythm: Rhythm, now: Instant) -> Self {
        let promised = rhythm.time_to_live.rhythm().map(|_| now);
        Self { rhythm, state: State::Heard(now), promised }
    }

    /// Notes an octet of the peer's, or that it could not be heard until now.
    // spec: 37:heartbeat:any-octet-is-life, 37:heartbeat:withheld-reads
    #[inline]
    pub(crate) fn hear(&mut self, now: Instant) {
        self.state = State::Heard(now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let silence = match self.state {
            State::Heard(at) => at.checked_add(self.rhythm.interval),
            State::Asked(_, until) => Some(until),
        };
        silence.into_iter().chain(self.promised).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Beat {
        let ping = Ping(self.rhythm.time_to_live);
        match self.state {
            State::Asked(_, until) if until <= now => Beat::Dead,
            State::Heard(at) if now.saturating_duration_since(at) >= self.rhythm.interval => {
                // From now on, though mostly that is the same: we may be late.
                // spec: 37:heartbeat:few-outstanding, 37:heartbeat:time-to-answer
                let to_answer = self.rhythm.timeout.saturating_sub(self.rhythm.interval);
                let until = now.checked_add(to_answer).unwrap_or(now);
                self.state = State::Asked(at, until);
                self.promise(now);
                Beat::Ask(ping)
            }
            State::Heard(_) | State::Asked(..) if self.promised.is_some_and(|at| at <= now) => {
                self.promise(now);
                Beat::Ask(ping)
            }
            State::Heard(_) | State::Asked(..) => Beat::Wait,
        }
    }

    /// Lets a peer be silent for `patience` in all; returns whether that makes a difference now.
    pub(crate) fn excuse(&mut self, patience: Duration, now: Instant) -> Excuse {
        let (State::Heard(at) | State::Asked(at, _)) = self.state;
        match at.checked_add(patience).filter(|until| *until > now) {
            Some(until) => {
                self.state = State::Asked(at, until);
                Excuse::Taken
            }
            None => Excuse::TooLate,
        }
    }

    /// Returns how long a silent peer may live.
    pub(crate) fn timeout(&self) -> Duration {
        self.rhythm.timeout
    }

    // spec: 37:heartbeat:ttl-sent
    fn promise(&mut self, now: Instant) {
        self.promised =
            self.rhythm.time_to_live.rhythm().and_then(|rhythm| now.checked_add(rhythm));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::start;

    const SECOND: Duration = Duration::from_secs(1);

    fn rhythm(time_to_live: TimeToLive) -> Rhythm {
        Rhythm::new(5 * SECOND, 15 * SECOND).unwrap().with_time_to_live(time_to_live)
    }

    /// 37:heartbeat:time-to-answer.
    #[test]
    fn a_rhythm_leaves_time_for_an_answer() {
        let tick = Duration::from_nanos(1);
        for (interval, timeout) in [(SECOND, SECOND), (3 * SECOND, SECOND), (tick, Duration::ZERO)]
        {
            let error = RhythmError::NoTimeToAnswer { interval, timeout };
            assert_eq!(Rhythm::new(interval, timeout), Err(error));
        }
        assert_eq!(Rhythm::new(Duration::ZERO, SECOND), Err(RhythmError::NoInterval));
        for (interval, timeout) in [(tick, 2 * tick), (SECOND, SECOND + tick)] {
            let rhythm = Rhythm::new(interval, timeout).unwrap();
            let mut pulse = Pulse::new(rhythm, start());
            let asked = pulse.poll_timeout().unwrap();
            assert!(matches!(pulse.handle_timeout(asked), Beat::Ask(_)));
            assert!(pulse.poll_timeout().unwrap() > asked);
        }
    }

    /// 37:heartbeat:ping-after-silence, 37:heartbeat:dead-after-silence,
    /// 37:heartbeat:any-octet-is-life.
    #[test]
    fn asks_once_after_silence_and_gives_up_when_no_octet_comes() {
        let begin = start();
        let mut pulse = Pulse::new(rhythm(TimeToLive::NONE), begin);
        let at = |seconds: u32| begin + SECOND * seconds;
        assert_eq!(pulse.poll_timeout(), Some(at(5)));
        assert_eq!(pulse.handle_timeout(at(4)), Beat::Wait);
        assert_eq!(pulse.handle_timeout(at(5)), Beat::Ask(Ping(TimeToLive::NONE)));
        assert_eq!(pulse.poll_timeout(), Some(at(15)));
        assert_eq!(pulse.handle_timeout(at(14)), Beat::Wait);
        pulse.hear(at(14));
        assert_eq!(pulse.poll_timeout(), Some(at(19)));
        assert_eq!(pulse.handle_timeout(at(19)), Beat::Ask(Ping(TimeToLive::NONE)));
        assert_eq!(pulse.handle_timeout(at(29)), Beat::Dead);
    }

    /// 37:heartbeat:time-to-answer.
    #[test]
    fn who_is_asked_late_has_as_long_to_answer() {
        let begin = start();
        let mut pulse = Pulse::new(rhythm(TimeToLive::NONE), begin);
        // We were stopped for a minute, and go on.
        let late = begin + 60 * SECOND;
        assert_eq!(pulse.handle_timeout(late), Beat::Ask(Ping(TimeToLive::NONE)));
        assert_eq!(pulse.poll_timeout(), Some(late + 10 * SECOND));
        assert_eq!(pulse.handle_timeout(late + 9 * SECOND), Beat::Wait);
        assert_eq!(pulse.handle_timeout(late + 10 * SECOND), Beat::Dead);
    }

    /// 37:heartbeat:withheld-reads.
    #[test]
    fn silence_counts_only_while_the_peer_can_be_heard() {
        let begin = start();
        let mut pulse = Pulse::new(rhythm(TimeToLive::NONE), begin);
        assert!(matches!(pulse.handle_timeout(begin + 5 * SECOND), Beat::Ask(_)));
        pulse.hear(begin + 1000 * SECOND);
        assert_eq!(pulse.handle_timeout(begin + 1004 * SECOND), Beat::Wait);
        assert!(matches!(pulse.handle_timeout(begin + 1005 * SECOND), Beat::Ask(_)));
    }

    /// 37:heartbeat:ttl-sent.
    #[test]
    fn a_promise_is_kept_whatever_the_peer_sends() {
        let begin = start();
        let promise = TimeToLive::new(3 * SECOND);
        let mut pulse = Pulse::new(rhythm(promise), begin);
        let mut pings = 0;
        for tenth in 0..300 {
            let now = begin + Duration::from_millis(100) * tenth;
            pulse.hear(now);
            if let Beat::Ask(ping) = pulse.handle_timeout(now) {
                pings += 1;
                assert_eq!(ping, Ping(promise));
            }
        }
        assert_eq!(pings, 30, "one for each third of the promise");
    }

    /// 37:heartbeat:ttl-sent.
    #[test]
    fn nothing_above_what_libzmq_can_count_is_promised() {
        let promised = |time| {
            let mut frame = Vec::new();
            Ping(TimeToLive::new(time)).put(&mut frame);
            assert_eq!(frame.len(), Ping::LEN);
            assert_eq!(frame[..7], *b"\x04\x07\x04PING");
            u16::from_be_bytes([frame[7], frame[8]])
        };
        assert_eq!(promised(Duration::ZERO), 0);
        assert_eq!(promised(Duration::from_millis(199)), 1);
        assert_eq!(promised(Duration::from_millis(65_500)), 655);
        assert_eq!(promised(Duration::from_secs(66)), 655);
        assert_eq!(promised(Duration::MAX), 655);
    }
}
