//! Commands out of place: too early, too late, or in the wrong direction.

use super::*;
use crate::command::CommandName;
use crate::error::{Phase, Unexpected};

const ERROR: &[u8] = b"\x04\x0a\x05ERROR\x03400";

/// What there is to send, by name, with what it is called where it has no place.
fn everything() -> Vec<(&'static str, Vec<u8>, Unexpected)> {
    vec![
        ("HELLO", hex(HELLO), named("HELLO")),
        ("WELCOME", hex(WELCOME), named("WELCOME")),
        ("INITIATE", hex(INITIATE), named("INITIATE")),
        // What is in the box of a READY is no metadata, so no READY can be named.
        ("READY", hex(READY), Unexpected::Ready),
        ("ERROR", ERROR.to_vec(), Unexpected::Error),
        ("MESSAGE", hex(HI), Unexpected::Message),
        ("PING", b"\x04\x07\x04PING\0\0".to_vec(), Unexpected::Ping),
        ("a message", b"\x00\x02hi".to_vec(), Unexpected::Message),
        ("a part", b"\x01\x02hi".to_vec(), Unexpected::Message),
    ]
}

fn named(name: &str) -> Unexpected {
    Unexpected::Command(CommandName::new(name.as_bytes()))
}

fn shaking(got: Unexpected) -> ConnectionError {
    ConnectionError::Unexpected { got, state: Phase::Handshake }
}

/// Tries everything but `right`, and sees that nothing gets further than its name.
fn takes_only(right: &[&str], fresh: impl Fn() -> End) {
    for (name, octets, got) in everything() {
        if right.contains(&name) {
            continue;
        }
        let refused = fresh().refuses(&octets);
        if let ConnectionError::Decode(error) = refused {
            // Too long for the state, which is seen before the name is.
            let too_long = matches!(error, crate::DecodeError::CommandTooLong { .. });
            assert!(name == "READY" || (too_long && body(&octets).len() > HELLO_LEN), "{name}");
        } else {
            assert_eq!(refused, shaking(got), "{name}");
        }
        // By name alone: damage to what stands behind it changes nothing.
        if octets.len() > 100 {
            let mut damaged = octets.clone();
            damaged[99] ^= 1;
            let refused = fresh().refuses(&damaged);
            assert_eq!(refused, fresh().refuses(&octets), "{name}");
        }
    }
}

/// 26:curve:order, 26:curve:state-before-keys, 26:curve:client-never-errors,
/// 26:curve:silent-close.
#[test]
fn a_server_takes_each_command_in_its_place_alone() {
    takes_only(&["HELLO"], || server_at(ServerAwaits::Hello));
    takes_only(&["INITIATE"], || server_at(ServerAwaits::Initiate));
}

/// 26:curve:order, 26:curve:state-before-keys, 26:curve:silent-close.
#[test]
fn a_client_takes_each_command_in_its_place_alone() {
    takes_only(&["WELCOME", "ERROR"], || client_at(ClientAwaits::Welcome));
    takes_only(&["READY", "ERROR"], || client_at(ClientAwaits::Ready));
}

/// 37:errors:error-is-fatal.
#[test]
fn an_error_of_the_server_is_a_refusal() {
    for awaits in [ClientAwaits::Welcome, ClientAwaits::Ready] {
        let reason = bytes::Bytes::from_static(b"400");
        assert_eq!(client_at(awaits).refuses(ERROR), ConnectionError::Refused { reason });
    }
}

/// 26:curve:clear-text-refused, 26:curve:silent-close.
#[test]
fn after_the_handshake_everything_is_a_message() {
    for (name, octets, _) in everything() {
        if name != "MESSAGE" {
            let _ = refused_by_curve(&mut server_at(ServerAwaits::Message), &octets);
        }
        // The client is sent its own message, too.
        let refused = refused_by_curve(&mut client_at(ClientAwaits::Message), &octets);
        assert!(name != "MESSAGE" || refused == CurveError::Box, "{refused}");
    }
}

/// 26:curve:clear-text-refused.
#[test]
fn clear_text_is_refused_when_it_shows_and_not_when_it_is_whole() {
    for begun in [&b"\x00\xc8x"[..], b"\x02\0\0\0\0\0\0\x10\0\x07MESSAGX", b"\x04\xc8\x07MESSAGES"]
    {
        let whole_name = begun.ends_with(b"S");
        let mut server = server_at(ServerAwaits::Message);
        if whole_name {
            // Its name is as long as it should be, but another.
            let begun = [&begun[..2], b"\x07MASSAGE"].concat();
            assert_eq!(refused_by_curve(&mut server, &begun), CurveError::NotAMessage);
        } else {
            assert_eq!(refused_by_curve(&mut server, begun), CurveError::NotAMessage);
        }
    }
}

/// 26:curve:order.
#[test]
fn a_handshake_command_in_a_message_frame_is_refused_by_its_header() {
    for (octets, mut end) in [
        (HELLO, server_at(ServerAwaits::Hello)),
        (INITIATE, server_at(ServerAwaits::Initiate)),
        (WELCOME, client_at(ClientAwaits::Welcome)),
        (READY, client_at(ClientAwaits::Ready)),
    ] {
        let mut octets = hex(octets);
        octets[0] &= !4;
        let header_len = if octets[0] == 0 { 2 } else { 9 };
        assert_eq!(end.refuses(&octets[..header_len]), shaking(Unexpected::Message));
    }
}

/// 26:curve:messages-after-ready.
#[test]
fn a_message_behind_initiate_waits_for_our_decision() {
    let mut server = server_at(ServerAwaits::Initiate);
    server.feed(&[hex(INITIATE), hex(HI)].concat(), start());
    assert_eq!((server.seen.len(), server.inbox.len()), (1, hex(HI).len()));
    server.connection.send(crate::Message::single(b"early")).unwrap_err();
    server.connection.accept(&router(), start()).unwrap();
    server.connection.send(crate::Message::single(b"in time")).unwrap();
    server.drive(start());
    assert_eq!(server.seen[1], crate::pair::Seen::Message(crate::Message::single(b"hi")));

    let mut client = client_at(ClientAwaits::Ready);
    client.connection.send(crate::Message::single(b"early")).unwrap_err();
    let mut client = client_at(ClientAwaits::Message);
    client.connection.send(crate::Message::single(b"in time")).unwrap();
}
