//! Subscriptions: what a subscriber wants to hear, told to the publisher, who filters.
//!
//! ```text
//! subscribe = "SUBSCRIBE" topic / "CANCEL" topic     ; a command, since 3.1
//! message   = %x01 topic / %x00 topic                ; a message of one frame, in 3.0
//! topic     = *OCTET
//! ```
//!
//! A 3.1 peer is sent the command and a 3.0 peer the message; of both we take either. The groups
//! of RADIO and DISH, which are joined and left in a like manner, stand in [`Membership`].

mod group;
mod table;

use bytes::{BufMut, Bytes, BytesMut};

use crate::command::{Command, put_command};
use crate::frame::{FrameHeader, FrameKind, put_header};
use crate::greeting::Version;
use crate::message::Message;
use crate::socket_type::SocketType;

pub use group::{Group, Membership, NoGroups, parse_radio, radio_message};
pub use table::{SubscribeError, SubscriptionLimits, Subscriptions};

/// A subscriber's word to its publisher. A topic is a prefix, and the empty one fits everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// Send me what begins with this topic, once more than before.
    Subscribe(Bytes),
    /// Take one such wish back.
    Cancel(Bytes),
}

impl Subscription {
    /// Takes the subscription out of a command; `None` if the command is another.
    // spec: 37:subscription:both-forms-taken
    #[must_use]
    pub fn from_command(command: &Command) -> Option<Self> {
        match command {
            Command::Subscribe { topic } => Some(Self::Subscribe(topic.clone())),
            Command::Cancel { topic } => Some(Self::Cancel(topic.clone())),
            Command::Ready(_)
            | Command::Error { .. }
            | Command::Ping { .. }
            | Command::Pong { .. }
            | Command::Join { .. }
            | Command::Leave { .. }
            | Command::Other(_) => None,
        }
    }

    /// Takes the subscription out of a message; `None` if the message is something else.
    ///
    /// Ask [`relevance`](Self::relevance) first: to most sockets such a message is data like any
    /// other. The topic is a copy, so that it does not keep a read buffer alive.
    // spec: 23:subscription:message-form, 37:subscription:both-forms-taken
    #[must_use]
    pub fn from_message(message: &Message) -> Option<Self> {
        Self::from_encoded(message.as_octets())
    }

    /// As [`from_message`](Self::from_message), of a whole message as it is on the wire.
    pub(crate) fn from_encoded(octets: &[u8]) -> Option<Self> {
        let header = FrameHeader::parse(octets).ok()??;
        let (form, topic) = octets.get(header.header_len..)?.split_first()?;
        match (header.kind, *form) {
            (FrameKind::MessageLast, SUBSCRIBE) => {
                Some(Self::Subscribe(Bytes::copy_from_slice(topic)))
            }
            (FrameKind::MessageLast, CANCEL) => Some(Self::Cancel(Bytes::copy_from_slice(topic))),
            _ => None,
        }
    }

    /// Appends the frame in the form that the peer's version asks for.
    // spec: 37:subscription:command-form, 23:subscription:message-form
    pub fn put(&self, version: Version, out: &mut BytesMut) {
        let topic = self.topic();
        out.reserve(topic.len().saturating_add(FrameHeader::LEN_MAX + LONGEST_NAME));
        match (version, self) {
            (Version::V3_1, Self::Subscribe(_)) => put_command("SUBSCRIBE", topic, out),
            (Version::V3_1, Self::Cancel(_)) => put_command("CANCEL", topic, out),
            (Version::V3_0, Self::Subscribe(_)) => put_message(SUBSCRIBE, topic, out),
            (Version::V3_0, Self::Cancel(_)) => put_message(CANCEL, topic, out),
        }
    }

    /// Returns the topic.
    #[must_use]
    pub fn topic(&self) -> &Bytes {
        match self {
            Self::Subscribe(topic) | Self::Cancel(topic) => topic,
        }
    }

    /// Returns what a subscription, in either form, is to a socket of this type.
    // spec: 37:subscription:wrong-type
    #[must_use]
    pub const fn relevance(receiver: SocketType) -> Relevance {
        if matches!(receiver, SocketType::Pub | SocketType::Xpub) {
            Relevance::Meant
        } else {
            Relevance::Foreign
        }
    }

    /// Returns whether sockets of this type send subscriptions.
    // spec: 37:subscription:wrong-type
    #[must_use]
    pub const fn is_sent_by(sender: SocketType) -> bool {
        matches!(sender, SocketType::Sub | SocketType::Xsub)
    }
}

/// What a subscription or a membership is to the socket that receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relevance {
    /// It is for this type of socket, which acts on it.
    Meant,
    /// It is for another type: a command is dropped, and a message means nothing but itself.
    Foreign,
}

/// Appends a message of one frame; of 256 octets or more, the first of them counted, a long one.
fn put_message(form: u8, topic: &[u8], out: &mut BytesMut) {
    put_header(FrameKind::MessageLast, topic.len().saturating_add(1), out);
    out.put_u8(form);
    out.put_slice(topic);
}

/// The first octet of a message that subscribes.
const SUBSCRIBE: u8 = 1;

/// The first octet of a message that cancels.
const CANCEL: u8 = 0;

/// Octets of the longest name of a command here, with its length.
const LONGEST_NAME: usize = 1 + "SUBSCRIBE".len();

#[cfg(test)]
mod tests;
