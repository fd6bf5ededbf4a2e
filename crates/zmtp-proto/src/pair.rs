//! Two connections over two byte vectors, with a clock moved by hand: the ground of most tests.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::clock::start;
use crate::connection::Connection;
use crate::curve::{CookieKey, CurveClient, CurveServer, KeyPair, SecretKey};
use crate::error::ConnectionError;
use crate::event::{Event, Progress};
use crate::handshake::{Local, Peer};
use crate::heartbeat::Heartbeat;
use crate::limits::Settings;
use crate::message::Message;
use crate::plain::PlainCredentials;
use crate::security::{ClientSecurity, ServerSecurity};
use crate::socket_type::SocketType;
use crate::subscription::{Membership, Subscription};

/// Both sides.
pub(crate) struct Pair {
    pub(crate) connector: End,
    pub(crate) acceptor: End,
    pub(crate) now: Instant,
}

/// One side, what it was told and what it told.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) connection: Connection,
    pub(crate) inbox: BytesMut,
    pub(crate) seen: Vec<Seen>,
    pub(crate) failed: Option<ConnectionError>,
    /// The last that was said in PLAIN's HELLO.
    pub(crate) credentials: Option<PlainCredentials>,
    /// The last that introduced itself, or let us in.
    pub(crate) peer: Option<Peer>,
}

/// An event, as tests compare it.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    /// The user name.
    Credentials(Bytes),
    Introduced(SocketType),
    Established(SocketType),
    Message(Message),
    Subscription(Subscription),
    Membership(Membership),
}

/// Without heartbeats, so that every deadline is the test's.
pub(crate) fn quiet() -> Settings {
    Settings { heartbeat: Heartbeat::Off, ..Settings::default() }
}

pub(crate) fn dealer() -> Local {
    Local::new(SocketType::Dealer)
}

pub(crate) fn router() -> Local {
    Local::new(SocketType::Router)
}

impl End {
    pub(crate) fn new(connection: Connection) -> Self {
        let (inbox, seen, failed) = (BytesMut::new(), Vec::new(), None);
        Self { connection, inbox, seen, failed, credentials: None, peer: None }
    }

    /// A side that listens, without heartbeats.
    pub(crate) fn acceptor(security: ServerSecurity) -> Self {
        Self::new(Connection::acceptor(security, quiet(), start()))
    }

    /// A side that dialled, a DEALER without heartbeats.
    pub(crate) fn connector(security: ClientSecurity) -> Self {
        Self::new(Connection::connector(dealer(), security, quiet(), start()))
    }

    /// Takes all that is whole; leaves the decision on a peer to the test.
    pub(crate) fn drive(&mut self, now: Instant) {
        loop {
            match self.connection.handle_input(&self.inbox, now) {
                Ok(Some(Progress { consumed, event })) => {
                    self.seen.extend(event.map(|event| match event {
                        Event::Credentials(credentials) => {
                            let user = credentials.user().clone();
                            self.credentials = Some(credentials);
                            Seen::Credentials(user)
                        }
                        Event::Introduced(peer) => {
                            let socket_type = peer.socket_type;
                            self.peer = Some(peer);
                            Seen::Introduced(socket_type)
                        }
                        Event::Established(peer) => {
                            let socket_type = peer.socket_type;
                            self.peer = Some(peer);
                            Seen::Established(socket_type)
                        }
                        Event::Message(octets) => Seen::Message(octets.into_message()),
                        Event::Subscription(told) => Seen::Subscription(told),
                        Event::Membership(told) => Seen::Membership(told),
                    }));
                    assert!(consumed > 0, "no progress without octets");
                    let _ = self.inbox.split_to(consumed);
                }
                Ok(None) => return,
                Err(error) => {
                    self.failed = Some(error);
                    return;
                }
            }
        }
    }

    /// Takes these octets, too.
    pub(crate) fn feed(&mut self, octets: &[u8], now: Instant) {
        self.inbox.extend_from_slice(octets);
        self.drive(now);
    }

    /// Returns all that wants to be sent.
    pub(crate) fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(octets) = self.connection.poll_transmit() {
            sent.extend_from_slice(&octets);
        }
        sent
    }

    /// Feeds what must not be taken, and returns why: nobody is told of it, nothing is sent, and
    /// the connection is closed for good.
    pub(crate) fn refuses(&mut self, octets: &[u8]) -> ConnectionError {
        let (now, seen) = (start(), self.seen.len());
        let _ = self.sent();
        self.feed(octets, now);
        let Some(error) = self.failed.take() else { panic!("takes {}", octets.escape_ascii()) };
        assert_eq!(self.seen.len(), seen, "told of {:?}", self.seen.last());
        assert_eq!(self.sent(), b"", "answers {error}");
        let after = self.connection.handle_input(octets, now).unwrap_err();
        assert_eq!(after, ConnectionError::Closed);
        error
    }
}

impl Pair {
    pub(crate) fn new(connector: End, acceptor: End) -> Self {
        Self { connector, acceptor, now: start() }
    }

    /// A DEALER that dialled and a side that listens, with one clock for both.
    pub(crate) fn with(client: ClientSecurity, server: ServerSecurity, settings: Settings) -> Self {
        let now = start();
        let connector = Connection::connector(dealer(), client, settings, now);
        let acceptor = Connection::acceptor(server, settings, now);
        Self { connector: End::new(connector), acceptor: End::new(acceptor), now }
    }

    /// Both sides without security.
    pub(crate) fn null(local: Local) -> Self {
        let mut pair = Self::with(ClientSecurity::Null, ServerSecurity::Null, quiet());
        let connection = Connection::connector(local, ClientSecurity::Null, quiet(), pair.now);
        pair.connector = End::new(connection);
        pair
    }

    /// Carries octets to and fro until nothing moves.
    pub(crate) fn step(&mut self) {
        self.step_in(&mut |octets| octets);
    }

    /// Carries octets to and fro until nothing moves, in pieces as long as `piece` says.
    pub(crate) fn step_in(&mut self, piece: &mut dyn FnMut(usize) -> usize) {
        let now = self.now;
        loop {
            let to_acceptor = self.connector.sent();
            let to_connector = self.acceptor.sent();
            if to_acceptor.is_empty() && to_connector.is_empty() {
                return;
            }
            for (end, octets) in
                [(&mut self.acceptor, to_acceptor), (&mut self.connector, to_connector)]
            {
                let mut rest = &octets[..];
                while !rest.is_empty() {
                    let (now_comes, later) = rest.split_at(piece(rest.len()).clamp(1, rest.len()));
                    end.feed(now_comes, now);
                    rest = later;
                }
            }
        }
    }

    /// Shakes hands to the end, with a ROUTER that lets in whoever comes.
    pub(crate) fn establish(&mut self) {
        self.establish_in(&mut |octets| octets);
    }

    /// Shakes hands to the end, in pieces as long as `piece` says.
    pub(crate) fn establish_in(&mut self, piece: &mut dyn FnMut(usize) -> usize) {
        self.step_in(piece);
        if let Some(Seen::Credentials(_)) = self.acceptor.seen.last() {
            self.acceptor.connection.welcome().unwrap();
            self.step_in(piece);
        }
        self.acceptor.connection.accept(&router(), self.now).unwrap();
        self.step_in(piece);
        assert_eq!(self.connector.seen, [Seen::Established(SocketType::Router)]);
        self.connector.seen.clear();
        self.acceptor.seen.clear();
    }
}

/// The user "admin" with the password "secret".
pub(crate) fn plain_client() -> ClientSecurity {
    ClientSecurity::Plain(PlainCredentials::new("admin", "secret").unwrap())
}

/// A client of [`curve_server`], with chance that is none.
pub(crate) fn curve_client() -> ClientSecurity {
    let client = KeyPair::from_secret(SecretKey::from_octets([2; 32]));
    let server = KeyPair::from_secret(SecretKey::from_octets([1; 32]));
    // 32 octets of secret key, and 16 that are no secret.
    let chance = std::array::from_fn(|at| if at < 32 { 3 } else { 9 });
    ClientSecurity::Curve(Box::new(CurveClient::new(server.public, Arc::new(client), chance)))
}

/// A server with chance that is none.
pub(crate) fn curve_server() -> ServerSecurity {
    let server = KeyPair::from_secret(SecretKey::from_octets([1; 32]));
    let cookie_key = Arc::new(CookieKey::from_octets([4; 32]));
    ServerSecurity::Curve(Box::new(CurveServer::new(Arc::new(server), cookie_key, [3; 64])))
}
