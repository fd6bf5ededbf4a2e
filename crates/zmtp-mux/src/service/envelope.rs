//! Which frames of a request are its envelope: what stands before the body, and before the reply.
//!
//! | from                          | what arrives                 | `Detect`        | `Delimited`     | `Bare`             |
//! |-------------------------------|------------------------------|-----------------|-----------------|--------------------|
//! | REQ                           | `[client, "", body...]`      | `body...`       | `body...`       | `"", body...`      |
//! | REQ with CORRELATE, `Client`  | `[client, id, "", body...]`  | `body...`       | `body...`       | `id, "", body...`  |
//! | DEALER without a delimiter    | `[client, body...]`          | `body...`       | dropped         | `body...`          |

use zmtp_proto::Message;

/// How a service finds the body of a request.
///
/// A stock DEALER need not put an empty frame before its request, and nothing on the wire tells
/// such a request from one with an envelope. So it is a choice of the service; the reply repeats
/// what was taken for the envelope, whatever that is, and so its client gets back what it expects.
// spec: mux:service:envelopes
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Envelopes {
    /// An envelope ends with an empty frame that is the first or second behind the address, if
    /// something follows; without one, all is the body. That is right for REQ, for
    /// [`Client`](crate::Client), and for DEALERs **whose requests have no empty frame in the
    /// first or second place**: of such a one the service is given what stands behind that frame.
    #[default]
    Detect,
    /// The envelope ends with the first empty frame, as a REP has it. A request without one, or
    /// with nothing behind it, is dropped and counted.
    Delimited,
    /// There is none: all frames are the body, a delimiter and an id too. For services whose
    /// clients are DEALERs.
    Bare,
}

/// How many frames of a request stand before its body, the client's address among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lead(usize);

impl Lead {
    /// Finds it in what arrived; `None` if that is no request.
    pub(crate) fn find(message: &Message, envelopes: Envelopes) -> Option<Self> {
        let mut rest = message.frames().skip(1).peekable();
        rest.peek()?;
        let behind_address = Self(1);
        let mut lead = behind_address;
        match envelopes {
            Envelopes::Bare => return Some(behind_address),
            Envelopes::Detect | Envelopes::Delimited => {}
        }
        while let Some(frame) = rest.next() {
            lead = Self(lead.0.saturating_add(1));
            if frame.is_empty() {
                let has_body = rest.peek().is_some();
                return match envelopes {
                    _ if has_body => Some(lead),
                    Envelopes::Detect | Envelopes::Bare => Some(behind_address),
                    Envelopes::Delimited => None,
                };
            }
            if envelopes == Envelopes::Detect && lead.0 > DETECTED_MAX {
                break;
            }
        }
        match envelopes {
            Envelopes::Detect | Envelopes::Bare => Some(behind_address),
            Envelopes::Delimited => None,
        }
    }

    /// Returns the body of the request, not copied.
    pub(crate) fn body(self, request: &Message) -> Message {
        // There is a frame behind the lead, as it was found.
        request.without_frames(self.0).unwrap_or_else(|| Message::single(b""))
    }

    /// Returns the octets of these frames of the request, which stand before the reply.
    // spec: mux:service:reply-repeats-envelope
    pub(crate) fn octets(self, request: &Message) -> &[u8] {
        let octets = request.as_octets();
        let mut frames = request.frames();
        frames.by_ref().take(self.0).for_each(drop);
        let len = octets.len().saturating_sub(frames.rest().len());
        octets.get(..len).unwrap_or_default()
    }
}

/// Frames up to the delimiter that is looked for: address, id, delimiter.
const DETECTED_MAX: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(frames: &[&str]) -> Message {
        Message::from_frames(frames).unwrap()
    }

    /// mux:service:envelopes, mux:service:reply-repeats-envelope.
    #[test]
    fn finds_the_body_and_repeats_what_stands_before_it() {
        use Envelopes::{Bare, Delimited, Detect};
        for (frames, detect, delimited, bare) in [
            (&["c", "", "x", "y"][..], Some(2), Some(2), Some(1)),
            (&["c", "i", "", "x", "", "y"], Some(3), Some(3), Some(1)),
            (&["c", "i", "j", "", "x"], Some(1), Some(4), Some(1)),
            (&["c", "x"], Some(1), None, Some(1)),
            (&["c", "x", "y", "z"], Some(1), None, Some(1)),
            // What looks like an envelope is taken for one, and comes back as it was.
            (&["c", "x", "", "y"], Some(3), Some(3), Some(1)),
            (&["c", "", "", "y"], Some(2), Some(2), Some(1)),
            // A delimiter with nothing behind it is a body.
            (&["c", ""], Some(1), None, Some(1)),
            (&["c", "x", ""], Some(1), None, Some(1)),
            (&["c", "x", "y", ""], Some(1), None, Some(1)),
            (&["c"], None, None, None),
        ] {
            let request = message(frames);
            for (envelopes, expected) in [(Detect, detect), (Delimited, delimited), (Bare, bare)] {
                let lead = Lead::find(&request, envelopes);
                assert_eq!(lead, expected.map(Lead), "{frames:?} {envelopes:?}");
                let Some(lead) = lead else { continue };
                assert_eq!(lead.body(&request), message(&frames[lead.0..]));
                let reply = message(&["r", "", "s"]);
                let octets = [lead.octets(&request), reply.as_octets()].concat();
                let expected = message(&[&frames[..lead.0], &["r", "", "s"]].concat());
                assert_eq!(octets, expected.as_octets());
            }
        }
    }
}
