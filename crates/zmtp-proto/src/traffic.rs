//! A connection after its handshake, as seen by the side that reads.
//!
//! | on                          | gives                | timer                              |
//! |-----------------------------|----------------------|------------------------------------|
//! | whole message               | `Message`            | partial message: off               |
//! | PING                        | `Ping`, to be answered | its time to live, if any: on     |
//! | PONG, well-formed other     | `Nothing`            |                                    |
//! | READY, ERROR, malformed     | error                |                                    |
//! | octets of any kind          |                      | time to live: off; silence: anew   |
//! | part of a message           | `Nothing`            | partial message: on, or moved      |
//! | silence                     | PING, then an error  | silence: on                        |
//! | octets without a whole item | `None`               | partial message: on, or moved      |
//! | a command inside a message  | as above             | partial message: as it was         |

use std::time::{Duration, Instant};

use crate::command::{Command, Pong};
use crate::curve::Opener;
use crate::decoder::{Decoded, Decoder, Item, Octets};
use crate::error::{ConnectionError, Deadline, Phase};
use crate::greeting::Version;
use crate::heartbeat::{Beat, Excuse, Heartbeat, Ping, Pulse};
use crate::limits::{Limits, Settings};

/// The reading half of an established connection.
#[derive(Debug)]
pub struct Traffic {
    intake: Intake,
    limits: Limits,
    /// `None` for a peer that is never asked whether it lives.
    pulse: Option<Pulse>,
    partial: Option<Partial>,
    time_to_live: Option<(Instant, Duration)>,
}

/// How messages are found in what arrives.
#[derive(Debug)]
pub(crate) enum Intake {
    /// They stand there.
    Clear(Decoder),
    /// Their frames are in boxes.
    Curve(Box<Opener>),
}

impl Intake {
    #[inline]
    fn decode<'i>(&'i mut self, input: &'i [u8]) -> Result<Option<Decoded<'i>>, ConnectionError> {
        match self {
            Self::Clear(decoder) => Ok(decoder.decode(input)?),
            Self::Curve(opener) => opener.decode(input),
        }
    }

    fn held(&self) -> usize {
        match self {
            Self::Clear(decoder) => decoder.held(),
            Self::Curve(opener) => opener.held(),
        }
    }

    fn wanted(&self) -> usize {
        match self {
            Self::Clear(decoder) => decoder.wanted(),
            Self::Curve(opener) => opener.wanted(),
        }
    }
}

/// A message that has begun to arrive.
#[derive(Clone, Copy, Debug)]
struct Partial {
    deadline: Instant,
    /// Octets of it at which the deadline moves on.
    progress_at: usize,
}

/// Something whole that was read.
#[derive(Debug)]
pub struct Arrival<'i> {
    /// Octets to drop from the front of the input before the next call. Never 0.
    pub consumed: usize,
    /// What they were.
    pub received: Received<'i>,
}

/// What a peer in traffic can send.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'i> {
    /// A message.
    Message(Octets<'i>),
    /// A PING; send this answer, at a message border. If an earlier answer still waits to be
    /// sent, it may be replaced: one PONG is enough of a sign of life.
    Ping(Pong),
    /// A command that asks for nothing.
    Nothing,
}

impl Traffic {
    /// Starts at the first octet behind a handshake under NULL or PLAIN, after which both follow
    /// `version`.
    #[must_use]
    pub fn new(settings: &Settings, version: Version, now: Instant) -> Self {
        Self::with(Intake::Clear(Decoder::new(settings.limits)), settings, version, now)
    }

    // spec: 37:heartbeat:not-to-3-0
    pub(crate) fn with(
        intake: Intake,
        settings: &Settings,
        version: Version,
        now: Instant,
    ) -> Self {
        let pulse = match (settings.heartbeat, version) {
            (Heartbeat::On(rhythm), Version::V3_1) => Some(Pulse::new(rhythm, now)),
            (Heartbeat::Off, _) | (_, Version::V3_0) => None,
        };
        Self { intake, limits: settings.limits, pulse, partial: None, time_to_live: None }
    }

    /// Takes what is whole off the front of `input`; `Ok(None)` until something is. Call it,
    /// dropping what was consumed, until it returns `None`, whenever octets have arrived.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol; the connection has to end.
    #[inline]
    pub fn handle_input<'i>(
        &'i mut self,
        input: &'i [u8],
        now: Instant,
    ) -> Result<Option<Arrival<'i>>, ConnectionError> {
        // spec: 37:heartbeat:any-octet-is-life
        if !input.is_empty() {
            self.time_to_live = None;
            if let Some(pulse) = &mut self.pulse {
                pulse.hear(now);
            }
        }
        // Most of what arrives. All else is apart, so that this is small enough to be inlined.
        if let Intake::Clear(decoder) = &self.intake
            && let Some(octets) = decoder.short_message(input)
        {
            self.partial = None;
            let received = Received::Message(Octets::InPlace(octets));
            return Ok(Some(Arrival { consumed: octets.len(), received }));
        }
        self.handle_other(input, now)
    }

    #[inline(never)]
    fn handle_other<'i>(
        &'i mut self,
        input: &'i [u8],
        now: Instant,
    ) -> Result<Option<Arrival<'i>>, ConnectionError> {
        let Self { intake, limits, partial, time_to_live, .. } = self;
        let held_before = intake.held();
        let Some(Decoded { consumed, item, held }) = intake.decode(input)? else {
            note_partial(partial, input.len().saturating_add(held_before), limits, now);
            return Ok(None);
        };
        let received = match item {
            Item::Message(octets) => Received::Message(octets),
            Item::Command(body) => command(body, limits, time_to_live, now)?,
            Item::Part => {
                let unconsumed = input.len().saturating_sub(consumed);
                note_partial(partial, unconsumed.saturating_add(held), limits, now);
                Received::Nothing
            }
        };
        // A command inside a message is no progress of it.
        if held == 0 {
            *partial = None;
        }
        Ok(Some(Arrival { consumed, received }))
    }

    /// Notes that our own side withheld reads from `since` until now: silence counts from here, and
    /// the other clocks stood still.
    // spec: 37:heartbeat:withheld-reads
    pub fn resume(&mut self, since: Instant, now: Instant) {
        if let Some(pulse) = &mut self.pulse {
            pulse.hear(now);
        }
        let withheld = now.saturating_duration_since(since);
        let later = |deadline: Instant| deadline.checked_add(withheld).unwrap_or(deadline);
        if let Some(partial) = &mut self.partial {
            partial.deadline = later(partial.deadline);
        }
        if let Some((deadline, _)) = &mut self.time_to_live {
            *deadline = later(*deadline);
        }
    }

    /// Notes that our own side does not read on at `now`, in the middle of a message: silence counts
    /// from here, and a time to live too. Unlike with [`resume`](Self::resume) the clock of the
    /// message runs on. To be called again and again until it does read on.
    // spec: 37:heartbeat:withheld-reads, mux:overload:partial-charged
    pub fn withhold(&mut self, now: Instant) {
        if let Some(pulse) = &mut self.pulse {
            pulse.hear(now);
        }
        if let Some((deadline, limit)) = &mut self.time_to_live {
            *deadline = now.checked_add(*limit).unwrap_or(*deadline);
        }
    }

    /// Lets a peer be silent for `patience` in all, though it was asked: it has a reason that the
    /// caller knows. To be called when [`handle_timeout`](Self::handle_timeout) has found it too
    /// silent; with [`Excuse::TooLate`] that stands.
    pub fn excuse(&mut self, patience: Duration, now: Instant) -> Excuse {
        match &mut self.pulse {
            Some(pulse) => pulse.excuse(patience, now),
            None => Excuse::Taken,
        }
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) wants to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let partial = self.partial.map(|partial| partial.deadline);
        let time_to_live = self.time_to_live.map(|(deadline, _)| deadline);
        let pulse = self.pulse.as_ref().and_then(Pulse::poll_timeout);
        partial.into_iter().chain(time_to_live).chain(pulse).min()
    }

    /// Looks at the clock, and returns a PING if it is time for one.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Timeout`]: the peer stopped in the middle of a message, broke the
    /// promise of its PING, or did not answer ours.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<Option<Ping>, ConnectionError> {
        let late = |what, limit| Err(ConnectionError::Timeout { what, limit });
        // spec: mux:limit:partial-message
        if self.partial.is_some_and(|partial| partial.deadline <= now) {
            return late(Deadline::PartialMessage, self.limits.partial_time);
        }
        // spec: 37:heartbeat:ttl
        if let Some((_, limit)) = self.time_to_live.filter(|(deadline, _)| *deadline <= now) {
            return late(Deadline::TimeToLive, limit);
        }
        let Some(pulse) = &mut self.pulse else { return Ok(None) };
        match pulse.handle_timeout(now) {
            Beat::Wait => Ok(None),
            Beat::Ask(ping) => Ok(Some(ping)),
            // spec: 37:heartbeat:dead-after-silence
            Beat::Dead => late(Deadline::Silence, pulse.timeout()),
        }
    }

    /// Returns how many octets of an unfinished message are held here, beside the input.
    #[must_use]
    pub fn held(&self) -> usize {
        self.intake.held()
    }

    /// Returns how many octets the input must have before anything new can come of it, as far as
    /// that is known; 0 if it is not. A hint for the size of a buffer.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.intake.wanted()
    }
}

fn command(
    body: &[u8],
    limits: &Limits,
    time_to_live: &mut Option<(Instant, Duration)>,
    now: Instant,
) -> Result<Received<'static>, ConnectionError> {
    let Some((pong, promised)) = judge(body, limits)? else {
        return Ok(Received::Nothing);
    };
    *time_to_live = now
        .checked_add(promised)
        .filter(|_| !promised.is_zero())
        .map(|deadline| (deadline, promised));
    Ok(Received::Ping(pong))
}

/// Notes that so many octets of a message have arrived, and not its end.
fn note_partial(partial: &mut Option<Partial>, octets: usize, limits: &Limits, now: Instant) {
    if octets == 0 {
        *partial = None;
    } else if partial.is_none_or(|partial| octets >= partial.progress_at) {
        *partial = now.checked_add(limits.partial_time).map(|deadline| Partial {
            deadline,
            progress_at: octets.saturating_add(Limits::PARTIAL_PROGRESS),
        });
    }
}

/// Judges a command in traffic: the answer and the time to live of a PING, or nothing.
pub(crate) fn judge(
    body: &[u8],
    limits: &Limits,
) -> Result<Option<(Pong, Duration)>, ConnectionError> {
    match Command::parse(body, limits)? {
        Command::Ping { time_to_live, context } => Ok(Some((Pong(context), time_to_live))),
        // spec: 37:command:never-delivered, 37:subscription:wrong-type
        Command::Pong { .. }
        | Command::Subscribe { .. }
        | Command::Cancel { .. }
        | Command::Join { .. }
        | Command::Leave { .. }
        | Command::Other => Ok(None),
        // spec: 37:command:ready-or-error-in-traffic
        command @ (Command::Ready(_) | Command::Error { .. }) => {
            let got = command.unexpected();
            Err(ConnectionError::Unexpected { got, state: Phase::Traffic })
        }
    }
}

#[cfg(test)]
mod tests;
