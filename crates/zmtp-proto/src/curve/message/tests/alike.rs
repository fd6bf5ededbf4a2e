//! Boxes change nothing: any frames bring what they would bring in the clear.

use proptest::prelude::*;

use super::*;
use crate::decoder::Decoder;

fn frames() -> impl Strategy<Value = Vec<(FrameKind, Vec<u8>)>> {
    let kind = prop::sample::select(vec![
        FrameKind::Command,
        FrameKind::MessageMore,
        FrameKind::MessageMore,
        FrameKind::MessageLast,
    ]);
    let len = prop_oneof![3 => 0_usize..8, 2 => 0_usize..34, 1 => 50_usize..70];
    let body = len.prop_flat_map(|len| prop::collection::vec(any::<u8>(), len));
    prop::collection::vec((kind, body), 0..12)
}

fn in_the_clear(octets: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut cutter, mut seen, mut rest) = (Decoder::new(small()), Vec::new(), octets);
    loop {
        match cutter.decode(rest) {
            Ok(Some(decoded)) => {
                note(&decoded.item, &mut seen);
                rest = &rest[decoded.consumed..];
            }
            Ok(None) => return (seen, true),
            Err(_) => return (seen, false),
        }
    }
}

proptest! {
    #[test]
    fn frames_in_boxes_bring_what_they_bring_in_the_clear(
        frames in frames(),
        cuts in prop::collection::vec(1_usize..200, 0..20),
    ) {
        let (mut clear, mut boxed) = (BytesMut::new(), BytesMut::new());
        let (mut sealer, mut opener) = ends(small());
        for (kind, body) in &frames {
            let mut frame = BytesMut::new();
            put_header(*kind, body.len(), &mut frame);
            frame.put_slice(body);
            prop_assert_eq!(sealer.seal(&frame, &mut boxed), Ok(frame.len()));
            clear.put_slice(&frame);
        }
        let expected = in_the_clear(&clear);
        let (seen, error) = open_all(&mut opener, &boxed);
        prop_assert_eq!(&(seen, error.is_none()), &expected);

        // And so they do however the boxes are cut.
        let (_, mut opener) = ends(small());
        let (mut seen, mut ended, mut inbox, mut rest) = (Vec::new(), None, Vec::new(), &boxed[..]);
        for cut in cuts.into_iter().chain([boxed.len()]) {
            let (piece, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            inbox.extend_from_slice(piece);
            while let Some(decoded) = match opener.decode(&inbox) {
                Ok(decoded) => decoded,
                Err(error) => {
                    ended = ended.or(Some(error));
                    None
                }
            } {
                match decoded.item {
                    Item::Message(octets) => seen.push(octets.as_slice().to_vec()),
                    Item::Command(body) => seen.push([b"command ", body].concat()),
                    Item::Part => {}
                }
                inbox.drain(..decoded.consumed);
            }
            if ended.is_some() {
                break;
            }
        }
        prop_assert_eq!((seen, ended.is_none()), expected);
    }
}
