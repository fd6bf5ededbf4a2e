//! Commands: frames that concern the connection and not the application.
//!
//! ```text
//! command = name data
//! name    = OCTET 1*255ALPHA
//! ready   = *property
//! error   = OCTET 0*255VCHAR
//! ping    = 2OCTET 0*16OCTET
//! pong    = 0*16OCTET
//! ```
//!
//! SUBSCRIBE, CANCEL, JOIN and LEAVE are described with [`Subscription`](crate::Subscription) and
//! [`Membership`](crate::Membership).

use std::fmt;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use nom::Parser;
use nom::bytes::streaming::take;
use nom::combinator::{map, map_res};
use nom::number::streaming::{be_u16, u8};

use crate::error::{DecodeError, Field, Unexpected};
use crate::frame::{FrameKind, put_header};
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::parse::{Parsed, finish, finish_all};
use crate::subscription::Group;

/// A command, parsed out of the body of its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// READY: the end of a side's part of the handshake, with its metadata.
    Ready(Metadata),
    /// ERROR: the peer will not have us.
    Error {
        /// Printable text without defined meaning, 0 to 255 octets; for logs only.
        reason: Bytes,
    },
    /// PING: answer with a PONG of the same context.
    Ping {
        /// The peer promises octets within this time; zero promises nothing. Up to 6553.5 s.
        time_to_live: Duration,
        /// To be repeated in the answer.
        context: Context,
    },
    /// PONG: the answer to a PING.
    Pong {
        /// What the PING carried.
        context: Context,
    },
    /// SUBSCRIBE: a SUB or XSUB wants to hear what begins with a topic.
    Subscribe {
        /// The topic: any octets, or none.
        topic: Bytes,
    },
    /// CANCEL: the opposite of one SUBSCRIBE.
    Cancel {
        /// The topic: any octets, or none.
        topic: Bytes,
    },
    /// JOIN: a DISH wants to hear what is sent to a group.
    Join {
        /// The group.
        group: Group,
    },
    /// LEAVE: the opposite of JOIN.
    Leave {
        /// The group.
        group: Group,
    },
    /// A well-formed command of another name.
    Other(CommandName),
}

impl Command {
    /// Parses the body of a command frame. Names are compared exactly.
    ///
    /// # Errors
    ///
    /// The body is malformed; fatal, and the peer's fault.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        let (name, data) = split(body)?;
        match name {
            // spec: 37:null:ready-properties
            b"READY" => Metadata::parse(Bytes::copy_from_slice(data), limits).map(Self::Ready),
            b"ERROR" => {
                let cut = DecodeError::Truncated { field: Field::Reason, len: data.len() };
                finish_all(reason(data), cut).map(|reason| Self::Error { reason })
            }
            b"PING" => ping(data),
            b"PONG" => Context::new(data).map(|context| Self::Pong { context }),
            // spec: 37:subscription:command-form
            b"SUBSCRIBE" => Ok(Self::Subscribe { topic: Bytes::copy_from_slice(data) }),
            b"CANCEL" => Ok(Self::Cancel { topic: Bytes::copy_from_slice(data) }),
            // spec: 37:radio:join-leave
            b"JOIN" => Group::new(data).map(|group| Self::Join { group }),
            b"LEAVE" => Group::new(data).map(|group| Self::Leave { group }),
            // spec: 37:command:names-exact, 37:command:unknown-ignored
            _ => Ok(Self::Other(CommandName::new(name))),
        }
    }

    /// Names this command where it arrived unexpectedly.
    pub(crate) fn unexpected(&self) -> Unexpected {
        match self {
            Self::Ready(_) => Unexpected::Ready,
            Self::Error { .. } => Unexpected::Error,
            Self::Ping { .. } => Unexpected::Ping,
            Self::Pong { .. } => Unexpected::Pong,
            Self::Subscribe { .. } => Unexpected::Command(CommandName::new(b"SUBSCRIBE")),
            Self::Cancel { .. } => Unexpected::Command(CommandName::new(b"CANCEL")),
            Self::Join { .. } => Unexpected::Command(CommandName::new(b"JOIN")),
            Self::Leave { .. } => Unexpected::Command(CommandName::new(b"LEAVE")),
            Self::Other(name) => Unexpected::Command(*name),
        }
    }
}

/// Returns the data of the command in `body` if it has this name.
///
/// # Errors
///
/// What stands at the front is no name.
pub(crate) fn data_of<'b>(body: &'b [u8], wanted: &str) -> Result<Option<&'b [u8]>, DecodeError> {
    let (name, data) = split(body)?;
    Ok((name == wanted.as_bytes()).then_some(data))
}

/// Parts the name at the front of `body`, all of which is there, from the data.
// spec: 37:command:malformed
fn split(body: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let cut = DecodeError::Truncated { field: Field::CommandName, len: body.len() };
    finish(name(body))?.ok_or(cut).map(|(data, name)| (name, data))
}

/// The name of a command that has no meaning here: letters, cut at 15. For logs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CommandName {
    /// Letters, then zeros.
    octets: [u8; Self::SHOWN_MAX],
    /// Octets of the whole name.
    len: u8,
}

impl CommandName {
    /// Letters that are kept.
    const SHOWN_MAX: usize = 15;

    /// Takes a name that was checked.
    pub(crate) fn new(name: &[u8]) -> Self {
        let mut octets = [0; Self::SHOWN_MAX];
        for (to, from) in octets.iter_mut().zip(name) {
            *to = *from;
        }
        Self { octets, len: u8::try_from(name.len()).unwrap_or(u8::MAX) }
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = usize::from(self.len);
        write!(f, "{}", self.octets.get(..len).unwrap_or(&self.octets).escape_ascii())?;
        if len > Self::SHOWN_MAX { f.write_str("..") } else { Ok(()) }
    }
}

impl fmt::Debug for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The context of a PING, repeated in its PONG: 0 to 16 octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    octets: [u8; Self::LEN_MAX],
    len: usize,
}

impl Context {
    /// The longest context, in octets.
    pub const LEN_MAX: usize = 16;

    /// Makes a context of these octets.
    ///
    /// # Errors
    ///
    /// [`DecodeError::ContextTooLong`] if there are more than 16.
    // spec: 37:heartbeat:context-length
    pub fn new(context: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = [0; Self::LEN_MAX];
        octets
            .get_mut(..context.len())
            .ok_or(DecodeError::ContextTooLong { len: context.len() })?
            .copy_from_slice(context);
        Ok(Self { octets, len: context.len() })
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// The PONG that a PING asks for. Send it between messages, never inside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a peer that gets no PONG takes us for dead"]
pub struct Pong(
    /// The context of the PING.
    pub Context,
);

impl Pong {
    /// Octets of the longest PONG frame.
    pub const LEN_MAX: usize = 2 + 5 + Context::LEN_MAX;

    /// Appends the frame.
    // spec: 37:heartbeat:pong-repeats-context
    pub fn put(&self, out: &mut impl BufMut) {
        put_command("PONG", self.0.as_octets(), out);
    }
}

/// Appends a command frame.
pub(crate) fn put_command(name: &str, data: &[u8], out: &mut impl BufMut) {
    let body_len = data.len().saturating_add(name.len()).saturating_add(1);
    put_header(FrameKind::Command, body_len, out);
    out.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.put_slice(name.as_bytes());
    out.put_slice(data);
}

/// Appends an ERROR frame. `reason` is ours; what is no VCHAR in it, as a space, becomes `-`.
// spec: 37:errors:reason-printable
pub(crate) fn put_error(reason: &str, out: &mut BytesMut) {
    let printable = |octet: u8| if octet.is_ascii_graphic() { octet } else { b'-' };
    let text: Vec<u8> = reason.bytes().take(255).map(printable).collect();
    let mut data = Vec::with_capacity(text.len().saturating_add(1));
    data.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    data.extend_from_slice(&text);
    put_command("ERROR", &data, out);
}

/// `name = OCTET 1*255ALPHA`
// spec: 37:command:name
fn name(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (input, len) = u8(input)?;
    map_res(take(len), |name: &[u8]| {
        if !name.is_empty() && name.iter().all(u8::is_ascii_alphabetic) {
            Ok(name)
        } else {
            Err(DecodeError::CommandName)
        }
    })
    .parse(input)
}

/// `error = OCTET 0*255VCHAR`; a space is taken as well, being as harmless in a log.
fn reason(input: &[u8]) -> Parsed<'_, Bytes> {
    let (input, len) = u8(input)?;
    map_res(take(len), |reason: &[u8]| {
        if reason.iter().all(|octet| matches!(octet, b' '..=b'~')) {
            Ok(Bytes::copy_from_slice(reason))
        } else {
            Err(DecodeError::ErrorReason)
        }
    })
    .parse(input)
}

/// `ping = ttl context`, the time to live in tenths of a second.
// spec: 37:heartbeat:ping-layout, 37:heartbeat:ttl-range
fn ping(data: &[u8]) -> Result<Command, DecodeError> {
    let mut ttl =
        map(be_u16, |tenths| Duration::from_millis(u64::from(tenths).saturating_mul(100)));
    let cut = DecodeError::Truncated { field: Field::TimeToLive, len: data.len() };
    let (context, time_to_live) = finish(ttl.parse(data))?.ok_or(cut)?;
    Ok(Command::Ping { time_to_live, context: Context::new(context)? })
}

#[cfg(test)]
mod tests;
