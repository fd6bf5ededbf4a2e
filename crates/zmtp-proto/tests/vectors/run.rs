//! Feeds octets to a connection and notes all that comes of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use zmtp_proto::{
    ClientSecurity, Connection, ConnectionError, Credentials, Deadline, Event, FrameHeader,
    Greeting, Heartbeat, Limits, Local, Peer, Progress, ServerSecurity, Settings, SocketType,
};

use crate::find;
use crate::notation::octets;
use crate::row::{Context, End, Happened, Timer};
use crate::secured::Awaits;

/// What we are in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Acceptor,
    Connector,
}

impl Role {
    pub(crate) const BOTH: [Self; 2] = [Self::Acceptor, Self::Connector];
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Happened>,
    /// If closed, `after` counts whole pieces: it is the end of the piece that closed it.
    pub(crate) end: End,
    /// What was sent since the first octet of the run, escaped.
    pub(crate) sent: String,
    pub(crate) timer: Option<Timer>,
}

/// A connection that is fed by hand, and its owner.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) connection: Connection,
    ours: Local,
    inbox: Vec<u8>,
    fed: usize,
    consumed: usize,
    peer: Option<Peer>,
    events: Vec<Happened>,
    closed: Option<End>,
    sent: Vec<u8>,
}

impl Run {
    /// Makes a connection that has come to the place where rows of `context` begin.
    pub(crate) fn new(context: Context, role: Role, now: Instant) -> Result<Self, String> {
        let ours = match context {
            Context::Secured(awaits) => return Self::secured(awaits, now),
            Context::Ready(socket_type) => socket_type,
            Context::Greeting(..) | Context::Traffic => SocketType::Router,
        };
        let mut run = Self::start(ours, Limits::default(), role, now);
        let mut expected = GREETING_AT_ONCE.to_vec();
        if !matches!(context, Context::Greeting(..)) {
            run.feed(&greeting(), now)?;
        }
        if context == Context::Traffic {
            run.feed(&dealer_ready(), now)?;
        }
        let speaks_first = role == Role::Connector && !matches!(context, Context::Greeting(..));
        if speaks_first || context == Context::Traffic {
            expected.extend(own_ready(ours)?);
        }
        run.drain();
        if run.sent != expected {
            return Err(format!("sent {} before the row", readable(&run.sent)));
        }
        run.forget();
        Ok(run)
    }

    /// Makes a connection that waits for that; how it got there, the rows before say.
    fn secured(awaits: Awaits, now: Instant) -> Result<Self, String> {
        let settings = Self::settings(Limits::default());
        let mut run = Self::of(awaits.connection(settings, now), awaits.ours());
        run.feed(&awaits.greeting(), now)?;
        for id in awaits.prelude() {
            run.feed(&find(id)?.octets, now)?;
        }
        run.drain();
        run.forget();
        match run.closed {
            Some(closed) => Err(format!("{closed:?} before the row")),
            None => Ok(run),
        }
    }

    /// Forgets what happened before the row.
    fn forget(&mut self) {
        self.sent.clear();
        self.events.clear();
        self.fed = 0;
    }

    /// Without heartbeats of our own, so that the only clocks are those of the row.
    fn settings(limits: Limits) -> Settings {
        Settings { heartbeat: Heartbeat::Off, ..Settings::from(limits) }
    }

    /// Makes a connection that has not read anything.
    pub(crate) fn start(ours: SocketType, limits: Limits, role: Role, now: Instant) -> Self {
        let ours = Local::new(ours);
        let settings = Self::settings(limits);
        let connection = match role {
            Role::Acceptor => Connection::acceptor(ServerSecurity::Null, settings, now),
            Role::Connector => {
                Connection::connector(ours.clone(), ClientSecurity::Null, settings, now)
            }
        };
        Self::of(connection, ours)
    }

    fn of(connection: Connection, ours: Local) -> Self {
        let (inbox, events, sent) = (Vec::new(), Vec::new(), Vec::new());
        let (peer, closed) = (None, None);
        Self { connection, ours, inbox, fed: 0, consumed: 0, peer, events, closed, sent }
    }

    /// Feeds one piece, takes all that is whole, and lets in whoever introduces itself.
    pub(crate) fn feed(&mut self, piece: &[u8], now: Instant) -> Result<(), String> {
        if self.closed.is_some() {
            return Ok(());
        }
        self.fed += piece.len();
        self.inbox.extend_from_slice(piece);
        while self.take_one(now)? {}
        if self.closed.is_none() && self.inbox.len() > self.held_max() {
            return Err(format!("waits with {} octets unconsumed", self.inbox.len()));
        }
        Ok(())
    }

    /// Gives what happened so far.
    pub(crate) fn events(&self) -> &[Happened] {
        &self.events
    }

    /// Gives what was sent since the last call.
    pub(crate) fn take_sent(&mut self) -> Vec<u8> {
        self.drain();
        std::mem::take(&mut self.sent)
    }

    /// Looks at how things stand, tries the clock, and ends.
    pub(crate) fn finish(mut self, now: Instant) -> Result<Outcome, String> {
        self.drain();
        let timer = self.try_clock(now)?;
        if self.closed.is_some()
            && !matches!(self.connection.handle_input(b"", now), Err(ConnectionError::Closed))
        {
            return Err("reads on after an error".into());
        }
        let partial = timer.is_some_and(|timer| timer.what == Deadline::PartialMessage);
        let end = match self.closed {
            Some(closed) => closed,
            None if partial || !self.inbox.is_empty() => End::Waiting,
            None => End::Open,
        };
        Ok(Outcome { events: self.events, end, sent: readable(&self.sent), timer })
    }

    fn take_one(&mut self, now: Instant) -> Result<bool, String> {
        if self.peer.is_none() {
            self.drain();
        }
        let said = self.sent.len();
        let Progress { consumed, event } = match self.connection.handle_input(&self.inbox, now) {
            Ok(Some(progress)) => progress,
            Ok(None) => return Ok(false),
            Err(error) => return Ok(self.close(&error)),
        };
        if consumed == 0 || consumed > self.inbox.len() {
            return Err(format!("consumed {consumed} of {} octets", self.inbox.len()));
        }
        let (mut introduced, mut welcome) = (None, false);
        match event {
            Some(Event::Credentials(credentials)) => {
                self.events.push(Happened::Shown(credentials.user().clone()));
                welcome = true;
            }
            Some(Event::Introduced(peer)) => introduced = Some(peer),
            Some(Event::Established(peer)) => self.let_in(peer),
            Some(Event::Message(octets)) => {
                let message = octets.into_message();
                let frames = message.frames().map(Bytes::copy_from_slice).collect();
                self.events.push(Happened::Message(frames));
            }
            Some(told @ (Event::Subscription(_) | Event::Membership(_))) => {
                return Err(format!("no vector has a publisher: {told:?}"));
            }
            None => {}
        }
        self.inbox.drain(..consumed);
        self.consumed += consumed;
        if welcome {
            self.stand_still(said, now)?;
            self.connection.welcome().map_err(|error| error.to_string())?;
        }
        match introduced {
            Some(peer) => self.decide(peer, said, now),
            None => Ok(true),
        }
    }

    /// Sees that while our side decides nothing is read, sent beyond what was `said`, or timed.
    fn stand_still(&mut self, said: usize, now: Instant) -> Result<(), String> {
        match self.connection.handle_input(&self.inbox, now) {
            Ok(None) => {}
            other => return Err(format!("reads before the decision: {other:?}")),
        }
        if self.connection.poll_timeout().is_some() {
            return Err("the clock runs while we decide".into());
        }
        self.drain();
        if self.sent.len() > said {
            return Err("speaks before the decision".into());
        }
        Ok(())
    }

    /// Lets the peer in, if the types fit.
    fn decide(&mut self, peer: Peer, said: usize, now: Instant) -> Result<bool, String> {
        self.stand_still(said, now)?;
        if let Credentials::Curve(key) = &peer.credentials {
            self.events.push(Happened::Shown(Bytes::copy_from_slice(key.as_octets())));
        }
        match self.connection.accept(&self.ours, now) {
            Ok(()) => self.let_in(peer),
            Err(error) => return Ok(self.close(&error)),
        }
        Ok(true)
    }

    fn let_in(&mut self, peer: Peer) {
        let Peer { version, socket_type, identity, .. } = peer.clone();
        self.events.push(Happened::Peer { version, socket_type, identity });
        self.peer = Some(peer);
    }

    fn close(&mut self, error: &ConnectionError) -> bool {
        // What is not ZMTP is named without the wrapper that says so.
        let error = if let ConnectionError::Decode(error) = error {
            format!("{error:?}")
        } else {
            format!("{error:?}")
        };
        self.closed = Some(End::Closed { error, after: self.fed });
        false
    }

    /// Sends all that wants to be sent.
    fn drain(&mut self) {
        while let Some(octets) = self.connection.poll_transmit() {
            self.sent.extend_from_slice(&octets);
        }
    }

    /// How many octets may wait for more: an unfinished greeting, command, or message.
    fn held_max(&self) -> usize {
        let limits = Limits::default();
        if self.consumed < GREETING_LEN {
            GREETING_LEN - 1
        } else if self.peer.is_none() {
            FrameHeader::LEN_MAX + limits.initiate_len_max
        } else {
            limits.message_len_max + FrameHeader::LEN_MAX + limits.command_len_max
        }
    }

    /// Sees that the deadline holds to the nanosecond, and that nothing comes after it.
    fn try_clock(&mut self, now: Instant) -> Result<Option<Timer>, String> {
        let Some(deadline) = self.connection.poll_timeout() else {
            let later = self.connection.handle_timeout(now + Duration::from_hours(24));
            return later.map(|()| None).map_err(|error| format!("without a deadline: {error}"));
        };
        let after = deadline - now;
        let early = now + after.saturating_sub(Duration::from_nanos(1));
        let early = self.connection.handle_timeout(early);
        early.map_err(|error| format!("before the deadline: {error}"))?;
        match self.connection.handle_timeout(deadline) {
            Err(ConnectionError::Timeout { what, limit }) if limit == after => {
                match self.connection.handle_input(b"\0\0", deadline) {
                    Err(ConnectionError::Closed) => Ok(Some(Timer { what, after })),
                    other => Err(format!("goes on after the deadline: {other:?}")),
                }
            }
            other => Err(format!("at the deadline of {after:?}: {other:?}")),
        }
    }
}

/// Feeds `pieces` to a fresh connection.
pub(crate) fn run(
    context: Context,
    role: Role,
    pieces: &[&[u8]],
    now: Instant,
) -> Result<Outcome, String> {
    let mut run = Run::new(context, role, now)?;
    for piece in pieces {
        run.feed(piece, now)?;
    }
    run.finish(now)
}

/// The READY that a socket of ours sends, written out by hand.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is for whoever needs it")]
pub(crate) fn own_ready(ours: SocketType) -> Result<Vec<u8>, String> {
    match ours {
        SocketType::Router => {
            octets(r#"0429 05 "READY" 0b "Socket-Type" 00000006 "ROUTER" 08 "Identity" 00000000"#)
        }
        SocketType::Pull => octets(r#"041a 05 "READY" 0b "Socket-Type" 00000004 "PULL""#),
        other => Err(format!("no row has had a {other} of ours yet: write its READY down here")),
    }
}

/// The greeting of a peer that speaks 3.1 without security.
pub(crate) fn greeting() -> Vec<u8> {
    GREETING_AT_ONCE.to_vec()
}

/// The READY of an anonymous DEALER.
pub(crate) fn dealer_ready() -> Vec<u8> {
    DEALER_READY.to_vec()
}

/// Writes octets as one reads them best: what is text as text.
pub(crate) fn readable(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

const GREETING_LEN: usize = Greeting::LEN;

/// Ours, and that of a peer like us.
const GREETING_AT_ONCE: &[u8; GREETING_LEN] =
    b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
      \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

const DEALER_READY: &[u8] = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";
