//! Known answers: what we send, and what we take.

use super::*;
use crate::decoder::Octets;
use crate::greeting::SecurityRole::{Client, Server};
use crate::message::Message;
use crate::outlet::Outlet;
use crate::pair::Seen;
use crate::security::Credentials;
use crate::socket_type::SocketType;

/// 26:curve:hello-box, 26:curve:hello-size, 26:curve:transient-keys, 26:curve:initiate-size,
/// 26:curve:nonces-from-one.
#[test]
fn a_client_writes_the_known_octets() {
    let mut client = client_at(ClientAwaits::Welcome);
    let sent = client.sent();
    assert_eq!(sent[..64], greeting(Client));
    assert_eq!(sent[64..], hex(HELLO));
    client.feed(&hex(WELCOME), start());
    assert_eq!(client.sent(), hex(INITIATE));
    client.feed(&hex(READY), start());
    assert_eq!(client.seen, [Seen::Established(SocketType::Router)]);
    assert_eq!(client.sent(), b"");

    for sealed in [HI, "", HI_LATER] {
        // In between come those with the counters 4 to 9.
        for _ in 0..if sealed.is_empty() { 6 } else { 1 } {
            client.connection.send(Message::single(b"hi")).unwrap();
        }
        let sent = client.sent();
        assert!(sealed.is_empty() || sent == hex(sealed), "{}", sent.escape_ascii());
    }
}

/// 26:curve:welcome-box, 26:curve:cookie, 26:curve:long-nonces, 26:curve:ready,
/// 26:curve:order.
#[test]
fn a_server_writes_the_known_octets() {
    let mut server = server_at(ServerAwaits::Hello);
    assert_eq!(server.sent(), greeting(Server));
    server.feed(&hex(HELLO), start());
    assert_eq!(server.sent(), hex(WELCOME));
    server.feed(&hex(INITIATE), start());
    assert_eq!(server.seen, [Seen::Introduced(SocketType::Dealer)]);
    assert_eq!(server.sent(), b"");

    // A ROUTER of ours gives an identity as well, so this one is written below it.
    let hello = curve_server().hello(body(&hex(HELLO)), &mut BytesMut::new()).unwrap();
    let (metadata, vouched) = hello.initiate(body(&hex(INITIATE))).unwrap();
    assert_eq!(metadata, &b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"[..]);
    assert_eq!(vouched.permanent, client_keys().public);
    let mut ready = BytesMut::new();
    let _ = vouched.ready(b"\x0bSocket-Type\0\0\0\x06ROUTER", &mut ready).unwrap();
    assert_eq!(ready, hex(READY));
}

/// 26:curve:metadata, 37:auth:sees-client-identity, 37:auth:verdict-once-heard.
#[test]
fn a_server_shows_a_proven_key_with_the_type_and_the_identity_of_its_client() {
    let mut server = server_at(ServerAwaits::Initiate);
    assert_eq!(server.peer, None);
    server.feed(&hex(INITIATE), start());
    let peer = server.peer.unwrap();
    assert_eq!(peer.credentials, Credentials::Curve(client_keys().public));
    assert_eq!((peer.socket_type, peer.identity.is_anonymous()), (SocketType::Dealer, true));
    let client = client_at(ClientAwaits::Message);
    assert_eq!(client.peer.unwrap().credentials, Credentials::None);
}

/// 26:curve:outer-flags, 26:curve:message-prefixes, 26:curve:inner-flags.
#[test]
fn a_server_takes_the_known_messages_and_answers_the_known_ping() {
    let hi = || Seen::Message(Message::single(b"hi"));
    let mut server = server_at(ServerAwaits::Message);
    server.seen.clear();
    let _ = server.sent();
    server.feed(&hex(HI), start());
    assert_eq!((server.failed.take(), &server.seen[..]), (None, &[hi()][..]));
    server.feed(&hex(PING), start());
    assert_eq!((server.failed.take(), server.seen.len()), (None, 1));
    // PONG in a box of the second counter, with the inner flag of a command.
    let pong = server.sent();
    assert_eq!(pong[..18], *b"\x00\x26\x07MESSAGE\0\0\0\0\0\0\0\x02");
    let mut client = client_at(ClientAwaits::Message);
    client.seen.clear();
    client.feed(&pong, start());
    assert_eq!((client.failed, client.seen), (None, vec![]), "a PONG is no event");

    // Gaps are legal.
    server.feed(&hex(HI_LATER), start());
    assert_eq!((server.failed.take(), &server.seen[1..]), (None, &[hi()][..]));

    // The flag of a command outside the box is what the text has.
    let mut server = server_at(ServerAwaits::Message);
    let mut as_command = hex(HI);
    as_command[0] = 4;
    server.feed(&as_command, start());
    assert_eq!((server.failed, server.seen.last()), (None, Some(&hi())));
}

/// 26:curve:nonces-rise, 26:curve:outer-flags, 26:curve:clear-text-refused,
/// 26:curve:message-size, 26:curve:silent-close.
#[test]
fn a_server_refuses_what_the_known_messages_must_not_be() {
    let mut outer_more = hex(HI);
    outer_more[0] = 1;
    let short = hex("0020074d455353414745000000000000000300000000000000000000000000000000");
    let cases = [
        (HI, hex(HI), CurveError::Nonce { got: 3, last: 3 }),
        (PING, hex(HI), CurveError::Nonce { got: 3, last: 4 }),
        ("", hex(HI_TOO_EARLY), CurveError::Nonce { got: 2, last: 2 }),
        ("", short, CurveError::Length { command: "MESSAGE", len: 32, wanted: 33 }),
        (
            "",
            b"\x00\x05clear".to_vec(),
            CurveError::Length { command: "MESSAGE", len: 5, wanted: 33 },
        ),
        ("", outer_more, CurveError::NotAMessage),
    ];
    for (before, octets, expected) in cases {
        let mut server = server_at(ServerAwaits::Message);
        server.feed(&hex(before), start());
        assert_eq!(refused_by_curve(&mut server, &octets), expected);
    }
}

/// 26:curve:nonces-rise.
#[test]
fn a_client_refuses_a_message_with_the_nonce_that_ready_had() {
    for (last, expected) in [(0, Some(CurveError::Nonce { got: 1, last: 1 })), (1, None)] {
        let (_, outlet) = server_at(ServerAwaits::Message).connection.take_halves().unwrap();
        let Outlet::Sealed(mut sealer) = outlet else { panic!("in the clear") };
        sealer.count_from(last);
        let mut out = BytesMut::new();
        sealer.seal(b"\x00\x02hi", &mut out).unwrap();
        let mut client = client_at(ClientAwaits::Message);
        client.feed(&out, start());
        assert_eq!(client.failed, expected.map(ConnectionError::from));
        assert_eq!(matches!(client.seen.last(), Some(Seen::Message(_))), last == 1);
    }
}

#[test]
fn a_small_message_is_shown_where_it_was_opened() {
    let mut server = server_at(ServerAwaits::Message);
    let hi = hex(HI);
    let progress = server.connection.handle_input(&hi, start()).unwrap().unwrap();
    assert_eq!(progress.consumed, hi.len());
    assert!(matches!(progress.event, Some(crate::Event::Message(Octets::Opened(b"\x00\x02hi")))));
}
