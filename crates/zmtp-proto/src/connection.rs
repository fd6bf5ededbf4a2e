//! A connection from its first octet to its last, without any I/O.
//!
//! ```text
//!            handle_input              accept / refuse
//!  greeting ───────────────► Deciding ────────────────► Traffic     (acceptor)
//!           ──► Judging ────► Deciding                              (acceptor, PLAIN)
//!               welcome / refuse
//!           ────────────────────────────────────────►               (connector)
//!     any ── error ──► Closed,    any ── refuse ──► Refused
//! ```

mod sending;
mod shown;

use std::time::Instant;

use bytes::BytesMut;

use crate::command::Pong;
use crate::decoder::Decoder;
use crate::error::{ConnectionError, Deadline};
use crate::event::{Event, Progress};
use crate::handshake::{Handshake, Local, Peer, Security, Side, Told};
use crate::heartbeat::Ping;
use crate::limits::Settings;
use crate::outlet::Outlet;
use crate::pairing::Pairing;
use crate::security::{ClientSecurity, ServerSecurity};
use crate::socket_type::SocketType;
use crate::traffic::{Arrival, Intake, Received, Traffic};

pub use self::sending::SendError;

/// One side of a connection.
///
/// **After every `handle_*`, `welcome`, `accept`, `refuse` or `send`, write out what
/// [`poll_transmit`](Self::poll_transmit) gives until `None`, then arm a timer for
/// [`poll_timeout`](Self::poll_timeout).** This holds after an error as well: the last octets may
/// tell the peer why. After an error the connection is closed for good.
pub struct Connection {
    state: State,
    settings: Settings,
    /// Octets to send: the handshake, then whole messages only.
    outbox: BytesMut,
    /// The one PONG that waits to be sent.
    pong: Option<Pong>,
    /// The one PING that waits to be sent.
    ping: Option<Ping>,
    faith: Faith,
}

/// Whether the peer has kept to the protocol in traffic; if not, the state is `Closed` at the next
/// look. It stands beside the state because what was received may be lent out of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Faith {
    Kept,
    Broken,
}

#[derive(Debug, Default)]
enum State {
    Handshake {
        handshake: Handshake,
        deadline: Option<Instant>,
    },
    Traffic(Box<(Traffic, Outlet)>),
    /// We have refused the peer: what waits is written, and nothing is read.
    Refused,
    #[default]
    Closed,
}

impl Connection {
    /// Makes the side that dialled, which announces `local` to whom `security` finds.
    ///
    /// Under PLAIN and CURVE it is the client, and no octet tells who dialled: for a server that
    /// dials its clients give this one to the client, and [`acceptor`](Self::acceptor) to the server.
    // spec: 37:topology:roles-configured
    #[must_use]
    pub fn connector(
        local: Local,
        security: ClientSecurity,
        settings: impl Into<Settings>,
        now: Instant,
    ) -> Self {
        Self::new(Side::Connector(local, security), settings.into(), now)
    }

    /// Makes the side that was dialled, and asks for what `security` asks for.
    ///
    /// Under PLAIN and CURVE it is the server, whoever dialled.
    // spec: 37:topology:roles-configured
    #[must_use]
    pub fn acceptor(security: ServerSecurity, settings: impl Into<Settings>, now: Instant) -> Self {
        Self::new(Side::Acceptor(security), settings.into(), now)
    }

    /// Takes what is whole off the front of `input`; `Ok(None)` until something is. Call it,
    /// dropping what was consumed, until it returns `None`, whenever octets have arrived.
    ///
    /// The input stays with the caller, who keeps at its front what was not consumed. While our side
    /// decides on the peer, and after [`refuse`](Self::refuse) for good, nothing is taken:
    /// `Ok(None)`, whatever arrives.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol or refused us; the connection is closed. Write out what
    /// [`poll_transmit`](Self::poll_transmit) gives all the same: it may tell the peer why.
    pub fn handle_input<'i>(
        &'i mut self,
        input: &'i [u8],
        now: Instant,
    ) -> Result<Option<Progress<'i>>, ConnectionError> {
        self.settle();
        if matches!(self.state, State::Traffic(_)) {
            return self.receive(input, now);
        }
        match std::mem::take(&mut self.state) {
            State::Handshake { handshake, deadline } => self.shake(handshake, deadline, input, now),
            // spec: 37:errors:sent-then-closed
            State::Refused => {
                self.state = State::Refused;
                Ok(None)
            }
            State::Traffic(_) | State::Closed => Err(ConnectionError::Closed),
        }
    }

    /// Welcomes a PLAIN client that has given its credentials; it introduces itself next.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Closed`] if no client waits for that.
    pub fn welcome(&mut self) -> Result<(), ConnectionError> {
        let State::Handshake { handshake, deadline } = std::mem::take(&mut self.state) else {
            return Err(ConnectionError::Closed);
        };
        let handshake = handshake.welcome(&mut self.outbox)?;
        self.state = State::Handshake { handshake, deadline };
        Ok(())
    }

    /// Lets an introduced peer in, announcing `local`. Messages may be sent from here on.
    ///
    /// Whoever calls this has judged [`Peer::credentials`]: under PLAIN and CURVE they say who
    /// the peer is, and not that it is welcome.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Incompatible`] if the types do not talk to each other, of which the
    /// peer is told; [`ConnectionError::Closed`] if no peer waits for a decision.
    pub fn accept(&mut self, local: &Local, now: Instant) -> Result<(), ConnectionError> {
        let State::Handshake { handshake, .. } = std::mem::take(&mut self.state) else {
            return Err(ConnectionError::Closed);
        };
        let Handshake::Done(peer, ours, security) = handshake.accept(local, &mut self.outbox)?
        else {
            return Err(ConnectionError::Closed);
        };
        self.establish(&peer, ours, security, now);
        Ok(())
    }

    /// Tells an introduced peer for good that it is not wanted. libzmq peers do not come back after
    /// this; to make one come back later, just drop the connection.
    ///
    /// Nothing is read after this. Write out what [`poll_transmit`](Self::poll_transmit) gives, then
    /// close the transport.
    ///
    /// `reason` is cut to 255 octets. The grammar has no spaces in it: a space, and all else that is
    /// not visible ASCII, becomes `-`, so that `"unknown key"` arrives as `unknown-key`. It is not
    /// sent where no peer waits for a decision: there ERROR has no place.
    // spec: 24:plain:refused-with-error, 26:curve:error-only-for-good,
    //       37:auth:refused-for-good-error
    pub fn refuse(&mut self, reason: &str) {
        self.settle();
        match std::mem::take(&mut self.state) {
            State::Handshake { handshake, .. } => handshake.refuse(reason, &mut self.outbox),
            State::Traffic(_) | State::Refused => {}
            State::Closed => return,
        }
        self.state = State::Refused;
    }

    /// Tells whether the handshake is over and messages may be sent.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.faith == Faith::Kept && matches!(self.state, State::Traffic(_))
    }

    /// Tells whether the connection is over: after an error, a refusal, or once its halves were
    /// taken. When [`poll_transmit`](Self::poll_transmit) gives nothing more, close the transport.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.faith == Faith::Broken || matches!(self.state, State::Refused | State::Closed)
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) wants to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.faith == Faith::Broken {
            return None;
        }
        match &self.state {
            // The clock stops while our own side decides.
            State::Handshake { handshake, deadline } => {
                deadline.filter(|_| handshake.awaits_peer())
            }
            State::Refused | State::Closed => None,
            State::Traffic(traffic) => traffic.0.poll_timeout(),
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
            State::Traffic(mut traffic) => {
                self.ping = traffic.0.handle_timeout(now)?.or(self.ping);
                self.state = State::Traffic(traffic);
                Ok(())
            }
            State::Handshake { .. } | State::Refused | State::Closed => {
                Err(ConnectionError::Timeout {
                    what: Deadline::Handshake,
                    limit: self.settings.limits.handshake_time,
                })
            }
        }
    }

    /// Notes that our own side did not read from `since` until now: the peer's silence counts from
    /// here, and its other clocks stood still.
    // spec: 37:heartbeat:withheld-reads
    pub fn resume(&mut self, since: Instant, now: Instant) {
        if let State::Traffic(traffic) = &mut self.state {
            traffic.0.resume(since, now);
        }
    }

    /// Parts the reading half from the sending one: for a caller with queues of its own, who has
    /// sent what [`poll_transmit`](Self::poll_transmit) gave.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Closed`] if the connection is not established.
    pub fn into_halves(mut self) -> Result<(Traffic, Outlet), ConnectionError> {
        self.take_halves()
    }

    /// As [`into_halves`](Self::into_halves); what is left of the connection is closed.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Closed`] if the connection is not established.
    pub fn take_halves(&mut self) -> Result<(Traffic, Outlet), ConnectionError> {
        self.settle();
        match std::mem::take(&mut self.state) {
            State::Traffic(halves) => Ok(*halves),
            State::Handshake { .. } | State::Refused | State::Closed => {
                Err(ConnectionError::Closed)
            }
        }
    }

    fn new(side: Side, settings: Settings, now: Instant) -> Self {
        let mut outbox = BytesMut::new();
        let handshake = Handshake::start(settings.version, side, &mut outbox);
        let deadline = now.checked_add(settings.limits.handshake_time);
        let state = State::Handshake { handshake, deadline };
        Self { state, settings, outbox, pong: None, ping: None, faith: Faith::Kept }
    }

    /// Closes the connection of a peer that has broken the protocol, without a word.
    // spec: 26:curve:silent-close
    fn settle(&mut self) {
        if self.faith == Faith::Broken {
            self.state = State::Closed;
        }
    }

    fn shake<'i>(
        &mut self,
        handshake: Handshake,
        deadline: Option<Instant>,
        input: &[u8],
        now: Instant,
    ) -> Result<Option<Progress<'i>>, ConnectionError> {
        let limits = self.settings.limits;
        let Some((consumed, token)) = handshake.cut(input, &limits)? else {
            self.state = State::Handshake { handshake, deadline };
            return Ok(None);
        };
        let (handshake, told) = handshake.handle(token, &limits, &mut self.outbox)?;
        let event = match (&handshake, told) {
            (_, Told::Credentials(credentials)) => Some(Event::Credentials(credentials)),
            (Handshake::Deciding(peer, _), Told::Nothing) => Some(Event::Introduced(peer.clone())),
            (_, Told::Nothing) => None,
        };
        if let Handshake::Done(peer, ours, security) = handshake {
            self.establish(&peer, ours, security, now);
            return Ok(Some(Progress { consumed, event: Some(Event::Established(peer)) }));
        }
        self.state = State::Handshake { handshake, deadline };
        Ok(Some(Progress { consumed, event }))
    }

    fn establish(&mut self, peer: &Peer, ours: SocketType, security: Security, now: Instant) {
        let limits = self.settings.limits;
        let (intake, outlet) = match security {
            // spec: 24:plain:clear-traffic
            Security::Clear => (Intake::Clear(Decoder::new(limits)), Outlet::Clear),
            Security::Curve(session) => {
                let (opener, sealer) = session.split(limits);
                (Intake::Curve(Box::new(opener)), Outlet::Sealed(sealer))
            }
        };
        let pairing = Pairing { ours, theirs: peer.socket_type, version: peer.version };
        let traffic = Traffic::with(intake, &self.settings, pairing, now);
        self.state = State::Traffic(Box::new((traffic, outlet)));
    }

    fn receive<'i>(
        &'i mut self,
        input: &'i [u8],
        now: Instant,
    ) -> Result<Option<Progress<'i>>, ConnectionError> {
        let Self { state, pong, faith, .. } = self;
        let State::Traffic(traffic) = state else { return Err(ConnectionError::Closed) };
        match traffic.0.handle_input(input, now) {
            Ok(arrival) => Ok(arrival.map(|arrival| arrived(arrival, pong))),
            Err(error) => {
                *faith = Faith::Broken;
                Err(error)
            }
        }
    }
}

fn arrived<'i>(arrival: Arrival<'i>, pong: &mut Option<Pong>) -> Progress<'i> {
    let event = match arrival.received {
        Received::Message(octets) => Some(Event::Message(octets)),
        Received::Ping(answer) => {
            *pong = Some(answer);
            None
        }
        Received::Subscription(subscription) => Some(Event::Subscription(*subscription)),
        Received::Membership(membership) => Some(Event::Membership(*membership)),
        Received::Nothing => None,
    };
    Progress { consumed: arrival.consumed, event }
}

#[cfg(any(test, fuzzing))]
impl Connection {
    /// Forgets a PONG that waits.
    pub(crate) fn drop_pong(&mut self) {
        self.pong = None;
    }
}

#[cfg(test)]
mod tests;
