//! The few octets of ZMTP 3.1 that a load generator needs: the greeting, the
//! NULL mechanism's READY, frames, and PONG.

use thiserror::Error;

/// Octets in a greeting.
pub const GREETING_LEN: usize = 64;

/// Octets a peer may send that this generator cannot go on from.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum WireError {
    /// The greeting is not ZMTP 3 with the NULL mechanism.
    #[error("the greeting is not ZMTP 3 with NULL")]
    Greeting,
    /// The flags octet is none of the six legal ones.
    #[error("illegal frame flags {0:#04x}")]
    Flags(u8),
    /// A frame declares more octets than this generator ever sends.
    #[error("a frame of {0} octets")]
    FrameLen(u64),
    /// The first command was not READY.
    #[error("the handshake ended with {0:?} instead of READY")]
    Handshake(String),
    /// A command stands between the parts of a message, where an echo of the
    /// message as one run of octets would repeat it.
    #[error("a command between the parts of a message")]
    CommandInsideMessage,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A command.
    Command,
    /// A part with another one behind it.
    More,
    /// The last part of a message.
    Last,
}

/// A frame at the front of some input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Command or part.
    pub kind: FrameKind,
    /// The payload.
    pub body: &'a [u8],
    /// What stands behind the frame.
    pub rest: &'a [u8],
}

/// Returns the greeting of a peer without security.
#[must_use]
pub fn greeting() -> [u8; GREETING_LEN] {
    let mut octets = [0; GREETING_LEN];
    let head = [0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1, b'N', b'U', b'L', b'L'];
    for (to, from) in octets.iter_mut().zip(head) {
        *to = from;
    }
    octets
}

/// Checks the greeting of the other side.
///
/// # Errors
///
/// [`WireError::Greeting`] unless it is ZMTP 3 or later with NULL.
pub fn check_greeting(octets: &[u8]) -> Result<(), WireError> {
    match octets {
        [0xFF, _, _, _, _, _, _, _, _, 0x7F, 3..=u8::MAX, _, b'N', b'U', b'L', b'L', 0, ..] => {
            Ok(())
        }
        _ => Err(WireError::Greeting),
    }
}

/// Returns the READY frame of a DEALER with this `Identity`.
#[must_use]
pub fn ready(identity: &[u8]) -> Vec<u8> {
    ready_of(b"DEALER", identity)
}

/// Returns the READY frame of a ROUTER.
#[must_use]
pub fn router_ready() -> Vec<u8> {
    ready_of(b"ROUTER", b"")
}

/// Returns the `Identity` in the body of a READY, if one stands there that is not empty.
#[must_use]
pub fn identity(ready: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"\x08Identity";
    let at = ready.windows(NAME.len()).position(|window| window == NAME)?;
    let (len, value) = ready.get(at + NAME.len()..)?.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    value.get(..len).filter(|value| !value.is_empty())
}

fn ready_of(socket_type: &[u8], identity: &[u8]) -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    for (name, value) in [(&b"Socket-Type"[..], socket_type), (b"Identity", identity)] {
        body.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        body.extend_from_slice(name);
        body.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        body.extend_from_slice(value);
    }
    let mut frame = Vec::new();
    push_frame(&mut frame, FrameKind::Command, &body);
    frame
}

/// Returns the PONG that answers a PING with this command body, or `None` if the
/// command is not a PING.
#[must_use]
pub fn pong(command: &[u8]) -> Option<Vec<u8>> {
    let context = command.strip_prefix(b"\x04PING")?.get(2..)?;
    let mut body = b"\x04PONG".to_vec();
    body.extend_from_slice(context);
    let mut frame = Vec::new();
    push_frame(&mut frame, FrameKind::Command, &body);
    Some(frame)
}

/// Appends one frame.
pub fn push_frame(out: &mut Vec<u8>, kind: FrameKind, body: &[u8]) {
    push_header(out, kind, body.len());
    out.extend_from_slice(body);
}

/// Appends the header of a frame of `len` octets.
pub fn push_header(out: &mut Vec<u8>, kind: FrameKind, len: usize) {
    let flags = match kind {
        FrameKind::Command => 4,
        FrameKind::More => 1,
        FrameKind::Last => 0,
    };
    if let Ok(short) = u8::try_from(len) {
        out.extend_from_slice(&[flags, short]);
    } else {
        out.push(flags | LONG);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
}

/// Takes one frame off the front of `input`; `None` until a whole one is there.
///
/// # Errors
///
/// [`WireError::Flags`] and [`WireError::FrameLen`]: the stream is lost.
#[inline]
pub fn frame(input: &[u8]) -> Result<Option<Frame<'_>>, WireError> {
    let Some((&flags, after_flags)) = input.split_first() else { return Ok(None) };
    let kind = match flags & !LONG {
        0 => FrameKind::Last,
        1 => FrameKind::More,
        4 => FrameKind::Command,
        _ => return Err(WireError::Flags(flags)),
    };
    let (len, payload) = if flags & LONG == 0 {
        let Some((&short, payload)) = after_flags.split_first() else { return Ok(None) };
        (usize::from(short), payload)
    } else {
        let Some((long, payload)) = after_flags.split_first_chunk::<8>() else { return Ok(None) };
        let declared = u64::from_be_bytes(*long);
        let len = usize::try_from(declared).ok().filter(|len| *len <= FRAME_LEN_MAX);
        (len.ok_or(WireError::FrameLen(declared))?, payload)
    };
    Ok(payload.split_at_checked(len).map(|(body, rest)| Frame { kind, body, rest }))
}

/// The `LONG` flag: the size has eight octets.
const LONG: u8 = 2;

/// Longest frame this generator takes, in octets.
const FRAME_LEN_MAX: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_whole_or_absent_at_every_split() {
        for len in [0, 1, 255, 256, 300] {
            let body = vec![7; len];
            let mut wire = Vec::new();
            push_frame(&mut wire, FrameKind::More, &body);
            for split in 0..wire.len() {
                assert_eq!(frame(&wire[..split]), Ok(None));
            }
            let parsed = frame(&wire).unwrap().unwrap();
            assert_eq!(
                (parsed.kind, parsed.body, parsed.rest),
                (FrameKind::More, &body[..], &[][..])
            );
        }
    }

    #[test]
    fn refuses_illegal_flags() {
        assert_eq!(frame(&[5, 0]), Err(WireError::Flags(5)));
        assert_eq!(frame(&[8, 0]), Err(WireError::Flags(8)));
    }

    #[test]
    fn ready_of_an_anonymous_dealer_has_41_octets_of_body() {
        let wire = ready(b"");
        assert_eq!(frame(&wire).unwrap().unwrap().body.len(), 41);
    }

    #[test]
    fn a_ping_is_answered_with_its_context() {
        assert_eq!(pong(b"\x04PING\x00\x00abc").unwrap(), b"\x04\x08\x04PONGabc");
        assert_eq!(pong(b"\x05ERROR\x00"), None);
    }

    #[test]
    fn accepts_its_own_greeting_and_no_other_mechanism() {
        let mut octets = greeting();
        assert_eq!(check_greeting(&octets), Ok(()));
        octets[12..17].copy_from_slice(b"CURVE");
        assert_eq!(check_greeting(&octets), Err(WireError::Greeting));
    }
}
