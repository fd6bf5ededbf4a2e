//! Octets that a peer may send, and what must come of them.

use bytes::Bytes;

use crate::clock::start;
use crate::error::{ConnectionError, DecodeError, Field, Phase, Unexpected};
use crate::greeting::{Greeting, SecurityRole, Version};
use crate::mechanism::Mechanism;
use crate::pair::{End, Pair, Seen, plain_client, quiet, router};
use crate::security::{Credentials, ServerSecurity};
use crate::socket_type::SocketType;
use crate::{Identity, Message};

pub(super) const HELLO: &[u8] = b"\x04\x13\x05HELLO\x05admin\x06secret";
pub(super) const WELCOME: &[u8] = b"\x04\x08\x07WELCOME";
pub(super) const INITIATE: &[u8] = b"\x04\x1f\x08INITIATE\x0bSocket-Type\0\0\0\x06DEALER";
pub(super) const READY: &[u8] = b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER";

fn greeting(security_role: SecurityRole) -> [u8; 64] {
    Greeting { version: Version::V3_1, mechanism: Mechanism::PLAIN, security_role }.to_octets()
}

pub(super) fn server() -> End {
    let mut server = End::acceptor(ServerSecurity::Plain);
    server.feed(&greeting(SecurityRole::Client), start());
    let _ = server.sent();
    server
}

pub(super) fn welcoming_server() -> End {
    let mut server = server();
    server.feed(HELLO, start());
    server.connection.welcome().unwrap();
    server
}

pub(super) fn client() -> End {
    let mut client = End::connector(plain_client());
    client.feed(&greeting(SecurityRole::Server), start());
    client
}

pub(super) fn welcomed_client() -> End {
    let mut client = client();
    client.feed(WELCOME, start());
    client
}

/// 24:plain:hello-layout, 24:plain:order, 24:plain:metadata, 24:plain:credentials-at-hello,
/// 37:auth:verdict-once-heard.
#[test]
fn a_server_judges_the_password_and_then_the_peer() {
    let mut server = server();
    server.feed(HELLO, start());
    assert_eq!(server.seen, [Seen::Credentials(Bytes::from_static(b"admin"))]);
    let credentials = server.credentials.take().unwrap();
    assert!(credentials.has_password(b"secret"));
    assert_eq!(server.sent(), b"", "nothing before the verdict");
    server.connection.welcome().unwrap();
    assert_eq!(server.sent(), WELCOME);
    server.feed(INITIATE, start());
    let peer = server.peer.clone().unwrap();
    assert_eq!(peer.credentials, Credentials::Plain { user: Bytes::from_static(b"admin") });
    assert_eq!((peer.socket_type, peer.identity), (SocketType::Dealer, Identity::ANONYMOUS));
    assert_eq!(server.sent(), b"", "nothing before the verdict");
    server.connection.accept(&router(), start()).unwrap();
    assert_eq!(server.sent()[..READY.len()][2..], READY[2..]);
}

/// 24:plain:order, 24:plain:hello-layout, 24:plain:metadata.
#[test]
fn a_client_says_hello_and_introduces_itself() {
    let mut client = client();
    let sent = client.sent();
    assert_eq!(sent[..64], greeting(SecurityRole::Client));
    assert_eq!(sent[64..], *HELLO);
    client.feed(WELCOME, start());
    let with_identity = [&INITIATE[2..], b"\x08Identity\0\0\0\0"].concat();
    assert_eq!(client.sent(), [&b"\x04\x2c"[..], &with_identity].concat());
    client.feed(READY, start());
    assert_eq!(client.seen, [Seen::Established(SocketType::Router)]);
    assert_eq!(client.peer.unwrap().credentials, Credentials::None);
}

fn cut(field: Field, len: usize) -> DecodeError {
    DecodeError::Truncated { field, len }
}

/// 24:plain:hello-layout, 24:plain:whole-body, 24:plain:printable.
#[test]
fn a_malformed_hello_is_refused() {
    for (octets, expected) in [
        (&b"\x04\x0c\x05HELLO\x05admin"[..], cut(Field::Credentials, 0)),
        (b"\x04\x13\x05HELLO\xffadmin\x06secret", cut(Field::Credentials, 13)),
        (b"\x04\x13\x05HELLO\x05admin\x07secret", cut(Field::Credentials, 7)),
        (b"\x04\x14\x05HELLO\x05admin\x06secretX", DecodeError::TrailingOctets),
        (b"\x04\x13\x05HELLO\x05adm\nn\x06secret", DecodeError::Credentials),
        (b"\x04\x06\x05HELLO", cut(Field::Credentials, 0)),
        (b"\x04\x00", cut(Field::CommandName, 0)),
    ] {
        assert_eq!(server().refuses(octets), expected.into(), "{}", octets.escape_ascii());
    }
}

/// 24:plain:hello-layout, 37:command:length-limit.
#[test]
fn the_longest_hello_is_taken_and_a_longer_one_refused_by_its_header() {
    let text = [&b"\xff"[..], &[b'u'; 255]].concat();
    let longest = [&b"\x06\0\0\0\0\0\0\x02\x06\x05HELLO"[..], &text, &text].concat();
    assert_eq!(longest.len(), 527);
    let mut server = server();
    for octet in &longest {
        assert_eq!(server.seen, []);
        server.feed(&[*octet], start());
    }
    assert_eq!(server.seen, [Seen::Credentials(Bytes::from(vec![b'u'; 255]))]);
    let refused = self::server().refuses(b"\x06\0\0\0\0\0\0\x02\x07");
    assert_eq!(refused, DecodeError::CommandTooLong { len: 519, max: 518 }.into());
    // The other limits, one octet above each.
    let refused = client().refuses(b"\x06\0\0\0\0\0\0\x01\x07");
    assert_eq!(refused, DecodeError::CommandTooLong { len: 263, max: 262 }.into());
    let refused = welcoming_server().refuses(b"\x06\0\0\0\0\0\0\x20\x01");
    assert_eq!(refused, DecodeError::CommandTooLong { len: 8193, max: 8192 }.into());
}

/// 24:plain:welcome-empty, 24:plain:whole-body.
#[test]
fn a_welcome_with_data_is_refused() {
    assert_eq!(client().refuses(b"\x04\x09\x07WELCOMEx"), DecodeError::TrailingOctets.into());
}

/// 24:plain:metadata, 24:plain:whole-body.
#[test]
fn the_rules_of_metadata_hold_for_both() {
    assert_eq!(
        welcoming_server().refuses(b"\x04\x09\x08INITIATE"),
        DecodeError::NoSocketType.into()
    );
    assert_eq!(welcomed_client().refuses(b"\x04\x06\x05READY"), DecodeError::NoSocketType.into());
    let short = [&b"\x04\x1e"[..], &INITIATE[2..INITIATE.len() - 1]].concat();
    assert_eq!(welcoming_server().refuses(&short), cut(Field::Property, 21).into());
}

/// 24:plain:refused-with-error, 24:plain:client-never-errors.
#[test]
fn only_a_server_says_error_and_then_it_is_exact() {
    let mut judging = server();
    judging.feed(HELLO, start());
    judging.connection.refuse("400");
    assert_eq!(judging.sent(), b"\x04\x0a\x05ERROR\x03400");
    assert_eq!(judging.connection.poll_timeout(), None);

    for mut client in [client(), welcomed_client()] {
        let reason = Bytes::from_static(b"400");
        let refused = client.refuses(b"\x04\x0a\x05ERROR\x03400");
        assert_eq!(refused, ConnectionError::Refused { reason });
        assert_eq!(refused.retry(), crate::Retry::No);
    }

    // A server that does not fit is left without a word, and one's ERROR is none of a client's.
    let (ours, theirs) = (SocketType::Dealer, SocketType::Pub);
    let refused = welcomed_client().refuses(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB");
    assert_eq!(refused, ConnectionError::Incompatible { ours, theirs });
    for mut server in [server(), welcoming_server()] {
        let refused = server.refuses(b"\x04\x0a\x05ERROR\x03400");
        let (got, state) = (Unexpected::Error, Phase::Handshake);
        assert_eq!(refused, ConnectionError::Unexpected { got, state });
    }
}

/// 24:plain:credentials-at-hello, 24:plain:messages-after-ready.
#[test]
fn nothing_is_read_until_our_side_has_decided() {
    let mut server = server();
    server.feed(&[HELLO, INITIATE, b"\x00\x02hi"].concat(), start());
    assert_eq!((server.seen.len(), server.sent()), (1, vec![]));
    assert_eq!(server.inbox.len(), INITIATE.len() + 4);
    assert_eq!(server.connection.poll_timeout(), None, "the clock stands still");
    server.connection.welcome().unwrap();
    assert!(server.connection.poll_timeout().is_some());
    server.drive(start());
    assert_eq!((server.seen.len(), server.inbox.len()), (2, 4));
    server.connection.accept(&router(), start()).unwrap();
    server.connection.send(Message::single(b"in time")).unwrap();
    server.drive(start());
    assert_eq!(server.seen.last(), Some(&Seen::Message(Message::single(b"hi"))));

    let mut client = client();
    client.feed(WELCOME, start());
    client.connection.send(Message::single(b"early")).unwrap_err();
    client.feed(READY, start());
    client.connection.send(Message::single(b"in time")).unwrap();
}

/// 24:plain:clear-traffic.
#[test]
fn behind_the_handshake_all_is_in_the_clear() {
    let mut pair = Pair::with(plain_client(), ServerSecurity::Plain, quiet());
    pair.establish();
    pair.connector.connection.send(Message::from_frames(["a", "b"]).unwrap()).unwrap();
    let sent = pair.connector.sent();
    assert_eq!(sent, b"\x01\x01a\x00\x01b");
    pair.acceptor.feed(&sent, pair.now);
    pair.acceptor.feed(b"\x04\x08\x04PING\0\0c", pair.now);
    assert_eq!(pair.acceptor.seen.len(), 1);
    assert_eq!(pair.acceptor.sent(), b"\x04\x06\x04PONGc");
}
