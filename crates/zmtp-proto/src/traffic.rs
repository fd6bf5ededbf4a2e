//! A connection after its handshake, as seen by the side that reads.
//!
//! | on                          | gives                | timer                              |
//! |-----------------------------|----------------------|------------------------------------|
//! | whole message               | `Message`            | partial message: off               |
//! | PING                        | `Ping`, to be answered | its time to live, if any: on     |
//! | PONG, well-formed other     | `Nothing`            |                                    |
//! | READY, ERROR, malformed     | error                |                                    |
//! | octets of any kind          |                      | time to live: off                  |
//! | octets without a whole item | `None`               | partial message: on, or moved      |
//! | a command inside a message  | as above             | partial message: as it was         |

use std::time::{Duration, Instant};

use crate::command::{Command, Pong};
use crate::decoder::{Decoded, Decoder, Item, Octets};
use crate::error::{ConnectionError, Deadline, Phase};
use crate::limits::Limits;

/// The reading half of an established connection.
#[derive(Debug)]
pub struct Traffic {
    decoder: Decoder,
    limits: Limits,
    partial: Option<Partial>,
    time_to_live: Option<(Instant, Duration)>,
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
    /// Starts at the first octet behind the handshake.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { decoder: Decoder::new(limits), limits, partial: None, time_to_live: None }
    }

    /// Takes what is whole off the front of `input`; `Ok(None)` until something is. Call it,
    /// dropping what was consumed, until it returns `None`, whenever octets have arrived.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol; the connection has to end.
    #[inline]
    pub fn handle_input<'i>(
        &mut self,
        input: &'i [u8],
        now: Instant,
    ) -> Result<Option<Arrival<'i>>, ConnectionError> {
        // spec: 37:heartbeat:any-octet-is-life
        if !input.is_empty() {
            self.time_to_live = None;
        }
        let arrival = self.receive(input, now)?;
        match arrival {
            // A command inside a message is no progress of it.
            Some(_) if self.decoder.held() > 0 => {}
            Some(_) => self.partial = None,
            None => self.note_partial(input.len(), now),
        }
        Ok(arrival)
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) wants to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let partial = self.partial.map(|partial| partial.deadline);
        let time_to_live = self.time_to_live.map(|(deadline, _)| deadline);
        partial.into_iter().chain(time_to_live).min()
    }

    /// Looks at the clock.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Timeout`]: the peer stopped in the middle of a message, or broke the
    /// promise of its PING.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        // spec: mux:limit:partial-message
        if self.partial.is_some_and(|partial| partial.deadline <= now) {
            let limit = self.limits.partial_time;
            return Err(ConnectionError::Timeout { what: Deadline::PartialMessage, limit });
        }
        // spec: 37:heartbeat:ttl
        match self.time_to_live {
            Some((deadline, limit)) if deadline <= now => {
                Err(ConnectionError::Timeout { what: Deadline::TimeToLive, limit })
            }
            _ => Ok(()),
        }
    }

    /// Returns how many octets the input must have before anything new can come of it, as far as
    /// that is known; 0 if it is not. A hint for the size of a buffer.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.decoder.wanted()
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        input: &'i [u8],
        now: Instant,
    ) -> Result<Option<Arrival<'i>>, ConnectionError> {
        let Some(Decoded { consumed, item }) = self.decoder.decode(input)? else {
            return Ok(None);
        };
        let received = match item {
            Item::Message(octets) => Received::Message(octets),
            Item::Command(body) => self.command(body, now)?,
        };
        Ok(Some(Arrival { consumed, received }))
    }

    fn command(&mut self, body: &[u8], now: Instant) -> Result<Received<'static>, ConnectionError> {
        let Some((pong, time_to_live)) = judge(body, &self.limits)? else {
            return Ok(Received::Nothing);
        };
        self.time_to_live = now
            .checked_add(time_to_live)
            .filter(|_| !time_to_live.is_zero())
            .map(|deadline| (deadline, time_to_live));
        Ok(Received::Ping(pong))
    }

    fn note_partial(&mut self, unconsumed: usize, now: Instant) {
        let octets = unconsumed.saturating_add(self.decoder.held());
        if octets == 0 {
            self.partial = None;
        } else if self.partial.is_none_or(|partial| octets >= partial.progress_at) {
            self.partial = now.checked_add(self.limits.partial_time).map(|deadline| Partial {
                deadline,
                progress_at: octets.saturating_add(Limits::PARTIAL_PROGRESS),
            });
        }
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
