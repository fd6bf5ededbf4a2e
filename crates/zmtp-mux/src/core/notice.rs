//! Notices: what the MUX itself says to a peer, and what a peer says to it.
//!
//! The source address of a notice is empty, which nobody can own. The frame after it is a header
//! of 20 octets, big-endian:
//!
//! ```text
//! header = "MUX" %x01 kind(1) reason(1) flags(2) generation(8) retry-after-ms(4)
//! ```

mod heard;
mod reason;

use std::time::Duration;

use zmtp_proto::{FrameKind, Frames, put_header};

pub(crate) use self::heard::{Heard, control};
pub use self::reason::{GoneReason, ReturnReason};

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// A peer takes notices; the answer tells it its address and name.
    Hello,
    /// A message was certainly not processed.
    Return,
    /// A service has ended; what is pending there is in doubt.
    Gone,
    /// A service is there.
    Up,
    /// Show me the services of this pattern.
    Watch,
    /// No more of that.
    Unwatch,
    /// All that matched has been shown.
    Synced,
    /// Send nothing new.
    Drain,
}

impl NoticeKind {
    const ALL: [Self; 8] = [
        Self::Hello,
        Self::Return,
        Self::Gone,
        Self::Up,
        Self::Watch,
        Self::Unwatch,
        Self::Synced,
        Self::Drain,
    ];

    fn number(self) -> u8 {
        match self {
            Self::Hello => 1,
            Self::Return => 2,
            Self::Gone => 3,
            Self::Up => 4,
            Self::Watch => 5,
            Self::Unwatch => 6,
            Self::Synced => 7,
            Self::Drain => 8,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// The fixed part of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: NoticeKind,
    pub(crate) reason: u8,
    pub(crate) flags: u16,
    pub(crate) generation: u64,
    pub(crate) retry_after: Duration,
}

impl Header {
    /// Octets of a header.
    pub(crate) const LEN: usize = 20;

    /// Flag of a RETURN whose frames are not all there.
    pub(crate) const CUT: u16 = 1;

    /// Flag of an UP or a GONE for those who watch.
    pub(crate) const WATCHED: u16 = 2;

    /// Makes the header of a notice that says no more than its kind.
    pub(crate) fn new(kind: NoticeKind) -> Self {
        Self { kind, reason: 0, flags: 0, generation: 0, retry_after: Duration::ZERO }
    }

    /// Returns it as it stands on the wire. A time too long to say is the longest there is.
    // spec: mux:notice:header
    pub(crate) fn encode(self) -> [u8; Self::LEN] {
        let mut octets = *b"MUX\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let [_, _, _, _, kind, reason, rest @ ..] = &mut octets;
        (*kind, *reason) = (self.kind.number(), self.reason);
        let (flags, rest) = rest.split_at_mut(2);
        flags.copy_from_slice(&self.flags.to_be_bytes());
        let (generation, retry_after) = rest.split_at_mut(8);
        generation.copy_from_slice(&self.generation.to_be_bytes());
        let millis = u32::try_from(self.retry_after.as_millis()).unwrap_or(u32::MAX);
        retry_after.copy_from_slice(&millis.to_be_bytes());
        octets
    }

    /// Reads the header of what a peer says to the MUX; only its kind means something from there.
    pub(crate) fn decode(octets: &[u8]) -> Option<NoticeKind> {
        match octets {
            [b'M', b'U', b'X', 1, kind, rest @ ..] if rest.len() == Self::LEN - 5 => {
                NoticeKind::from_number(*kind)
            }
            _ => None,
        }
    }
}

/// What a peer says to the MUX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control<'m> {
    /// It takes notices, and claims a name if one is given.
    Hello(Option<&'m [u8]>),
    Watch(&'m [u8]),
    Unwatch(&'m [u8]),
    Drain,
    /// None of that.
    Malformed,
}

impl<'m> Control<'m> {
    /// Reads the frames after the empty address.
    // spec: mux:notice:malformed-control
    pub(crate) fn parse(rest: &'m [u8]) -> Self {
        let mut frames = Frames::new(rest);
        let kind = frames.next().and_then(Header::decode);
        let (argument, more) = (frames.next(), frames.next());
        match (kind, argument, more) {
            (Some(NoticeKind::Hello), name, None) => Self::Hello(name),
            (Some(NoticeKind::Watch), Some(pattern), None) => Self::Watch(pattern),
            (Some(NoticeKind::Unwatch), Some(pattern), None) => Self::Unwatch(pattern),
            (Some(NoticeKind::Drain), None, None) => Self::Drain,
            _ => Self::Malformed,
        }
    }
}

/// How a notice stands on a link.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'m> {
    /// `["", header, ...]`
    Plain,
    /// `[id?, "", "", header, ...]`: the answer to the open request of a REQ.
    // spec: mux:notice:req-form
    Answer(Option<&'m [u8]>),
}

/// Appends a notice: its header, an address or name if it has one, and frames that are encoded.
pub(crate) fn put_notice(
    form: Form<'_>,
    header: Header,
    arguments: &[&[u8]],
    frames: &[u8],
    out: &mut Vec<u8>,
) {
    if let Form::Answer(id) = form {
        if let Some(id) = id {
            put(FrameKind::MessageMore, id, out);
        }
        put(FrameKind::MessageMore, b"", out);
    }
    put(FrameKind::MessageMore, b"", out);
    let mut left = arguments.len();
    let kind = |left| {
        if left == 0 && frames.is_empty() { FrameKind::MessageLast } else { FrameKind::MessageMore }
    };
    put(kind(left), &header.encode(), out);
    for argument in arguments {
        left = left.saturating_sub(1);
        put(kind(left), argument, out);
    }
    out.extend_from_slice(frames);
}

/// Whether frames were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Whole,
    Cut,
}

/// Returns the first frames of a message, as they will stand at the end of a RETURN: as many as
/// have [`RETURN_FRAMES_MAX`] octets together. `frames` is well formed, but may lack its end.
// spec: mux:return:cut-at-frame
pub(crate) fn cut_frames(frames: &[u8], max: usize) -> (Vec<u8>, Cut) {
    let mut rest = Frames::new(frames);
    let (mut whole, mut last): (usize, usize) = (0, 0);
    loop {
        let before = frames.len().saturating_sub(rest.rest().len());
        let Some(body) = rest.next() else { break };
        let after = frames.len().saturating_sub(rest.rest().len());
        if after > max || body.len() > after.saturating_sub(before) {
            break;
        }
        (whole, last) = (after, before);
    }
    let mut kept = frames.get(..whole).unwrap_or_default().to_vec();
    let cut = if whole == frames.len() { Cut::Whole } else { Cut::Cut };
    // The last frame that is kept is the last of all.
    if let Some(flags) = kept.get_mut(last) {
        *flags &= !MORE_BIT;
    }
    (kept, cut)
}

fn put(kind: FrameKind, body: &[u8], out: &mut Vec<u8>) {
    put_header(kind, body.len(), out);
    out.extend_from_slice(body);
}

/// The bit of a frame's flags that says that more frames follow.
const MORE_BIT: u8 = 1;

/// Octets of frames that a RETURN carries at most.
pub(crate) const RETURN_FRAMES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use zmtp_proto::Message;

    use super::*;

    fn encoded(frames: &[&[u8]]) -> Vec<u8> {
        let message = Message::from_frames(frames).unwrap();
        message.as_octets().to_vec()
    }

    /// mux:notice:header.
    #[test]
    fn a_header_has_twenty_octets_in_network_order() {
        let header = Header {
            kind: NoticeKind::Return,
            reason: ReturnReason::Busy.number(),
            flags: Header::CUT,
            generation: 0x0102_0304_0506_0708,
            retry_after: Duration::from_millis(0x0a0b),
        };
        let expected = b"MUX\x01\x02\x02\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x0a\x0b";
        assert_eq!(&header.encode(), expected);
        let long = Header { retry_after: Duration::MAX, ..header };
        assert_eq!(long.encode()[16..], [0xff; 4]);
        for kind in NoticeKind::ALL {
            assert_eq!(Header::decode(&Header::new(kind).encode()), Some(kind));
        }
    }

    /// mux:notice:malformed-control.
    #[test]
    fn control_is_a_header_of_a_known_kind_with_its_arguments() {
        use NoticeKind::{Drain, Gone, Hello, Return, Synced, Unwatch, Up, Watch};
        let head = |kind| Header::new(kind).encode();
        let parse = |frames: &[&[u8]]| match Control::parse(&encoded(frames)) {
            Control::Hello(name) => format!("hello {:?}", name.map(<[u8]>::to_vec)),
            Control::Watch(pattern) => format!("watch {pattern:?}"),
            Control::Unwatch(pattern) => format!("unwatch {pattern:?}"),
            Control::Drain => "drain".to_owned(),
            Control::Malformed => "malformed".to_owned(),
        };
        assert_eq!(parse(&[&head(Hello)]), "hello None");
        assert_eq!(parse(&[&head(Hello), b"a"]), "hello Some([97])");
        assert_eq!(parse(&[&head(Watch), b"a"]), "watch [97]");
        assert_eq!(parse(&[&head(Unwatch), b"a"]), "unwatch [97]");
        assert_eq!(parse(&[&head(Drain)]), "drain");
        for kind in [Return, Gone, Up, Synced] {
            assert_eq!(parse(&[&head(kind), b"a"]), "malformed");
        }
        for frames in [
            &[&head(Watch)[..]][..],
            &[&head(Unwatch)],
            &[&head(Drain), b"a"],
            &[&head(Hello), b"a", b"b"],
            &[b"x"],
            &[&head(Hello)[..19]],
            &[&[&head(Hello)[..], b"x"].concat()],
            &[b"MUX\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"],
            &[b"MUX\x01\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"],
            &[b"MUX\x01\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"],
        ] {
            assert_eq!(parse(frames), "malformed", "{frames:?}");
        }
    }

    /// mux:return:cut-at-frame.
    #[test]
    fn returned_frames_are_cut_at_a_border_and_end_the_message() {
        let long = vec![b'x'; 600];
        let whole = encoded(&[b"a", b"", &long]);
        assert_eq!(cut_frames(&whole, 1024), (whole.clone(), Cut::Whole));
        let two = encoded(&[b"a", b"", &long, &long]);
        assert_eq!(cut_frames(&two, 1024), (whole, Cut::Cut));
        assert_eq!(cut_frames(&two, 5), (encoded(&[b"a", b""]), Cut::Cut));
        assert_eq!(cut_frames(&two, 2), (Vec::new(), Cut::Cut));
        assert_eq!(cut_frames(&two[..700], 1024), (encoded(&[b"a", b"", &long]), Cut::Cut));
        assert_eq!(cut_frames(&[], 1024), (Vec::new(), Cut::Whole));
    }

    /// mux:notice:req-form.
    #[test]
    fn a_notice_begins_with_the_empty_address_and_to_a_req_with_its_envelope() {
        let header = Header::new(NoticeKind::Gone);
        let head = header.encode();
        let put = |form, arguments: &[&[u8]], frames: &[u8]| {
            let mut out = Vec::new();
            put_notice(form, header, arguments, frames, &mut out);
            out
        };
        assert_eq!(put(Form::Plain, &[b"n"], &[]), encoded(&[b"", &head, b"n"]));
        assert_eq!(put(Form::Plain, &[], &[]), encoded(&[b"", &head]));
        let frames = encoded(&[b"x", b"y"]);
        assert_eq!(put(Form::Plain, &[b"n"], &frames), encoded(&[b"", &head, b"n", b"x", b"y"]));
        assert_eq!(put(Form::Answer(None), &[b"n"], &[]), encoded(&[b"", b"", &head, b"n"]));
        let expected = encoded(&[b"id", b"", b"", &head, b"n"]);
        assert_eq!(put(Form::Answer(Some(b"id")), &[b"n"], &[]), expected);
    }
}
