use proptest::prelude::*;

use super::*;
use crate::command::put_command;
use crate::message::put_frame;

fn limits() -> Limits {
    Limits { message_len_max: 100, message_frames_max: 4, command_len_max: 20, ..Limits::default() }
}

/// Feeds `octets` in pieces that end at `cuts`, and returns what came out, owned.
fn decode_in_pieces(
    octets: &[u8],
    cuts: &[usize],
    limits: Limits,
) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut decoder = Decoder::new(limits);
    let mut input = Vec::new();
    let mut out = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().chain([&octets.len()]) {
        input.extend_from_slice(&octets[from..to]);
        from = to;
        while let Some(Decoded { consumed, item, .. }) = decoder.decode(&input)? {
            out.push(match item {
                Item::Message(octets) => octets.as_slice().to_vec(),
                Item::Command(body) => [b"command ", body].concat(),
                Item::Part => unreachable!("nothing is encrypted"),
            });
            input.drain(..consumed);
        }
    }
    Ok(out)
}

#[test]
fn finds_a_message_in_place_and_says_what_it_waits_for() {
    let message = Message::from_frames(["ab", "", "c"]).unwrap().into_bytes();
    let mut decoder = Decoder::new(limits());
    for end in 0..message.len() {
        assert_eq!(decoder.decode(&message[..end]), Ok(None), "{end} octets");
        assert!(decoder.wanted() == 0 || decoder.wanted() > end);
    }
    let longer = [&message[..], b"\x00"].concat();
    let found = decoder.decode(&longer).unwrap().unwrap();
    assert_eq!(found.consumed, message.len());
    assert_eq!(found.item, Item::Message(Octets::InPlace(&message)));
}

proptest! {
    /// 37:framing:split-anywhere.
    #[test]
    fn a_run_is_what_is_found_one_by_one(
        messages in prop::collection::vec(prop::collection::vec(0..80_usize, 1..6), 0..8),
        command in any::<Option<prop::sample::Index>>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = BytesMut::new();
        for (number, lens) in messages.iter().enumerate() {
            if command.is_some_and(|at| at.index(messages.len()) == number) {
                put_command("PING", b"\0\0", &mut octets);
            }
            let frames = lens.iter().map(|&len| vec![b'x'; len]);
            octets.extend_from_slice(Message::from_frames(frames).unwrap().as_octets());
        }
        let input = &octets[..cut.index(octets.len() + 1)];
        let mut decoder = Decoder::new(limits());
        let run = decoder.run(input).unwrap_or(Run { octets: &[], messages: 0 });
        prop_assert!(input.starts_with(run.octets));
        let (mut at, mut found) = (0, 0);
        while at < run.octets.len() {
            let decoded = decoder.decode(&input[at..]).unwrap().unwrap();
            prop_assert!(matches!(decoded.item, Item::Message(Octets::InPlace(_))));
            (at, found) = (at + decoded.consumed, found + 1);
        }
        prop_assert_eq!((at, found), (run.octets.len(), run.messages));
        prop_assert_eq!(decoder.short_message(&input[at..]), None);
        // In the middle of a message there is none.
        prop_assert!(decoder.decode(b"\x01\x01a").unwrap().is_none());
        prop_assert_eq!(decoder.run(input), None);
    }
}

/// 37:command:between-frames.
#[test]
fn puts_a_message_together_around_the_commands_inside_it() {
    let mut octets = BytesMut::new();
    put_frame(FrameKind::MessageMore, b"a", &mut octets);
    put_command("PING", b"\0\0", &mut octets);
    put_command("PONG", b"", &mut octets);
    put_frame(FrameKind::MessageMore, b"", &mut octets);
    put_command("X", b"", &mut octets);
    put_frame(FrameKind::MessageLast, b"b", &mut octets);
    let whole = Message::from_frames(["a", "", "b"]).unwrap();
    let expected: [&[u8]; 4] =
        [b"command \x04PING\0\0", b"command \x04PONG", b"command \x01X", whole.as_octets()];
    for cut in 0..=octets.len() {
        assert_eq!(decode_in_pieces(&octets, &[cut], limits()).unwrap(), expected, "cut at {cut}");
    }
}

/// 37:framing:length-before-memory, mux:limit:message, mux:limit:frames.
#[test]
fn refuses_what_is_beyond_a_limit_before_it_arrives() {
    let decode = |octets: &[u8]| decode_in_pieces(octets, &[], limits());
    let too_long = |len| Err(DecodeError::MessageTooLong { len, max: 100 });
    assert_eq!(decode(b"\x00\x62"), Ok(vec![]));
    assert_eq!(decode(b"\x00\x63"), too_long(101));
    assert_eq!(decode(b"\x01\x01a\x00\x60"), too_long(101));
    assert_eq!(decode(b"\x02\x7f\xff\xff\xff\xff\xff\xff\xff"), too_long((1 << 63) + 8));
    assert_eq!(decode(b"\x02\x80\0\0\0\0\0\0\0"), Err(DecodeError::FrameSize));
    // What was put aside for a command in between counts as well.
    let parts = [&b"\x01\x30"[..], &[b'a'; 48], b"\x04\x02\x01X", b"\x00\x31"].concat();
    assert_eq!(decode(&parts), too_long(101));
    assert!(decode(b"\x01\x00\x01\x00\x01\x00\x00\x00").is_ok());
    assert_eq!(
        decode(b"\x01\x00\x01\x00\x01\x00\x01\x00\x00"),
        Ok(vec![]),
        "the header of the fifth frame is not whole yet"
    );
    assert_eq!(
        decode(b"\x01\x00\x01\x00\x01\x00\x01\x00\x00\x00"),
        Err(DecodeError::TooManyFrames { max: 4 })
    );
}

/// 37:command:length-limit.
#[test]
fn refuses_a_command_beyond_its_limit_before_it_arrives() {
    let decode = |octets: &[u8]| decode_in_pieces(octets, &[], limits());
    assert_eq!(decode(b"\x04\x14"), Ok(vec![]));
    assert_eq!(decode(b"\x04\x15"), Err(DecodeError::CommandTooLong { len: 21, max: 20 }));
}

proptest! {
    /// 37:message:atomic, 37:framing:split-anywhere.
    #[test]
    fn any_chunking_gives_the_same_items(
        messages in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5),
            0..6,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let encoded: Vec<Vec<u8>> = messages
            .iter()
            .map(|frames| Message::from_frames(frames).unwrap().as_octets().to_vec())
            .collect();
        let octets = encoded.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(decode_in_pieces(&octets, &cuts, Limits::default()).unwrap(), encoded);
    }
}
