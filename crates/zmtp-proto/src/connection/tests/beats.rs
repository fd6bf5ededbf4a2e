//! Heartbeats through a whole connection, on a clock moved by hand.

use super::*;
use crate::heartbeat::{Heartbeat, Rhythm, TimeToLive};
use crate::pair::{curve_client, curve_server, plain_client};

const SECOND: Duration = Duration::from_secs(1);

fn each_mechanism(settings: Settings) -> [Pair; 3] {
    let mut pairs = [
        Pair::with(ClientSecurity::Null, ServerSecurity::Null, settings),
        Pair::with(plain_client(), ServerSecurity::Plain, settings),
        Pair::with(curve_client(), curve_server(), settings),
    ];
    for pair in &mut pairs {
        pair.establish();
    }
    pairs
}

/// 37:heartbeat:ping-after-silence, 37:heartbeat:dead-after-silence,
/// 37:heartbeat:few-outstanding.
#[test]
fn a_silent_peer_is_asked_once_and_then_given_up() {
    for mut pair in each_mechanism(Settings::default()) {
        let (begin, end) = (pair.now, &mut pair.acceptor);
        assert_eq!(end.connection.poll_timeout(), Some(begin + 5 * SECOND));
        end.connection.handle_timeout(begin + 4 * SECOND).unwrap();
        assert_eq!(end.sent(), b"");
        end.connection.handle_timeout(begin + 5 * SECOND).unwrap();
        assert_ne!(end.sent(), b"");
        for seconds in 6..15 {
            end.connection.handle_timeout(begin + seconds * SECOND).unwrap();
            assert_eq!(end.sent(), b"", "one in a silence");
        }
        assert_eq!(end.connection.poll_timeout(), Some(begin + 15 * SECOND));
        let (what, limit) = (Deadline::Silence, 15 * SECOND);
        assert_eq!(
            end.connection.handle_timeout(begin + 15 * SECOND),
            Err(ConnectionError::Timeout { what, limit })
        );
        assert_eq!(end.connection.poll_timeout(), None);
        let after = end.connection.handle_input(b"", begin + 15 * SECOND).unwrap_err();
        assert_eq!(after, ConnectionError::Closed);
    }
}

/// 37:heartbeat:pong-repeats-context, 26:curve:inner-flags.
#[test]
fn a_ping_is_answered_in_a_box_as_in_the_clear() {
    for (pair, lens) in
        each_mechanism(Settings::default()).iter_mut().zip([(9, 7), (9, 7), (42, 40)])
    {
        let later = pair.now + 5 * SECOND;
        pair.now = later;
        pair.acceptor.connection.handle_timeout(later).unwrap();
        let asked = pair.acceptor.sent();
        pair.connector.feed(&asked, later);
        let answer = pair.connector.sent();
        assert_eq!((asked.len(), answer.len()), lens);
        if answer.len() == 7 {
            assert_eq!(
                (&asked[..], &answer[..]),
                (&b"\x04\x07\x04PING\0\0"[..], &b"\x04\x05\x04PONG"[..])
            );
        } else {
            assert_eq!((asked[0], &asked[2..10]), (0, &b"\x07MESSAGE"[..]));
        }
        pair.acceptor.feed(&answer, later);
        assert_eq!((&pair.connector.failed, &pair.acceptor.failed), (&None, &None));
        assert_eq!((pair.connector.seen.len(), pair.acceptor.seen.len()), (0, 0));
        assert_eq!(pair.acceptor.connection.poll_timeout(), Some(later + 5 * SECOND));
    }
}

/// 37:heartbeat:any-octet-is-life.
#[test]
fn any_octet_is_a_sign_of_life() {
    for mut pair in each_mechanism(Settings::default()) {
        let begin = pair.now;
        pair.connector.connection.send(Message::single(&[1; 300])).unwrap();
        let octets = pair.connector.sent();
        let end = &mut pair.acceptor;
        // One octet in each four seconds: never so silent that it is asked.
        for (at, octet) in (1..6).zip(&octets) {
            let now = begin + at * 4 * SECOND;
            end.connection.handle_timeout(now).unwrap();
            end.feed(&[*octet], now);
            assert_eq!(end.failed, None);
            assert_eq!(end.sent(), b"");
            assert_eq!(end.connection.poll_timeout(), Some(now + 5 * SECOND));
        }
    }
}

/// 37:heartbeat:withheld-reads.
#[test]
fn a_peer_is_not_silent_while_we_do_not_read() {
    for mut pair in each_mechanism(Settings::default()) {
        let (begin, end) = (pair.now, &mut pair.acceptor);
        end.connection.handle_timeout(begin + 5 * SECOND).unwrap();
        let _ = end.sent();
        end.connection.resume(begin + 5 * SECOND, begin + 60 * SECOND);
        assert_eq!(end.connection.poll_timeout(), Some(begin + 65 * SECOND));
        end.connection.handle_timeout(begin + 64 * SECOND).unwrap();
        assert_eq!(end.sent(), b"");
    }
}

/// 37:heartbeat:not-to-3-0.
#[test]
fn a_peer_of_3_0_is_never_asked_and_never_called_dead() {
    let settings = |version| Settings { version, ..Settings::default() };
    for (ours, theirs) in [
        (Version::V3_0, Version::V3_1),
        (Version::V3_1, Version::V3_0),
        (Version::V3_0, Version::V3_0),
    ] {
        let mut pair = Pair::with(ClientSecurity::Null, ServerSecurity::Null, settings(ours));
        pair.acceptor.connection =
            Connection::acceptor(ServerSecurity::Null, settings(theirs), pair.now);
        pair.establish();
        let later = pair.now + 3600 * SECOND;
        for end in [&mut pair.connector, &mut pair.acceptor] {
            assert_eq!(end.connection.poll_timeout(), None, "{ours:?}, {theirs:?}");
            end.connection.handle_timeout(later).unwrap();
            assert_eq!(end.sent(), b"");
            // One that asks is answered, all the same.
            end.feed(b"\x04\x07\x04PING\0\0", later);
            assert_eq!(end.sent(), b"\x04\x05\x04PONG");
        }
    }
}

/// 37:heartbeat:ttl-sent.
#[test]
fn no_ping_stands_in_line_behind_one_that_is_not_written() {
    let rhythm = Rhythm::default().with_time_to_live(TimeToLive::new(3 * SECOND));
    let settings = Settings { heartbeat: Heartbeat::On(rhythm), ..Settings::default() };
    for (mut pair, len) in each_mechanism(settings).into_iter().zip([9, 9, 42]) {
        let (begin, end) = (pair.now, &mut pair.acceptor);
        for seconds in 0..14 {
            end.connection.handle_timeout(begin + seconds * SECOND).unwrap();
        }
        assert_eq!(end.sent().len(), len);
    }
}

/// 26:curve:nonce-never-wraps.
#[test]
fn a_connection_without_nonces_closes_and_sends_no_half_message() {
    let exhausted = || {
        let [_, _, mut pair] = each_mechanism(Settings::default());
        let State::Traffic(traffic) = &mut pair.acceptor.connection.state else { panic!("idle") };
        let Outlet::Sealed(sealer) = &mut traffic.1 else { panic!("in the clear") };
        sealer.count_from(u64::MAX - 1);
        pair
    };
    let mut pair = exhausted();
    let two = Message::from_frames(["a", "b"]).unwrap();
    let refused = pair.acceptor.connection.send(two.clone());
    assert_eq!(refused, Err(SendError(two)));
    assert_eq!(pair.acceptor.sent(), b"");
    let after = pair.acceptor.connection.handle_input(b"", pair.now).unwrap_err();
    assert_eq!(after, ConnectionError::Closed);

    let mut pair = exhausted();
    pair.acceptor.connection.send(Message::single(b"last")).unwrap();
    assert_ne!(pair.acceptor.sent(), b"");
    pair.acceptor.connection.handle_timeout(pair.now + 5 * SECOND).unwrap();
    assert_eq!(pair.acceptor.sent(), b"");
    assert_eq!(pair.acceptor.connection.poll_timeout(), None);
}
