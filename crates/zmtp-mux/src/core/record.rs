//! Records: what the octets in a queue are of.

use crate::core::binding::BindingKey;
use crate::core::pool::Used;
use crate::core::source::SourceKey;

/// Whose octets come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) len: usize,
    pub(crate) what: What,
}

/// What octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Of a message.
    Message(Sent),
    /// Of a RETURN, which takes room as a message does.
    Return,
    /// Of another notice, which had this many octets of the global pool reserved for it.
    Notice { reserved: usize },
    /// Of the answer to a HELLO.
    Hello,
    /// Of a command.
    Sign(Sign),
}

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Whose share it is of.
    pub(crate) source: SourceKey,
    pub(crate) from: BindingKey,
    pub(crate) by: By,
    /// How many messages, one behind the other: only for an application more than one.
    pub(crate) messages: u32,
}

/// By which of its addresses the destination was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Name,
    Binding,
}

/// What the MUX says of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Return,
    Notice {
        reserved: usize,
    },
    /// The answer to a HELLO. One waits at a time.
    Hello,
}

/// A command by which the peer knows that we live, or we that it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Ping,
    Pong,
}

impl Record {
    pub(crate) fn is_message(&self) -> bool {
        matches!(self.what, What::Message(_))
    }

    /// Returns how many messages it is of.
    #[inline]
    pub(crate) fn messages(&self) -> usize {
        match self.what {
            What::Message(sent) => sent.messages.try_into().unwrap_or(usize::MAX),
            What::Return | What::Notice { .. } | What::Hello | What::Sign(_) => 0,
        }
    }

    /// Returns the room that its messages take.
    #[inline]
    pub(crate) fn room(&self) -> Used {
        Used::of(self.messages(), self.len)
    }
}
