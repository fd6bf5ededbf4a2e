//! What a stranger can make us hold.

use super::*;
use crate::pair::{curve_client, curve_server, plain_client};

/// What a connection holds of its own: itself, what its states keep in boxes, and its outbox.
fn held(connection: &Connection) -> usize {
    let boxed = match &connection.state {
        State::Handshake { handshake, .. } => handshake.boxed_len(),
        State::Traffic(traffic) => size_of_val(&**traffic),
        State::Refused | State::Closed => 0,
    };
    size_of_val(connection) + boxed + connection.outbox.capacity()
}

/// 37:handshake:memory-bounded, 26:curve:bounded-before-vouch.
#[test]
fn a_connection_in_its_handshake_is_small() {
    let servers = [
        (ClientSecurity::Null, ServerSecurity::Null),
        (plain_client(), ServerSecurity::Plain),
        (curve_client(), curve_server()),
    ];
    for (client, server) in servers {
        let mut pair = Pair::with(client, server, quiet());
        assert!(held(&pair.acceptor.connection) < 1024, "{}", held(&pair.acceptor.connection));
        // One flight at a time, so that each state of the server is looked at.
        for _ in 0..4 {
            let sent = pair.acceptor.sent();
            pair.connector.feed(&sent, pair.now);
            let sent = pair.connector.sent();
            for octet in sent {
                pair.acceptor.feed(&[octet], pair.now);
                let held = held(&pair.acceptor.connection);
                assert!(held < 1536, "{held} octets");
            }
            if pair.acceptor.seen.len() == 1
                && let Some(Seen::Credentials(_)) = pair.acceptor.seen.last()
            {
                pair.acceptor.connection.welcome().unwrap();
            }
        }
        assert!(matches!(pair.acceptor.seen.last(), Some(Seen::Introduced(_))));
    }
}

/// 26:curve:bounded-before-vouch, 37:framing:length-before-memory.
#[test]
fn no_announced_length_makes_a_connection_larger() {
    let mut pair = Pair::with(curve_client(), curve_server(), quiet());
    for _ in 0..2 {
        let to_acceptor = pair.connector.sent();
        pair.acceptor.feed(&to_acceptor, pair.now);
        let to_connector = pair.acceptor.sent();
        pair.connector.feed(&to_connector, pair.now);
    }
    let before = held(&pair.acceptor.connection);
    // The longest INITIATE, of which nothing comes: 10 KiB hold it, with all the rest.
    let len = 257 + 8192_u64;
    pair.acceptor.inbox.clear();
    pair.acceptor.feed(&[&b"\x06"[..], &len.to_be_bytes()].concat(), pair.now);
    assert_eq!((&pair.acceptor.failed, held(&pair.acceptor.connection)), (&None, before));
    assert!(before + 9 + usize::try_from(len).unwrap() < 10 * 1024, "{before}");
    let longer = [&b"\x06"[..], &(len + 1).to_be_bytes()].concat();
    let mut other = End::acceptor(curve_server());
    let greeting = End::connector(curve_client()).sent();
    other.feed(&greeting, pair.now);
    let refused = other.refuses(&longer);
    let expected = crate::DecodeError::CommandTooLong { len: len + 1, max: 200 };
    assert_eq!(refused, expected.into());
}

/// 24:plain:credentials-wiped, 26:curve:secrets-zeroized.
#[test]
fn what_waits_to_be_sent_is_in_no_log() {
    let mut pair = Pair::with(plain_client(), ServerSecurity::Plain, quiet());
    let greeting = pair.acceptor.sent();
    pair.connector.feed(&greeting, pair.now);
    let shown = format!("{:?}", pair.connector.connection);
    assert!(shown.contains("outbox_len: 85"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    let hello = pair.connector.sent();
    assert!(hello.ends_with(b"secret"));
    pair.acceptor.feed(&hello, pair.now);
    assert!(!format!("{:?}", pair.acceptor).contains("secret"), "{:?}", pair.acceptor);

    let octets = format!("{:?}", [3_u8; 4]);
    for shown in [
        format!("{:?}", Connection::acceptor(curve_server(), quiet(), pair.now)),
        format!("{:?}", Connection::connector(dealer(), curve_client(), quiet(), pair.now)),
    ] {
        assert!(shown.contains("SecretKey(..)"), "{shown}");
        assert!(!shown.contains(octets.trim_matches(['[', ']'])), "{shown}");
    }
}
