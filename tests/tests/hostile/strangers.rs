//! Peers that get no further than the handshake.

use crate::raw::{How, Raw};
use crate::siege::Siege;
use crate::wire::{
    COMMAND, LONG, command, frame, greeting, long_header, message, opening, ping, properties,
    property, ready,
};

/// 37:greeting:early-refusal, 37:errors:other-trouble-closes.
#[test]
fn a_bad_greeting_is_refused_by_its_first_wrong_octet() {
    let siege = Siege::start();
    let mut wrong: Vec<(String, Vec<u8>)> = Vec::new();
    for first in [0, 1, b'G', 0x16, 0x7F, 0xFE] {
        wrong.push((format!("first octet {first:#x}"), vec![first]));
    }
    let signature = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1];
    for tenth in [0, 1, 0x7E, 0xFF] {
        wrong.push((format!("tenth octet {tenth:#x}"), [&signature[..], &[tenth]].concat()));
    }
    for major in [0, 1, 2] {
        wrong.push((format!("major {major}"), [&signature[..], &[0x7F, major]].concat()));
    }
    wrong.push(("HTTP".into(), b"GET / HTTP/1.1\r\nHost: mux\r\n\r\n".to_vec()));
    wrong.push(("ZMTP 1.0, anonymous".into(), vec![1, 0]));
    wrong.push(("ZMTP 1.0, long".into(), [&signature[..], &[0, 1, 2, 3]].concat()));
    for kind in 0..=8 {
        let octets = [&signature[..], &[0x7F, 1, kind, 0, 3, b'a', b'b', b'c']].concat();
        wrong.push((format!("ZMTP 2.0, type {kind}"), octets));
    }
    for mechanism in [
        &b""[..],
        b"PLAIN",
        b"CURVE",
        b"GSSAPI",
        b"null",
        b"NULLL",
        b"NUL",
        b"NULL\0X",
        b"\0NULL",
        b"NULL ",
        b"XXXXXXXXXXXXXXXXXXXX",
    ] {
        wrong.push((format!("mechanism {}", mechanism.escape_ascii()), greeting(mechanism)));
    }
    for as_server in [2, 0x80, 0xFF] {
        let mut octets = greeting(b"NULL");
        octets[32] = as_server;
        wrong.push((format!("as-server {as_server}"), octets));
    }
    for (what, octets) in &wrong {
        for url in [siege.muxd.clients(), siege.muxd.services()] {
            let said = Raw::dial_with(url, octets).closed(what);
            assert!(greeting(b"NULL").starts_with(&said), "{what}: {said:?}");
        }
    }
    let counters = siege.end("bad greetings");
    // A reset may overtake what the broker would have counted as the protocol's end.
    let ended = ["ended_protocol", "ended_failed", "ended_mechanism"];
    let ended: i64 = ended.into_iter().map(|name| counters.of(name)).sum();
    assert_eq!(ended, 2 * i64::try_from(wrong.len()).unwrap());
}

/// 37:errors:other-trouble-closes.
#[test]
fn a_bad_ready_is_refused_without_a_word() {
    let siege = Siege::start();
    for (what, octets) in bad_readies() {
        let raw = Raw::dial_with(siege.muxd.clients(), &greeting(b"NULL"));
        let mut raw = raw;
        raw.send(&octets);
        let said = raw.closed(&what);
        assert!(greeting(b"NULL").starts_with(&said), "{what}: {said:?}");
    }
    siege.end("bad READYs");
}

fn bad_readies() -> Vec<(String, Vec<u8>)> {
    let usual = properties("DEALER", b"");
    let with = |more: &[u8]| command("READY", &[&usual[..], more].concat());
    let mut bad: Vec<(String, Vec<u8>)> = [
        ("READY as a message", frame(0, &ready("DEALER", b"")[2..])),
        ("READY with MORE", frame(COMMAND | 1, &ready("DEALER", b"")[2..])),
        ("ready", command("ready", &usual)),
        ("no properties", command("READY", b"")),
        ("a name of no octets", with(&property("", b"x"))),
        ("a name of odd octets", with(&property("X y", b"x"))),
        ("a name that is cut off", with(&[9, b'X'])),
        ("a name and no value", with(&[1, b'X'])),
        ("a value that is cut off", with(&[1, b'X', 0, 0, 0, 2, 0])),
        ("a value of 2^31", with(&[1, b'X', 0x80, 0, 0, 0, 0])),
        ("a value of 2^32 - 1", with(&[1, b'X', 0xFF, 0xFF, 0xFF, 0xFF, 0])),
        ("65 properties", with(&property("X", b"").repeat(63))),
        ("a thousand properties", with(&property("X", b"").repeat(1000))),
        ("an Identity of 256 octets", ready("DEALER", &[b'i'; 256])),
        ("an Identity of 8,000 octets", ready("DEALER", &[b'i'; 8000])),
        ("an Identity that begins with a zero", ready("DEALER", b"\0a")),
        ("an Identity like a binding address", ready("DEALER", &[0; 17])),
        ("two Identities", with(&property("identity", b""))),
        ("two Socket-Types", with(&property("SOCKET-TYPE", b"DEALER"))),
        ("an unknown type", ready("dealer", b"")),
        ("an empty type", ready("", b"")),
        ("a message", message(&[b"polite", b"early"])),
        ("an empty message", message(&[b""])),
        ("a PING", ping(1, b"")),
        ("a SUBSCRIBE", command("SUBSCRIBE", b"")),
        ("an unknown command", command("HELLO", b"")),
        ("an ERROR", command("ERROR", b"\x03no!")),
        ("an ERROR cut off", command("ERROR", b"\x09no!")),
        ("a command without a name", frame(COMMAND, &[])),
        ("a command with an empty name", frame(COMMAND, &[0])),
        ("a command whose name is cut off", frame(COMMAND, b"\xFFREADY")),
        ("a READY of 8 KiB and one", long_header(COMMAND, 8 * 1024 + 1)),
        ("a READY of 2^63 - 1", long_header(COMMAND, (1 << 63) - 1)),
        ("a READY of 2^63", long_header(COMMAND, 1 << 63)),
        ("a READY of 2^64 - 1", long_header(COMMAND, u64::MAX)),
        ("a message of 2^64 - 1", long_header(0, u64::MAX)),
    ]
    .into_iter()
    .map(|(what, octets)| (what.to_owned(), octets))
    .collect();
    for flags in (0..=u8::MAX).filter(|&flags| flags & !LONG != COMMAND) {
        bad.push((format!("flags {flags:#04x}"), vec![flags, 0, 0, 0, 0, 0, 0, 0, 0]));
    }
    bad
}

/// 37:metadata:others-harmless, 37:errors:other-trouble-closes.
#[test]
fn odd_but_legal_handshakes_are_served() {
    let siege = Siege::start();
    let long = property("X-long", &[b'x'; 8000]);
    let mut future = greeting(b"NULL");
    (future[10], future[11]) = (0xFF, 0xFF);
    let mut filled = greeting(b"NULL");
    filled[1..9].fill(0xAA);
    filled[33..].fill(0xAA);
    let with = |more: &[u8]| command("READY", &[&properties("DEALER", b"")[..], more].concat());
    for (what, octets) in [
        ("64 properties", [greeting(b"NULL"), with(&property("X", b"").repeat(62))].concat()),
        ("a value of 8,000 octets", [greeting(b"NULL"), with(&long)].concat()),
        ("a Resource", [greeting(b"NULL"), with(&property("Resource", b"a/b"))].concat()),
        ("a later version", [future, ready("DEALER", b"")].concat()),
        ("a greeting filled up", [filled, ready("DEALER", b"")].concat()),
        ("a READY in the long form", {
            let short = ready("DEALER", b"");
            [greeting(b"NULL"), frame(COMMAND | LONG, &short[2..])].concat()
        }),
    ] {
        let request = message(&[b"polite", what.as_bytes()]);
        // The request stands right behind READY, and is served when the peer is in.
        let mut raw = Raw::dial_with(siege.muxd.clients(), &[octets, request].concat());
        raw.await_ready();
        assert_eq!(raw.receive(), [b"polite", what.as_bytes()], "{what}");
    }
    siege.end("odd handshakes");
}

/// 37:errors:sent-then-closed.
#[test]
fn a_peer_of_a_type_that_is_not_served_gets_an_error_and_then_the_end() {
    let siege = Siege::start();
    let error = b"\x05ERROR\x16socket-type-not-served";
    let types = ["PUB", "SUB", "XPUB", "XSUB", "PUSH", "PULL", "PAIR", "CLIENT", "SERVER", "DISH"];
    for socket_type in types {
        for behind in [vec![], message(&[b"polite", b"behind"]), vec![0xFF; 8000]] {
            let octets = [opening(socket_type, b""), behind].concat();
            let closed = Raw::dial_with(siege.muxd.clients(), &octets);
            let closed = closed.closed_within(std::time::Duration::from_secs(6), socket_type);
            let expected = [greeting(b"NULL"), frame(COMMAND, error)].concat();
            assert_eq!(closed.octets, expected, "{socket_type}");
            assert_eq!(closed.how, How::Fin, "{socket_type}");
        }
    }
    let counters = siege.end("types that are not served");
    assert_eq!(counters.of("ended_refused"), 3 * i64::try_from(types.len()).unwrap());
}
