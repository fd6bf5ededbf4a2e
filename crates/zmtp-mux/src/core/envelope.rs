//! The envelope: finding the address in a message, and putting the source in its place.
//!
//! From a peer comes `[dst, rest...]`, to a peer goes `[src, rest...]`; on a link to a REQ the
//! address stands right after the first empty frame, `[id?, "", dst, body...]`. All here are
//! plain functions over encoded frames; `rest` is passed on as the octets it came in.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use zmtp_proto::{FrameHeader, FrameKind, Frames, Message, put_header};

use crate::core::address::{Shown, Token};
use crate::core::delivery::Mark;
use crate::core::pairs::Line;
use crate::core::source::SourceKey;

/// A message of a peer, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'m> {
    /// The address frame's body.
    pub(crate) address: &'m [u8],
    /// What passes unchanged.
    pub(crate) rest: Rest<'m>,
}

/// Everything of a message but its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest<'m> {
    /// One frame or more, encoded, from a peer that is no REQ.
    Opaque(&'m [u8]),
    /// `[id?, "", body...]` from a REQ; the body may be empty.
    Delimited(Delimited<'m>),
}

impl Rest<'_> {
    /// Tells whether it has an empty frame with something behind, as a REP wants it.
    // spec: mux:rep:delimiter
    pub(crate) fn is_delimited(&self) -> bool {
        let mut frames = match self {
            Self::Opaque(octets) => Frames::new(octets),
            Self::Delimited(request) => return !request.body.is_empty(),
        };
        frames.by_ref().any(<[u8]>::is_empty) && !frames.rest().is_empty()
    }
}

/// `[id?, "", body...]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delimited<'m> {
    /// The request id of `REQ_CORRELATE`, at most 255 octets.
    pub(crate) id: Option<&'m [u8]>,
    /// The frames behind the delimiter and, on the link to the REQ, behind the address; encoded.
    pub(crate) body: &'m [u8],
}

/// Why a message has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAddress {
    /// It has a single frame, as `PROBE_ROUTER` sends one.
    SingleFrame,
    /// It came from a REQ without an empty frame, or with nothing after it.
    Malformed,
}

/// Takes apart a message from a peer that is no REQ. `message` is well formed.
// spec: mux:envelope:address-swapped, 28:router:first-frame-selects
#[inline]
pub(crate) fn open(message: &[u8]) -> Result<Envelope<'_>, NoAddress> {
    let (address, rest) = split_frame(message).ok_or(NoAddress::SingleFrame)?;
    // spec: mux:envelope:single-frame-dropped
    if rest.is_empty() {
        return Err(NoAddress::SingleFrame);
    }
    Ok(Envelope { address, rest: Rest::Opaque(rest) })
}

/// Takes apart a message from a REQ. `message` is well formed.
// spec: mux:req:address-after-delimiter, mux:req:request-malformed, 28:req:delimiter
pub(crate) fn open_req(message: &[u8]) -> Result<Envelope<'_>, NoAddress> {
    let (first, after_first) = split_frame(message).ok_or(NoAddress::Malformed)?;
    if after_first.is_empty() {
        return Err(NoAddress::SingleFrame);
    }
    let (id, after) = if first.is_empty() {
        (None, after_first)
    } else {
        match split_frame(after_first) {
            Some(([], after)) if first.len() <= REQUEST_ID_LEN_MAX => (Some(first), after),
            _ => return Err(NoAddress::Malformed),
        }
    };
    let (address, body) = split_frame(after).ok_or(NoAddress::Malformed)?;
    Ok(Envelope { address, rest: Rest::Delimited(Delimited { id, body }) })
}

/// Reads `rest` as the answer to a REQ's request with this id; `None` if it does not begin with
/// exactly `[id?, ""]`.
// spec: mux:req:lock-step-prefix
pub(crate) fn as_answer<'m>(rest: Rest<'m>, id: Option<&[u8]>) -> Option<Delimited<'m>> {
    let answer = match rest {
        Rest::Delimited(delimited) => delimited,
        Rest::Opaque(octets) => match split_frame(octets)? {
            ([], body) => Delimited { id: None, body },
            (first, after) => match split_frame(after)? {
                ([], body) => Delimited { id: Some(first), body },
                _ => return None,
            },
        },
    };
    (answer.id == id).then_some(answer)
}

/// A message about to be queued: frames to be copied, then the tail.
#[derive(Debug)]
pub(crate) struct Outgoing<'m> {
    lead: Lead<'m>,
    tail: &'m [u8],
}

/// The frames before the part that is passed on as it came.
#[derive(Debug)]
enum Lead<'m> {
    /// `[src]`
    Source(&'m Arc<Shown>),
    /// `[src, id?, ""]`
    FromReq { source: &'m Arc<Shown>, id: Option<&'m [u8]> },
    /// `[id?, "", src]`
    ToReq { id: Option<&'m [u8]>, source: &'m Arc<Shown> },
    /// Whose it is, for the application.
    Inbound(Token),
    /// What the application puts before it.
    Own(&'m [u8], &'m [u8]),
}

impl<'m> Outgoing<'m> {
    /// Makes the message as a peer that is no REQ receives it.
    // spec: mux:envelope:rest-unchanged, 28:router:prefix-source, 28:rep:envelope-returned,
    // mux:req:address-after-delimiter
    #[inline]
    pub(crate) fn new(source: &'m Arc<Shown>, rest: Rest<'m>) -> Self {
        match rest {
            Rest::Opaque(tail) => Self { lead: Lead::Source(source), tail },
            Rest::Delimited(Delimited { id, body }) => {
                Self { lead: Lead::FromReq { source, id }, tail: body }
            }
        }
    }

    /// Makes the message as a REQ receives it.
    // spec: mux:req:answer-form
    pub(crate) fn answer(source: &'m Arc<Shown>, answer: Delimited<'m>) -> Self {
        Self { lead: Lead::ToReq { id: answer.id, source }, tail: answer.body }
    }

    /// Makes the message as the application of a terminal takes it.
    // spec: mux:terminal:whole-message
    #[inline]
    pub(crate) fn inbound(from: Token, message: &'m [u8]) -> Self {
        Self { lead: Lead::Inbound(from), tail: message }
    }

    /// Makes the message as the application of a terminal sent it, behind frames of its own.
    // spec: mux:terminal:nothing-added
    #[inline]
    pub(crate) fn own(lead: &'m [u8], message: &'m Message) -> Self {
        let (head, tail) = message.pieces();
        Self { lead: Lead::Own(lead, head), tail }
    }

    /// Returns in which line it waits, if it is of this source.
    pub(crate) fn line(&self, source: SourceKey) -> Line<'m> {
        match self.lead {
            Lead::Source(shown)
            | Lead::FromReq { source: shown, .. }
            | Lead::ToReq { source: shown, .. } => Line::under(source, shown),
            Lead::Inbound(_) | Lead::Own(..) => Line::of(source),
        }
    }

    /// Returns its octets as it will be encoded.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let lead = match self.lead {
            Lead::Inbound(_) => Mark::LEN,
            Lead::Own(lead, head) => lead.len().saturating_add(head.len()),
            Lead::Source(source) => source.frame().len(),
            Lead::FromReq { source, id } | Lead::ToReq { id, source } => source
                .frame()
                .len()
                .saturating_add(id.map_or(0, frame_len))
                .saturating_add(frame_len(b"")),
        };
        lead.saturating_add(self.tail.len())
    }

    /// Appends all frames but the tail. What most messages need is small enough to be inlined for each.
    #[inline]
    pub(crate) fn put_lead(&self, out: &mut Vec<u8>) {
        if let Lead::Source(source) = self.lead {
            out.extend_from_slice(source.frame());
        } else {
            self.put_any_lead(out);
        }
    }

    #[inline(never)]
    fn put_any_lead(&self, out: &mut Vec<u8>) {
        match self.lead {
            Lead::Inbound(from) => out.extend_from_slice(&Mark::Message(from).to_octets()),
            Lead::Own(lead, head) => {
                // Mostly there is neither.
                for part in [lead, head] {
                    if !part.is_empty() {
                        out.extend_from_slice(part);
                    }
                }
            }
            Lead::Source(source) => out.extend_from_slice(source.frame()),
            Lead::FromReq { source, id } => {
                out.extend_from_slice(source.frame());
                self.put_delimited(id, None, out);
            }
            Lead::ToReq { id, source } => self.put_delimited(id, Some(source), out),
        }
    }

    /// Appends `[id?, ""]`, and a source if it stands behind them.
    #[cold]
    fn put_delimited(&self, id: Option<&[u8]>, source: Option<&Shown>, out: &mut Vec<u8>) {
        // An opaque rest has a frame at least, so that only the leads of REQ links may be all.
        let last = if self.tail.is_empty() { FrameKind::MessageLast } else { MORE };
        if let Some(id) = id {
            put_frame(MORE, id, out);
        }
        put_frame(if source.is_some() { MORE } else { last }, b"", out);
        if let Some(source) = source {
            put_frame(last, source.address(), out);
        }
    }

    /// Returns the frames that are passed on as they came.
    #[inline]
    pub(crate) fn tail(&self) -> &'m [u8] {
        self.tail
    }

    /// Tells whether the tail is passed on as a slice instead of copied. A copy of less costs less
    /// than the extra slice in the write and the allocation that the slice keeps alive; what the
    /// application gives away is an allocation of its own already.
    #[inline]
    pub(crate) fn is_worth_a_slice(&self) -> bool {
        let is_own = matches!(self.lead, Lead::Own(..));
        self.tail.len() >= Message::SHARED_LEN_MIN && (is_own || self.tail.len() >= SHARED_LEN_MIN)
    }

    /// Returns the tail as a slice of `whole` in which it stands, without a copy.
    pub(crate) fn shared_tail(&self, whole: &Bytes) -> Bytes {
        whole.slice_ref(self.tail)
    }
}

/// From this many octets on a body of a peer is passed on as a slice.
const SHARED_LEN_MIN: usize = 16 * 1024;

const MORE: FrameKind = FrameKind::MessageMore;

/// The longest request id that is taken, in octets; libzmq's has 4. It is kept while the request
/// is open, so it needs a limit.
const REQUEST_ID_LEN_MAX: usize = 255;

/// Returns the frames that a source sent after the address, of a message as it stands in the queue
/// of its destination, and how many octets were left out. `message` may lack its end.
pub(crate) fn rest_for(message: &[u8], to_req: bool) -> (Vec<u8>, usize) {
    let mut before = message;
    if to_req {
        // `[id?, "", src, body...]`
        before = split_frame(message)
            .map(|(first, after)| {
                if first.is_empty() {
                    after
                } else {
                    split_frame(after).map_or(after, |(_, after)| after)
                }
            })
            .unwrap_or_default();
    }
    let after = split_frame(before).map(|(_, after)| after).unwrap_or_default();
    let prefix = message.len().saturating_sub(before.len());
    let mut rest = message.get(..prefix).unwrap_or_default().to_vec();
    rest.extend_from_slice(after);
    (rest, before.len().saturating_sub(after.len()))
}

/// Returns what stands behind the delimiter of a REQ's request.
pub(crate) fn body_of_req(rest: &[u8]) -> &[u8] {
    match split_frame(rest) {
        Some(([], body)) => body,
        Some((_, after)) => split_frame(after).map(|(_, body)| body).unwrap_or_default(),
        None => &[],
    }
}

/// Returns the first frame's body, and the octets behind it.
#[inline]
pub(crate) fn split_frame(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    // Nearly every address fits the short form, and this is on the path of every message.
    if let [0 | 1, len, rest @ ..] = octets {
        return rest.split_at_checked(usize::from(*len));
    }
    let mut frames = Frames::new(octets);
    let body = frames.next()?;
    Some((body, frames.rest()))
}

#[inline]
fn frame_len(body: &[u8]) -> usize {
    let header = if body.len() <= 255 { 2 } else { FrameHeader::LEN_MAX };
    body.len().saturating_add(header)
}

#[inline]
fn put_frame(kind: FrameKind, body: &[u8], out: &mut Vec<u8>) {
    put_header(kind, body.len(), out);
    out.put_slice(body);
}

#[cfg(test)]
mod tests;
