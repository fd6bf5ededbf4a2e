//! How requests and replies stand on the wire.
//!
//! ```text
//! request = [name, id, "", body...]         ; what a REQ with REQ_CORRELATE sends behind its name
//! reply   = [name, id, "", body...]
//! id      = 8OCTET
//! ```
//!
//! So a REP, which keeps the frames up to the empty one and puts them before its answer, serves it
//! unmodified, and so does a DEALER that repeats them.

use bytes::Buf;
use zmtp_proto::{FrameKind, Frames, Message, put_header};

use crate::client::requests::RequestId;

/// Puts what stands before the body of a request.
// spec: mux:client:request-form
#[inline]
pub(super) fn put_lead(name: &[u8], id: RequestId, lead: &mut Vec<u8>) {
    put_header(FrameKind::MessageMore, name.len(), lead);
    lead.extend_from_slice(name);
    lead.extend_from_slice(&BEFORE_ID);
    lead.extend_from_slice(&id.octets());
    lead.extend_from_slice(&DELIMITER);
}

/// A message that has the form of a request or a reply.
#[derive(Debug)]
pub(super) struct Enclosed<'m> {
    pub(super) name: &'m [u8],
    pub(super) id: RequestId,
    /// Octets before the body.
    pub(super) lead_len: usize,
}

impl<'m> Enclosed<'m> {
    /// Reads a message; `None` if it has another form.
    // spec: mux:client:reply-form
    pub(super) fn parse(message: &'m Message) -> Option<Self> {
        let mut frames = message.frames();
        let name = frames.next()?;
        let id = RequestId::parse(frames.next()?)?;
        if !frames.next()?.is_empty() {
            return None;
        }
        let lead_len = message.as_octets().len().saturating_sub(frames.rest().len());
        Some(Self { name, id, lead_len })
    }
}

/// Returns the body of a message whose envelope has so many octets, not copied. One without any is
/// one empty frame.
pub(super) fn body_of(message: Message, lead_len: usize) -> Message {
    let mut octets = message.into_bytes();
    octets.advance(lead_len.min(octets.len()));
    Message::from_octets(octets).unwrap_or_else(|_| Message::single(b""))
}

/// Returns the id that the frames behind an address begin with.
pub(super) fn id_of(rest: &[u8]) -> Option<RequestId> {
    RequestId::parse(Frames::new(rest).next()?)
}

/// The header of an id: MORE, and its length.
const BEFORE_ID: [u8; 2] = [1, 8];

/// The frame that ends an envelope: MORE, and empty.
const DELIMITER: [u8; 2] = [1, 0];

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(message: &Message) -> Vec<Vec<u8>> {
        message.frames().map(<[u8]>::to_vec).collect()
    }

    /// mux:client:request-form, mux:client:reply-form.
    #[test]
    fn a_request_has_name_id_and_delimiter_and_its_reply_the_same() {
        let body = Message::from_frames(["a", "", "b"]).unwrap();
        let mut octets = Vec::new();
        put_lead(b"engine", RequestId(0x0102), &mut octets);
        octets.extend_from_slice(body.as_octets());
        let request = Message::from_octets(octets.into()).unwrap();
        let id = b"\0\0\0\0\0\0\x01\x02".to_vec();
        let expected = [&b"engine"[..], &id, b"", b"a", b"", b"b"];
        assert_eq!(frames(&request), expected);
        let read = Enclosed::parse(&request).unwrap();
        assert_eq!((read.name, read.id), (&b"engine"[..], RequestId(0x0102)));
        let lead_len = read.lead_len;
        assert_eq!(body_of(request, lead_len), body);
        let nothing = Message::from_frames([&b"engine"[..], &id, b""]).unwrap();
        let lead_len = Enclosed::parse(&nothing).unwrap().lead_len;
        assert_eq!(body_of(nothing, lead_len), Message::single(b""));
    }

    /// mux:client:reply-form.
    #[test]
    fn what_has_another_form_is_no_reply() {
        let id = [0; 8];
        for frames in [
            &[&b"engine"[..]][..],
            &[b"engine", &id],
            &[b"engine", &id, b"x"],
            &[b"engine", b"", b"x"],
            &[b"engine", &id[1..], b"", b"x"],
            &[b"engine", &[0; 9], b"", b"x"],
        ] {
            let message = Message::from_frames(frames).unwrap();
            assert!(Enclosed::parse(&message).is_none(), "{message:?}");
        }
    }
}
