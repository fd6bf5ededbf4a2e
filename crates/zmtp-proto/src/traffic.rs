//! A connection after its handshake, as seen by the side that reads.
//!
//! | on                          | gives                | timer                              |
//! |-----------------------------|----------------------|------------------------------------|
//! | whole message               | `Message`            | partial message: off               |
//! | PING                        | `Ping`, to be answered | its time to live, if any: on     |
//! | SUBSCRIBE, CANCEL of a subscriber, in either form | `Subscription` |                    |
//! | JOIN, LEAVE of a DISH       | `Membership`         |                                    |
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
use crate::decoder::{Decoded, Decoder, Item, Octets, Run};
use crate::error::{ConnectionError, Deadline, Phase};
use crate::greeting::Version;
use crate::heartbeat::{Beat, Excuse, Heartbeat, Ping, Pulse};
use crate::limits::{Limits, Settings};
use crate::pairing::{Audience, Pairing};
use crate::subscription::{Membership, Subscription};

/// The reading half of an established connection.
#[derive(Debug)]
pub struct Traffic {
    intake: Intake,
    limits: Limits,
    /// `None` for a peer that is never asked whether it lives.
    pulse: Option<Pulse>,
    partial: Option<Partial>,
    time_to_live: Option<(Instant, Duration)>,
    pairing: Pairing,
    /// What [`Pairing::audience`] gave: it is asked for each message.
    audience: Audience,
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

    #[inline]
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
    /// As PUB or XPUB only: the peer subscribes, or no longer does, by a command or by the message
    /// of 3.0. In a box, since messages should not pay for its size.
    Subscription(Box<Subscription>),
    /// As RADIO only: the peer joins a group, or leaves one.
    Membership(Box<Membership>),
    /// A command that asks for nothing.
    Nothing,
}

impl Traffic {
    /// Starts at the first octet behind a handshake under NULL or PLAIN that ended with `pairing`.
    #[must_use]
    pub fn new(settings: &Settings, pairing: Pairing, now: Instant) -> Self {
        Self::with(Intake::Clear(Decoder::new(settings.limits)), settings, pairing, now)
    }

    // spec: 37:heartbeat:not-to-3-0
    pub(crate) fn with(
        intake: Intake,
        settings: &Settings,
        pairing: Pairing,
        now: Instant,
    ) -> Self {
        let pulse = match (settings.heartbeat, pairing.version) {
            (Heartbeat::On(rhythm), Version::V3_1) => Some(Pulse::new(rhythm, now)),
            (Heartbeat::Off, _) | (_, Version::V3_0) => None,
        };
        let (limits, audience) = (settings.limits, pairing.audience());
        Self { intake, limits, pulse, partial: None, time_to_live: None, pairing, audience }
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
            && self.audience != Audience::Subscriber
            && let Some(octets) = decoder.short_message(input)
        {
            self.partial = None;
            let received = Received::Message(Octets::InPlace(octets));
            return Ok(Some(Arrival { consumed: octets.len(), received }));
        }
        self.handle_other(input, now)
    }

    /// Takes all whole messages of few short frames off the front of `input` at once; `None` if the
    /// first is none, of which [`handle_input`](Self::handle_input) tells more. For those who want
    /// messages as they stand, and do not look into each.
    #[inline]
    pub fn handle_run<'i>(&mut self, input: &'i [u8], now: Instant) -> Option<Run<'i>> {
        let Intake::Clear(decoder) = &self.intake else { return None };
        let run = decoder.run(input).filter(|_| self.audience != Audience::Subscriber)?;
        self.time_to_live = None;
        if let Some(pulse) = &mut self.pulse {
            pulse.hear(now);
        }
        self.partial = None;
        Some(run)
    }

    #[inline(never)]
    fn handle_other<'i>(
        &'i mut self,
        input: &'i [u8],
        now: Instant,
    ) -> Result<Option<Arrival<'i>>, ConnectionError> {
        let Self { intake, limits, partial, time_to_live, audience, .. } = self;
        let held_before = intake.held();
        let Some(Decoded { consumed, item, held }) = intake.decode(input)? else {
            note_partial(partial, input.len().saturating_add(held_before), limits, now);
            return Ok(None);
        };
        let received = match item {
            Item::Message(octets) if *audience == Audience::Subscriber => published_to(octets),
            Item::Message(octets) => Received::Message(octets),
            Item::Command(body) => {
                let command = Command::parse(body, limits)?;
                if let Command::Ping { time_to_live: promised, context } = command {
                    *time_to_live = promise(promised, now);
                    Received::Ping(Pong(context))
                } else {
                    told(&command, *audience)?
                }
            }
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

    /// Notes that from `since` until now our own side did not read, as for want of room: silence
    /// counts from here, and the other clocks stood still.
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

    /// Notes that our own side does not read at `now`, though it is in the middle of a message: silence
    /// counts from here, and a time to live too. Unlike with [`resume`](Self::resume) the clock of the
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

    /// Gives a peer that does not answer more time, `patience` in all since its last octet: the
    /// caller knows a reason, such as much that it has to read. To be called when [`handle_timeout`](Self::handle_timeout) has found it too
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

    /// Returns between which sockets the connection is, and in which version.
    #[must_use]
    pub fn pairing(&self) -> Pairing {
        self.pairing
    }

    /// Returns how many octets of an unfinished message are held here, beside the input.
    #[inline]
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

/// Returns what a message is to a publisher: a subscription in the form of 3.0, or itself.
// spec: 37:subscription:both-forms-taken
fn published_to(octets: Octets<'_>) -> Received<'_> {
    match Subscription::from_encoded(octets.as_slice()) {
        Some(subscription) => Received::Subscription(Box::new(subscription)),
        None => Received::Message(octets),
    }
}

/// Returns until when the peer has promised octets, if it has.
fn promise(time_to_live: Duration, now: Instant) -> Option<(Instant, Duration)> {
    let deadline = now.checked_add(time_to_live).filter(|_| !time_to_live.is_zero());
    deadline.map(|deadline| (deadline, time_to_live))
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

/// Returns what a command in traffic, other than PING, asks for.
fn told(command: &Command, audience: Audience) -> Result<Received<'static>, ConnectionError> {
    let asked = match (command, audience) {
        // spec: 37:command:ready-or-error-in-traffic
        (Command::Ready(_) | Command::Error { .. }, _) => {
            let got = command.unexpected();
            return Err(ConnectionError::Unexpected { got, state: Phase::Traffic });
        }
        (_, Audience::Subscriber) => Subscription::from_command(command)
            .map(|subscription| Received::Subscription(Box::new(subscription))),
        (_, Audience::Dish) => Membership::from_command(command)
            .map(|membership| Received::Membership(Box::new(membership))),
        (_, Audience::Other) => None,
    };
    // spec: 37:command:never-delivered, 37:subscription:wrong-type
    Ok(asked.unwrap_or(Received::Nothing))
}

#[cfg(test)]
mod tests;
