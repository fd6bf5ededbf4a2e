//! Attacks on the boxes of an established connection, with a key of our own choice.

use super::*;

mod alike;

/// What a client seals, and what its server opens; both have sent nothing yet.
fn ends(limits: Limits) -> (Sealer, Opener) {
    let session = |of: fn(BoxKey, Sent, Received) -> Session| {
        of(BoxKey::own([7; 32]), Sent::default(), Received::default()).split(limits)
    };
    (session(Session::of_client).1, session(Session::of_server).0)
}

fn small() -> Limits {
    Limits { command_len_max: 24, message_len_max: 64, message_frames_max: 3, ..Limits::default() }
}

/// A MESSAGE of a client with any counter, flags and payload.
fn sealed(counter: u64, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    put_header(FrameKind::MessageLast, payload.len() + MESSAGE_LEN_MIN, &mut out);
    out.put_slice(NAME);
    out.put_u64(counter);
    let nonce = nonce::short(nonce::MESSAGE_OF_CLIENT, counter);
    BoxKey::own([7; 32]).seal(&nonce, &[&[flags], payload], &mut out);
    out.to_vec()
}

/// Opens all that is whole; returns the messages and commands, and why it ended.
fn open_all(opener: &mut Opener, input: &[u8]) -> (Vec<Vec<u8>>, Option<ConnectionError>) {
    let (mut seen, mut rest) = (Vec::new(), input);
    loop {
        match opener.decode(rest) {
            Ok(Some(decoded)) => {
                note(&decoded.item, &mut seen);
                rest = &rest[decoded.consumed..];
            }
            Ok(None) => return (seen, None),
            Err(error) => return (seen, Some(error)),
        }
    }
}

fn note(item: &Item<'_>, seen: &mut Vec<Vec<u8>>) {
    match item {
        Item::Message(octets) => seen.push(octets.as_slice().to_vec()),
        Item::Command(body) => seen.push([b"command ", *body].concat()),
        Item::Part => {}
    }
}

fn refused(limits: Limits, input: &[u8]) -> ConnectionError {
    let (seen, error) = open_all(&mut ends(limits).1, input);
    assert_eq!(seen, [b""; 0]);
    error.unwrap()
}

#[test]
fn what_is_sealed_by_hand_is_what_the_sealer_makes() {
    let mut out = BytesMut::new();
    ends(small()).0.seal(b"\x00\x02hi", &mut out).unwrap();
    assert_eq!(out, sealed(1, 0, b"hi"));
}

/// 26:curve:message-size.
#[test]
fn a_message_is_neither_shorter_nor_longer_than_its_box() {
    let good = &sealed(1, 0, &[b'x'; 30])[2..];
    for len in (0..=64 + MESSAGE_LEN_MIN + 1).filter(|&len| len != good.len()) {
        let mut body = good.to_vec();
        body.resize(len, 0);
        let mut frame = Vec::new();
        put_header(FrameKind::MessageLast, len, &mut frame);
        frame.extend(body);
        let expected: ConnectionError = match len {
            0..MESSAGE_LEN_MIN => {
                CurveError::Length { command: "MESSAGE", len, wanted: MESSAGE_LEN_MIN }.into()
            }
            98.. => DecodeError::MessageTooLong { len: 65, max: 64 }.into(),
            _ => CurveError::Box.into(),
        };
        assert_eq!(refused(small(), &frame), expected, "{len}");
    }
}

/// 26:curve:message-size, 26:curve:silent-close.
#[test]
fn a_message_with_any_bit_inverted_is_refused() {
    let good = sealed(1, 0, b"hi");
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut damaged = good.clone();
            damaged[at] ^= 1 << bit;
            damaged.extend_from_slice(&[0; 300]);
            // COMMAND outside the box has no meaning.
            if (at, bit) == (0, 2) {
                assert_eq!(open_all(&mut ends(small()).1, &damaged).0, [b"\x00\x02hi"]);
            } else {
                let _ = refused(small(), &damaged);
            }
        }
    }
}

/// 26:curve:inner-flags.
#[test]
fn the_flags_in_a_box_are_one_of_three() {
    for flags in 0..=u8::MAX {
        let (seen, error) = open_all(&mut ends(small()).1, &sealed(1, flags, b"\x04PING\0\0"));
        match flags {
            0 => assert_eq!(seen, [b"\x00\x07\x04PING\0\0"]),
            1 => assert_eq!((seen.len(), error), (0, None)),
            2 => assert_eq!(seen, [b"command \x04PING\0\0"]),
            _ => assert_eq!(error, Some(CurveError::Flags(flags).into())),
        }
    }
}

/// 26:curve:outer-flags.
#[test]
fn a_frame_that_says_more_outside_the_box_is_refused_by_its_header() {
    for header in [&b"\x01\x23"[..], b"\x03\0\0\0\0\0\0\0\x23"] {
        assert_eq!(refused(small(), header), CurveError::NotAMessage.into());
    }
    for counter in 1..9 {
        let mut out = BytesMut::new();
        let (mut sealer, _) = ends(small());
        sealer.sent = Sent(counter);
        sealer.seal(b"\x01\x00", &mut out).unwrap();
        sealer.seal(b"\x04\x05\x04PONG", &mut out).unwrap();
        assert_eq!((out[0], out[35]), (0, 0), "neither MORE nor COMMAND is seen outside");
    }
}

/// 37:command:between-frames, 26:curve:inner-flags.
#[test]
fn a_command_between_the_frames_of_a_message_leaves_it_whole() {
    let input = [sealed(1, 1, b"a"), sealed(2, 2, b"\x04PING\0\0"), sealed(3, 0, b"b")].concat();
    let (seen, error) = open_all(&mut ends(small()).1, &input);
    let whole = [&b"command \x04PING\0\0"[..], b"\x01\x01a\x00\x01b"];
    assert_eq!((seen, error), (whole.map(<[u8]>::to_vec).to_vec(), None));
}

/// 26:curve:nonces-rise.
#[test]
fn counters_rise_and_may_leave_gaps() {
    let (seen, error) =
        open_all(&mut ends(small()).1, &[sealed(1, 0, b"a"), sealed(900, 0, b"b")].concat());
    assert_eq!((seen.len(), error), (2, None));
    for (last, got) in [(1, 0), (1, 1), (5, 5), (5, 4), (u64::MAX, u64::MAX), (u64::MAX, 0)] {
        let input = [sealed(last, 0, b"a"), sealed(got, 0, b"b")].concat();
        let (seen, error) = open_all(&mut ends(small()).1, &input);
        assert_eq!(seen.len(), 1, "{last}, {got}");
        assert_eq!(error, Some(CurveError::Nonce { got, last }.into()));
    }
    assert_eq!(refused(small(), &sealed(0, 0, b"")), CurveError::Nonce { got: 0, last: 0 }.into());
}

/// 26:curve:nonce-after-opening.
#[test]
fn a_forged_box_does_not_shut_out_the_true_one() {
    let (_, mut opener) = ends(small());
    let mut forged = sealed(u64::MAX, 0, b"forged");
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(opener.decode(&forged).unwrap_err(), CurveError::Box.into());
    assert_eq!(opener.received.0, 0);
    // Whoever asks again, although the connection is over, gets what is true.
    assert_eq!(open_all(&mut opener, &sealed(1, 0, b"true")).0, [b"\x00\x04true"]);
    assert_eq!(opener.received.0, 1);
}

/// 26:curve:nonce-never-wraps.
#[test]
fn when_the_counter_is_used_up_nothing_is_sent_any_more() {
    let (mut sealer, mut opener) = ends(small());
    sealer.sent = Sent(u64::MAX - 1);
    let mut out = BytesMut::new();
    assert_eq!(sealer.seal(b"\x00\x01a", &mut out), Ok(3), "the last one");
    let last = out.len();
    for _ in 0..3 {
        let refused = sealer.seal(b"\x00\x01b", &mut out);
        assert_eq!(refused, Err(CurveError::NoncesUsedUp.into()));
    }
    assert_eq!(out.len(), last);
    assert_eq!(open_all(&mut opener, &out).0, [b"\x00\x01a"]);

    // A message goes whole or not at all.
    let (mut sealer, _) = ends(small());
    sealer.sent = Sent(u64::MAX - 1);
    let mut outlet = crate::Outlet::Sealed(sealer);
    out.clear();
    out.put_slice(b"before");
    outlet.put(b"\x01\x01a\x00\x01b", &mut out).unwrap_err();
    assert_eq!(out, &b"before"[..]);
}

/// 37:framing:length-before-memory, 26:curve:message-size.
#[test]
fn no_announced_length_is_given_memory() {
    let max = Limits::default().message_len_max as u64;
    for payload in [1 << 20, max, max + 1, 1 << 40, (1 << 63) - 34] {
        let header = [&b"\x02"[..], &(payload + 33).to_be_bytes(), b"\x07MESSAGE"].concat();
        let (_, mut opener) = ends(Limits::default());
        let outcome = opener.decode(&header).map(|decoded| decoded.is_some());
        let len = payload;
        let too_long = DecodeError::MessageTooLong { len, max: Limits::default().message_len_max };
        assert_eq!(outcome, if len > max { Err(too_long.into()) } else { Ok(false) });
        assert_eq!(opener.message.capacity(), 0, "{payload}");
        assert!(opener.wanted() as u64 <= max + 33 + 9);
    }
}

/// mux:limit:frames, mux:limit:message.
#[test]
fn messages_have_the_limits_that_they_have_in_the_clear() {
    let parts = |count: u64| (1..=count).flat_map(|counter| sealed(counter, 1, b"")).collect();
    let three: Vec<u8> = parts(3);
    assert_eq!(open_all(&mut ends(small()).1, &three), (vec![], None));
    let four: Vec<u8> = parts(4);
    assert_eq!(refused(small(), &four), DecodeError::TooManyFrames { max: 3 }.into());

    // Two headers of two octets, and 61 of payload: one too many.
    for (first, second, fits) in [(30, 30, true), (30, 31, false), (0, 60, true), (0, 61, false)] {
        let input = [sealed(1, 1, &vec![1; first]), sealed(2, 0, &vec![2; second])].concat();
        let (seen, error) = open_all(&mut ends(small()).1, &input);
        assert_eq!((seen.len(), error.is_none()), (usize::from(fits), fits), "{first}, {second}");
    }
    // The limit of commands is one of its own, and holds beside a full message.
    let full = sealed(1, 1, &[1; 62]);
    let ping = [full.clone(), sealed(2, 2, &[b'x'; 24])].concat();
    assert_eq!(
        open_all(&mut ends(small()).1, &ping),
        (vec![[&b"command "[..], &[b'x'; 24]].concat()], None)
    );
    let long = DecodeError::CommandTooLong { len: 25, max: 24 };
    assert_eq!(refused(small(), &sealed(2, 2, &[b'x'; 25])), long.into());
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let (_, mut opener) = ends(Limits::default());
    let input = [sealed(1, 0, &[1; 5000]), sealed(2, 0, &vec![2; 100_000])].concat();
    assert_eq!(open_all(&mut opener, &input).0.len(), 2);
    assert_eq!((opener.message.capacity(), opener.held()), (0, 0));
}
