//! Notices as they are read by the peer that they are for.

use std::time::Duration;

use zmtp_proto::{Frames, Message};

use super::{GoneReason, Header, NoticeKind, ReturnReason};

/// What the MUX says to a peer that is no REQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard<'m> {
    /// The answer to a HELLO. What we sent before it has been routed, and came back if it was
    /// refused.
    Hello,
    /// A message was not processed. `rest` has its first frames, encoded; empty if there was no
    /// room for them.
    Return { reason: ReturnReason, retry_after: Duration, dst: &'m [u8], rest: &'m [u8] },
    /// Something that we said to the MUX was not heeded; `about` is the name or pattern in it.
    Refused { reason: ReturnReason, about: &'m [u8] },
    /// A service that we have sent to has ended.
    Gone { name: &'m [u8], reason: GoneReason },
    /// A service that we watch is there.
    WatchedUp { name: &'m [u8], generation: u64 },
    /// A service that we watch has ended.
    WatchedGone { name: &'m [u8], generation: u64, reason: GoneReason },
    /// All that this pattern is about has been told.
    Synced { pattern: &'m [u8] },
    /// The MUX goes away; come back then.
    Drain { retry_after: Duration },
}

impl<'m> Heard<'m> {
    /// Reads the frames after the empty address; `None` if they are no notice.
    pub(crate) fn parse(rest: &'m [u8]) -> Option<Self> {
        let mut frames = Frames::new(rest);
        let header = Header::read(frames.next()?)?;
        let watched = header.flags & Header::WATCHED != 0;
        let Header { generation, retry_after, .. } = header;
        if header.kind == NoticeKind::Hello {
            return Some(Self::Hello);
        }
        if header.kind == NoticeKind::Drain {
            return Some(Self::Drain { retry_after });
        }
        let name = frames.next()?;
        match header.kind {
            NoticeKind::Return => {
                let reason = ReturnReason::from_number(header.reason)?;
                let rest = frames.rest();
                // A message has frames, or it is said that they are left out; control has none.
                if rest.is_empty() && header.flags & Header::CUT == 0 {
                    return Some(Self::Refused { reason, about: name });
                }
                Some(Self::Return { reason, retry_after, dst: name, rest })
            }
            NoticeKind::Gone => {
                let reason = GoneReason::from_number(header.reason)?;
                Some(if watched {
                    Self::WatchedGone { name, generation, reason }
                } else {
                    Self::Gone { name, reason }
                })
            }
            NoticeKind::Up if watched => Some(Self::WatchedUp { name, generation }),
            NoticeKind::Synced => Some(Self::Synced { pattern: name }),
            NoticeKind::Up
            | NoticeKind::Hello
            | NoticeKind::Drain
            | NoticeKind::Watch
            | NoticeKind::Unwatch => None,
        }
    }
}

/// Returns what a peer says to the MUX.
pub(crate) fn control(kind: NoticeKind, argument: Option<&[u8]>) -> Message {
    let header = Header::new(kind).encode();
    match argument {
        None => Message::single(&header).with_frames_before([b""]),
        Some(argument) => Message::single(argument).with_frames_before([&b""[..], &header]),
    }
}

impl ReturnReason {
    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Unknown,
            2 => Self::Busy,
            3 => Self::Expired,
            4 => Self::Denied,
            5 => Self::Draining,
            6 => Self::Unreachable,
            7 => Self::NoRoute,
            8 => Self::Limit,
            9 => Self::Malformed,
            _ => return None,
        })
    }
}

impl GoneReason {
    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Lost,
            2 => Self::Left,
            3 => Self::Drained,
            4 => Self::Takeover,
            5 => Self::Evicted,
            6 => Self::LinkLost,
            _ => return None,
        })
    }
}

impl Header {
    /// Reads a header from the MUX.
    fn read(octets: &[u8]) -> Option<Self> {
        let kind = Self::decode(octets)?;
        let (fixed, rest) = octets.split_first_chunk::<6>()?;
        let (flags, rest) = rest.split_first_chunk()?;
        let (generation, millis) = rest.split_first_chunk()?;
        Some(Self {
            kind,
            reason: fixed.last().copied()?,
            flags: u16::from_be_bytes(*flags),
            generation: u64::from_be_bytes(*generation),
            retry_after: Duration::from_millis(u32::from_be_bytes(millis.try_into().ok()?).into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Form, put_notice};
    use super::*;

    fn notice(header: Header, arguments: &[&[u8]], frames: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_notice(Form::Plain, header, arguments, frames, &mut out);
        out.split_off(2)
    }

    fn header(kind: NoticeKind, reason: u8, flags: u16) -> Header {
        let retry_after = Duration::from_millis(40);
        Header { reason, flags, generation: 7, retry_after, ..Header::new(kind) }
    }

    const FRAMES: &[u8] = b"\x01\x01i\x00\x01x";

    /// mux:notice:header, mux:return:form.
    #[test]
    fn reads_what_a_mux_writes() {
        use NoticeKind::{Drain, Gone, Hello, Return, Synced, Up};
        let retry_after = Duration::from_millis(40);
        let (name, reason) = (&b"n"[..], ReturnReason::Busy);
        let gone = GoneReason::Drained;
        let returned = |rest| Heard::Return { reason, retry_after, dst: name, rest };
        for (kind, number, flags, frames, expected) in [
            (Hello, 0, 0, &[][..], Heard::Hello),
            (Drain, 0, 0, &[], Heard::Drain { retry_after }),
            (Return, 2, 0, FRAMES, returned(FRAMES)),
            (Return, 2, Header::CUT, &[], returned(&[])),
            (Return, 2, 0, &[], Heard::Refused { reason, about: name }),
            (Gone, 3, 0, &[], Heard::Gone { name, reason: gone }),
            (Gone, 3, 2, &[], Heard::WatchedGone { name, generation: 7, reason: gone }),
            (Up, 0, 2, &[], Heard::WatchedUp { name, generation: 7 }),
            (Synced, 0, 0, &[], Heard::Synced { pattern: name }),
        ] {
            let octets = notice(header(kind, number, flags), &[name], frames);
            assert_eq!(Heard::parse(&octets), Some(expected));
        }
    }

    /// mux:notice:header.
    #[test]
    fn what_means_nothing_from_a_mux_is_no_notice() {
        use NoticeKind::{Gone, Return, Unwatch, Up, Watch};
        for (kind, reason, arguments) in [
            (Up, 0, &[&b"n"[..]][..]),
            (Watch, 0, &[b"n"]),
            (Unwatch, 0, &[b"n"]),
            (Return, 0, &[b"n"]),
            (Return, 10, &[b"n"]),
            (Gone, 7, &[b"n"]),
            (Gone, 1, &[]),
        ] {
            assert_eq!(Heard::parse(&notice(header(kind, reason, 0), arguments, &[])), None);
        }
        for len in 0..40 {
            assert_eq!(Heard::parse(&vec![b'M'; len]), None);
        }
    }

    #[test]
    fn every_reason_is_read_as_what_it_was() {
        let returns = (0..=u8::MAX).filter_map(ReturnReason::from_number);
        assert!(returns.map(ReturnReason::number).eq(1..=9));
        let gones = (0..=u8::MAX).filter_map(GoneReason::from_number);
        assert!(gones.map(GoneReason::number).eq(1..=6));
    }
}
