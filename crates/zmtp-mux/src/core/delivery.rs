//! What the application takes, one thing after the other, off the queue of its end.
//!
//! ```text
//! delivery = message | event
//! message  = %x00 token(8) message of the peer, whole
//! event    = %x01 number(8)
//! ```

use bytes::{Buf, Bytes};
use zmtp_proto::{FrameHeader, FrameKind, Message};

use crate::core::address::Token;
use crate::core::flight::Flight;

/// Something for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A message of a peer.
    Message {
        /// Whose.
        from: Token,
        /// The message. A large one is a slice of what it arrived in.
        message: Message,
    },
    /// An event, to be had by [`MuxCore::take_event`](crate::core::MuxCore::take_event).
    Event(
        /// Its number.
        u64,
    ),
}

/// What stands before each thing in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A message of this peer follows.
    Message(Token),
    /// An event of this number, and nothing more of it.
    Event(u64),
}

impl Mark {
    /// Octets that it has.
    pub(crate) const LEN: usize = 9;

    #[inline]
    pub(crate) fn to_octets(self) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        let [kind, rest @ ..] = &mut octets;
        (*kind, *rest) = match self {
            Self::Message(Token(token)) => (0, token),
            Self::Event(number) => (1, number.to_be_bytes()),
        };
        octets
    }

    #[inline]
    fn parse(octets: [u8; Self::LEN]) -> Self {
        let [kind, rest @ ..] = octets;
        match kind {
            0 => Self::Message(Token(rest)),
            _ => Self::Event(u64::from_be_bytes(rest)),
        }
    }
}

impl Flight {
    /// Takes the next thing for the application, and returns it with the octets that it took;
    /// `None` if there is none.
    // spec: mux:terminal:whole-message
    #[inline]
    pub fn take_delivery(&mut self) -> Option<(Delivery, usize)> {
        let (mark, rest) = self.next().split_first_chunk()?;
        let (delivery, len) = match Mark::parse(*mark) {
            Mark::Message(from) => {
                let message = if rest.is_empty() { self.take_large() } else { self.take_small() }?;
                let len = message.as_octets().len();
                (Delivery::Message { from, message }, len)
            }
            Mark::Event(number) => {
                // The block, if any, goes on behind it.
                self.block.advance(Mark::LEN.min(self.block.len()));
                (Delivery::Event(number), 0)
            }
        };
        let taken = len.saturating_add(Mark::LEN);
        self.advance(taken);
        Some((delivery, taken))
    }

    /// Takes a large message: a slice of its own behind its mark, which ends the block.
    #[cold]
    fn take_large(&mut self) -> Option<Message> {
        self.block = Bytes::new();
        Message::from_octets(self.second()?.clone()).ok()
    }

    /// Takes the message that stands behind its mark off the block, and makes a new one first if it is
    /// not whole there.
    #[inline]
    fn take_small(&mut self) -> Option<Message> {
        if self.block.len() > Mark::LEN {
            self.block.advance(Mark::LEN);
            if let Some(message) = Message::split_from(&mut self.block).ok()? {
                return Some(message);
            }
        }
        self.begin_block()
    }

    #[inline(never)]
    fn begin_block(&mut self) -> Option<Message> {
        let rest = self.next().get(Mark::LEN..)?;
        let len = message_len(rest)?.max(BLOCK_LEN).min(rest.len());
        self.block = Bytes::copy_from_slice(rest.get(..len)?);
        Message::split_from(&mut self.block).ok()?
    }
}

/// Octets that small messages are copied at once, and share: what a message that is kept may keep
/// beside it, at most.
const BLOCK_LEN: usize = 2048;

/// Returns the octets of the message that `octets` begin with.
fn message_len(octets: &[u8]) -> Option<usize> {
    let mut rest = octets;
    loop {
        let header = FrameHeader::parse(rest).ok()??;
        let body_len = usize::try_from(header.body_len).ok()?;
        rest = rest.get(header.header_len.checked_add(body_len)?..)?;
        if header.kind == FrameKind::MessageLast {
            return Some(octets.len().saturating_sub(rest.len()));
        }
    }
}
