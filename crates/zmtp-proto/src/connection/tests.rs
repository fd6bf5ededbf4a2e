use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::clock::start;
use crate::command::CommandName;
use crate::error::{Phase, Unexpected};
use crate::greeting::{Greeting, Version};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::message::Message;
use crate::pair::{End, Pair, Seen, dealer, quiet, router};
use crate::property::Property;
use crate::socket_type::SocketType;

mod beats;
mod memory;
mod refusals;
mod roles;
mod subscriptions;

/// 37:greeting:sent-at-once, 37:null:server-replies, 37:null:client-first, mux:role:acceptor-waits.
#[test]
fn an_acceptor_hears_the_peer_out_before_it_answers() {
    let mut pair = Pair::null(dealer());
    let greeting = pair.acceptor.connection.poll_transmit().unwrap();
    assert_eq!(greeting[..], Greeting::NULL.to_octets());
    pair.connector.inbox.extend_from_slice(&greeting);
    pair.connector.drive(pair.now);
    pair.step();
    assert_eq!(pair.acceptor.seen, [Seen::Introduced(SocketType::Dealer)]);
    assert_eq!(pair.connector.seen, []);
    pair.acceptor.connection.accept(&router(), start()).unwrap();
    pair.step();
    assert_eq!(pair.connector.seen, [Seen::Established(SocketType::Router)]);
}

/// 37:null:messages-after-ready.
#[test]
fn messages_flow_only_after_the_handshake() {
    let mut pair = Pair::null(dealer());
    let message = Message::single(b"hi");
    let refused = pair.connector.connection.send(message.clone());
    assert_eq!(refused, Err(SendError(message.clone())));
    pair.step();
    pair.acceptor.connection.accept(&router(), start()).unwrap();
    pair.acceptor.connection.send(message.clone()).unwrap();
    pair.step();
    assert_eq!(pair.connector.seen.last(), Some(&Seen::Message(message)));
}

/// 37:socket-type:mismatch-error, 37:errors:error-is-fatal.
#[test]
fn a_peer_of_the_wrong_type_is_told_so_by_either_role() {
    let mut pair = Pair::null(Local::new(SocketType::Pub));
    pair.step();
    let (ours, theirs) = (SocketType::Router, SocketType::Pub);
    let refused = pair.acceptor.connection.accept(&router(), start());
    assert_eq!(refused, Err(ConnectionError::Incompatible { ours, theirs }));
    pair.step();
    let reason = Bytes::from_static(b"incompatible-socket-type");
    assert_eq!(pair.connector.failed, Some(ConnectionError::Refused { reason }));

    let mut connector =
        End::new(Connection::connector(dealer(), ClientSecurity::Null, quiet(), start()));
    connector.inbox.extend_from_slice(&Greeting::NULL.to_octets());
    connector.inbox.extend_from_slice(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB");
    connector.drive(start());
    let (ours, theirs) = (SocketType::Dealer, SocketType::Pub);
    assert_eq!(connector.failed, Some(ConnectionError::Incompatible { ours, theirs }));
    let sent = connector.connection.poll_transmit().unwrap();
    assert!(sent.ends_with(b"\x05ERROR\x18incompatible-socket-type"));
}

#[test]
fn a_refusal_reaches_the_peer_with_its_reason() {
    let mut pair = Pair::null(dealer());
    pair.step();
    pair.acceptor.connection.refuse("not today");
    pair.step();
    let reason = Bytes::from_static(b"not-today");
    assert_eq!(pair.connector.failed, Some(ConnectionError::Refused { reason }));
    assert!(pair.acceptor.connection.is_closed());
}

/// 37:metadata:socket-type-sent, 37:identity:sent.
#[test]
fn ready_carries_type_and_identity_and_what_else_was_given() {
    for kind in SocketType::ALL {
        let identity = Identity::new(b"me").unwrap();
        let property = Property::new("X-Extra", "1").unwrap();
        let local = Local::new(kind).with_identity(identity.clone()).with_property(property);
        let mut acceptor = Connection::acceptor(ServerSecurity::Null, quiet(), start());
        let mut connector = Connection::connector(local, ClientSecurity::Null, quiet(), start());
        connector.handle_input(&acceptor.poll_transmit().unwrap(), start()).unwrap();
        let octets = connector.poll_transmit().unwrap();
        acceptor.handle_input(&octets, start()).unwrap();
        let progress = acceptor.handle_input(&octets[64..], start()).unwrap().unwrap();
        let Some(Event::Introduced(peer)) = progress.event else { panic!("not introduced") };
        assert_eq!(peer.version, Version::V3_1);
        assert_eq!(peer.socket_type, kind);
        let expected = if kind.has_identity() { identity } else { Identity::ANONYMOUS };
        assert_eq!(peer.identity, expected);
        assert_eq!(peer.metadata.get("x-extra"), Some(&b"1"[..]));
    }
}

/// 37:null:commands-only, 37:null:no-message-before-ready, 37:null:only-ready-or-error.
#[test]
fn only_ready_and_error_commands_are_taken_in_the_handshake() {
    for (octets, got) in [
        (&b"\x00\x1c"[..], Unexpected::Message),
        (b"\x01\x00", Unexpected::Message),
        (b"\x04\x07\x04PING\0\0", Unexpected::Ping),
        (b"\x04\x05\x04PONG", Unexpected::Pong),
        (b"\x04\x06\x05HELLO", Unexpected::Command(CommandName::new(b"HELLO"))),
        (b"\x04\x06\x05ready", Unexpected::Command(CommandName::new(b"ready"))),
    ] {
        let mut acceptor = Connection::acceptor(ServerSecurity::Null, quiet(), start());
        acceptor.handle_input(&Greeting::NULL.to_octets(), start()).unwrap();
        let refused = acceptor.handle_input(octets, start()).unwrap_err();
        assert_eq!(refused, ConnectionError::Unexpected { got, state: Phase::Handshake });
    }
}

/// 37:command:length-limit, mux:limit:handshake-frame.
#[test]
fn a_handshake_command_beyond_the_limit_is_refused_by_its_header() {
    let mut acceptor = Connection::acceptor(ServerSecurity::Null, quiet(), start());
    acceptor.handle_input(&Greeting::NULL.to_octets(), start()).unwrap();
    let refused = acceptor.handle_input(b"\x06\0\0\0\0\0\0\x20\x01", start()).unwrap_err();
    let max = 8192;
    assert_eq!(refused, crate::DecodeError::CommandTooLong { len: 8193, max }.into());
}

/// 37:handshake:deadline, mux:limit:handshake-time.
#[test]
fn the_handshake_clock_is_absolute_and_stops_while_we_decide() {
    let mut pair = Pair::null(dealer());
    let deadline = pair.now + Duration::from_secs(10);
    assert_eq!(pair.acceptor.connection.poll_timeout(), Some(deadline));
    pair.acceptor.inbox.extend_from_slice(&Greeting::NULL.to_octets());
    pair.acceptor.drive(pair.now + Duration::from_secs(9));
    assert_eq!(pair.acceptor.connection.poll_timeout(), Some(deadline));
    assert_eq!(pair.acceptor.connection.handle_timeout(pair.now), Ok(()));
    pair.acceptor.inbox.extend_from_slice(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ");
    pair.acceptor.drive(pair.now + Duration::from_secs(9));
    assert_eq!(pair.acceptor.connection.poll_timeout(), None);
    assert_eq!(pair.connector.connection.poll_timeout(), Some(deadline));
    let timeout =
        ConnectionError::Timeout { what: Deadline::Handshake, limit: Duration::from_secs(10) };
    assert_eq!(pair.connector.connection.handle_timeout(deadline), Err(timeout));
    assert_eq!(
        pair.connector.connection.handle_input(b"x", deadline).unwrap_err(),
        ConnectionError::Closed
    );
}

/// 37:heartbeat:one-pong-waits, 37:message:no-command-inside.
#[test]
fn a_flood_of_pings_leaves_one_pong_to_send() {
    let mut pair = Pair::null(dealer());
    pair.step();
    pair.acceptor.connection.accept(&router(), start()).unwrap();
    pair.step();
    for number in 0..=u8::MAX {
        pair.connector.inbox.extend_from_slice(b"\x04\x08\x04PING\0\0");
        pair.connector.inbox.extend_from_slice(&[number]);
    }
    pair.connector.drive(pair.now);
    let message = Message::from_frames(["a", "b"]).unwrap();
    pair.connector.connection.send(message.clone()).unwrap();
    let sent = pair.connector.connection.poll_transmit().unwrap();
    assert_eq!(sent, message.as_octets(), "whole, and nothing in it");
    let sent = pair.connector.connection.poll_transmit().unwrap();
    assert_eq!(sent[..], b"\x04\x06\x04PONG\xff"[..]);
    assert_eq!(pair.connector.connection.poll_transmit(), None);
}

/// 23:null:messages-after-own-ready.
#[test]
fn what_stands_behind_ready_waits_for_our_decision() {
    let mut acceptor = End::new(Connection::acceptor(ServerSecurity::Null, quiet(), start()));
    acceptor.inbox.extend_from_slice(&Greeting::NULL.to_octets());
    acceptor.inbox.extend_from_slice(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ");
    acceptor.inbox.extend_from_slice(b"\x01\x00\x00\x02hi");
    acceptor.drive(start());
    assert_eq!(acceptor.seen, [Seen::Introduced(SocketType::Req)]);
    acceptor.connection.accept(&router(), start()).unwrap();
    acceptor.drive(start());
    let message = Message::from_frames(["", "hi"]).unwrap();
    assert_eq!(acceptor.seen.last(), Some(&Seen::Message(message)));
}

/// 37:errors:reason-opaque.
#[test]
fn whatever_the_reason_of_an_error_it_is_a_refusal_and_no_more() {
    for reason in ["", "200", "300", "400", "500", "come-again"] {
        let mut connector = Connection::connector(dealer(), ClientSecurity::Null, quiet(), start());
        connector.handle_input(&Greeting::NULL.to_octets(), start()).unwrap();
        let mut error = BytesMut::new();
        crate::command::put_error(reason, &mut error);
        let refused = connector.handle_input(&error, start()).unwrap_err();
        let reason = Bytes::copy_from_slice(reason.as_bytes());
        assert_eq!(refused, ConnectionError::Refused { reason });
    }
}

#[test]
fn traffic_begins_only_behind_the_handshake() {
    let mut pair = Pair::null(dealer());
    pair.step();
    pair.acceptor.connection.accept(&router(), start()).unwrap();
    assert!(pair.acceptor.connection.into_halves().is_ok());
    assert_eq!(pair.connector.connection.into_halves().unwrap_err(), ConnectionError::Closed);
}

/// Feeds `octets` in pieces that end at `cuts`; returns what was seen and sent, and the failure.
fn seen_in_pieces(octets: &[u8], cuts: &[usize]) -> (Vec<Seen>, Vec<u8>, Option<ConnectionError>) {
    let mut end = End::new(Connection::acceptor(ServerSecurity::Null, quiet(), start()));
    let (mut sent, mut from, mut decided) = (Vec::new(), 0, false);
    for &to in cuts.iter().chain([&octets.len()]) {
        end.inbox.extend_from_slice(&octets[from..to]);
        from = to;
        end.drive(start());
        if !decided && end.failed.is_none() && !end.seen.is_empty() {
            end.connection.accept(&router(), start()).unwrap();
            end.drive(start());
            decided = true;
        }
        while let Some(octets) = end.connection.poll_transmit() {
            sent.extend_from_slice(&octets);
        }
        if end.failed.is_some() {
            break;
        }
    }
    (end.seen, sent, end.failed)
}

/// Whole frames of all kinds, well formed and not.
fn traffic() -> impl Strategy<Value = Vec<u8>> {
    let message = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..4)
        .prop_map(|frames| Message::from_frames(frames).unwrap().as_octets().to_vec());
    let fixed = prop::sample::select(vec![
        &b"\x04\x05\x04NEWS"[..],
        b"\x04\x05\x04PONG",
        b"\x01\x00",
        b"\x08\x00",
        b"\x04\x06\x05READY",
    ]);
    let item = prop_oneof![8 => message, 1 => fixed.prop_map(<[u8]>::to_vec)];
    prop::collection::vec(item, 0..8).prop_map(|items| items.concat())
}

proptest! {
    /// 37:framing:split-anywhere.
    #[test]
    fn any_chunking_gives_the_same_events(
        traffic in traffic(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let ready = &b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER"[..];
        let octets = [&Greeting::NULL.to_octets()[..], ready, &traffic].concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(seen_in_pieces(&octets, &cuts), seen_in_pieces(&octets, &[]));
    }

    #[test]
    fn decode_after_encode_is_the_identity(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..9),
        properties in prop::collection::vec(("[A-Za-z0-9_.+-]{1,40}", ".{0,60}"), 0..9),
        context in prop::collection::vec(any::<u8>(), 0..17),
    ) {
        let message = Message::from_frames(&frames).unwrap();
        let decoded = Message::from_octets(message.clone().into_bytes()).unwrap();
        prop_assert!(decoded.frames().eq(frames.iter().map(Vec::as_slice)));

        let mut octets = BytesMut::new();
        for (name, value) in &properties {
            crate::metadata::put_property(&format!("X-{name}"), value.as_bytes(), &mut octets);
        }
        let metadata = crate::Metadata::parse(octets.freeze(), &Limits::default()).unwrap();
        let read: Vec<_> = metadata.iter().map(|(_, value)| value.to_vec()).collect();
        let sent: Vec<_> = properties.iter().map(|(_, value)| value.as_bytes().to_vec()).collect();
        prop_assert_eq!(read, sent);

        let context = crate::Context::new(&context).unwrap();
        let mut pong = Vec::new();
        Pong(context).put(&mut pong);
        let command = crate::Command::parse(&pong[2..], &Limits::default()).unwrap();
        prop_assert_eq!(command, crate::Command::Pong { context });
    }
}
