//! The handshake, both roles, each mechanism.
//!
//! | in                          | on                  | sends             | becomes                  |
//! |-----------------------------|---------------------|-------------------|--------------------------|
//! | (start)                     |                     | greeting          | `AwaitGreeting`          |
//! | `AwaitGreeting`, connector  | greeting            | READY or HELLO    | `Client`                 |
//! | `AwaitGreeting`, acceptor   | greeting            |                   | `Server`                 |
//! | `Client(NullReady)`         | fitting READY       |                   | `Done`                   |
//! | `Client(PlainWelcome)`      | WELCOME             | INITIATE          | `Client(PlainReady)`     |
//! | `Client(PlainReady)`        | fitting READY       |                   | `Done`                   |
//! | `Client(CurveWelcome)`      | WELCOME             | INITIATE          | `Client(CurveReady)`     |
//! | `Client(CurveReady)`        | fitting READY       |                   | `Done`                   |
//! | `Client`, `Server(NullReady)` | ERROR             |                   | `Err(Refused)`           |
//! | `Server(NullReady)`         | READY               |                   | `Deciding`               |
//! | `Server(PlainHello)`        | HELLO               |                   | `Judging`                |
//! | `Judging`                   | `welcome`           | WELCOME           | `Server(PlainInitiate)`  |
//! | `Server(PlainInitiate)`     | INITIATE            |                   | `Deciding`               |
//! | `Server(CurveHello)`        | HELLO               | WELCOME           | `Server(CurveInitiate)`  |
//! | `Server(CurveInitiate)`     | INITIATE            |                   | `Deciding`               |
//! | `Deciding`                  | `accept`, types fit | READY             | `Done`                   |
//! | `Judging`, `Deciding`       | `refuse`            | ERROR             | (end)                    |
//! | any                         | types do not fit    | ERROR, if acceptor or NULL | `Err(Incompatible)` |
//! | any                         | all the rest        |                   | `Err(..)`                |
//!
//! An acceptor hears the peer out before it answers, so that it can announce a socket type that
//! fits, or refuse. A connector speaks first, so two of ours never wait for each other.

mod client;
mod server;

use bytes::{Bytes, BytesMut};

use crate::command::{Command, data_of, put_command, put_error};
use crate::curve::{self, Session};
use crate::error::{ConnectionError, DecodeError, Phase, Unexpected};
use crate::frame::{FrameHeader, FrameKind};
use crate::greeting::{Greeting, SecurityRole, Version};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::metadata::{IDENTITY, Metadata, SOCKET_TYPE, put_property};
use crate::plain::PlainCredentials;
use crate::property::Property;
use crate::security::{ClientSecurity, Credentials, ServerSecurity};
use crate::socket_type::SocketType;

pub(crate) use client::Client;
pub(crate) use server::Server;

/// What our side announces in its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Our socket type.
    pub socket_type: SocketType,
    /// Our identity; sent, even if empty, by the types that have one.
    pub identity: Identity,
    /// Further properties.
    pub extra: Vec<Property>,
}

impl Local {
    /// A socket of this type without an identity.
    #[must_use]
    pub fn new(socket_type: SocketType) -> Self {
        Self { socket_type, identity: Identity::ANONYMOUS, extra: Vec::new() }
    }

    /// Gives it an identity.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Has it announce this property as well.
    #[must_use]
    pub fn with_property(mut self, property: Property) -> Self {
        self.extra.push(property);
        self
    }

    /// Returns the properties, encoded.
    // spec: 37:metadata:socket-type-sent, 37:identity:sent
    fn metadata(&self) -> BytesMut {
        let mut properties = BytesMut::new();
        put_property(SOCKET_TYPE, self.socket_type.name().as_bytes(), &mut properties);
        if self.socket_type.has_identity() {
            put_property(IDENTITY, self.identity.as_octets(), &mut properties);
        }
        for property in &self.extra {
            property.put(&mut properties);
        }
        properties
    }
}

/// What the peer announced in its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The version that both follow.
    pub version: Version,
    /// What it has shown of itself.
    pub credentials: Credentials,
    /// Its socket type.
    pub socket_type: SocketType,
    /// Its identity; anonymous if its type has none.
    pub identity: Identity,
    /// All it sent, these two included.
    pub metadata: Metadata,
}

impl Peer {
    // spec: 24:plain:metadata, 26:curve:metadata
    fn new(
        version: Version,
        credentials: Credentials,
        metadata: Metadata,
    ) -> Result<Self, DecodeError> {
        let socket_type = metadata.socket_type()?;
        let identity = metadata.identity(socket_type)?;
        Ok(Self { version, credentials, socket_type, identity, metadata })
    }
}

/// Who dialled, and what it brings. Under PLAIN and CURVE the first is the client and the second
/// the server, and nothing but their names says who dialled.
#[derive(Debug)]
pub(crate) enum Side {
    /// We dialled, and announce this.
    Connector(Local, ClientSecurity),
    /// The peer dialled; what we announce depends on it.
    Acceptor(ServerSecurity),
}

/// A handshake in progress. Each state holds what it needs, and no more.
#[derive(Debug)]
pub(crate) enum Handshake {
    /// Our greeting is on its way; theirs has not arrived.
    AwaitGreeting(Greeting, Side),
    /// The greetings agree, and we wait for the server.
    Client(Version, Local, Client),
    /// The greetings agree, and we wait for the client.
    Server(Version, Server),
    /// A PLAIN client has named itself, and our side judges it.
    Judging(Version, Bytes),
    /// The peer has said everything, and our side decides.
    Deciding(Peer, Answer),
    /// Both sides are ready; ours is of this type.
    Done(Peer, SocketType, Security),
}

/// How a server lets a client in.
#[derive(Debug)]
pub(crate) enum Answer {
    Clear,
    Curve(curve::Vouched),
}

/// What is put around the frames that follow.
#[derive(Debug)]
pub(crate) enum Security {
    Clear,
    Curve(Box<Session>),
}

/// What the peer can send in a handshake.
pub(crate) enum Token<'i> {
    Greeting(Greeting),
    /// The body of a command.
    Command(&'i [u8]),
}

/// What a step of the handshake tells the owner.
#[derive(Debug)]
pub(crate) enum Told {
    Nothing,
    /// A PLAIN client named itself.
    Credentials(PlainCredentials),
}

impl Handshake {
    // spec: 37:greeting:sent-at-once
    pub(crate) fn start(version: Version, side: Side, out: &mut BytesMut) -> Self {
        let (mechanism, security_role) = match &side {
            Side::Connector(_, security) => (security.mechanism(), SecurityRole::Client),
            Side::Acceptor(security) => (security.mechanism(), security.role()),
        };
        let ours = Greeting { version, mechanism, security_role };
        out.extend_from_slice(&ours.to_octets());
        Self::AwaitGreeting(ours, side)
    }

    /// Takes one token off the front of `input`, and says how many octets it had; `Ok(None)`
    /// while it is not whole, and in states that take none.
    pub(crate) fn cut<'i>(
        &self,
        input: &'i [u8],
        limits: &Limits,
    ) -> Result<Option<(usize, Token<'i>)>, ConnectionError> {
        let max = match self {
            Self::AwaitGreeting(..) => {
                let greeting = Greeting::parse(input)?;
                return Ok(greeting.map(|greeting| (Greeting::LEN, Token::Greeting(greeting))));
            }
            Self::Client(_, _, client) => client.command_len_max(limits),
            Self::Server(_, server) => server.command_len_max(limits),
            // spec: 23:null:messages-after-own-ready, 24:plain:messages-after-ready,
            //       26:curve:messages-after-ready, 37:auth:verdict-once-heard
            Self::Judging(..) | Self::Deciding(..) | Self::Done(..) => return Ok(None),
        };
        cut_command(input, max)
    }

    /// Advances by one token, appending to `out` what must be sent.
    ///
    /// Consumes the state: after an error there is none left to misuse.
    pub(crate) fn handle(
        self,
        token: Token<'_>,
        limits: &Limits,
        out: &mut BytesMut,
    ) -> Result<(Self, Told), ConnectionError> {
        let next = match (self, token) {
            (Self::AwaitGreeting(ours, side), Token::Greeting(theirs)) => {
                // spec: 37:auth:one-mechanism, 37:version:per-connection
                ours.agree(&theirs)?;
                // spec: 37:version:per-connection
                Self::greeted(ours.version.min(theirs.version), side, out)?
            }
            (Self::Client(version, local, client), Token::Command(body)) => {
                let body = client.mend(body);
                refused(&body, limits)?;
                client.handle(version, local, &body, limits, out)?
            }
            (Self::Server(version, server), Token::Command(body)) => {
                return server.handle(version, body, limits, out);
            }
            _ => return Err(ConnectionError::Closed),
        };
        Ok((next, Told::Nothing))
    }

    // spec: 37:null:server-replies, mux:role:acceptor-waits, 37:null:client-first
    fn greeted(version: Version, side: Side, out: &mut BytesMut) -> Result<Self, ConnectionError> {
        let (local, client) = match side {
            Side::Acceptor(security) => {
                let server = match security {
                    ServerSecurity::Null => Server::NullReady,
                    ServerSecurity::Plain => Server::PlainHello,
                    ServerSecurity::Curve(server) => Server::CurveHello(server),
                };
                return Ok(Self::Server(version, server));
            }
            Side::Connector(local, ClientSecurity::Null) => {
                put_command("READY", &local.metadata(), out);
                (local, Client::NullReady)
            }
            // spec: 24:plain:order
            Side::Connector(local, ClientSecurity::Plain(credentials)) => {
                credentials.put_hello(out);
                (local, Client::PlainWelcome)
            }
            // spec: 26:curve:order
            Side::Connector(local, ClientSecurity::Curve(client)) => {
                (local, Client::CurveWelcome(Box::new(client.start(out)?)))
            }
        };
        Ok(Self::Client(version, local, client))
    }

    /// Welcomes a PLAIN client whose password is right.
    pub(crate) fn welcome(self, out: &mut BytesMut) -> Result<Self, ConnectionError> {
        let Self::Judging(version, user) = self else { return Err(ConnectionError::Closed) };
        put_command("WELCOME", &[], out);
        Ok(Self::Server(version, Server::PlainInitiate(user)))
    }

    /// Lets the peer in, announcing `local`.
    pub(crate) fn accept(self, local: &Local, out: &mut BytesMut) -> Result<Self, ConnectionError> {
        let Self::Deciding(peer, answer) = self else { return Err(ConnectionError::Closed) };
        // spec: 37:socket-type:mismatch-error
        if !local.socket_type.talks_to(peer.socket_type) {
            put_error("incompatible-socket-type", out);
            return Err(incompatible(local.socket_type, peer.socket_type));
        }
        let metadata = local.metadata();
        let security = match answer {
            Answer::Clear => {
                put_command("READY", &metadata, out);
                Security::Clear
            }
            Answer::Curve(vouched) => Security::Curve(Box::new(vouched.ready(&metadata, out)?)),
        };
        Ok(Self::Done(peer, local.socket_type, security))
    }

    /// Ends with the ERROR that tells a peer not to come again, if it waits for a decision.
    pub(crate) fn refuse(self, reason: &str, out: &mut BytesMut) {
        if !self.awaits_peer() {
            put_error(reason, out);
        }
    }

    /// Tells whether the peer is waited for, and not our own side.
    pub(crate) fn awaits_peer(&self) -> bool {
        matches!(self, Self::AwaitGreeting(..) | Self::Client(..) | Self::Server(..))
    }
}

/// Returns the data of the one command that has a place here.
// spec: 37:null:only-ready-or-error
fn expect<'b>(
    body: &'b [u8],
    name: &'static str,
    limits: &Limits,
) -> Result<&'b [u8], ConnectionError> {
    match data_of(body, name)? {
        Some(data) => Ok(data),
        // What is wrong with it by itself comes first.
        None => Err(unexpected(Command::parse(body, limits)?.unexpected())),
    }
}

/// Ends the handshake if the peer will not have us.
// spec: 37:errors:error-is-fatal, 37:errors:reason-opaque
fn refused(body: &[u8], limits: &Limits) -> Result<(), ConnectionError> {
    if data_of(body, "ERROR")?.is_none() {
        return Ok(());
    }
    let command = Command::parse(body, limits)?;
    let got = command.unexpected();
    let Command::Error { reason } = command else { return Err(unexpected(got)) };
    Err(ConnectionError::Refused { reason })
}

/// Takes one command frame; whatever is no command is refused by its header alone.
// spec: 37:null:commands-only, 37:null:no-message-before-ready, 37:handshake:memory-bounded
fn cut_command(input: &[u8], max: usize) -> Result<Option<(usize, Token<'_>)>, ConnectionError> {
    let Some(header) = FrameHeader::parse(input)? else {
        return Ok(None);
    };
    if header.kind != FrameKind::Command {
        return Err(unexpected(Unexpected::Message));
    }
    let too_long = DecodeError::CommandTooLong { len: header.body_len, max };
    let body_len = usize::try_from(header.body_len).map_err(|_| too_long)?;
    if body_len > max {
        return Err(too_long.into());
    }
    let len = header.header_len.saturating_add(body_len);
    let body = input.get(header.header_len..len);
    Ok(body.map(|body| (len, Token::Command(body))))
}

fn unexpected(got: Unexpected) -> ConnectionError {
    ConnectionError::Unexpected { got, state: Phase::Handshake }
}

fn incompatible(ours: SocketType, theirs: SocketType) -> ConnectionError {
    ConnectionError::Incompatible { ours, theirs }
}

#[cfg(test)]
impl Handshake {
    /// Returns the octets of what the state keeps outside of itself, buffers apart.
    pub(crate) fn boxed_len(&self) -> usize {
        match self {
            Self::AwaitGreeting(_, Side::Acceptor(ServerSecurity::Curve(server)))
            | Self::Server(_, Server::CurveHello(server)) => size_of_val(&**server),
            Self::AwaitGreeting(..)
            | Self::Client(..)
            | Self::Server(..)
            | Self::Judging(..)
            | Self::Deciding(..)
            | Self::Done(..) => 0,
        }
    }
}
