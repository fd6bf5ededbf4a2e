//! What can go wrong, sorted by whose fault it was and whether another try makes sense.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::command::CommandName;
use crate::curve::CurveError;
use crate::mechanism::Mechanism;
use crate::reconnect::Retry;
use crate::socket_type::SocketType;

/// Octets that are not ZMTP. From a connection it is the peer's fault, and the end: the same peer
/// software will do it again; see [`ConnectionError::retry`].
///
/// From a constructor that checks what it is given, such as [`Identity::new`](crate::Identity::new),
/// it is the fault of whoever made that.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The greeting does not begin with `FF`, eight octets, `7F`: no ZMTP 2 or 3 at all, or a
    /// ZMTP 1.0 peer, or an HTTP client.
    #[error("not a ZMTP greeting: octet {offset} is {octet:#04x}")]
    Signature {
        /// Where the octet stands in the greeting: 0 or 9.
        offset: u8,
        /// What was there instead of `FF` or `7F`.
        octet: u8,
    },
    /// The peer speaks a ZMTP older than 3.0.
    #[error("ZMTP major version {major} is not spoken here")]
    Version {
        /// The major version announced: 0, 1 or 2.
        major: u8,
    },
    /// The mechanism field is not a name padded with zeros.
    #[error("malformed mechanism name")]
    MechanismName,
    /// The as-server octet is neither 0 nor 1.
    #[error("as-server octet {0:#04x}")]
    AsServer(u8),
    /// The flags octet of a frame has a reserved bit set, or MORE on a command.
    #[error("illegal frame flags {0:#04x}")]
    FrameFlags(u8),
    /// The size of a frame has its top bit set.
    #[error("frame size has its top bit set")]
    FrameSize,
    /// A command is longer than [`Limits::command_len_max`](crate::Limits::command_len_max).
    #[error("command of {len} octets, at most {max} are taken")]
    CommandTooLong {
        /// The length announced, in octets.
        len: u64,
        /// The limit, in octets.
        max: usize,
    },
    /// A message is longer than [`Limits::message_len_max`](crate::Limits::message_len_max).
    #[error("message of at least {len} octets, at most {max} are taken")]
    MessageTooLong {
        /// The length so far, frame headers and announced bodies included, in octets.
        len: u64,
        /// The limit, in octets.
        max: usize,
    },
    /// A message has more frames than
    /// [`Limits::message_frames_max`](crate::Limits::message_frames_max).
    #[error("message of more than {max} frames")]
    TooManyFrames {
        /// The limit.
        max: usize,
    },
    /// A command name is empty or has an octet that is no letter.
    #[error("malformed command name")]
    CommandName,
    /// A field ends before its announced length, or is not there at all.
    #[error("{field} cut short, {len} octets are there")]
    Truncated {
        /// What is cut short.
        field: Field,
        /// Octets of it that are there, its length included.
        len: usize,
    },
    /// Octets are left over behind the last field.
    #[error("octets left over")]
    TrailingOctets,
    /// A property name is empty or has an octet outside letters, digits and `-_.+`.
    #[error("malformed property name")]
    PropertyName,
    /// A property value is announced with more than 2^31 - 1 octets.
    #[error("property value of {0} octets")]
    PropertyValueTooLong(u32),
    /// More properties than [`Limits::properties_max`](crate::Limits::properties_max).
    #[error("more than {max} properties")]
    TooManyProperties {
        /// The limit.
        max: usize,
    },
    /// `Socket-Type`, `Identity` or `Resource` is there twice, whatever the letter case.
    #[error("property given twice")]
    DuplicateProperty,
    /// `Socket-Type` is missing.
    #[error("no Socket-Type property")]
    NoSocketType,
    /// `Socket-Type` names no type of ZMTP 3.
    #[error("unknown Socket-Type")]
    UnknownSocketType,
    /// An identity has more than 255 octets.
    #[error("identity of {len} octets, at most 255 are allowed")]
    IdentityTooLong {
        /// Its length in octets.
        len: usize,
    },
    /// An identity begins with a zero octet, which is kept for addresses that nobody may choose.
    #[error("identity begins with a zero octet")]
    IdentityLeadingZero,
    /// The reason in an ERROR command has an octet that is not printable ASCII.
    #[error("ERROR reason is not printable")]
    ErrorReason,
    /// The context of a PING or PONG has more than 16 octets.
    #[error("heartbeat context of {len} octets, at most 16 are allowed")]
    ContextTooLong {
        /// Its length in octets.
        len: usize,
    },
    /// A PLAIN user name or password has an octet that is not printable ASCII.
    #[error("user name or password is not printable")]
    Credentials,
    /// The name of a group has more than 255 octets.
    #[error("group of {len} octets, at most 255 are allowed")]
    GroupTooLong {
        /// Its length in octets.
        len: usize,
    },
    /// The name of a group has a zero octet.
    #[error("zero octet in a group")]
    GroupZeroOctet,
    /// A message from a RADIO is not a group and a body: exactly two frames.
    #[error("not a group and a body")]
    NotGroupAndBody,
    /// A message has no frame, or ends in the middle of one.
    #[error("not a whole message")]
    NotAMessage,
    /// Octets that fit no production.
    #[error("malformed")]
    Malformed,
}

/// Why a connection ended by its own protocol.
///
/// The variants answer the one question a caller has: whose fault, and is another try worth it?
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer sent what is not ZMTP. Its fault; retry slowly, in case it is repaired.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A box, a nonce or a key of CURVE is wrong. The fault of the peer, or of somebody between;
    /// retry slowly.
    #[error(transparent)]
    Curve(#[from] CurveError),
    /// The peer announced another security mechanism than ours. A configuration fault of one of
    /// the two; do not retry.
    #[error("our security mechanism is \"{ours}\", the peer's is \"{theirs}\"")]
    MechanismMismatch {
        /// The one that we announced.
        ours: Mechanism,
        /// The one that the peer announced.
        theirs: Mechanism,
    },
    /// Both sides claim to be the server of the security mechanism. A configuration fault; do not
    /// retry.
    #[error("both sides claim to be the server")]
    RoleConflict,
    /// The peer's socket type cannot talk to ours; it was told so with ERROR. Do not retry.
    #[error("a {ours} does not talk to a {theirs}")]
    Incompatible {
        /// The type that we announced, or would have.
        ours: SocketType,
        /// The type that the peer announced.
        theirs: SocketType,
    },
    /// The peer refused us with ERROR. Do not retry with the same credentials.
    #[error("the peer refused: {}", .reason.escape_ascii())]
    Refused {
        /// Printable text from the peer, without defined meaning: for logs only.
        reason: Bytes,
    },
    /// We refused the peer, by [`Connection::refuse`](crate::Connection::refuse). Our decision.
    #[error("refused by us")]
    RefusedByUs,
    /// The peer sent something well formed that has no place at this point. Its fault; retry
    /// slowly, in case it is repaired.
    #[error("unexpected {got} while {state}")]
    Unexpected {
        /// What arrived.
        got: Unexpected,
        /// What we were doing.
        state: Phase,
    },
    /// The peer was too slow or fell silent. Temporary: retry with a back-off.
    #[error("no {what} within {limit:?}")]
    Timeout {
        /// What was waited for.
        what: Deadline,
        /// The limit that was reached.
        limit: Duration,
    },
    /// The connection had already ended, and is asked for more. The caller's fault.
    #[error("the connection has ended")]
    Closed,
}

impl ConnectionError {
    /// Returns whether the same endpoint is worth another try, and how soon.
    ///
    /// What a person has to change is tried no more. What the peer did against the protocol is
    /// no refusal, and the endpoint may be served by something better tomorrow: it is tried
    /// slowly. For ends of which no `ConnectionError` tells, see [`Retry::AFTER_CLOSE`].
    // spec: 37:errors:retry-by-kind
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            // spec: 37:errors:no-retry-after-refusal
            Self::Refused { .. }
            | Self::Decode(DecodeError::ErrorReason)
            | Self::MechanismMismatch { .. }
            | Self::RoleConflict
            | Self::Incompatible { .. }
            | Self::RefusedByUs
            | Self::Closed => Retry::No,
            // spec: 37:errors:retry-slowly-after-violation
            Self::Decode(_) | Self::Unexpected { .. } | Self::Curve(_) => Retry::Slowly,
            Self::Timeout { .. } => Retry::Later,
        }
    }
}

/// The fields that a peer can cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// The name of a command.
    CommandName,
    /// A property in READY or INITIATE.
    Property,
    /// The reason in ERROR.
    Reason,
    /// The time to live in PING.
    TimeToLive,
    /// The user name or the password in HELLO.
    Credentials,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CommandName => "the name of a command",
            Self::Property => "a property",
            Self::Reason => "the reason in ERROR",
            Self::TimeToLive => "the time to live in PING",
            Self::Credentials => "a user name or password in HELLO",
        })
    }
}

/// Something that arrived where it has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unexpected {
    /// A message frame.
    Message,
    /// A READY command.
    Ready,
    /// An ERROR command.
    Error,
    /// A PING command.
    Ping,
    /// A PONG command.
    Pong,
    /// A command of this name.
    Command(CommandName),
}

impl std::fmt::Display for Unexpected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Message => "message frame",
            Self::Ready => "READY",
            Self::Error => "ERROR",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::Command(name) => return name.fmt(f),
        })
    }
}

/// The phases of a connection, for error texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// From the first octet to the last READY.
    Handshake,
    /// After it.
    Traffic,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Handshake => "shaking hands",
            Self::Traffic => "in traffic",
        })
    }
}

/// What a connection waits for with a limit in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// The whole handshake, from the making of the connection to READY.
    Handshake,
    /// The rest of a message that began to arrive.
    PartialMessage,
    /// Any octet, within the time to live that the peer promised in a PING.
    TimeToLive,
    /// Any octet, since the last one, though we asked with a PING in the meantime.
    Silence,
}

impl std::fmt::Display for Deadline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Handshake => "end of the handshake",
            Self::PartialMessage => "progress of a message",
            Self::TimeToLive => "octet, which a PING promised,",
            Self::Silence => "octet, though a PING asked for one,",
        })
    }
}
