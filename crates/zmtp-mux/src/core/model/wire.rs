//! Frames to octets and back, apart from the code under test.

use crate::core::model::parts::{Frame, Item};

/// How a frame's header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Shortest,
    Long,
}

/// Writes a message, and notes what each frame takes.
pub(crate) fn encode(bodies: &[(Vec<u8>, Form)]) -> (Vec<Frame>, Vec<u8>) {
    let (mut frames, mut octets) = (Vec::new(), Vec::new());
    for (index, (body, form)) in bodies.iter().enumerate() {
        let before = octets.len();
        let more = u8::from(index + 1 < bodies.len());
        if body.len() < 256 && *form == Form::Shortest {
            octets.extend_from_slice(&[more, u8::try_from(body.len()).unwrap()]);
        } else {
            octets.push(2 | more);
            octets.extend_from_slice(&(body.len() as u64).to_be_bytes());
        }
        octets.extend_from_slice(body);
        frames.push((body.clone(), octets.len() - before));
    }
    (frames, octets)
}

/// Reads whole messages, PONGs and PINGs.
pub(crate) fn decode(mut octets: &[u8]) -> Vec<Item> {
    let (mut items, mut frames) = (Vec::new(), Vec::new());
    while let Some(&flags) = octets.first() {
        assert!(flags & !0b111 == 0, "flags {flags:#x}");
        let (header, len) = match flags & 0b10 {
            0 => (2, usize::from(octets[1])),
            _ => {
                (9, usize::try_from(u64::from_be_bytes(octets[1..9].try_into().unwrap())).unwrap())
            }
        };
        let body = octets[header..header + len].to_vec();
        octets = &octets[header + len..];
        if flags & 0b100 != 0 {
            assert!(frames.is_empty() && flags == 0b100, "a command inside a message");
            items.push(match body.strip_prefix(b"\x04PONG") {
                Some(context) => Item::Pong(context.to_vec()),
                None if body == b"\x04PING\0\0" => Item::Ping,
                None => panic!("a command {body:?}"),
            });
            continue;
        }
        frames.push((body, header + len));
        if flags & 1 == 0 {
            items.push(Item::Message(std::mem::take(&mut frames)));
        }
    }
    assert!(frames.is_empty(), "a message without its end");
    items
}
