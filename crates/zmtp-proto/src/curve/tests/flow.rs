//! Whole connections: what goes in at one end comes out at the other.

use proptest::prelude::*;

use super::*;
use crate::message::Message;
use crate::pair::{Pair, Seen, dealer};

fn curve_pair() -> Pair {
    let client = End::connector(ClientSecurity::Curve(Box::new(curve_client())));
    Pair::new(client, End::acceptor(security(curve_server())))
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let len = prop_oneof![4 => 0_usize..40, 2 => 200_usize..300, 1 => 15_000_usize..18_000];
    let frame = len.prop_flat_map(|len| prop::collection::vec(any::<u8>(), len));
    let message =
        prop::collection::vec(frame, 1..4).prop_map(|frames| Message::from_frames(frames).unwrap());
    prop::collection::vec(message, 0..5)
}

/// Sends all, in pieces, and returns what each end saw.
fn exchange(
    mut pair: Pair,
    there: &[Message],
    back: &[Message],
    pieces: &[usize],
) -> (Vec<Seen>, Vec<Seen>) {
    let mut next = pieces.iter().cycle();
    let mut piece = |left: usize| next.next().copied().unwrap_or(left);
    pair.establish_in(&mut piece);
    for (end, messages) in [(&mut pair.connector, there), (&mut pair.acceptor, back)] {
        for message in messages {
            end.connection.send(message.clone()).unwrap();
        }
    }
    pair.step_in(&mut piece);
    assert_eq!((&pair.connector.failed, &pair.acceptor.failed), (&None, &None));
    assert!(pair.connector.inbox.is_empty() && pair.acceptor.inbox.is_empty());
    (pair.connector.seen, pair.acceptor.seen)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// 37:framing:split-anywhere, 26:curve:messages-after-ready.
    #[test]
    fn what_is_sent_arrives_however_it_is_cut_and_as_it_would_in_the_clear(
        there in messages(),
        back in messages(),
        pieces in prop::collection::vec(prop_oneof![1_usize..40, 1_usize..20_000], 0..20),
    ) {
        let (client, server) = exchange(curve_pair(), &there, &back, &pieces);
        let seen = |messages: &[Message]| -> Vec<Seen> {
            messages.iter().cloned().map(Seen::Message).collect()
        };
        prop_assert_eq!(&client, &seen(&back));
        prop_assert_eq!(&server, &seen(&there));
        let clear = exchange(Pair::null(dealer()), &there, &back, &pieces);
        prop_assert_eq!(clear, (client, server));
    }
}

/// 37:framing:split-anywhere.
#[test]
fn a_handshake_octet_by_octet_is_the_same() {
    let mut pair = curve_pair();
    pair.establish_in(&mut |_| 1);
    pair.connector.connection.send(Message::single(b"hi")).unwrap();
    pair.step_in(&mut |_| 1);
    assert_eq!(pair.acceptor.seen, [Seen::Message(Message::single(b"hi"))]);
}

/// 26:curve:silent-close.
#[test]
fn nothing_of_a_message_can_be_read_on_the_wire() {
    let mut pair = curve_pair();
    pair.establish();
    let secret = [b'S'; 64];
    pair.connector.connection.send(Message::single(&secret)).unwrap();
    let sent = pair.connector.sent();
    assert_eq!(sent.len(), 2 + 33 + 64);
    assert!(!sent.windows(4).any(|octets| octets == &secret[..4]));
}
