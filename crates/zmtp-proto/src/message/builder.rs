//! Messages frame by frame, and in one expression.

use bytes::{Bytes, BytesMut};

use super::{EmptyMessage, Message, put_frame};
use crate::frame::{FrameHeader, FrameKind, put_header};

/// A message in the making.
///
/// Each frame is copied once, to where it will stand on the wire; one that is only now being
/// written is written there by [`push_with`](Self::push_with), and not copied at all, nor is a large
/// last one that is given away to [`finish_with`](Self::finish_with).
///
/// ```
/// use bytes::BufMut;
/// use std::io::Write;
/// use zmtp_proto::MessageBuilder;
///
/// let mut builder = MessageBuilder::new();
/// builder.push("engine.7").push([0x2A]);
/// builder.push_with(1 << 20, |body| body.put_bytes(b'x', 1 << 20));
/// builder.push_with(16, |body| write!(body.writer(), "{}", 6 * 7).expect("memory"));
/// let message = builder.finish()?;
/// let lens: Vec<usize> = message.frames().map(<[u8]>::len).collect();
/// assert_eq!(lens, [8, 1, 1 << 20, 2]);
/// # Ok::<(), zmtp_proto::EmptyMessage>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MessageBuilder {
    /// Whole frames, each with MORE.
    octets: BytesMut,
    /// Where the last frame begins.
    last: Option<usize>,
}

impl MessageBuilder {
    /// Begins a message without a frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a frame.
    pub fn push(&mut self, body: impl AsRef<[u8]>) -> &mut Self {
        self.last = Some(self.octets.len());
        put_frame(FrameKind::MessageMore, body.as_ref(), &mut self.octets);
        self
    }

    /// Appends a frame whose body is what `write` puts into an empty buffer.
    ///
    /// As long as that is no more than `capacity` octets, a body of 256 or more is not copied.
    pub fn push_with(&mut self, capacity: usize, write: impl FnOnce(&mut BytesMut)) -> &mut Self {
        let start = self.octets.len();
        // The longest header has the right place for a body that needs one; a short body moves.
        let body_start = start.saturating_add(FrameHeader::LEN_MAX);
        self.octets.reserve(FrameHeader::LEN_MAX.saturating_add(capacity));
        self.octets.resize(body_start, 0);
        let mut body = self.octets.split_off(body_start);
        write(&mut body);
        self.octets.truncate(start);
        put_header(FrameKind::MessageMore, body.len(), &mut self.octets);
        self.octets.unsplit(body);
        self.last = Some(start);
        self
    }

    /// Ends the message with one more frame, whose body is not copied if it has
    /// [`Message::SHARED_LEN_MIN`] octets or more.
    ///
    /// ```
    /// use zmtp_proto::MessageBuilder;
    ///
    /// let picture = vec![7; 1 << 20];
    /// let place = picture.as_ptr();
    /// let mut builder = MessageBuilder::new();
    /// builder.push("engine.7");
    /// let message = builder.finish_with(picture);
    /// assert_eq!(message.pieces().1.as_ptr(), place);
    /// ```
    #[must_use]
    pub fn finish_with(mut self, body: impl Into<Bytes>) -> Message {
        let body = body.into();
        self.octets.reserve(FrameHeader::LEN_MAX);
        put_header(FrameKind::MessageLast, body.len(), &mut self.octets);
        Message::of_pieces(self.octets, body)
    }

    /// Ends the message.
    ///
    /// # Errors
    ///
    /// [`EmptyMessage`] if there is no frame: every message has one, if only an empty one.
    pub fn finish(mut self) -> Result<Message, EmptyMessage> {
        let flags = self.last.and_then(|last| self.octets.get_mut(last)).ok_or(EmptyMessage)?;
        *flags ^= FrameKind::MessageMore.flags() ^ FrameKind::MessageLast.flags();
        Ok(Message::from_checked(self.octets.freeze()))
    }
}

/// One frame. The octets are its body; see [`Message::from_octets`] for those of a whole message.
impl From<&[u8]> for Message {
    fn from(body: &[u8]) -> Self {
        Self::single(body)
    }
}

/// One frame.
impl<const N: usize> From<&[u8; N]> for Message {
    fn from(body: &[u8; N]) -> Self {
        Self::single(body)
    }
}

/// One frame.
impl From<&str> for Message {
    fn from(body: &str) -> Self {
        Self::single(body.as_bytes())
    }
}

/// One frame, which is not copied if it is large.
impl From<String> for Message {
    fn from(body: String) -> Self {
        body.into_bytes().into()
    }
}

/// One frame, which is not copied if it is large. The octets are its body; see
/// [`Message::from_octets`] for those of a whole message.
impl From<Vec<u8>> for Message {
    fn from(body: Vec<u8>) -> Self {
        if body.len() < Self::SHARED_LEN_MIN {
            Self::single(&body)
        } else {
            Bytes::from(body).into()
        }
    }
}

/// One frame, which is not copied if it is large. The octets are its body; see
/// [`Message::from_octets`] for those of a whole message.
impl From<Bytes> for Message {
    fn from(body: Bytes) -> Self {
        if body.len() < Self::SHARED_LEN_MIN {
            return Self::single(&body);
        }
        MessageBuilder::new().finish_with(body)
    }
}

/// As many frames as the array has; one without any does not compile. Where their number is known
/// only when it runs, there is [`Message::from_frames`].
///
/// ```
/// use zmtp_proto::Message;
///
/// assert_eq!(Message::from(["engine.7", "ping"]), Message::from_frames(["engine.7", "ping"])?);
/// # Ok::<(), zmtp_proto::EmptyMessage>(())
/// ```
///
/// ```compile_fail
/// let message = zmtp_proto::Message::from([""; 0]);
/// ```
impl<T: AsRef<[u8]>, const N: usize> From<[T; N]> for Message {
    fn from(frames: [T; N]) -> Self {
        const { assert!(N > 0, "a message has at least one frame") };
        Self::from_frames(frames).unwrap_or_else(|EmptyMessage| Self::single(b""))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However its frames came in, and whatever was guessed of their size, the message is the
        /// same.
        #[test]
        fn every_way_leads_to_the_same_message(
            frames in vec((vec(any::<u8>(), 0..600), any::<bool>(), 0..600_usize), 1..6)
        ) {
            let mut builder = MessageBuilder::new();
            for (body, is_written, capacity) in &frames {
                if *is_written {
                    builder.push_with(*capacity, |to| to.extend_from_slice(body));
                } else {
                    builder.push(body);
                }
            }
            let built = builder.finish().unwrap();
            prop_assert!(Message::from_octets(built.clone().into_bytes()).is_ok());
            let bodies = frames.iter().map(|(body, _, _)| body);
            prop_assert_eq!(built, Message::from_frames(bodies).unwrap());
        }
    }

    #[test]
    fn there_is_no_message_without_a_frame() {
        assert_eq!(MessageBuilder::new().finish(), Err(EmptyMessage));
        let mut builder = MessageBuilder::new();
        builder.push_with(0, |_| {});
        assert_eq!(builder.finish().unwrap().as_octets(), b"\x00\x00");
    }

    #[test]
    fn a_large_body_stays_where_it_was_written() {
        let mut builder = MessageBuilder::new();
        builder.push("small");
        let mut written = std::ptr::null();
        builder.push_with(1 << 20, |body| {
            body.resize(1 << 20, 7);
            written = body.as_ptr();
        });
        let message = builder.finish().unwrap();
        let frame = message.frames().nth(1).unwrap();
        assert_eq!((frame.len(), frame.as_ptr()), (1 << 20, written));
    }

    #[test]
    fn a_buffer_that_was_exchanged_is_a_body_all_the_same() {
        let mut builder = MessageBuilder::new();
        builder.push_with(300, |body| *body = BytesMut::from(&[1; 300][..]));
        builder.push_with(300, |body| drop(body.split()));
        let message = builder.finish().unwrap();
        assert_eq!(message, Message::from([&[1; 300][..], b""]));
    }

    #[test]
    fn whatever_holds_octets_is_a_message_of_one_frame() {
        let expected = Message::single(b"abc");
        let slice: &[u8] = b"abc";
        for message in [
            Message::from("abc"),
            Message::from("abc".to_owned()),
            Message::from(b"abc"),
            Message::from(slice),
            Message::from(slice.to_vec()),
            Message::from(Bytes::from_static(b"abc")),
            Message::from(["abc"]),
        ] {
            assert_eq!(message, expected);
        }
    }
}
