//! Sequences that a row cannot tell, because time passes or our own side does something.

use std::time::Duration;

use zmtp_proto::{ConnectionError, Deadline, Event, Limits, Local, ServerSecurity, SocketType};

use crate::row::Happened;
use crate::run::{Role, Run, dealer_ready, greeting, own_ready};
use crate::start;

const ROUTER: SocketType = SocketType::Router;

/// libzmq sends 10 octets, one more when it has our 10, and the rest when it has our 11.
#[test]
fn our_whole_greeting_is_out_before_the_peer_says_more_than_it_must() {
    for role in Role::BOTH {
        let now = start();
        let mut run = Run::start(ROUTER, Limits::default(), role, now);
        assert_eq!(run.take_sent(), greeting(), "{role:?}");
        let theirs = b"\xff\0\0\0\0\0\0\0\x01\x7f";
        for piece in [&theirs[..], &greeting()[10..11], &greeting()[11..], &dealer_ready()] {
            run.feed(piece, now).unwrap();
        }
        assert_eq!(run.take_sent(), own_ready(ROUTER).unwrap(), "{role:?}");
        assert!(matches!(run.events(), [Happened::Peer { .. }]), "{role:?}");
    }
}

/// who is slow gets in, who is too slow does not, however steadily it drips.
#[test]
fn the_deadline_of_the_handshake_counts_from_its_start() {
    let octets = [greeting(), dealer_ready()].concat();
    for role in Role::BOTH {
        for (pause_ms, in_time) in [(2, true), (93, true), (94, false)] {
            let began = start();
            let mut run = Run::start(ROUTER, Limits::default(), role, began);
            let mut failed = None;
            for (count, octet) in (1..).zip(&octets) {
                let now = began + Duration::from_millis(pause_ms) * count;
                assert_eq!(run.connection.poll_timeout(), Some(began + Duration::from_secs(10)));
                if let Err(error) = run.connection.handle_timeout(now) {
                    failed = Some(error);
                    break;
                }
                run.feed(&[*octet], now).unwrap();
            }
            let late = ConnectionError::Timeout {
                what: Deadline::Handshake,
                limit: Duration::from_secs(10),
            };
            let expected = if in_time { None } else { Some(late) };
            assert_eq!(failed, expected, "{role:?}, {pause_ms} ms");
            assert_eq!(run.events().len(), usize::from(in_time), "{role:?}, {pause_ms} ms");
        }
    }
}

/// a limit of 10 octets, a READY of 43, and then messages of 10 and 11 octets.
#[test]
fn the_limit_of_messages_does_not_apply_to_the_handshake() {
    for role in Role::BOTH {
        let now = start();
        let limits = Limits { message_len_max: 10, ..Limits::default() };
        let mut run = Run::start(ROUTER, limits, role, now);
        for piece in [&greeting()[..], &dealer_ready(), b"\x00\x0812345678", b"\x00\x09"] {
            run.feed(piece, now).unwrap();
        }
        assert!(
            matches!(run.events(), [Happened::Peer { .. }, Happened::Message(_)]),
            "{role:?}: {:?}",
            run.events()
        );
        assert_eq!(run.connection.handle_input(b"", now).unwrap_err(), ConnectionError::Closed);
    }
}

/// C-27: the message stands right behind READY, and is taken when our side has decided.
#[test]
fn a_message_behind_ready_waits_for_the_decision() {
    let now = start();
    let mut acceptor =
        zmtp_proto::Connection::acceptor(ServerSecurity::Null, Limits::default(), now);
    let input = [greeting(), dealer_ready(), b"\x00\x02hi".to_vec()].concat();
    acceptor.handle_input(&input, now).unwrap().unwrap();
    let progress = acceptor.handle_input(&input[64..], now).unwrap().unwrap();
    assert!(matches!(progress.event, Some(Event::Introduced(_))));
    let rest = &input[64 + progress.consumed..];
    assert_eq!(acceptor.poll_transmit().unwrap(), greeting());
    for _ in 0..3 {
        assert!(acceptor.handle_input(rest, now).unwrap().is_none());
        assert_eq!(acceptor.poll_transmit(), None);
    }
    acceptor.accept(&Local::new(ROUTER), now).unwrap();
    let progress = acceptor.handle_input(rest, now).unwrap().unwrap();
    let Some(Event::Message(octets)) = progress.event else { panic!("no message") };
    assert_eq!(octets.as_slice(), b"\x00\x02hi");
    assert_eq!(acceptor.poll_transmit().unwrap(), own_ready(ROUTER).unwrap());
}
