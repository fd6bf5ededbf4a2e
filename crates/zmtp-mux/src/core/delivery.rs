//! What the application takes, one thing after the other, off the queue of its end.
//!
//! ```text
//! queue = *(run / event)
//! run   = %x80 token(8) 1*message    ; of this peer, each whole, as it came
//! event = %x81 number(8)
//! ```
//!
//! No frame begins with an octet like those of marks.

use bytes::{Buf, Bytes};
use zmtp_proto::{FrameHeader, FrameKind, Message};

use crate::core::address::Token;
use crate::core::binding::BindingKey;
use crate::core::flight::{Chunk, Flight};
use crate::core::mux::{MuxCore, Phase};

/// Something for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// What follows is of this peer.
    From(Token),
    /// A message. A large one is a slice of what it arrived in.
    Message(Message),
    /// An event, to be had by [`MuxCore::take_event`](crate::core::MuxCore::take_event).
    Event(
        /// Its number.
        u64,
    ),
}

/// What stands before each thing in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Messages of this peer follow.
    Message(Token),
    /// An event of this number, and nothing more of it.
    Event(u64),
}

impl Mark {
    /// Octets that it has.
    pub(crate) const LEN: usize = 9;

    const MESSAGE: u8 = 0x80;
    const EVENT: u8 = 0x81;

    #[inline]
    pub(crate) fn to_octets(self) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        let [kind, rest @ ..] = &mut octets;
        (*kind, *rest) = match self {
            Self::Message(Token(token)) => (Self::MESSAGE, token),
            Self::Event(number) => (Self::EVENT, number.to_be_bytes()),
        };
        octets
    }

    #[inline]
    fn parse(octets: [u8; Self::LEN]) -> Option<Self> {
        let [kind, rest @ ..] = octets;
        match kind {
            Self::MESSAGE => Some(Self::Message(Token(rest))),
            Self::EVENT => Some(Self::Event(u64::from_be_bytes(rest))),
            _ => None,
        }
    }
}

impl From<Mark> for Delivery {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Message(from) => Self::From(from),
            Mark::Event(number) => Self::Event(number),
        }
    }
}

/// What an application takes off a flight, and has taken.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// Octets that come next, and are the application's: messages are slices of them.
    block: Bytes,
    /// How many there were, and in the flight still are.
    block_len: usize,
    /// Octets and messages that were taken and not reported.
    octets: usize,
    messages: usize,
}

impl MuxCore {
    /// Takes a lone message off the queue of the application, and has it sleep: a small one, with nothing
    /// beside it. Without one nothing is done, and [`poll_transmit`](Self::poll_transmit) has what there
    /// is.
    ///
    /// Where requests are sent one at a time it is always so, and a flight, which is made for many, is
    /// most of what taking one costs.
    // spec: mux:terminal:whole-message, mux:conservation:handed-over
    #[inline]
    pub fn take_lone(&mut self, key: BindingKey) -> Option<(Token, Message)> {
        // One that ends has its end to say yet.
        let binding = self.bindings.get_mut(key).filter(|_| self.phase != Phase::Ended)?;
        let octets = binding.outbound.lone_message()?;
        let (len, (mark, message)) = (octets.len(), octets.split_first_chunk()?);
        let Mark::Message(from) = Mark::parse(*mark)? else { return None };
        let message = Message::from_octets(Bytes::copy_from_slice(message)).ok()?;
        binding.outbound.forget_lone();
        self.hand_over(key, len, 1);
        Some((from, message))
    }
}

impl Flight {
    /// Takes the next thing for the application; `None` if there is none.
    // spec: mux:terminal:whole-message
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of each message")]
    pub fn take_delivery(&mut self) -> Option<Delivery> {
        loop {
            match self.intake.block.first() {
                Some(0..Mark::MESSAGE) => {
                    if let Some(message) = self.intake.take_message() {
                        return Some(Delivery::Message(message));
                    }
                }
                Some(_) => {
                    if let Some(mark) = self.intake.take_mark() {
                        return Some(mark.into());
                    }
                }
                None => {}
            }
            self.begin_block()?;
        }
    }

    /// Returns how many octets and messages were taken since it was called last.
    #[inline]
    pub(crate) fn take_delivered(&mut self) -> (usize, usize) {
        let Intake { octets, messages, .. } = &mut self.intake;
        (std::mem::take(octets), std::mem::take(messages))
    }

    /// Tells whether the application has taken all that there is.
    #[inline]
    pub(crate) fn is_taken(&mut self) -> bool {
        if self.intake.block.is_empty() {
            self.end_block();
        }
        self.is_empty()
    }

    fn end_block(&mut self) {
        if self.intake.block_len == 0 {
            return;
        }
        let taken = self.intake.block_len.saturating_sub(self.intake.block.len());
        (self.intake.block, self.intake.block_len) = (Bytes::new(), 0);
        self.advance(taken);
    }

    /// Makes what comes next the application's: a large message as it is, of small ones a copy.
    #[inline(never)]
    fn begin_block(&mut self) -> Option<()> {
        self.end_block();
        let block = match self.chunks.front()? {
            Chunk::Shared(octets) => octets.clone(),
            Chunk::Buffer(_) => {
                let rest = self.next();
                let len = match rest.get(..BLOCK_LEN) {
                    Some(_) => item_len(rest)?.max(BLOCK_LEN),
                    None => rest.len(),
                };
                Bytes::copy_from_slice(rest.get(..len)?)
            }
        };
        (self.intake.block_len, self.intake.block) = (block.len(), block);
        Some(())
    }
}

impl Intake {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of each message")]
    fn take_message(&mut self) -> Option<Message> {
        let message = Message::split_from(&mut self.block).ok()??;
        self.octets = self.octets.saturating_add(message.encoded_len());
        self.messages = self.messages.saturating_add(1);
        Some(message)
    }

    #[inline(never)]
    fn take_mark(&mut self) -> Option<Mark> {
        let mark = Mark::parse(*self.block.first_chunk()?)?;
        self.block.advance(Mark::LEN);
        self.octets = self.octets.saturating_add(Mark::LEN);
        Some(mark)
    }
}

/// Octets that small messages are copied at once, and share: what a message that is kept may keep
/// beside it, at most.
const BLOCK_LEN: usize = 2048;

/// Returns the octets of the mark or the message that `octets` begin with, if it is whole.
fn item_len(octets: &[u8]) -> Option<usize> {
    if octets.first().is_some_and(|&kind| kind >= Mark::MESSAGE) {
        return Some(Mark::LEN);
    }
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
