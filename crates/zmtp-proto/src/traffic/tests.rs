use super::*;
use crate::clock::start;
use bytes::BytesMut;

use crate::command::{Context, put_command};
use crate::error::{DecodeError, Unexpected};
use crate::socket_type::SocketType;
use crate::subscription::Group;

/// Without heartbeats of its own, so that every deadline is the test's.
fn quiet() -> Traffic {
    let settings = Settings { heartbeat: Heartbeat::Off, ..Settings::default() };
    Traffic::new(&settings, pairing(SocketType::Router, SocketType::Dealer), start())
}

fn pairing(ours: SocketType, theirs: SocketType) -> Pairing {
    Pairing { ours, theirs, version: Version::V3_1 }
}

const SECOND: Duration = Duration::from_secs(1);

fn received<'i>(traffic: &'i mut Traffic, input: &'i [u8], now: Instant) -> Received<'i> {
    let arrival = traffic.handle_input(input, now).unwrap().unwrap();
    assert_eq!(arrival.consumed, input.len());
    arrival.received
}

/// 37:heartbeat:pong-repeats-context.
#[test]
fn a_ping_asks_for_a_pong_with_its_context() {
    let mut traffic = quiet();
    let pong = Pong(Context::new(b"abc").unwrap());
    assert_eq!(received(&mut traffic, b"\x04\x0a\x04PING\0\0abc", start()), Received::Ping(pong));
    assert_eq!(traffic.poll_timeout(), None);
}

/// 37:heartbeat:ttl, 37:heartbeat:any-octet-is-life.
#[test]
fn a_ping_with_a_ttl_starts_a_clock_that_any_octet_stops() {
    let now = start();
    let mut traffic = quiet();
    let ping = b"\x04\x07\x04PING\x00\x64";
    let _ = received(&mut traffic, ping, now);
    assert_eq!(traffic.poll_timeout(), Some(now + 10 * SECOND));
    assert_eq!(traffic.handle_timeout(now + 9 * SECOND), Ok(None));
    let timeout = ConnectionError::Timeout { what: Deadline::TimeToLive, limit: 10 * SECOND };
    assert_eq!(traffic.handle_timeout(now + 10 * SECOND), Err(timeout));
    // One octet of the next frame is a sign of life, and starts the clock of a partial message.
    assert!(traffic.handle_input(b"\x00", now + 9 * SECOND).unwrap().is_none());
    assert_eq!(traffic.poll_timeout(), Some(now + 39 * SECOND));
}

/// 37:heartbeat:any-octet-is-life.
#[test]
fn a_run_stops_the_clocks_that_its_messages_would_and_is_not_for_a_publisher() {
    let now = start();
    let mut traffic = quiet();
    let _ = received(&mut traffic, b"\x04\x07\x04PING\x00\x64", now);
    assert!(traffic.handle_input(b"\x00", now).unwrap().is_none());
    let run = Run { octets: b"\x00\x00\x01\x00\x00\x01a", messages: 2 };
    assert_eq!(traffic.handle_run(b"\x00\x00\x01\x00\x00\x01a\x04\x00", now), Some(run));
    assert_eq!(traffic.poll_timeout(), None);
    assert_eq!(traffic.handle_run(b"\x04\x00", now), None);
    let settings = Settings::default();
    let mut publisher = Traffic::new(&settings, pairing(SocketType::Xpub, SocketType::Sub), now);
    assert_eq!(publisher.handle_run(b"\x00\x00", now), None);
}

/// 37:heartbeat:withheld-reads, mux:overload:partial-charged.
#[test]
fn while_we_do_not_read_on_only_the_clock_of_the_message_runs() {
    let now = start();
    let mut traffic =
        Traffic::new(&Settings::default(), pairing(SocketType::Router, SocketType::Dealer), now);
    let _ = received(&mut traffic, b"\x01\x01a\x04\x07\x04PING\x00\x64", now);
    assert!(traffic.handle_input(b"", now).unwrap().is_none());
    for second in 1..30 {
        traffic.withhold(now + second * SECOND);
        assert_eq!(traffic.handle_timeout(now + second * SECOND + SECOND / 2), Ok(None));
    }
    let timeout = ConnectionError::Timeout { what: Deadline::PartialMessage, limit: 30 * SECOND };
    assert_eq!(traffic.handle_timeout(now + 30 * SECOND), Err(timeout));
}

/// mux:limit:partial-message.
#[test]
fn a_partial_message_must_go_on_or_end() {
    let now = start();
    let mut traffic = quiet();
    let message = [&b"\x02\0\0\0\0\0\x03\0\0"[..], &vec![b'x'; 3 << 16]].concat();
    let mut feed = |len: usize, at: Duration| {
        assert!(traffic.handle_input(&message[..len], now + at).unwrap().is_none());
        traffic.poll_timeout().unwrap() - now
    };
    assert_eq!(feed(1, SECOND), 31 * SECOND);
    assert_eq!(feed(65_536, 5 * SECOND), 31 * SECOND, "not yet 64 KiB more");
    assert_eq!(feed(65_537, 6 * SECOND), 36 * SECOND);
    assert_eq!(feed(131_072, 7 * SECOND), 36 * SECOND);
    let timeout = ConnectionError::Timeout { what: Deadline::PartialMessage, limit: 30 * SECOND };
    assert_eq!(traffic.handle_timeout(now + 36 * SECOND), Err(timeout));
    let _ = received(&mut traffic, &message, now + 8 * SECOND);
    assert_eq!(traffic.poll_timeout(), None);
}

/// mux:limit:partial-message.
#[test]
fn commands_inside_a_message_do_not_put_its_end_off() {
    let now = start();
    let mut traffic = quiet();
    let input = b"\x01\x01a\x04\x07\x04PING\0\0";
    assert!(matches!(received(&mut traffic, &input[..], now), Received::Ping(_)));
    assert!(traffic.handle_input(b"", now).unwrap().is_none());
    for second in 1..30 {
        let ping = b"\x04\x07\x04PING\0\0";
        let at = now + second * SECOND;
        assert!(matches!(received(&mut traffic, ping, at), Received::Ping(_)));
        assert!(traffic.handle_input(b"", at).unwrap().is_none());
        assert_eq!(traffic.poll_timeout(), Some(now + 30 * SECOND));
    }
}

/// 37:command:never-delivered, 37:subscription:wrong-type.
#[test]
fn commands_of_other_patterns_and_unknown_ones_come_to_nothing() {
    let mut traffic = quiet();
    for command in [
        &b"\x04\x0b\x09SUBSCRIBEA"[..],
        b"\x04\x08\x06CANCELA",
        b"\x04\x06\x04JOINa",
        b"\x04\x07\x05LEAVEa",
        b"\x04\x06\x04PONGx",
        b"\x04\x06\x04NEWSx",
    ] {
        assert_eq!(received(&mut traffic, command, start()), Received::Nothing);
    }
}

/// 37:subscription:wrong-type, 37:subscription:both-forms-taken, 37:radio:join-leave.
#[test]
fn what_a_peer_wants_to_hear_is_told_typed_to_the_one_socket_that_it_is_meant_for() {
    let subscribe = || Subscription::Subscribe("A".into());
    let cancel = || Subscription::Cancel("A".into());
    let group = || Group::new(b"A").unwrap();
    for (ours, theirs) in pairs() {
        for version in [Version::V3_0, Version::V3_1] {
            let pairing = Pairing { ours, theirs, version };
            let mut traffic = Traffic::new(&Settings::default(), pairing, start());
            let publishes = matches!(ours, SocketType::Pub | SocketType::Xpub);
            for (octets, told) in [
                (&b"\x04\x0b\x09SUBSCRIBEA"[..], subscribe()),
                (b"\x04\x08\x06CANCELA", cancel()),
                (b"\x00\x02\x01A", subscribe()),
                (b"\x00\x02\x00A", cancel()),
            ] {
                let expected = match octets {
                    _ if publishes => Received::Subscription(Box::new(told)),
                    [0, ..] => Received::Message(Octets::InPlace(octets)),
                    _ => Received::Nothing,
                };
                assert_eq!(received(&mut traffic, octets, start()), expected, "{ours}, {theirs}");
            }
            for (octets, told) in [
                (&b"\x04\x06\x04JOINA"[..], Membership::Join(group())),
                (b"\x04\x07\x05LEAVEA", Membership::Leave(group())),
            ] {
                let joined = Received::Membership(Box::new(told));
                let expected = if ours == SocketType::Radio { joined } else { Received::Nothing };
                assert_eq!(received(&mut traffic, octets, start()), expected, "{ours}, {theirs}");
            }
            // What an XSUB sends upstream beside subscriptions is a message.
            for octets in [&b"\x00\x02\x02A"[..], b"\x01\x02\x01A\x00\x00", b"\x00\x00"] {
                let expected = Received::Message(Octets::InPlace(octets));
                assert_eq!(received(&mut traffic, octets, start()), expected, "{ours}, {theirs}");
            }
        }
    }
}

/// All socket types that talk to each other.
fn pairs() -> impl Iterator<Item = (SocketType, SocketType)> {
    let others = |ours| SocketType::ALL.map(|theirs| (ours, theirs));
    let all = SocketType::ALL.into_iter().flat_map(others);
    all.filter(|(ours, theirs)| ours.talks_to(*theirs))
}

/// What every message is moved about in must not grow with what is rare.
#[test]
fn a_subscription_makes_no_message_larger() {
    assert_eq!(size_of::<Received<'_>>(), size_of::<Octets<'_>>());
}

/// 37:radio:group, 37:command:malformed.
#[test]
fn a_group_that_cannot_be_ends_the_connection_whoever_reads_it() {
    let mut long = BytesMut::new();
    put_command("LEAVE", &[b'g'; 256], &mut long);
    for (command, error) in [
        (&b"\x04\x08\x04JOINa\0b"[..], DecodeError::GroupZeroOctet),
        (&long, DecodeError::GroupTooLong { len: 256 }),
    ] {
        let mut traffic = quiet();
        let refused = traffic.handle_input(command, start());
        assert_eq!(refused.unwrap_err(), ConnectionError::Decode(error));
    }
}

/// 37:command:ready-or-error-in-traffic.
#[test]
fn handshake_commands_in_traffic_end_the_connection() {
    for (command, got) in [
        (&b"\x04\x06\x05READY"[..], Unexpected::Ready),
        (b"\x04\x07\x05ERROR\0", Unexpected::Error),
    ] {
        // READY without properties has 6 octets of body.
        let mut traffic = quiet();
        let refused = traffic.handle_input(command, start());
        let expected = ConnectionError::Unexpected { got, state: Phase::Traffic };
        assert_eq!(refused.unwrap_err(), expected);
    }
}
