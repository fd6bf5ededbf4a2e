//! Cutting the octets of a connection in traffic into messages and commands.
//!
//! The input stays with the caller. A message is found, not copied: what is returned is the part
//! of the input in which it stands, encoded as it came. Only if a command stands between two
//! frames of a message, as libzmq sends them, the frames are put together elsewhere.

use bytes::{Bytes, BytesMut};

use crate::error::DecodeError;
use crate::frame::{FrameHeader, FrameKind};
use crate::limits::Limits;
use crate::message::{Message, few_short_frames};

/// Finds message and command borders, within limits.
///
/// Remembers how far it has looked, so that no frame header is parsed twice however small the
/// pieces are in which a message arrives. Invariant for the caller: until something is returned,
/// the octets that were there stay at the front of the input.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// Octets at the front of the input that are whole frames of an unfinished message.
    scanned: usize,
    /// Frames of the unfinished message.
    frames: usize,
    /// Its frames before a command that stood between them.
    held: BytesMut,
    /// Octets that the input must have before the frame at `scanned` is whole; 0 if unknown.
    wanted: usize,
}

/// Something whole at the front of the input.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'i> {
    /// Octets to drop from the front of the input before the next call. Never 0.
    pub consumed: usize,
    /// What they were.
    pub item: Item<'i>,
    /// Octets of an unfinished message that are kept elsewhere now.
    pub held: usize,
}

/// What a stream in traffic consists of.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'i> {
    /// A whole message.
    Message(Octets<'i>),
    /// The body of a command frame.
    Command(&'i [u8]),
    /// Some frames of an unfinished message, which are kept elsewhere now.
    Part,
}

/// A whole message, encoded.
#[derive(Debug, PartialEq, Eq)]
pub enum Octets<'i> {
    /// It stands in the input and is exactly the octets consumed.
    InPlace(&'i [u8]),
    /// It was encrypted, and stands in a buffer of the connection until its next call.
    Opened(&'i [u8]),
    /// It was put together elsewhere: a command stood between its frames, or it was encrypted and
    /// is large.
    Reassembled(Bytes),
}

/// Whole messages of few short frames each, as they stand in the input one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'i> {
    /// The messages, encoded. Drop so many octets from the front of the input before the next call.
    pub octets: &'i [u8],
    /// How many they are. Never 0.
    pub messages: usize,
}

impl Octets<'_> {
    /// Returns the encoded message.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::InPlace(octets) | Self::Opened(octets) => octets,
            Self::Reassembled(octets) => octets,
        }
    }

    /// Makes it a message of its own; copies what stands in the input.
    #[must_use]
    pub fn into_message(self) -> Message {
        Message::from_checked(match self {
            Self::InPlace(octets) | Self::Opened(octets) => Bytes::copy_from_slice(octets),
            Self::Reassembled(octets) => octets,
        })
    }
}

impl Decoder {
    /// Makes a decoder for a stream that stands at a message border.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, scanned: 0, frames: 0, held: BytesMut::new(), wanted: 0 }
    }

    /// Takes a message or a command off the front of `input`; `Ok(None)` while none is whole.
    ///
    /// # Errors
    ///
    /// Any error is fatal: the stream has lost its frame boundaries, or the peer its measure.
    // spec: 37:framing:split-anywhere
    #[inline]
    pub fn decode<'i>(&mut self, input: &'i [u8]) -> Result<Option<Decoded<'i>>, DecodeError> {
        if let Some(octets) = self.short_message(input) {
            let consumed = octets.len();
            let item = Item::Message(Octets::InPlace(octets));
            return Ok(Some(Decoded { consumed, item, held: 0 }));
        }
        loop {
            let rest = input.get(self.scanned..).unwrap_or_default();
            let Some(header) = FrameHeader::parse(rest)? else {
                self.wanted = 0;
                return Ok(None);
            };
            if header.kind == FrameKind::Command {
                return self.command(header, input);
            }
            let end = self.frame_end(header)?;
            if input.len() < end {
                self.wanted = end;
                return Ok(None);
            }
            self.scanned = end;
            self.frames = self.frames.saturating_add(1);
            if header.kind == FrameKind::MessageLast {
                return Ok(Some(self.message(input)));
            }
        }
    }

    /// Returns the message that `input` begins with, if it is whole, within limits, and consists of few
    /// short frames, as most do. Whatever else is there is for [`decode`](Self::decode) to find.
    #[inline]
    pub(crate) fn short_message<'i>(&self, input: &'i [u8]) -> Option<&'i [u8]> {
        if self.frames > 0 {
            return None;
        }
        let Limits { message_frames_max, message_len_max, .. } = self.limits;
        let end = few_short_frames(input, message_frames_max)?;
        input.get(..end).filter(|_| end <= message_len_max)
    }

    /// Returns the messages that `input` begins with, as far as each is what
    /// [`short_message`](Self::short_message) finds; `None` if the first is not.
    #[inline]
    pub(crate) fn run<'i>(&self, input: &'i [u8]) -> Option<Run<'i>> {
        let (mut end, mut messages): (usize, usize) = (0, 0);
        while let Some(message) = input.get(end..).and_then(|rest| self.short_message(rest)) {
            end = end.saturating_add(message.len());
            messages = messages.saturating_add(1);
        }
        let octets = input.get(..end).filter(|octets| !octets.is_empty())?;
        Some(Run { octets, messages })
    }

    /// Returns how many octets the input must have before anything new can come of it, as far as
    /// that is known; 0 if it is not.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Returns the octets of an unfinished message that are no longer in the input.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Returns where in the input the message frame at `scanned` ends.
    // spec: 37:framing:length-before-memory, mux:limit:message, mux:limit:frames
    #[inline]
    fn frame_end(&self, header: FrameHeader) -> Result<usize, DecodeError> {
        if self.frames >= self.limits.message_frames_max {
            return Err(DecodeError::TooManyFrames { max: self.limits.message_frames_max });
        }
        let max = self.limits.message_len_max;
        let before = self.scanned.saturating_add(header.header_len);
        let len = header.body_len.saturating_add(before.saturating_add(self.held.len()) as u64);
        if len > max as u64 {
            return Err(DecodeError::MessageTooLong { len, max });
        }
        usize::try_from(header.body_len)
            .ok()
            .and_then(|body_len| body_len.checked_add(before))
            .ok_or(DecodeError::MessageTooLong { len, max })
    }

    // spec: 37:message:atomic
    #[inline]
    fn message<'i>(&mut self, input: &'i [u8]) -> Decoded<'i> {
        let consumed = self.scanned;
        let octets = input.get(..consumed).unwrap_or_default();
        self.scanned = 0;
        self.frames = 0;
        self.wanted = 0;
        let octets = if self.held.is_empty() {
            Octets::InPlace(octets)
        } else {
            self.held.extend_from_slice(octets);
            Octets::Reassembled(std::mem::take(&mut self.held).freeze())
        };
        Decoded { consumed, item: Item::Message(octets), held: 0 }
    }

    // spec: 37:command:between-frames
    fn command<'i>(
        &mut self,
        header: FrameHeader,
        input: &'i [u8],
    ) -> Result<Option<Decoded<'i>>, DecodeError> {
        let max = self.limits.command_len_max;
        let too_long = DecodeError::CommandTooLong { len: header.body_len, max };
        // spec: 37:command:length-limit
        let body_len = usize::try_from(header.body_len).map_err(|_| too_long)?;
        if body_len > max {
            return Err(too_long);
        }
        let start = self.scanned.saturating_add(header.header_len);
        let consumed = start.saturating_add(body_len);
        let Some(body) = input.get(start..consumed) else {
            self.wanted = consumed;
            return Ok(None);
        };
        self.held.extend_from_slice(input.get(..self.scanned).unwrap_or_default());
        self.scanned = 0;
        Ok(Some(Decoded { consumed, item: Item::Command(body), held: self.held.len() }))
    }
}

#[cfg(test)]
mod tests;
