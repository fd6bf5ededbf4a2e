use super::*;
use crate::limits::Limits;

fn group(octets: &[u8]) -> Group {
    Group::new(octets).unwrap()
}

fn parse(body: &[u8]) -> Result<Option<Membership>, DecodeError> {
    Command::parse(body, &Limits::default()).map(|command| Membership::from_command(&command))
}

/// 37:radio:join-leave: S-12.
#[test]
fn groups_are_joined_and_left_by_command() {
    for (membership, expected) in [
        (Membership::Join(group(b"ab")), &b"\x04\x07\x04JOINab"[..]),
        (Membership::Join(group(b"")), b"\x04\x05\x04JOIN"),
        (Membership::Leave(group(b"ab")), b"\x04\x08\x05LEAVEab"),
    ] {
        let mut out = BytesMut::new();
        assert_eq!(membership.put(Version::V3_1, &mut out), Ok(()));
        assert_eq!(out, expected);
        assert_eq!(parse(&out[2..]), Ok(Some(membership)));
    }
    assert_eq!(parse(b"\x04joina"), Ok(None));
    assert_eq!(parse(b"\x09SUBSCRIBEA"), Ok(None));
}

/// 37:radio:join-leave.
#[test]
fn a_3_0_peer_has_no_groups_and_is_sent_nothing() {
    let mut out = BytesMut::new();
    for membership in [Membership::Join(group(b"a")), Membership::Leave(group(b"a"))] {
        assert_eq!(membership.put(Version::V3_0, &mut out), Err(NoGroups));
    }
    assert!(out.is_empty());
}

/// 37:radio:group: S-13, S-14.
#[test]
fn a_group_has_up_to_255_octets_and_no_zero() {
    for len in 0..=300 {
        let name = vec![b'g'; len];
        let expected = if len <= 255 { Ok(len) } else { Err(DecodeError::GroupTooLong { len }) };
        let made = Group::new(name.clone());
        assert_eq!(made.map(|group| group.as_octets().len()), expected);
        for command in [&b"\x04JOIN"[..], b"\x05LEAVE"] {
            let parsed = parse(&[command, &name].concat());
            let len = parsed.map(|membership| membership.unwrap().group().as_octets().len());
            assert_eq!(len, expected);
        }
    }
    for octet in 1..=u8::MAX {
        assert!(Group::new(vec![octet]).is_ok());
    }
    for name in [&b"\0"[..], b"a\0b", b"a\0"] {
        for command in [&b"\x04JOIN"[..], b"\x05LEAVE"] {
            assert_eq!(parse(&[command, name].concat()), Err(DecodeError::GroupZeroOctet));
        }
    }
}

/// 37:radio:two-frames: S-15; the longest group still has a short size.
#[test]
fn a_radio_message_is_a_group_and_a_body() {
    assert_eq!(radio_message(&group(b"g"), b"hi").as_octets(), b"\x01\x01g\x00\x02hi");
    assert_eq!(radio_message(&group(b""), b"").as_octets(), b"\x01\x00\x00\x00");
    for (group_len, body_len) in [(0, 0), (1, 0), (255, 0), (255, 1), (3, 256), (0, 70_000)] {
        let (group, body) = (group(&vec![b'g'; group_len]), vec![0; body_len]);
        let message = radio_message(&group, &body);
        assert_eq!(message.as_octets()[..2], [1, u8::try_from(group_len).unwrap()]);
        assert_eq!(parse_radio(&message), Ok((group, Bytes::from(body))));
    }
}

/// 37:radio:two-frames: S-16.
#[test]
fn any_other_number_of_frames_is_no_radio_message() {
    let frames = ["g", "hi", "", "x"];
    for count in [1, 3, 4] {
        let message = Message::from_frames(&frames[..count]).unwrap();
        assert_eq!(parse_radio(&message), Err(DecodeError::NotGroupAndBody), "{count} frames");
    }
    let alone = Message::from_octets(Bytes::from_static(b"\x00\x01g")).unwrap();
    assert_eq!(parse_radio(&alone), Err(DecodeError::NotGroupAndBody));
}

/// 37:radio:group.
#[test]
fn a_radio_message_for_a_group_that_cannot_be_is_refused() {
    let parse = |group: &[u8]| parse_radio(&Message::from_frames([group, b"hi"]).unwrap());
    assert_eq!(parse(&[b'g'; 256]), Err(DecodeError::GroupTooLong { len: 256 }));
    assert_eq!(parse(b"g\0"), Err(DecodeError::GroupZeroOctet));
}

#[test]
fn the_body_of_a_radio_message_is_no_copy() {
    let message = radio_message(&group(b"g"), b"hello");
    let (_, body) = parse_radio(&message).unwrap();
    assert_eq!(body.as_ptr(), message.as_octets()[5..].as_ptr());
}
