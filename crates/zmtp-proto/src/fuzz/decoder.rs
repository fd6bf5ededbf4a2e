//! The decoder against a slow and obvious one, which sees one octet at a time.

use super::script::Cuts;
use crate::clock::start;
use crate::decoder::{Decoder, Item};
use crate::error::DecodeError;
use crate::greeting::Version;
use crate::heartbeat::Heartbeat;
use crate::limits::{Limits, Settings};
use crate::pairing::Pairing;
use crate::socket_type::SocketType;
use crate::subscription::{Membership, Subscription};
use crate::traffic::{Received, Traffic};

/// [`Decoder`] and [`Traffic`] find what the obvious decoder finds, however the stream is cut.
///
/// The first octet is the seed of the cuts, the second chooses limits and socket types.
pub fn decoder_diff(data: &[u8]) {
    let [seed, choice, octets @ ..] = data else { return };
    let limits = Limits {
        message_len_max: [20, 70, 300, 4096][usize::from(choice & 3)],
        message_frames_max: [1, 2, 8, 1024][usize::from(choice >> 2 & 3)],
        command_len_max: [6, 30, 300, 8192][usize::from(choice >> 4 & 3)],
        ..Limits::default()
    };
    let (ours, theirs) = [
        (SocketType::Router, SocketType::Dealer),
        (SocketType::Xpub, SocketType::Sub),
        (SocketType::Radio, SocketType::Dish),
        (SocketType::Sub, SocketType::Pub),
    ][usize::from(choice >> 6 & 3)];
    let pairing = Pairing { ours, theirs, version: Version::V3_1 };
    let (found, end) = obvious(octets, &limits);
    assert_eq!(decoded(octets, &limits, &mut Cuts::from(*seed)), (found.clone(), end));
    let received = received(octets, &limits, pairing, &mut Cuts::from(*seed));
    assert_eq!(received, judged(found, ours, end.is_some()));
}

#[derive(Clone, Debug, PartialEq)]
enum Found {
    Message(Vec<u8>),
    Command(Vec<u8>),
}

#[derive(Debug, PartialEq)]
enum Judged {
    Message(Vec<u8>),
    Ping(Vec<u8>),
    /// Whether it begins, and the topic or the group.
    Subscription(bool, Vec<u8>),
    Membership(bool, Vec<u8>),
    Nothing,
}

/// Reads the grammar of traffic off, octet by octet; keeps all it has seen of an item.
fn obvious(octets: &[u8], limits: &Limits) -> (Vec<Found>, Option<DecodeError>) {
    let mut found = Vec::new();
    let (mut message, mut frame) = (Vec::new(), Vec::new());
    let mut frames = 0;
    for &octet in octets {
        frame.push(octet);
        let flags: u8 = frame[0];
        if ![0, 1, 2, 3, 4, 6].contains(&flags) {
            return (found, Some(DecodeError::FrameFlags(flags)));
        }
        let (header_len, body_len) = match (flags & 2, frame.as_slice()) {
            (0, [_, size, ..]) => (2, u64::from(*size)),
            (2, [_, rest @ ..]) if rest.len() >= 8 => {
                (9, u64::from_be_bytes(rest[..8].try_into().unwrap()))
            }
            _ => continue,
        };
        if frame.len() == header_len {
            let before = (message.len() + header_len) as u64;
            let error = judge_size(flags & 4 != 0, body_len, before, frames, limits);
            if error.is_some() {
                return (found, error);
            }
        }
        if (frame.len() - header_len) as u64 != body_len {
            continue;
        }
        if flags & 4 != 0 {
            found.push(Found::Command(frame[header_len..].to_vec()));
        } else {
            message.extend_from_slice(&frame);
            frames += 1;
            if flags & 1 == 0 {
                found.push(Found::Message(message.clone()));
                message.clear();
                frames = 0;
            }
        }
        frame.clear();
    }
    (found, None)
}

fn judge_size(
    is_command: bool,
    body_len: u64,
    before: u64,
    frames: usize,
    limits: &Limits,
) -> Option<DecodeError> {
    if body_len >= 1 << 63 {
        return Some(DecodeError::FrameSize);
    }
    if is_command {
        let max = limits.command_len_max;
        let error = DecodeError::CommandTooLong { len: body_len, max };
        return (body_len > max as u64).then_some(error);
    }
    if frames == limits.message_frames_max {
        return Some(DecodeError::TooManyFrames { max: frames });
    }
    let (len, max) = (before + body_len, limits.message_len_max);
    (len > max as u64).then_some(DecodeError::MessageTooLong { len, max })
}

fn decoded(octets: &[u8], limits: &Limits, cuts: &mut Cuts) -> (Vec<Found>, Option<DecodeError>) {
    let mut decoder = Decoder::new(*limits);
    let mut found = Vec::new();
    let (mut begin, mut end, mut wanted) = (0, 0, 0);
    loop {
        let input = &octets[begin..end];
        match decoder.decode(input) {
            Ok(Some(arrival)) => {
                assert!(arrival.consumed > 0 && input.len() >= wanted, "came before it was wanted");
                wanted = 0;
                assert!(arrival.held <= limits.message_len_max);
                begin += arrival.consumed;
                match arrival.item {
                    Item::Message(octets) => found.push(Found::Message(octets.as_slice().to_vec())),
                    Item::Command(body) => found.push(Found::Command(body.to_vec())),
                    Item::Part => panic!("not in the clear"),
                }
            }
            Ok(None) if end == octets.len() => return (found, None),
            Ok(None) => {
                wanted = decoder.wanted();
                assert!(wanted == 0 || wanted > input.len());
                assert!(decoder.held() + input.len() <= bound(limits), "more waits than may");
                end += cuts.next(octets.len() - end);
            }
            Err(error) => return (found, Some(error)),
        }
    }
}

/// Octets that may wait: a message, and a command inside it, each but its last octet.
fn bound(limits: &Limits) -> usize {
    limits.message_len_max + limits.command_len_max + 2 * 9
}

fn received(
    octets: &[u8],
    limits: &Limits,
    pairing: Pairing,
    cuts: &mut Cuts,
) -> (Vec<Judged>, bool) {
    let settings =
        Settings { limits: *limits, version: Version::V3_1, heartbeat: Heartbeat::default() };
    let now = start();
    let mut traffic = Traffic::new(&settings, pairing, now);
    let mut found = Vec::new();
    let (mut begin, mut end) = (0, 0);
    loop {
        match traffic.handle_input(&octets[begin..end], now) {
            Ok(Some(arrival)) => {
                begin += arrival.consumed;
                found.push(match arrival.received {
                    Received::Message(octets) => Judged::Message(octets.as_slice().to_vec()),
                    Received::Ping(pong) => Judged::Ping(pong.0.as_octets().to_vec()),
                    Received::Subscription(told) => {
                        let begins = matches!(*told, Subscription::Subscribe(_));
                        Judged::Subscription(begins, told.topic().to_vec())
                    }
                    Received::Membership(told) => {
                        let begins = matches!(*told, Membership::Join(_));
                        Judged::Membership(begins, told.group().as_octets().to_vec())
                    }
                    Received::Nothing => Judged::Nothing,
                });
            }
            Ok(None) if end == octets.len() => return (found, false),
            Ok(None) => end += cuts.next(octets.len() - end),
            Err(_) => return (found, true),
        }
    }
}

/// Judges commands by the grammar; the flag tells whether the stream ends in an error.
fn judged(found: Vec<Found>, ours: SocketType, broken: bool) -> (Vec<Judged>, bool) {
    let mut outcome = Vec::new();
    for item in found {
        outcome.push(match item {
            Found::Message(octets) if ours == SocketType::Xpub => subscription(octets),
            Found::Message(octets) => Judged::Message(octets),
            Found::Command(body) => match judge(&body, ours) {
                Some(judged) => judged,
                None => return (outcome, true),
            },
        });
    }
    (outcome, broken)
}

/// Returns what a message is to a publisher.
fn subscription(octets: Vec<u8>) -> Judged {
    let body = match octets[0] {
        0 => &octets[2..],
        2 => &octets[9..],
        _ => return Judged::Message(octets),
    };
    match body {
        [form @ (0 | 1), topic @ ..] => Judged::Subscription(*form == 1, topic.to_vec()),
        _ => Judged::Message(octets),
    }
}

/// Returns what a command in traffic asks for, `None` if it breaks the protocol.
fn judge(body: &[u8], ours: SocketType) -> Option<Judged> {
    let (&len, rest) = body.split_first()?;
    let (name, data) = rest.split_at_checked(usize::from(len))?;
    if name.is_empty() || !name.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let legal = match name {
        b"PING" if (2..=18).contains(&data.len()) => return Some(Judged::Ping(data[2..].to_vec())),
        b"PING" | b"READY" | b"ERROR" => false,
        b"PONG" => data.len() <= 16,
        b"JOIN" | b"LEAVE" => data.len() <= 255 && !data.contains(&0),
        _ => true,
    };
    legal.then(|| match (ours, name) {
        (SocketType::Xpub, b"SUBSCRIBE") => Judged::Subscription(true, data.to_vec()),
        (SocketType::Xpub, b"CANCEL") => Judged::Subscription(false, data.to_vec()),
        (SocketType::Radio, b"JOIN") => Judged::Membership(true, data.to_vec()),
        (SocketType::Radio, b"LEAVE") => Judged::Membership(false, data.to_vec()),
        _ => Judged::Nothing,
    })
}
