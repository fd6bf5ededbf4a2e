//! Heartbeats as weapons.

use std::time::{Duration, Instant};

use crate::floods::stuff;
use crate::raw::Raw;
use crate::siege::{POLITE, Siege};
use crate::wire::{COMMAND, MORE, command, frame, message, ping};

#[test]
fn malformed_pings_close_and_promised_signs_of_life_are_held_to() {
    let siege = Siege::start();
    for (what, octets) in [
        ("a PING without a time to live", command("PING", b"")),
        ("a PING with half of one", command("PING", b"\0")),
        ("a context of 17 octets", ping(0, &[b'c'; 17])),
        ("a context of 8,000 octets", ping(0, &[b'c'; 8000])),
        ("a PONG with a context of 17 octets", command("PONG", &[b'c'; 17])),
    ] {
        let mut raw = Raw::join(siege.muxd.clients(), "DEALER", b"");
        raw.send(&octets);
        raw.closed(what);
    }
    // The longest time to live and the longest context are fine.
    let mut raw = Raw::join(siege.muxd.clients(), "DEALER", b"");
    raw.send(&ping(u16::MAX, &[0; 16]));
    assert_eq!(raw.frame(), (COMMAND, [&b"\x04PONG"[..], &[0; 16]].concat()));
    raw.send(&message(&[POLITE, b"alive"]));
    assert_eq!(raw.receive(), [POLITE, b"alive"]);

    // 0.1 s of silence, also in the middle of a message.
    for begun in [vec![], frame(MORE, POLITE)] {
        let mut raw = Raw::join(siege.muxd.services(), "DEALER", b"mute");
        let began = Instant::now();
        raw.send(&[begun, ping(1, b"")].concat());
        raw.closed("a peer that fell silent");
        assert!(began.elapsed() >= Duration::from_millis(100));
    }
    let counters = siege.end("PINGs");
    assert_eq!(counters.of("ended_time_to_live"), 2);
    assert_eq!(counters.of("ended_protocol"), 5);
}

#[test]
fn a_flood_of_pings_that_reads_nothing_costs_no_memory() {
    let siege = Siege::start();
    let before = siege.muxd.resident_kib();
    let mut raw = Raw::join(siege.muxd.clients(), "DEALER", b"");
    for _ in 0..100 {
        raw.send(&ping(0, b"0123456789abcdef").repeat(5000));
    }
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    println!("500,000 PINGs: {grown} KiB more");
    assert!(grown < 8 * 1024, "{grown} KiB");
    drop(raw);
    siege.end("500,000 PINGs");
}

/// Every PING looks whether a PONG waits already, in a queue that the peer itself made long.
#[test]
fn pings_of_a_peer_with_a_long_queue_are_as_cheap_as_others() {
    let siege = Siege::start();
    let mut sink = Raw::join(siege.muxd.services(), "DEALER", b"sink");
    stuff(&siege, b"sink", 8192);
    let began = Instant::now();
    for _ in 0..20 {
        sink.send(&ping(0, b"").repeat(10_000));
    }
    siege.newcomer();
    println!("200,000 PINGs behind a full queue: {:?}", began.elapsed());
    drop(sink);
    siege.end("200,000 PINGs behind a full queue");
}
