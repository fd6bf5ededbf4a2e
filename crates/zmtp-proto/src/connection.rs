//! A connection from its first octet to its last, without any I/O.
//!
//! ```text
//!            handle_input             accept / refuse
//!  greeting ──────────────► Deciding ────────────────► Traffic     (acceptor)
//!           ───────────────────────────────────────►               (connector)
//!     any ── error ──► Closed
//! ```

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::command::Pong;
use crate::decoder::Octets;
use crate::error::{ConnectionError, Deadline};
use crate::handshake::{self, Handshake, Local, Peer, Side};
use crate::limits::Limits;
use crate::message::Message;
use crate::traffic::{Arrival, Received, Traffic};

/// One side of a connection.
///
/// **After every `handle_*`, `accept`, `refuse` or `send`, write out what
/// [`poll_transmit`](Self::poll_transmit) gives until `None`, then arm a timer for
/// [`poll_timeout`](Self::poll_timeout).** This holds after an error as well: the last octets may
/// tell the peer why. After an error the connection is closed for good.
#[derive(Debug)]
pub struct Connection {
    state: State,
    limits: Limits,
    /// Octets to send: the handshake, then whole messages only.
    outbox: BytesMut,
    /// The one PONG that waits to be sent.
    pong: Option<Pong>,
}

#[derive(Debug, Default)]
enum State {
    Handshake {
        handshake: Handshake,
        deadline: Option<Instant>,
    },
    Traffic(Box<Traffic>),
    #[default]
    Closed,
}

/// What a connection tells its owner.
#[derive(Debug)]
pub struct Progress<'i> {
    /// Octets to drop from the front of the input before the next call. Never 0.
    pub consumed: usize,
    /// What happened; `None` if it concerns nobody but the connection.
    pub event: Option<Event<'i>>,
}

/// Something that the owner of a connection has to know.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// As acceptor only: the peer has introduced itself. Answer with
    /// [`accept`](Connection::accept) or [`refuse`](Connection::refuse); until then no input is
    /// taken.
    Introduced(Peer),
    /// As connector only: the peer let us in, and messages may be sent.
    Established(Peer),
    /// A message arrived.
    Message(Octets<'i>),
}

impl Connection {
    /// Makes the side that dialled, which announces `local`.
    #[must_use]
    pub fn connector(local: Local, limits: Limits, now: Instant) -> Self {
        Self::new(Side::Connector(local), limits, now)
    }

    /// Makes the side that was dialled.
    #[must_use]
    pub fn acceptor(limits: Limits, now: Instant) -> Self {
        Self::new(Side::Acceptor, limits, now)
    }

    /// Takes what is whole off the front of `input`; `Ok(None)` until something is. Call it,
    /// dropping what was consumed, until it returns `None`, whenever octets have arrived.
    ///
    /// The input stays with the caller, who keeps at its front what was not consumed.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol or refused us; the connection is closed.
    pub fn handle_input<'i>(
        &mut self,
        input: &'i [u8],
        now: Instant,
    ) -> Result<Option<Progress<'i>>, ConnectionError> {
        match std::mem::take(&mut self.state) {
            State::Handshake { handshake, deadline } => self.shake(handshake, deadline, input),
            State::Traffic(mut traffic) => {
                let arrival = traffic.handle_input(input, now)?;
                self.state = State::Traffic(traffic);
                Ok(arrival.map(|arrival| self.arrived(arrival)))
            }
            State::Closed => Err(ConnectionError::Closed),
        }
    }

    /// Lets an introduced peer in, announcing `local`. Messages may be sent from here on.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Incompatible`] if the types do not talk to each other, of which the
    /// peer is told; [`ConnectionError::Closed`] if no peer waits for a decision.
    pub fn accept(&mut self, local: &Local) -> Result<(), ConnectionError> {
        match std::mem::take(&mut self.state) {
            State::Handshake { handshake, .. } => {
                handshake.accept(local, &mut self.outbox)?;
                self.state = State::Traffic(Box::new(Traffic::new(self.limits)));
                Ok(())
            }
            State::Traffic(_) | State::Closed => Err(ConnectionError::Closed),
        }
    }

    /// Tells an introduced peer for good that it is not wanted, and closes. libzmq peers do not
    /// come back after this; to make one come back later, just drop the connection.
    ///
    /// `reason` is shortened to 255 octets, and what is not printable in it replaced.
    pub fn refuse(&mut self, reason: &str) {
        self.state = State::Closed;
        let _: ConnectionError = handshake::refuse(reason, &mut self.outbox);
    }

    /// Queues a message.
    ///
    /// # Errors
    ///
    /// Returns the message if the connection is not, or no longer, established.
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        match self.state {
            // spec: 37:null:messages-after-ready
            State::Traffic(_) => {
                self.outbox.extend_from_slice(message.as_octets());
                Ok(())
            }
            State::Handshake { .. } | State::Closed => Err(SendError(message)),
        }
    }

    /// Returns octets to send, until there are none left.
    // spec: 37:heartbeat:one-pong-waits, 37:message:no-command-inside
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        // The outbox first: a PONG must not overtake our READY.
        if !self.outbox.is_empty() {
            return Some(self.outbox.split().freeze());
        }
        let pong = self.pong.take()?;
        let mut out = BytesMut::with_capacity(Pong::LEN_MAX);
        pong.put(&mut out);
        Some(out.freeze())
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) wants to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            // The clock stops while our own side decides.
            State::Handshake { handshake: Handshake::Deciding(_), .. } | State::Closed => None,
            State::Handshake { deadline, .. } => *deadline,
            State::Traffic(traffic) => traffic.poll_timeout(),
        }
    }

    /// Looks at the clock.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Timeout`]: the peer was too slow, and the connection is closed.
    // spec: 37:handshake:deadline
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        match std::mem::take(&mut self.state) {
            State::Traffic(mut traffic) => traffic.handle_timeout(now),
            State::Handshake { .. } | State::Closed => Err(ConnectionError::Timeout {
                what: Deadline::Handshake,
                limit: self.limits.handshake_time,
            }),
        }
    }

    /// Goes on without the connection's own outbox: for a caller with queues of its own, who has
    /// sent what [`poll_transmit`](Self::poll_transmit) gave.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Closed`] if the connection is not established.
    pub fn into_traffic(self) -> Result<Traffic, ConnectionError> {
        match self.state {
            State::Traffic(traffic) => Ok(*traffic),
            State::Handshake { .. } | State::Closed => Err(ConnectionError::Closed),
        }
    }

    fn new(side: Side, limits: Limits, now: Instant) -> Self {
        let mut outbox = BytesMut::new();
        let handshake = Handshake::start(side, &mut outbox);
        let deadline = now.checked_add(limits.handshake_time);
        let state = State::Handshake { handshake, deadline };
        Self { state, limits, outbox, pong: None }
    }

    fn shake<'i>(
        &mut self,
        handshake: Handshake,
        deadline: Option<Instant>,
        input: &[u8],
    ) -> Result<Option<Progress<'i>>, ConnectionError> {
        let Some((consumed, token)) = handshake.cut(input, &self.limits)? else {
            self.state = State::Handshake { handshake, deadline };
            return Ok(None);
        };
        let event = match handshake.handle(token, &mut self.outbox)? {
            Handshake::Done(peer) => {
                self.state = State::Traffic(Box::new(Traffic::new(self.limits)));
                Some(Event::Established(peer))
            }
            Handshake::Deciding(peer) => {
                let handshake = Handshake::Deciding(peer.clone());
                self.state = State::Handshake { handshake, deadline };
                Some(Event::Introduced(peer))
            }
            handshake @ (Handshake::AwaitGreeting(_) | Handshake::AwaitReady(..)) => {
                self.state = State::Handshake { handshake, deadline };
                None
            }
        };
        Ok(Some(Progress { consumed, event }))
    }

    fn arrived<'i>(&mut self, arrival: Arrival<'i>) -> Progress<'i> {
        let event = match arrival.received {
            Received::Message(octets) => Some(Event::Message(octets)),
            Received::Ping(pong) => {
                self.pong = Some(pong);
                None
            }
            Received::Nothing => None,
        };
        Progress { consumed: arrival.consumed, event }
    }
}

#[cfg(any(test, fuzzing))]
impl Connection {
    /// Forgets a PONG that waits.
    pub(crate) fn drop_pong(&mut self) {
        self.pong = None;
    }
}

/// The connection is not established; here is the message back.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the connection is not established")]
pub struct SendError(
    /// What was not sent.
    pub Message,
);

#[cfg(test)]
mod tests;
