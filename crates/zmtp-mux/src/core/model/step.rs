//! What may happen to a core, drawn from eight octets, so that a fuzzer and a property test can
//! draw and shrink it alike. Zeros are the plainest choice everywhere.

use std::time::Duration;

use zmtp_proto::{SocketType, Version};

use crate::core::ListenerRole;
use crate::core::model::wire::Form;

/// Octets that a step is drawn from.
pub(crate) const STEP_LEN: usize = 8;

/// Names that peers choose from: few, so that they meet.
pub(crate) const NAMES: [&[u8]; 5] = [b"a", b"b", b"c", b"\x01", &[b'n'; 255]];

/// One thing that happens. Peers and deliveries are picked by number, modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Introduce(Newcomer),
    Message(Shape),
    Take { peer: usize },
    Accept { peer: usize, octets: usize, then: Then },
    Close { peer: usize },
    Ping { peer: usize, context: usize },
    Octets { peer: usize },
    Look { peer: usize },
    Advance { time: Duration },
    Drain,
    End,
}

/// A peer that introduces itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer {
    pub(crate) kind: SocketType,
    pub(crate) listener: ListenerRole,
    pub(crate) name: Option<usize>,
    pub(crate) token: Draw,
    /// As in the model.
    pub(crate) principal: u8,
    pub(crate) version: Version,
}

/// The random part of a binding address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    Fresh,
    Again(usize),
}

/// What a writer does after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    AskForMore,
    WriteOn,
}

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) from: usize,
    pub(crate) to: Target,
    pub(crate) place: Place,
    pub(crate) prefix: Prefix,
    pub(crate) body: usize,
    /// Of the address, the prefix and the body.
    pub(crate) forms: [Form; 3],
    pub(crate) buffer: Buffer,
}

/// Where a message is meant to go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Name(usize),
    Binding(usize),
    Source { delivery: usize },
    Mux,
    NobodysName,
    OtherNode(usize),
    CutBinding(usize),
    LongBinding(usize),
    TooLong,
}

/// Whether the address stands where its source has to put it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Right,
    Wrong,
}

/// The frames in front of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prefix {
    None,
    Delimiter,
    Id(usize),
    TwoIds,
    IdOnly,
    /// As in the delivery that is answered.
    Repeated {
        delivery: usize,
    },
}

/// What a message arrives in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Buffer {
    Borrowed,
    Shared,
}

impl Step {
    pub(crate) fn draw(octets: [u8; STEP_LEN]) -> Self {
        let [action, first, ..] = octets;
        let [_, peer, second, third, ..] = octets.map(usize::from);
        match (action, first) {
            (0..=43, _) => introduce(octets),
            (44..=169, _) => Self::Message(shape(octets)),
            (170..=205, _) => Self::Take { peer },
            (206..=232, _) => Self::Accept {
                peer,
                octets: [usize::MAX, third, third * second, third + 256 * second][second % 4],
                then: if third % 3 == 0 { Then::WriteOn } else { Then::AskForMore },
            },
            (233..=239, _) => Self::Close { peer },
            (240..=242, _) => Self::Octets { peer },
            (243..=248, _) => Self::Look { peer },
            (249..=251, _) => Self::Advance {
                time: Duration::from_millis([1_000, 2_000, 500, 1_999, 5_000, 61_000][second % 6]),
            },
            (254, 0..=99) => Self::Drain,
            (255, 0..=99) => Self::End,
            (252..=255, _) => Self::Ping { peer, context: second % 17 },
        }
    }
}

fn introduce(octets: [u8; STEP_LEN]) -> Step {
    use ListenerRole::{Any, Clients, Services};
    use SocketType::{Dealer, Pub, Rep, Req, Router, Scatter};
    const KINDS: [SocketType; 12] =
        [Dealer, Req, Router, Rep, Dealer, Req, Router, Rep, Dealer, Req, Pub, Scatter];
    let [_, kind, listener, name, token, which, principal, version] = octets;
    Step::Introduce(Newcomer {
        kind: KINDS[usize::from(kind) % KINDS.len()],
        listener: [Any, Services, Clients][usize::from(listener) % 3],
        name: (name >= 64).then_some(usize::from(name) % NAMES.len()),
        token: if token < 250 { Draw::Fresh } else { Draw::Again(which.into()) },
        principal: [0, 1, 0, 2, 1, 3][usize::from(principal) % 6],
        version: if version < 230 { Version::V3_1 } else { Version::V3_0 },
    })
}

fn shape(octets: [u8; STEP_LEN]) -> Shape {
    let [action, from, to, which, prefix, body, forms, delivery] = octets.map(usize::from);
    let form = |bit: usize| if forms & bit == bit { Form::Long } else { Form::Shortest };
    let answers = action >= 110;
    Shape {
        from,
        to: match to {
            _ if answers && to < 216 => Target::Source { delivery },
            0..=143 => Target::Name(which % NAMES.len()),
            144..=215 => Target::Binding(which),
            216..=223 => Target::Mux,
            224..=231 => Target::NobodysName,
            232..=237 => Target::OtherNode(which),
            238..=243 => Target::CutBinding(which),
            244..=249 => Target::LongBinding(which),
            _ => Target::TooLong,
        },
        place: if forms >= 248 { Place::Wrong } else { Place::Right },
        prefix: match prefix {
            _ if answers && prefix < 208 => Prefix::Repeated { delivery },
            0..=127 => Prefix::Delimiter,
            128..=191 => Prefix::Id(which / 8),
            192..=223 => Prefix::None,
            224..=239 => Prefix::TwoIds,
            _ => Prefix::IdOnly,
        },
        body,
        forms: [form(0b0011), form(0b1100), form(0b11_0000)],
        buffer: if forms & 0b100_0000 == 0 { Buffer::Shared } else { Buffer::Borrowed },
    }
}
