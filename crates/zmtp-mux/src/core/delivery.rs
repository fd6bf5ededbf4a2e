//! What the application takes, one thing after the other, off the queue of its end.
//!
//! ```text
//! delivery = message | event
//! message  = [binding-address] message of the peer, whole
//! event    = [""] [number(8)]
//! ```

use bytes::{Buf, Bytes};
use zmtp_proto::{FrameHeader, FrameKind, Message};

use crate::core::address::Token;
use crate::core::envelope::split_frame;
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

impl Flight {
    /// Takes the next thing for the application, and returns it with the octets that it took;
    /// `None` if there is none.
    // spec: mux:terminal:whole-message
    pub fn take_delivery(&mut self) -> Option<(Delivery, usize)> {
        let octets = self.next();
        let (address, rest) = split_frame(octets)?;
        let lead = octets.len().saturating_sub(rest.len());
        let from = address.last_chunk().map(|token| Token(*token));
        let message = if rest.is_empty() {
            // A large message is a slice of its own behind its address, which ends the block.
            self.block = Bytes::new();
            Message::from_octets(self.second()?.clone()).ok()?
        } else {
            self.take_small(lead)?
        };
        let taken = lead.saturating_add(message.as_octets().len());
        let delivery = match from {
            Some(from) => Delivery::Message { from, message },
            None => Delivery::Event(event_number(message.as_octets())?),
        };
        self.advance(taken);
        Some((delivery, taken))
    }

    /// Takes the message that stands behind `lead` octets off the block, and makes a new one first if
    /// it is not whole there.
    fn take_small(&mut self, lead: usize) -> Option<Message> {
        if self.block.len() > lead {
            self.block.advance(lead);
            if let Some(message) = Message::split_from(&mut self.block).ok()? {
                return Some(message);
            }
        }
        let rest = self.next().get(lead..)?;
        let len = message_len(rest)?.max(BLOCK_LEN).min(rest.len());
        self.block = Bytes::copy_from_slice(rest.get(..len)?);
        Message::split_from(&mut self.block).ok()?
    }
}

fn event_number(message: &[u8]) -> Option<u64> {
    let (_, number) = message.split_last_chunk()?;
    Some(u64::from_be_bytes(*number))
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
