//! Messages, kept as the octets that stand on the wire.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::error::DecodeError;
use crate::frame::{FrameHeader, FrameKind, put_header};

pub use self::builder::MessageBuilder;

mod builder;

/// A whole message: one frame or more, encoded.
///
/// Keeping the encoding makes forwarding a copy of octets, and a clone the count of a reference.
/// Frames are parsed out on demand. What holds octets is a message of one frame by `From`, an array
/// of such one of several; for the rest there is a [`MessageBuilder`]. Invariant: well formed, MORE on all frames but the last.
///
/// A last body of [`SHARED_LEN_MIN`](Self::SHARED_LEN_MIN) octets or more that is given as [`Bytes`]
/// or as a vector is not copied: the encoding is in two [pieces](Self::pieces) then. Whoever looks at
/// it in one, or at its frames, has them joined, once.
#[derive(Clone)]
pub struct Message(Octets);

#[derive(Clone)]
enum Octets {
    Whole(Bytes),
    Parted(Arc<Parted>),
}

/// An encoding in two pieces, whose border is before or behind a body.
struct Parted {
    head: Bytes,
    tail: Bytes,
    joined: OnceLock<Bytes>,
}

impl Message {
    /// From this many octets on a body is not copied if that can be: 8 KiB. Less than that costs less
    /// to copy than to keep a piece of its own for.
    pub const SHARED_LEN_MIN: usize = 8 * 1024;

    /// Makes a message of one frame.
    #[must_use]
    pub fn single(body: &[u8]) -> Self {
        // Of just that length, since to share octets with room behind them takes a second allocation.
        let mut octets =
            Vec::with_capacity(FrameHeader::len_for(body.len()).saturating_add(body.len()));
        put_header(FrameKind::MessageLast, body.len(), &mut octets);
        octets.extend_from_slice(body);
        Self(Octets::Whole(octets.into()))
    }

    /// Makes a message of these frames, in order.
    ///
    /// # Errors
    ///
    /// [`EmptyMessage`] if there is none: every message has a frame, if only an empty one.
    pub fn from_frames<I>(frames: I) -> Result<Self, EmptyMessage>
    where
        I: IntoIterator<Item: AsRef<[u8]>>,
    {
        let mut builder = MessageBuilder::new();
        for frame in frames {
            builder.push(frame);
        }
        builder.finish()
    }

    /// Checks that `octets` are exactly one encoded message, and makes them one without a copy.
    ///
    /// # Errors
    ///
    /// What is wrong with them; [`DecodeError::NotAMessage`] if they end too early or too late,
    /// or a frame is a command.
    pub fn from_octets(mut octets: Bytes) -> Result<Self, DecodeError> {
        match Self::split_from(&mut octets)? {
            Some(message) if octets.is_empty() => Ok(message),
            Some(_) | None => Err(DecodeError::NotAMessage),
        }
    }

    /// Takes the message that `octets` begin with off them, without a copy; `None` if not all of it
    /// is there, and nothing is taken.
    ///
    /// # Errors
    ///
    /// What is wrong with it; [`DecodeError::NotAMessage`] if a frame is a command. Nothing is taken.
    #[inline]
    pub fn split_from(octets: &mut Bytes) -> Result<Option<Self>, DecodeError> {
        match few_short_frames(octets, usize::MAX) {
            Some(len) => Ok(Some(Self(Octets::Whole(octets.split_to(len))))),
            None => Self::split_long_from(octets),
        }
    }

    // Apart, so that what most messages need is small enough to be inlined.
    #[inline(never)]
    fn split_long_from(octets: &mut Bytes) -> Result<Option<Self>, DecodeError> {
        let mut rest: &[u8] = octets;
        loop {
            let Some(header) = FrameHeader::parse(rest)? else { return Ok(None) };
            let len = usize::try_from(header.body_len)
                .ok()
                .and_then(|body_len| body_len.checked_add(header.header_len));
            let Some(after) = len.and_then(|len| rest.get(len..)) else { return Ok(None) };
            rest = after;
            match header.kind {
                FrameKind::MessageMore => {}
                FrameKind::MessageLast => break,
                FrameKind::Command => return Err(DecodeError::NotAMessage),
            }
        }
        let len = octets.len().saturating_sub(rest.len());
        Ok(Some(Self(Octets::Whole(octets.split_to(len)))))
    }

    /// Returns the message with these frames before its own. What is large of it is not copied.
    #[must_use]
    pub fn with_frames_before<I>(&self, frames: I) -> Self
    where
        I: IntoIterator<Item: AsRef<[u8]>>,
    {
        let (head, tail) = self.pieces();
        let mut octets = BytesMut::with_capacity(head.len().saturating_add(SHORT_FRAMES_LEN));
        for frame in frames {
            put_frame(FrameKind::MessageMore, frame.as_ref(), &mut octets);
        }
        octets.extend_from_slice(head);
        Self::of_pieces(octets, tail.clone())
    }

    /// Returns the message without its first `count` frames, not copied; `None` if no frame is
    /// left.
    #[must_use]
    pub fn without_frames(&self, count: usize) -> Option<Self> {
        let mut frames = self.frames();
        frames.by_ref().take(count).for_each(drop);
        let rest = frames.rest();
        if rest.is_empty() {
            None
        } else {
            Some(Self(Octets::Whole(self.joined().slice_ref(rest))))
        }
    }

    /// Takes octets that a [`Decoder`](crate::Decoder) has already found to be a message.
    pub(crate) fn from_checked(octets: Bytes) -> Self {
        debug_assert!(Self::from_octets(octets.clone()).is_ok());
        Self(Octets::Whole(octets))
    }

    /// Puts an encoding together, in one piece unless the tail is large.
    fn of_pieces(mut head: BytesMut, tail: Bytes) -> Self {
        if tail.len() < Self::SHARED_LEN_MIN {
            head.extend_from_slice(&tail);
            return Self(Octets::Whole(head.freeze()));
        }
        let parted = Parted { head: head.freeze(), tail, joined: OnceLock::new() };
        Self(Octets::Parted(Arc::new(parted)))
    }

    /// Returns the bodies of the frames, in order. Never empty.
    #[must_use]
    pub fn frames(&self) -> Frames<'_> {
        Frames(self.as_octets())
    }

    /// Returns the message as it stands on the wire.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        self.joined()
    }

    /// Returns the message as it stands on the wire: without a copy, if it is in one piece.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Octets::Whole(octets) => octets,
            Octets::Parted(parted) => parted.joined().clone(),
        }
    }

    /// Returns the message as it stands on the wire, in two pieces: the first, which may be empty, is
    /// small, the other may be large, and can be kept without a copy.
    #[must_use]
    #[inline]
    pub fn pieces(&self) -> (&[u8], &Bytes) {
        match &self.0 {
            Octets::Whole(octets) => (&[], octets),
            Octets::Parted(parted) => (&parted.head, &parted.tail),
        }
    }

    /// Returns how many octets it has on the wire.
    #[must_use]
    #[inline]
    pub fn encoded_len(&self) -> usize {
        let (head, tail) = self.pieces();
        head.len().saturating_add(tail.len())
    }

    fn joined(&self) -> &Bytes {
        match &self.0 {
            Octets::Whole(octets) => octets,
            Octets::Parted(parted) => parted.joined(),
        }
    }
}

/// Returns how many octets the message in front has, if it is whole and has few and short frames, as
/// most have, and no more of them than `frames_max`.
#[inline]
pub(crate) fn few_short_frames(octets: &[u8], frames_max: usize) -> Option<usize> {
    let mut end: usize = 0;
    for _ in 0..frames_max.min(FEW_FRAMES) {
        let [flags @ (0 | 1), size, ..] = octets.get(end..)? else { return None };
        end = end.saturating_add(2).saturating_add(usize::from(*size));
        if *flags == 0 {
            return (end <= octets.len()).then_some(end);
        }
    }
    None
}

/// Frames that are few: an address, a delimiter, a request id, and a body.
const FEW_FRAMES: usize = 4;

impl Parted {
    fn joined(&self) -> &Bytes {
        self.joined.get_or_init(|| [&self.head[..], &self.tail].concat().into())
    }
}

/// What matters is what stands on the wire.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.as_octets() == other.as_octets()
    }
}

impl Eq for Message {}

impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_octets().hash(state);
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = self.frames().map(|frame| frame.escape_ascii().to_string());
        f.debug_list().entries(frames).finish()
    }
}

/// The bodies of a message's frames, in order.
#[derive(Clone, Debug)]
pub struct Frames<'m>(&'m [u8]);

impl<'m> Frames<'m> {
    /// Walks over octets that are known to be whole message frames.
    ///
    /// Ends early, and does not panic, on octets that are not.
    #[must_use]
    pub fn new(octets: &'m [u8]) -> Self {
        Self(octets)
    }

    /// Returns the octets that were not walked over yet.
    #[must_use]
    pub fn rest(&self) -> &'m [u8] {
        self.0
    }
}

impl<'m> Iterator for Frames<'m> {
    type Item = &'m [u8];

    fn next(&mut self) -> Option<&'m [u8]> {
        let header = FrameHeader::parse(self.0).ok()??;
        let rest = self.0.get(header.header_len..)?;
        let (body, rest) = rest.split_at_checked(usize::try_from(header.body_len).ok()?)?;
        self.0 = rest;
        Some(body)
    }
}

/// A message without a frame was asked for. The caller's fault.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a message has at least one frame")]
pub struct EmptyMessage;

/// Appends a whole frame.
#[inline]
pub fn put_frame(kind: FrameKind, body: &[u8], out: &mut BytesMut) {
    // Most frames are short.
    if let Ok(size) = u8::try_from(body.len()) {
        out.extend_from_slice(&[kind.flags(), size]);
    } else {
        out.reserve(body.len().saturating_add(FrameHeader::LEN_MAX));
        put_header(kind, body.len(), out);
    }
    out.extend_from_slice(body);
}

/// Octets that are reserved for frames before those of a message.
const SHORT_FRAMES_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_the_frames_it_was_made_of() {
        let long = vec![b'x'; 70_000];
        let frames: [&[u8]; 4] = [b"", b"a", &long, b""];
        let message = Message::from_frames(frames).unwrap();
        assert_eq!(message.frames().collect::<Vec<_>>(), frames);
        assert_eq!(Message::single(b"hi").as_octets(), b"\x00\x02hi");
    }

    #[test]
    fn a_large_body_that_can_be_kept_is_not_copied_and_a_small_one_is_joined() {
        assert_eq!(size_of::<Message>(), size_of::<Bytes>(), "most messages pay for nothing");
        for len in [0, 1, 255, 256, 8191, 8192, 70_000] {
            let body = Bytes::from(vec![b'x'; len]);
            let message = Message::from(body.clone());
            let large = len >= Message::SHARED_LEN_MIN;
            for (message, before) in [
                (message.clone(), &[][..]),
                (message.with_frames_before(["a", ""]), &["a", ""]),
                (message.with_frames_before(["b"]).with_frames_before(["a"]), &["a", "b"]),
            ] {
                let tail = message.pieces().1;
                assert_eq!(tail.as_ptr() == body.as_ptr() && tail.len() == len, large, "{len}");
                let frames: Vec<&[u8]> =
                    before.iter().map(|frame| frame.as_bytes()).chain([&body[..]]).collect();
                let copied = Message::from_frames(&frames).unwrap();
                assert_eq!(message, copied);
                assert_eq!(message.frames().collect::<Vec<_>>(), frames);
                assert_eq!(message.encoded_len(), copied.as_octets().len());
                assert_eq!(message.clone().into_bytes(), copied.clone().into_bytes());
                let behind = message.without_frames(before.len());
                assert_eq!(behind, Some(Message::single(&body)));
                // One in one piece is kept whole behind others.
                let (last, whole) = (copied.with_frames_before(["z"]), copied.as_octets());
                assert_eq!(last.pieces().1.as_ptr() == whole.as_ptr(), whole.len() >= 8192);
                assert_eq!(last.without_frames(1), Some(copied));
            }
        }
    }

    #[test]
    fn there_is_no_message_without_a_frame() {
        assert_eq!(Message::from_frames([b""; 0]), Err(EmptyMessage));
    }

    #[test]
    fn frames_are_put_before_it_and_taken_away() {
        let body = Message::from_frames(["a", "", "b"]).unwrap();
        let whole = body.with_frames_before(["x", ""]);
        assert_eq!(whole.frames().collect::<Vec<_>>(), [&b"x"[..], b"", b"a", b"", b"b"]);
        assert_eq!(body.with_frames_before([b""; 0]), body);
        assert_eq!(whole.without_frames(2), Some(body));
        assert_eq!(whole.without_frames(0).as_ref(), Some(&whole));
        assert_eq!(whole.without_frames(4), Some(Message::single(b"b")));
        assert_eq!((whole.without_frames(5), whole.without_frames(6)), (None, None));
    }

    #[test]
    fn takes_encoded_octets_only_if_they_are_one_whole_message() {
        let whole = Message::from_frames(["a", "", "bc"]).unwrap().into_bytes();
        assert!(Message::from_octets(whole.clone()).is_ok());
        for end in 0..whole.len() {
            let cut = Message::from_octets(whole.slice(..end));
            assert_eq!(cut, Err(DecodeError::NotAMessage), "cut at {end}");
        }
        let twice = Bytes::from([&whole[..], &whole[..]].concat());
        assert_eq!(Message::from_octets(twice), Err(DecodeError::NotAMessage));
        let command = Bytes::from_static(b"\x04\x05\x04PING");
        assert_eq!(Message::from_octets(command), Err(DecodeError::NotAMessage));
        let mut several = Bytes::from([&whole[..], &whole[..4]].concat());
        let first = Message::split_from(&mut several).unwrap();
        assert_eq!(first.map(Message::into_bytes), Some(whole.clone()));
        assert_eq!((Message::split_from(&mut several), several.len()), (Ok(None), 4));
        let huge = Bytes::from_static(b"\x02\x7f\xff\xff\xff\xff\xff\xff\xff");
        assert_eq!(Message::from_octets(huge), Err(DecodeError::NotAMessage));
    }
}
