//! What the application takes, one thing after the other, off the queue of its end.
//!
//! ```text
//! delivery = message | event
//! message  = [binding-address] message of the peer, whole
//! event    = [""] [number(8)]
//! ```

use bytes::Bytes;
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
        let (message, len) = if rest.is_empty() {
            // A large message is a slice of its own behind its address.
            let message = self.second()?;
            (message.clone(), message.len())
        } else {
            let len = message_len(rest)?;
            (Bytes::copy_from_slice(rest.get(..len)?), len)
        };
        let delivery = match address {
            [] => Delivery::Event(event_number(&message)?),
            [.., _, _, _, _, _, _, _, _] => {
                let from = Token(*address.last_chunk()?);
                Delivery::Message { from, message: Message::from_octets(message).ok()? }
            }
            _ => return None,
        };
        let taken = lead.saturating_add(len);
        self.advance(taken);
        Some((delivery, taken))
    }
}

fn event_number(message: &[u8]) -> Option<u64> {
    let (_, number) = message.split_last_chunk()?;
    Some(u64::from_be_bytes(*number))
}

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
