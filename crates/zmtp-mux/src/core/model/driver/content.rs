//! What the peers of a driver send.

use zmtp_proto::SocketType;

use crate::core::model::driver::Driver;
use crate::core::model::parts::{Frame, State, total};
use crate::core::model::step::{NAMES, Place, Prefix, Shape, Target};
use crate::core::model::wire::Form;

impl Driver {
    /// Makes the frames of a message, with how each header is to be written.
    pub(super) fn frames(&mut self, source: usize, shape: &Shape) -> Vec<(Vec<u8>, Form)> {
        self.sent += 1;
        let deliveries = &self.seats[source].deliveries;
        let delivery = |back: usize| {
            let index = deliveries.len().checked_sub(1 + back % 4 % deliveries.len().max(1));
            index.map_or(&[][..], |index| &deliveries[index])
        };
        let binding = |which: usize| match self.seats.len() {
            0 => address(0),
            count => address(self.seats[which % count].token),
        };
        let to = match shape.to {
            Target::Name(name) => NAMES[name].to_vec(),
            Target::Binding(which) => binding(which),
            Target::Source { delivery: back } => source_of(delivery(back)),
            Target::Mux => Vec::new(),
            Target::NobodysName => b"nobody".to_vec(),
            Target::OtherNode(which) => [&b"\0node-the"[..], &binding(which)[9..]].concat(),
            Target::CutBinding(which) => binding(which)[..16].to_vec(),
            Target::LongBinding(which) => [&binding(which)[..], b"x"].concat(),
            Target::TooLong => vec![b'n'; 256],
        };
        let prefix = match shape.prefix {
            Prefix::None => vec![],
            Prefix::Delimiter => vec![vec![]],
            Prefix::Id(which) => vec![id(which), vec![]],
            Prefix::TwoIds => vec![id(0), id(1), vec![]],
            Prefix::IdOnly => vec![id(2)],
            Prefix::Repeated { delivery: back } => prefix_of(delivery(back)),
        };
        let [address_form, prefix_form, body_form] = shape.forms;
        let mut frames: Vec<_> = prefix.into_iter().map(|frame| (frame, prefix_form)).collect();
        let is_req = self.model.peers[source].kind == SocketType::Req;
        let at = match (is_req, shape.place) {
            (true, Place::Right) | (false, Place::Wrong) => frames.len(),
            (true, Place::Wrong) | (false, Place::Right) => 0,
        };
        let body = match shape.body {
            240.. => self.filling_body(source, &frames, shape.body),
            which => body(which, self.sent),
        };
        frames.insert(at, (to, address_form));
        frames.extend(body.into_iter().map(|frame| (frame, body_form)));
        frames
    }

    /// Makes a body behind `prefix` that just fits, or is one octet too long: into an empty queue,
    /// or into all the room that is left.
    fn filling_body(
        &self,
        source: usize,
        prefix: &[(Vec<u8>, Form)],
        which: usize,
    ) -> Vec<Vec<u8>> {
        let (room, (_, used)) = (self.model.room, total(&self.model.peers));
        let left = if which.is_multiple_of(2) { room.each.1 } else { room.all.1 - used };
        let from = &self.model.peers[source];
        let shown = if from.state == State::Service { &from.name } else { &from.address };
        let before = prefix.iter().map(|frame| frame.0.len() + 2).sum::<usize>() + shown.len() + 2;
        let room = (left + usize::from(which % 8 >= 6)).saturating_sub(before);
        match room {
            2..=257 => vec![vec![b'f'; room - 2]],
            265..=100_000 => vec![vec![b'f'; room - 9]],
            _ => body(0, self.sent),
        }
    }
}

pub(super) fn address(token: u64) -> Vec<u8> {
    [&b"\0the-node"[..], &token.to_be_bytes()].concat()
}

/// The request ids that REQs choose from.
fn id(which: usize) -> Vec<u8> {
    [b"i".to_vec(), b"j".to_vec(), b"four".to_vec(), vec![b'i'; 255], vec![b'i'; 256]][which % 5]
        .clone()
}

/// The frames behind address and prefix, told apart by `number`.
fn body(which: usize, number: u32) -> Vec<Vec<u8>> {
    const LENS: [usize; 8] = [4, 4, 10, 255, 256, 300, 16_380, 70_000];
    let mut full = number.to_be_bytes().to_vec();
    full.resize(if which < 192 { LENS[which % 6] } else { LENS[which % 8] }, b'x');
    match which / 8 % 6 {
        0..=2 => vec![full],
        3 => vec![full, vec![], b"end".to_vec()],
        4 => vec![vec![], full],
        _ => vec![],
    }
}

/// The source of a delivery, if it stands in front: a REQ does not answer.
fn source_of(delivery: &[Frame]) -> Vec<u8> {
    delivery.first().map_or_else(Vec::new, |frame| frame.0.clone())
}

/// What a service repeats in front of its answer: all from behind the source to the delimiter.
fn prefix_of(delivery: &[Frame]) -> Vec<Vec<u8>> {
    let rest: Vec<_> = delivery.iter().skip(1).map(|frame| frame.0.clone()).collect();
    let end = rest.iter().position(Vec::is_empty).map_or(0, |delimiter| delimiter + 1);
    rest[..end].to_vec()
}
