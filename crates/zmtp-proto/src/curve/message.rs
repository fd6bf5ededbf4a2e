//! MESSAGE: the frames of an encrypted connection, each in a box of its own.
//!
//! ```text
//! MESSAGE = OCTET "MESSAGE" nonce(8) box[flags(1) payload]
//! flags   = 0 last frame of a message | 1 more of it follows | 2 command
//! ```

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use crate::curve::MESSAGE_LEN_MIN;
use crate::curve::boxes::BoxKey;
use crate::curve::error::CurveError;
use crate::curve::nonce;
use crate::decoder::{Decoded, Item, Octets};
use crate::error::{ConnectionError, DecodeError};
use crate::frame::{FrameHeader, FrameKind, put_header};
use crate::limits::Limits;

/// The nonces that we have sent: they count from 1, and never come again.
#[derive(Debug, Default)]
pub(crate) struct Sent(u64);

impl Sent {
    // spec: 26:curve:nonces-rise, 26:curve:nonces-from-one, 26:curve:nonce-never-wraps
    pub(crate) fn next(&mut self) -> Result<u64, CurveError> {
        self.0 = self.0.checked_add(1).ok_or(CurveError::NoncesUsedUp)?;
        Ok(self.0)
    }
}

/// The last nonce that was in a box of the peer's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Received(u64);

impl Received {
    /// Checks a nonce before its box is opened. Gaps are legal.
    // spec: 26:curve:nonces-rise
    pub(crate) fn check(self, counter: u64) -> Result<(), CurveError> {
        let Self(last) = self;
        if counter > last { Ok(()) } else { Err(CurveError::Nonce { got: counter, last }) }
    }

    /// Notes a nonce whose box has opened: a forged one must not shut out those that follow.
    // spec: 26:curve:nonce-after-opening
    pub(crate) fn note(&mut self, counter: u64) {
        self.0 = counter;
    }
}

/// Both directions of an encrypted connection.
#[derive(Debug)]
pub(crate) struct Session {
    key: Arc<BoxKey>,
    sent: Sent,
    received: Received,
    prefixes: Prefixes,
}

#[derive(Clone, Copy, Debug)]
struct Prefixes {
    ours: &'static [u8; 16],
    theirs: &'static [u8; 16],
}

impl Session {
    pub(crate) fn of_client(key: BoxKey, sent: Sent, received: Received) -> Self {
        let prefixes =
            Prefixes { ours: nonce::MESSAGE_OF_CLIENT, theirs: nonce::MESSAGE_OF_SERVER };
        Self { key: Arc::new(key), sent, received, prefixes }
    }

    pub(crate) fn of_server(key: BoxKey, sent: Sent, received: Received) -> Self {
        let prefixes =
            Prefixes { ours: nonce::MESSAGE_OF_SERVER, theirs: nonce::MESSAGE_OF_CLIENT };
        Self { key: Arc::new(key), sent, received, prefixes }
    }

    /// Parts the directions.
    pub(crate) fn split(self, limits: Limits) -> (Opener, Sealer) {
        let Self { key, sent, received, prefixes } = self;
        let sealer = Sealer { key: Arc::clone(&key), sent, prefix: prefixes.ours };
        let opener = Opener {
            key,
            received,
            prefix: prefixes.theirs,
            limits,
            message: BytesMut::new(),
            frames: 0,
            wanted: 0,
            given: Given::Nothing,
        };
        (opener, sealer)
    }
}

/// Puts the frames that we send into boxes.
#[derive(Debug)]
pub struct Sealer {
    key: Arc<BoxKey>,
    sent: Sent,
    prefix: &'static [u8; 16],
}

impl Sealer {
    /// Octets by which a sealed frame is longer than its payload, at most.
    pub const OVERHEAD: usize = FrameHeader::LEN_MAX + MESSAGE_LEN_MIN;

    /// Takes one frame off the front of `clear`, which begins at the border of a frame, appends
    /// it sealed to `out`, and returns its octets in the clear; 0 if no frame is whole.
    ///
    /// # Errors
    ///
    /// [`CurveError::NoncesUsedUp`]: the connection has to end. What is in `clear` is no frame:
    /// [`ConnectionError::Decode`], the caller's fault.
    // spec: 26:curve:outer-flags, 26:curve:inner-flags
    #[inline]
    pub fn seal(&mut self, clear: &[u8], out: &mut BytesMut) -> Result<usize, ConnectionError> {
        let Some(header) = FrameHeader::parse(clear)? else { return Ok(0) };
        let body = clear.get(header.header_len..).unwrap_or_default();
        let Some(body) = usize::try_from(header.body_len).ok().and_then(|len| body.get(..len))
        else {
            return Ok(0);
        };
        let counter = self.sent.next()?;
        let flags = match header.kind {
            FrameKind::MessageLast => 0,
            FrameKind::MessageMore => MORE,
            FrameKind::Command => COMMAND,
        };
        out.reserve(body.len().saturating_add(Self::OVERHEAD));
        put_header(FrameKind::MessageLast, body.len().saturating_add(MESSAGE_LEN_MIN), out);
        out.put_slice(NAME);
        out.put_u64(counter);
        let start = out.len();
        out.put_bytes(0, BoxKey::OVERHEAD);
        out.put_u8(flags);
        out.put_slice(body);
        self.key.seal_in_place(
            &nonce::short(self.prefix, counter),
            out.get_mut(start..).unwrap_or_default(),
        );
        Ok(header.header_len.saturating_add(body.len()))
    }
}

#[cfg(test)]
impl Sealer {
    /// Goes on behind this nonce.
    pub(crate) fn count_from(&mut self, last: u64) {
        self.sent = Sent(last);
    }
}

/// Takes the frames that we receive out of their boxes, and puts the messages together.
#[derive(Debug)]
pub(crate) struct Opener {
    key: Arc<BoxKey>,
    received: Received,
    prefix: &'static [u8; 16],
    limits: Limits,
    /// Frames of a message, in the clear and encoded, up to where it has arrived.
    message: BytesMut,
    frames: usize,
    /// Octets that the input must have before its first frame is whole; 0 if unknown.
    wanted: usize,
    given: Given,
}

/// What of the buffer the caller was shown, and needs no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Nothing,
    /// All of it: a message.
    Message,
    /// What begins there: a command between the frames of a message.
    Command(usize),
}

/// A frame that was opened.
struct Opened {
    kind: FrameKind,
    /// Where in the buffer its header begins, and its payload.
    at: usize,
    payload_at: usize,
}

impl Opener {
    /// Takes a message or a command off the front of `input`; `Ok(None)` while none is whole.
    #[inline]
    pub(crate) fn decode<'i>(
        &'i mut self,
        input: &[u8],
    ) -> Result<Option<Decoded<'i>>, ConnectionError> {
        self.forget();
        let mut consumed: usize = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let Some((len, opened)) = self.open_frame(rest)? else {
                if self.message.is_empty() {
                    // An idle connection holds no buffer.
                    self.message = BytesMut::new();
                }
                // What is consumed of an unfinished message has moved to the buffer.
                let held = self.message.len();
                return Ok((consumed > 0).then_some(Decoded { consumed, item: Item::Part, held }));
            };
            consumed = consumed.saturating_add(len);
            match opened.kind {
                FrameKind::MessageMore => {}
                FrameKind::MessageLast => {
                    self.frames = 0;
                    let item = Item::Message(self.take_message());
                    return Ok(Some(Decoded { consumed, item, held: 0 }));
                }
                FrameKind::Command => {
                    self.given = Given::Command(opened.at);
                    let body = self.message.get(opened.payload_at..).unwrap_or_default();
                    let item = Item::Command(body);
                    return Ok(Some(Decoded { consumed, item, held: opened.at }));
                }
            }
        }
    }

    /// Returns how many octets the input must have before anything new can come of it; 0 if that
    /// is not known.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Returns the octets of an unfinished message that are no longer in the input.
    pub(crate) fn held(&self) -> usize {
        match self.given {
            Given::Nothing => self.message.len(),
            Given::Message => 0,
            Given::Command(at) => at,
        }
    }

    /// Takes a large message out of the buffer, and shows a small one in it.
    fn take_message(&mut self) -> Octets<'_> {
        if self.message.len() > SHOWN_LEN_MAX {
            return Octets::Reassembled(std::mem::take(&mut self.message).freeze());
        }
        self.given = Given::Message;
        Octets::Opened(&self.message)
    }

    /// Drops what the caller has seen.
    fn forget(&mut self) {
        match std::mem::replace(&mut self.given, Given::Nothing) {
            Given::Nothing => {}
            Given::Message => self.message.clear(),
            Given::Command(at) => self.message.truncate(at),
        }
    }

    /// Opens the frame at the front of `input` and appends it, encoded, to the message. Returns
    /// its octets in the input as well.
    #[inline]
    fn open_frame(&mut self, input: &[u8]) -> Result<Option<(usize, Opened)>, ConnectionError> {
        let Some(header) = FrameHeader::parse(input)? else {
            self.wanted = 0;
            return Ok(None);
        };
        // spec: 26:curve:outer-flags
        if header.kind == FrameKind::MessageMore {
            return Err(CurveError::NotAMessage.into());
        }
        let len = self.sealed_len(header)?;
        let Some(body) = input.get(header.header_len..len) else {
            self.wanted = len;
            // Clear text is refused as soon as it shows, and not when it is whole.
            let begun = input.get(header.header_len..).unwrap_or_default();
            return check_name(begun).map(|()| None);
        };
        self.wanted = 0;
        check_name(body)?;
        Ok(Some((len, self.open_body(body)?)))
    }

    /// Returns the octets of a sealed frame, header included, if what is in it can fit.
    // spec: 26:curve:message-size, 37:framing:length-before-memory
    fn sealed_len(&self, header: FrameHeader) -> Result<usize, ConnectionError> {
        let payload =
            header.body_len.checked_sub(MESSAGE_LEN_MIN as u64).ok_or(CurveError::Length {
                command: "MESSAGE",
                len: usize::try_from(header.body_len).unwrap_or(usize::MAX),
                wanted: MESSAGE_LEN_MIN,
            })?;
        let max = self.limits.message_len_max;
        let len = payload.saturating_add(self.message.len() as u64);
        // What is short enough may be a command, and that does not count.
        if len > max as u64 && payload > self.limits.command_len_max as u64 {
            return Err(DecodeError::MessageTooLong { len, max }.into());
        }
        usize::try_from(header.body_len)
            .ok()
            .and_then(|body_len| body_len.checked_add(header.header_len))
            .ok_or(DecodeError::MessageTooLong { len, max }.into())
    }

    #[inline]
    fn open_body(&mut self, body: &[u8]) -> Result<Opened, ConnectionError> {
        let wrong_length =
            CurveError::Length { command: "MESSAGE", len: body.len(), wanted: MESSAGE_LEN_MIN };
        let rest = body.get(NAME.len()..).ok_or(wrong_length)?;
        let (counter, boxed) = rest.split_first_chunk().ok_or(wrong_length)?;
        let counter = u64::from_be_bytes(*counter);
        self.received.check(counter)?;
        let payload_len = body.len().saturating_sub(MESSAGE_LEN_MIN);
        // Room for the header, whose last octet the flags take until it is written.
        let header_len = if payload_len > 255 { 9 } else { 2 };
        let at = self.message.len();
        self.message.reserve(boxed.len().saturating_add(header_len));
        self.message.put_bytes(0, header_len.saturating_sub(1));
        let opened = self.key.open(&nonce::short(self.prefix, counter), boxed, &mut self.message);
        if let Err(error) = opened {
            self.message.truncate(at);
            return Err(error.into());
        }
        self.received.note(counter);
        let payload_at = at.saturating_add(header_len);
        let place = self.message.get_mut(at..payload_at).unwrap_or_default();
        let kind = kind(place.last().copied().unwrap_or(u8::MAX))?;
        put_header(kind, payload_len, &mut &mut *place);
        match kind {
            FrameKind::Command => self.check_command(payload_len)?,
            FrameKind::MessageMore | FrameKind::MessageLast => self.count()?,
        }
        Ok(Opened { kind, at, payload_at })
    }

    // spec: 37:command:length-limit
    fn check_command(&self, len: usize) -> Result<(), DecodeError> {
        let max = self.limits.command_len_max;
        if len > max {
            return Err(DecodeError::CommandTooLong { len: len as u64, max });
        }
        Ok(())
    }

    // spec: mux:limit:frames, mux:limit:message
    fn count(&mut self) -> Result<(), DecodeError> {
        let max = self.limits.message_frames_max;
        if self.frames >= max {
            return Err(DecodeError::TooManyFrames { max });
        }
        self.frames = self.frames.saturating_add(1);
        let (len, max) = (self.message.len(), self.limits.message_len_max);
        if len > max {
            return Err(DecodeError::MessageTooLong { len: len as u64, max });
        }
        Ok(())
    }
}

// spec: 26:curve:clear-text-refused
fn check_name(body: &[u8]) -> Result<(), ConnectionError> {
    let begun = body.get(..NAME.len()).unwrap_or(body);
    if NAME.starts_with(begun) { Ok(()) } else { Err(CurveError::NotAMessage.into()) }
}

// spec: 26:curve:inner-flags
#[inline]
fn kind(flags: u8) -> Result<FrameKind, CurveError> {
    match flags {
        0 => Ok(FrameKind::MessageLast),
        MORE => Ok(FrameKind::MessageMore),
        COMMAND => Ok(FrameKind::Command),
        _ => Err(CurveError::Flags(flags)),
    }
}

/// The name at the front of a MESSAGE.
const NAME: &[u8; 8] = b"\x07MESSAGE";

const MORE: u8 = 1;
const COMMAND: u8 = 2;

/// A message up to this many octets is shown in the buffer it was opened into; a longer one
/// takes the buffer with it.
const SHOWN_LEN_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
