//! The NULL handshake, both roles.
//!
//! | in              | on                       | send            | becomes         |
//! |-----------------|--------------------------|-----------------|-----------------|
//! | (start)         |                          | greeting        | `AwaitGreeting` |
//! | `AwaitGreeting` | greeting, as connector   | READY           | `AwaitReady`    |
//! | `AwaitGreeting` | greeting, as acceptor    |                 | `AwaitReady`    |
//! | `AwaitReady`    | fitting READY, connector |                 | `Done`          |
//! | `AwaitReady`    | READY, as acceptor       |                 | `Deciding`      |
//! | `AwaitReady`    | ERROR                    |                 | `Err(Refused)`  |
//! | `Deciding`      | `accept`, fitting type   | READY           | `Done`          |
//! | `Deciding`      | `refuse`                 | ERROR           | `Err(RefusedByUs)` |
//! | `AwaitReady`, `Deciding` | a type that does not fit | ERROR  | `Err(Incompatible)` |
//! | any             | all the rest             |                 | `Err(..)`       |
//!
//! An acceptor hears the peer out before it answers, so that it can announce a socket type that
//! fits, or refuse. A connector speaks first, so two of ours never wait for each other.

use bytes::{Bytes, BytesMut};

use crate::command::{Command, put_command, put_error};
use crate::error::{ConnectionError, DecodeError, Phase, Unexpected};
use crate::frame::{FrameHeader, FrameKind};
use crate::greeting::{Greeting, Version};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::metadata::{IDENTITY, Metadata, SOCKET_TYPE, put_property};
use crate::socket_type::SocketType;

/// What our side announces in its READY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Our socket type.
    pub socket_type: SocketType,
    /// Our identity; sent, even if empty, by the types that have one.
    pub identity: Identity,
    /// Further properties. Names have 1 to 255 octets and begin with `X-`.
    pub extra: Vec<(&'static str, Bytes)>,
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

    /// Appends the READY frame.
    // spec: 37:metadata:socket-type-sent, 37:identity:sent
    fn put_ready(&self, out: &mut BytesMut) {
        let mut properties = BytesMut::new();
        put_property(SOCKET_TYPE, self.socket_type.name().as_bytes(), &mut properties);
        if self.socket_type.has_identity() {
            put_property(IDENTITY, self.identity.as_octets(), &mut properties);
        }
        for (name, value) in &self.extra {
            put_property(name, value, &mut properties);
        }
        out.reserve(properties.len().saturating_add(16));
        put_command("READY", &properties, out);
    }
}

/// What the peer announced in its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The version that both follow.
    pub version: Version,
    /// Its socket type.
    pub socket_type: SocketType,
    /// Its identity; anonymous if its type has none.
    pub identity: Identity,
    /// All it sent, these two included.
    pub metadata: Metadata,
}

/// Who speaks first.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    /// We dialled, and announce this.
    Connector(Local),
    /// The peer dialled; what we announce depends on it.
    Acceptor,
}

/// A handshake in progress. Each state holds what it needs, and no more.
#[derive(Debug)]
pub(crate) enum Handshake {
    /// Our greeting is on its way; theirs has not arrived.
    AwaitGreeting(Side),
    /// The greetings agree; their READY has not arrived.
    AwaitReady(Side, Version),
    /// Their READY is here, and our side decides.
    Deciding(Peer),
    /// Both sides are ready.
    Done(Peer),
}

/// What the peer can send in a handshake.
pub(crate) enum Token {
    Greeting(Greeting),
    Command(Command),
}

impl Handshake {
    // spec: 37:greeting:sent-at-once
    pub(crate) fn start(side: Side, out: &mut BytesMut) -> Self {
        out.extend_from_slice(&Greeting::NULL.to_octets());
        Self::AwaitGreeting(side)
    }

    /// Takes one token off the front of `input`, and says how many octets it had; `Ok(None)`
    /// while it is not whole, and in states that take none.
    pub(crate) fn cut(
        &self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<(usize, Token)>, ConnectionError> {
        match self {
            Self::AwaitGreeting(_) => {
                let greeting = Greeting::parse(input)?;
                Ok(greeting.map(|greeting| (Greeting::LEN, Token::Greeting(greeting))))
            }
            Self::AwaitReady(..) => cut_command(input, limits),
            // spec: 23:null:messages-after-own-ready
            Self::Deciding(_) | Self::Done(_) => Ok(None),
        }
    }

    /// Advances by one token, appending to `out` what must be sent.
    ///
    /// Consumes the state: after an error there is none left to misuse.
    pub(crate) fn handle(self, token: Token, out: &mut BytesMut) -> Result<Self, ConnectionError> {
        match (self, token) {
            (Self::AwaitGreeting(side), Token::Greeting(theirs)) => {
                Greeting::NULL.agree(&theirs)?;
                // spec: 37:null:server-replies, mux:role:acceptor-waits, 37:null:client-first
                if let Side::Connector(local) = &side {
                    local.put_ready(out);
                }
                Ok(Self::AwaitReady(side, theirs.version))
            }
            (Self::AwaitReady(side, version), Token::Command(Command::Ready(metadata))) => {
                let socket_type = metadata.socket_type()?;
                let identity = metadata.identity(socket_type)?;
                let peer = Peer { version, socket_type, identity, metadata };
                match side {
                    Side::Acceptor => Ok(Self::Deciding(peer)),
                    Side::Connector(local) => {
                        check_types(local.socket_type, socket_type, out)?;
                        Ok(Self::Done(peer))
                    }
                }
            }
            // spec: 37:errors:error-is-fatal, 37:errors:reason-opaque
            (Self::AwaitReady(..), Token::Command(Command::Error { reason })) => {
                Err(ConnectionError::Refused { reason })
            }
            // spec: 37:null:only-ready-or-error
            (_, Token::Command(command)) => Err(unexpected(command.unexpected())),
            (_, Token::Greeting(_)) => Err(ConnectionError::Closed),
        }
    }

    /// Lets the peer in, announcing `local`.
    pub(crate) fn accept(self, local: &Local, out: &mut BytesMut) -> Result<Self, ConnectionError> {
        match self {
            Self::Deciding(peer) => {
                check_types(local.socket_type, peer.socket_type, out)?;
                local.put_ready(out);
                Ok(Self::Done(peer))
            }
            Self::AwaitGreeting(_) | Self::AwaitReady(..) | Self::Done(_) => {
                Err(ConnectionError::Closed)
            }
        }
    }
}

/// Appends the ERROR that tells a peer not to come again.
pub(crate) fn refuse(reason: &str, out: &mut BytesMut) -> ConnectionError {
    put_error(reason, out);
    ConnectionError::RefusedByUs
}

// spec: 37:socket-type:mismatch-error
fn check_types(
    ours: SocketType,
    theirs: SocketType,
    out: &mut BytesMut,
) -> Result<(), ConnectionError> {
    if ours.talks_to(theirs) {
        return Ok(());
    }
    put_error("incompatible-socket-type", out);
    Err(ConnectionError::Incompatible { ours, theirs })
}

/// Takes one command frame; whatever is no command is refused by its header alone.
// spec: 37:null:commands-only, 37:null:no-message-before-ready
fn cut_command(input: &[u8], limits: &Limits) -> Result<Option<(usize, Token)>, ConnectionError> {
    let Some(header) = FrameHeader::parse(input)? else {
        return Ok(None);
    };
    if header.kind != FrameKind::Command {
        return Err(unexpected(Unexpected::Message));
    }
    let max = limits.command_len_max;
    let too_long = DecodeError::CommandTooLong { len: header.body_len, max };
    let body_len = usize::try_from(header.body_len).map_err(|_| too_long)?;
    if body_len > max {
        return Err(too_long.into());
    }
    let len = header.header_len.saturating_add(body_len);
    match input.get(header.header_len..len) {
        Some(body) => Ok(Some((len, Token::Command(Command::parse(body, limits)?)))),
        None => Ok(None),
    }
}

fn unexpected(got: Unexpected) -> ConnectionError {
    ConnectionError::Unexpected { got, state: Phase::Handshake }
}
