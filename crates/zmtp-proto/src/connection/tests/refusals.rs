//! Who is told that it is not wanted, and where there is no place to say so.

use super::*;
use crate::pair::{curve_client, curve_server, plain_client};

fn each_mechanism() -> [Pair; 3] {
    [
        Pair::with(ClientSecurity::Null, ServerSecurity::Null, quiet()),
        Pair::with(plain_client(), ServerSecurity::Plain, quiet()),
        Pair::with(curve_client(), curve_server(), quiet()),
    ]
}

const ERROR: &[u8] = b"\x04\x0a\x05ERROR\x03not";

/// Lets in whoever says a password, and carries on until somebody introduces itself.
fn introduce(pair: &mut Pair) {
    pair.step();
    if let Some(Seen::Credentials(_)) = pair.acceptor.seen.last() {
        pair.acceptor.connection.welcome().unwrap();
        pair.step();
    }
    assert_eq!(pair.acceptor.seen.last(), Some(&Seen::Introduced(SocketType::Dealer)));
}

/// 37:auth:refused-for-good-error, 26:curve:error-only-for-good, 24:plain:refused-with-error.
#[test]
fn a_peer_that_introduced_itself_is_refused_with_an_error() {
    for mut pair in each_mechanism() {
        introduce(&mut pair);
        pair.acceptor.connection.refuse("not");
        let sent = pair.acceptor.sent();
        assert_eq!(sent, ERROR);
        assert_eq!(
            pair.connector.refuses(&sent),
            ConnectionError::Refused { reason: Bytes::from_static(b"not") }
        );
        assert_eq!(pair.acceptor.failed, None);
    }
}

/// 37:errors:sent-then-closed, 37:errors:reason-printable, 37:auth:refused-for-good-error.
#[test]
fn a_run_loop_that_refuses_goes_on_until_the_reason_is_out() {
    for mut pair in each_mechanism() {
        introduce(&mut pair);
        let (acceptor, now) = (&mut pair.acceptor.connection, pair.now);
        acceptor.refuse("unknown key");
        assert!(acceptor.is_closed() && !acceptor.is_established());
        // What the loop still has is not taken, and no fault of the caller's.
        for octets in [&b""[..], b"\x04\x06\x05READY", b"\xff\xff"] {
            assert!(matches!(acceptor.handle_input(octets, now), Ok(None)));
        }
        assert_eq!(acceptor.poll_timeout(), None);
        acceptor.send(Message::single(b"hi")).unwrap_err();
        acceptor.refuse("twice");
        pair.step();
        let reason = Bytes::from_static(b"unknown-key");
        assert_eq!(pair.connector.failed, Some(ConnectionError::Refused { reason }));
        assert!(pair.connector.connection.is_closed());
        // The decision stands.
        let late = pair.acceptor.connection.accept(&router(), pair.now);
        assert_eq!(late, Err(ConnectionError::Closed));
    }
}

/// 37:auth:refused-for-now-silent, 37:auth:verdict-once-heard.
#[test]
fn who_is_not_answered_hears_nothing_and_nothing_of_it_is_read() {
    for mut pair in each_mechanism() {
        introduce(&mut pair);
        let seen = pair.acceptor.seen.len();
        pair.acceptor.feed(b"\x00\x02hi", pair.now);
        assert_eq!((pair.acceptor.seen.len(), pair.acceptor.inbox.len()), (seen, 4));
        assert_eq!(pair.acceptor.sent(), b"");
        assert_eq!(pair.acceptor.connection.poll_timeout(), None, "it is we who decide");
        pair.acceptor.connection.send(Message::single(b"hi")).unwrap_err();
    }
}

/// 26:curve:error-only-for-good, 26:curve:client-never-errors, 24:plain:client-never-errors.
#[test]
fn an_error_is_sent_only_where_a_peer_waits_for_our_decision() {
    for fresh in [
        || Pair::with(ClientSecurity::Null, ServerSecurity::Null, quiet()),
        || Pair::with(plain_client(), ServerSecurity::Plain, quiet()),
        || Pair::with(curve_client(), curve_server(), quiet()),
    ] {
        // Before a greeting, and behind it.
        let (mut before, mut behind) = (fresh(), fresh());
        let greeting = behind.connector.sent();
        behind.acceptor.feed(&greeting[..64], behind.now);
        let greeting = behind.acceptor.sent();
        behind.connector.feed(&greeting, behind.now);
        let _ = (before.acceptor.sent(), before.connector.sent(), behind.connector.sent());
        // In traffic, where a clear ERROR would break an encrypted connection besides.
        let mut traffic = fresh();
        traffic.establish();
        for pair in [&mut before, &mut behind, &mut traffic] {
            for end in [&mut pair.acceptor, &mut pair.connector] {
                end.connection.refuse("not");
                assert_eq!(end.sent(), b"");
                let after = end.connection.handle_input(b"\x00\x02hi", pair.now);
                assert!(matches!(after, Ok(None)));
                assert!(end.connection.is_closed());
            }
        }
    }
}

/// 37:socket-type:mismatch-error, 26:curve:error-only-for-good.
#[test]
fn an_acceptor_tells_who_does_not_fit_under_each_mechanism() {
    for mut pair in each_mechanism() {
        introduce(&mut pair);
        let refused = pair.acceptor.connection.accept(&Local::new(SocketType::Pub), pair.now);
        let (ours, theirs) = (SocketType::Pub, SocketType::Dealer);
        assert_eq!(refused, Err(ConnectionError::Incompatible { ours, theirs }));
        assert!(pair.acceptor.sent().ends_with(b"\x05ERROR\x18incompatible-socket-type"));
    }
}

/// 37:auth:verdict-once-heard.
#[test]
fn decisions_that_nobody_waits_for_change_nothing_but_the_end() {
    for mut pair in each_mechanism() {
        let _ = pair.acceptor.sent();
        let early = pair.acceptor.connection.accept(&router(), pair.now);
        assert_eq!(early, Err(ConnectionError::Closed));
        assert_eq!(pair.acceptor.sent(), b"");
        let _ = pair.connector.sent();
        assert_eq!(pair.connector.connection.welcome(), Err(ConnectionError::Closed));
        assert_eq!(pair.connector.sent(), b"");
    }
}
