//! Frames: a flags octet, a size of one or eight octets, a body.

use bytes::BufMut;

use crate::error::DecodeError;

/// What a frame is: the three productions of the grammar, and no others.
///
/// The wire has three flag bits, hence eight combinations. LONG is a matter of encoding, and a
/// command with MORE is illegal, which leaves these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// `command`: a protocol command, always a single frame.
    Command,
    /// `message-more`: part of a message; another part follows.
    MessageMore,
    /// `message-last`: the last, perhaps only, part of a message.
    MessageLast,
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the frame is.
    pub kind: FrameKind,
    /// Octets of this header as it stood on the wire: 2 or 9.
    pub header_len: usize,
    /// Octets in the body: up to 2^63 - 1, not yet held against any limit.
    pub body_len: u64,
}

impl FrameHeader {
    /// The longest header, in octets.
    pub const LEN_MAX: usize = 9;

    /// Returns the octets of the header of a body of this length.
    pub(crate) fn len_for(body_len: usize) -> usize {
        if u8::try_from(body_len).is_ok() { 2 } else { Self::LEN_MAX }
    }

    /// Takes a header off the front of `input`; `Ok(None)` while it is too short.
    ///
    /// # Errors
    ///
    /// [`DecodeError::FrameFlags`] as soon as the flags are there, [`DecodeError::FrameSize`]
    /// once the size is. Both are fatal: the stream has lost its frame boundaries.
    #[inline]
    pub fn parse(input: &[u8]) -> Result<Option<Self>, DecodeError> {
        let Some((&flags, rest)) = input.split_first() else {
            return Ok(None);
        };
        let kind = kind(flags)?;
        // spec: 37:framing:short-size, 37:framing:long-size
        if flags & LONG == 0 {
            return Ok(rest.first().map(|&size| Self {
                kind,
                header_len: 2,
                body_len: u64::from(size),
            }));
        }
        let Some(size) = rest.first_chunk::<8>() else {
            return Ok(None);
        };
        match u64::from_be_bytes(*size) {
            // spec: 37:framing:size-top-bit
            body_len if body_len > SIZE_MAX => Err(DecodeError::FrameSize),
            body_len => Ok(Some(Self { kind, header_len: Self::LEN_MAX, body_len })),
        }
    }
}

impl FrameKind {
    /// Returns the flags of a frame with a short size.
    #[inline]
    pub(crate) fn flags(self) -> u8 {
        match self {
            Self::Command => COMMAND,
            Self::MessageMore => MORE,
            Self::MessageLast => 0,
        }
    }
}

/// Appends the header of a frame with `body_len` octets of body, in its shortest form.
// spec: 37:framing:shortest-form
#[inline]
pub fn put_header(kind: FrameKind, body_len: usize, out: &mut impl BufMut) {
    let flags = kind.flags();
    if let Ok(size) = u8::try_from(body_len) {
        out.put_slice(&[flags, size]);
    } else {
        out.put_u8(flags | LONG);
        out.put_u64(body_len as u64);
    }
}

/// `flags = 5reserved COMMAND LONG MORE`, most significant bit first.
#[inline]
fn kind(flags: u8) -> Result<FrameKind, DecodeError> {
    match flags & !LONG {
        0 => Ok(FrameKind::MessageLast),
        MORE => Ok(FrameKind::MessageMore),
        COMMAND => Ok(FrameKind::Command),
        // spec: 37:framing:reserved-zero, 37:framing:command-never-more
        _ => Err(DecodeError::FrameFlags(flags)),
    }
}

const MORE: u8 = 0b001;
const LONG: u8 = 0b010;
const COMMAND: u8 = 0b100;

/// The longest body that the grammar can express.
const SIZE_MAX: u64 = u64::MAX >> 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// 37:framing:reserved-zero, 37:framing:command-never-more.
    #[test]
    fn refuses_every_illegal_flags_octet_at_once() {
        let legal = [0b000, 0b001, 0b010, 0b011, 0b100, 0b110];
        for octet in 0..=u8::MAX {
            let expected =
                if legal.contains(&octet) { Ok(None) } else { Err(DecodeError::FrameFlags(octet)) };
            assert_eq!(FrameHeader::parse(&[octet]), expected, "{octet:#04x}");
        }
    }

    /// 37:framing:short-size, 37:framing:long-size, 37:framing:size-top-bit.
    #[test]
    fn reads_both_sizes_and_refuses_the_top_bit() {
        for size in 0..=u8::MAX {
            let header = FrameHeader::parse(&[0, size]).unwrap().unwrap();
            assert_eq!((header.header_len, header.body_len), (2, u64::from(size)));
            assert_eq!(FrameHeader::len_for(size.into()), 2);
        }
        for size in [0, 2, 255, 256, 1 << 40, (1 << 63) - 1] {
            let mut input = vec![LONG];
            input.put_u64(size);
            let header = FrameHeader::parse(&input).unwrap().unwrap();
            assert_eq!((header.header_len, header.body_len), (9, size));
            for end in 0..9 {
                assert_eq!(FrameHeader::parse(&input[..end]), Ok(None));
            }
        }
        for size in [1 << 63, u64::MAX] {
            let mut input = vec![LONG];
            input.put_u64(size);
            assert_eq!(FrameHeader::parse(&input), Err(DecodeError::FrameSize));
        }
    }

    /// 37:framing:shortest-form.
    #[test]
    fn writes_the_shortest_header_that_reads_back() {
        for kind in [FrameKind::Command, FrameKind::MessageMore, FrameKind::MessageLast] {
            for body_len in [0, 1, 254, 255, 256, 65_535, 1 << 33] {
                let mut out = Vec::new();
                put_header(kind, body_len, &mut out);
                let header_len = if body_len < 256 { 2 } else { 9 };
                let header = FrameHeader { kind, header_len, body_len: body_len as u64 };
                assert_eq!(out.len(), header_len);
                assert_eq!(FrameHeader::parse(&out), Ok(Some(header)));
            }
        }
    }
}
