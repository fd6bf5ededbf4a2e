use super::*;
use crate::decoder::{Decoder, Item};
use crate::error::{DecodeError, Field};
use crate::limits::Limits;

fn subscribe(topic: &[u8]) -> Subscription {
    Subscription::Subscribe(Bytes::copy_from_slice(topic))
}

fn cancel(topic: &[u8]) -> Subscription {
    Subscription::Cancel(Bytes::copy_from_slice(topic))
}

fn put(subscription: &Subscription, version: Version) -> Vec<u8> {
    let mut out = BytesMut::new();
    subscription.put(version, &mut out);
    out.to_vec()
}

/// Reads the one frame that `octets` are, as a publisher does.
fn read(octets: &[u8]) -> Option<Subscription> {
    let decoded = Decoder::new(Limits::default()).decode(octets).unwrap().unwrap();
    assert_eq!(decoded.consumed, octets.len());
    match decoded.item {
        Item::Message(octets) => Subscription::from_message(&octets.into_message()),
        Item::Command(body) => {
            Subscription::from_command(&Command::parse(body, &Limits::default()).unwrap())
        }
        Item::Part => unreachable!("nothing is encrypted"),
    }
}

/// 37:subscription:command-form: S-01, S-02, S-03.
#[test]
fn a_3_1_peer_is_sent_commands() {
    let put = |subscription| put(&subscription, Version::V3_1);
    assert_eq!(put(subscribe(b"A")), b"\x04\x0b\x09SUBSCRIBEA");
    assert_eq!(put(subscribe(b"")), b"\x04\x0a\x09SUBSCRIBE");
    assert_eq!(put(cancel(b"A")), b"\x04\x08\x06CANCELA");
}

/// 23:subscription:message-form: S-04.
#[test]
fn a_3_0_peer_is_sent_messages() {
    let put = |subscription| put(&subscription, Version::V3_0);
    assert_eq!(put(subscribe(b"A")), b"\x00\x02\x01A");
    assert_eq!(put(subscribe(b"")), b"\x00\x01\x01");
    assert_eq!(put(cancel(b"A")), b"\x00\x02\x00A");
}

/// 37:subscription:command-form, 23:subscription:message-form: S-09 and what S-10 gets wrong.
#[test]
fn the_size_of_a_frame_counts_what_stands_before_the_topic() {
    for len in (0..=8000).filter(|&len| len < 300 || len % 1000 == 0) {
        let topic = vec![b'T'; len];
        for (subscription, command_len) in
            [(subscribe(&topic), 10 + len), (cancel(&topic), 7 + len)]
        {
            let command = put(&subscription, Version::V3_1);
            let message = put(&subscription, Version::V3_0);
            for (octets, flags, body_len) in [(&command, 4, command_len), (&message, 0, 1 + len)] {
                let (flags, header_len) = if body_len < 256 { (flags, 2) } else { (flags | 2, 9) };
                assert_eq!((octets[0], octets.len()), (flags, header_len + body_len), "{len}");
                assert_eq!(read(octets).as_ref(), Some(&subscription), "{len}");
            }
        }
    }
}

/// 37:subscription:both-forms-taken: S-04 to S-06, whatever the version of the peer.
#[test]
fn either_form_says_the_same() {
    assert_eq!(read(b"\x04\x0b\x09SUBSCRIBEA"), Some(subscribe(b"A")));
    assert_eq!(read(b"\x00\x02\x01A"), Some(subscribe(b"A")));
    assert_eq!(read(b"\x04\x08\x06CANCELA"), Some(cancel(b"A")));
    assert_eq!(read(b"\x00\x02\x00A"), Some(cancel(b"A")));
    // A long header where a short one would do.
    assert_eq!(read(b"\x02\0\0\0\0\0\0\0\x02\x01A"), Some(subscribe(b"A")));
}

/// 23:subscription:message-form: only a message of one frame that begins with 1 or 0 is one.
#[test]
fn other_messages_and_commands_are_no_subscriptions() {
    for first in 2..=u8::MAX {
        assert_eq!(Subscription::from_message(&Message::single(&[first, b'A'])), None);
    }
    assert_eq!(Subscription::from_message(&Message::single(b"")), None);
    for frames in [["\x01A", ""], ["", "\x01A"], ["\0A", "B"]] {
        assert_eq!(Subscription::from_message(&Message::from_frames(frames).unwrap()), None);
    }
    for command in [&b"\x04\x05\x04JOIN"[..], b"\x04\x06\x05LEAVE", b"\x04\x07\x04PING\0\0"] {
        assert_eq!(read(command), None);
    }
    assert_eq!(read(b"\x04\x0b\x09subscribeA"), None);
    assert_eq!(read(b"\x04\x0c\x0bUNSUBSCRIBE"), None);
}

/// 37:subscription:command-form: a topic is any octets, with no form of its own to break.
#[test]
fn every_octet_may_stand_in_a_topic() {
    let topic: Vec<u8> = (0..=u8::MAX).collect();
    for name in [&b"\x09SUBSCRIBE"[..], b"\x06CANCEL"] {
        let command = Command::parse(&[name, &topic].concat(), &Limits::default()).unwrap();
        let subscription = Subscription::from_command(&command).unwrap();
        assert_eq!(subscription.topic(), &topic);
    }
    let cut = Command::parse(b"\x09SUBSCRIB", &Limits::default());
    assert_eq!(cut, Err(DecodeError::Truncated { field: Field::CommandName, len: 9 }));
}

/// 37:subscription:wrong-type.
#[test]
fn only_publishers_and_radios_act_on_what_subscribers_and_dishes_send() {
    for kind in SocketType::ALL {
        let publishes = matches!(kind, SocketType::Pub | SocketType::Xpub);
        let relevance = Subscription::relevance(kind);
        assert_eq!(relevance == Relevance::Meant, publishes, "{kind}");
        let relevance = Membership::relevance(kind);
        assert_eq!(relevance == Relevance::Meant, kind == SocketType::Radio, "{kind}");
        assert_eq!(Membership::is_sent_by(kind), kind == SocketType::Dish, "{kind}");
        // Who sends one talks to nobody but those who take it.
        for other in SocketType::ALL.into_iter().filter(|other| kind.talks_to(*other)) {
            let taken = Subscription::relevance(other) == Relevance::Meant;
            assert_eq!(Subscription::is_sent_by(kind), taken, "{kind} and {other}");
        }
    }
}
