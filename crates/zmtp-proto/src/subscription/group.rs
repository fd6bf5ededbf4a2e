//! Groups: what a DISH joins, and a RADIO sends to.
//!
//! ```text
//! membership = "JOIN" group / "LEAVE" group          ; a command
//! group      = 0*255( %x01-FF )
//! radio      = %x01 OCTET group message-last         ; a message of exactly two frames
//! ```

use std::fmt;

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::Relevance;
use crate::command::{Command, put_command};
use crate::error::DecodeError;
use crate::frame::FrameKind;
use crate::greeting::Version;
use crate::message::{Message, put_frame};
use crate::socket_type::SocketType;

/// The name of a group: 0 to 255 octets, none of them zero. Groups are compared exactly.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(Bytes);

impl Group {
    /// The longest name, in octets.
    pub const LEN_MAX: usize = 255;

    /// Checks `octets` and makes a group of them, which is a copy: those of a peer do not keep a read
    /// buffer alive.
    ///
    /// # Errors
    ///
    /// [`DecodeError::GroupTooLong`] or [`DecodeError::GroupZeroOctet`]: the fault of whoever
    /// chose it.
    // spec: 37:radio:group
    pub fn new(octets: impl AsRef<[u8]>) -> Result<Self, DecodeError> {
        let octets = octets.as_ref();
        if octets.len() > Self::LEN_MAX {
            return Err(DecodeError::GroupTooLong { len: octets.len() });
        }
        if octets.contains(&0) {
            return Err(DecodeError::GroupZeroOctet);
        }
        Ok(Self(Bytes::copy_from_slice(octets)))
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({})", self.0.escape_ascii())
    }
}

/// A DISH's word to its RADIO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Send me what goes to this group.
    Join(Group),
    /// Do so no longer.
    Leave(Group),
}

impl Membership {
    /// Takes the membership out of a command; `None` if the command is another.
    // spec: 37:radio:join-leave
    #[must_use]
    pub fn from_command(command: &Command) -> Option<Self> {
        match command {
            Command::Join { group } => Some(Self::Join(group.clone())),
            Command::Leave { group } => Some(Self::Leave(group.clone())),
            Command::Ready(_)
            | Command::Error { .. }
            | Command::Ping { .. }
            | Command::Pong { .. }
            | Command::Subscribe { .. }
            | Command::Cancel { .. }
            | Command::Other(_) => None,
        }
    }

    /// Appends the command frame.
    ///
    /// # Errors
    ///
    /// [`NoGroups`], and nothing is appended, if the peer's version has no such command.
    // spec: 37:radio:join-leave
    pub fn put(&self, version: Version, out: &mut BytesMut) -> Result<(), NoGroups> {
        match (version, self) {
            (Version::V3_0, _) => return Err(NoGroups),
            (Version::V3_1, Self::Join(group)) => put_command("JOIN", group.as_octets(), out),
            (Version::V3_1, Self::Leave(group)) => put_command("LEAVE", group.as_octets(), out),
        }
        Ok(())
    }

    /// Returns the group.
    #[must_use]
    pub fn group(&self) -> &Group {
        match self {
            Self::Join(group) | Self::Leave(group) => group,
        }
    }

    /// Returns what a membership is to a socket of this type.
    // spec: 37:subscription:wrong-type
    #[must_use]
    pub const fn relevance(receiver: SocketType) -> Relevance {
        if matches!(receiver, SocketType::Radio) { Relevance::Meant } else { Relevance::Foreign }
    }

    /// Returns whether sockets of this type join and leave groups.
    // spec: 37:subscription:wrong-type
    #[must_use]
    pub const fn is_sent_by(sender: SocketType) -> bool {
        matches!(sender, SocketType::Dish)
    }
}

/// The peer speaks ZMTP 3.0, which has no groups. Another try is of no use before it changes.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("ZMTP 3.0 has no groups")]
pub struct NoGroups;

/// Makes the message that a RADIO sends to a group: the group, then the body.
// spec: 37:radio:two-frames
#[must_use]
pub fn radio_message(group: &Group, body: &[u8]) -> Message {
    let mut octets = BytesMut::new();
    put_frame(FrameKind::MessageMore, group.as_octets(), &mut octets);
    put_frame(FrameKind::MessageLast, body, &mut octets);
    Message::from_checked(octets.freeze())
}

/// Takes apart what a DISH received: the group, and the body, which is a part of the message and
/// no copy.
///
/// # Errors
///
/// [`DecodeError::NotGroupAndBody`] unless there are exactly two frames, or what is wrong with the
/// group. The peer's fault, and fatal.
// spec: 37:radio:two-frames
pub fn parse_radio(message: &Message) -> Result<(Group, Bytes), DecodeError> {
    let mut frames = message.frames();
    match (frames.next(), frames.next(), frames.rest()) {
        (Some(group), Some(body), []) => {
            let group = Group::new(group)?;
            let octets = message.clone().into_bytes();
            // The body is what the message ends with.
            let begin = octets.len().saturating_sub(body.len());
            Ok((group, octets.slice(begin..)))
        }
        _ => Err(DecodeError::NotGroupAndBody),
    }
}

#[cfg(test)]
mod tests;
