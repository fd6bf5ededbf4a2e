//! Peers that try to make the broker hold memory.

use crate::raw::Raw;
use crate::siege::Siege;
use crate::wire::{MORE, frame, greeting, long_header, message, properties, property};

#[test]
fn a_peer_that_never_reads_fills_its_own_queue_and_no_more() {
    let siege = Siege::start();
    let before = siege.muxd.resident_kib();
    let sink = Raw::join(siege.muxd.services(), "DEALER", b"sink");
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let large = message(&[b"sink", &vec![b'x'; 1 << 20]]);
    for _ in 0..100 {
        client.send(&large);
    }
    let dropped = siege.muxd.wait_counter("dropped_busy", |dropped| dropped > 40);
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    println!("100 MiB to a peer that does not read: {grown} KiB more, {dropped} dropped");
    assert!(grown < 80 * 1024, "{grown} KiB");
    drop(sink);
    siege.muxd.wait_counter("queued", |queued| queued < 3);
    siege.end("100 MiB to a peer that does not read");
}

/// A small part of a large buffer must not keep all of it alive.
#[test]
fn queued_messages_do_not_pin_what_stood_before_them() {
    let siege = Siege::start();
    let sink = Raw::join(siege.muxd.services(), "DEALER", b"sink");
    // What follows waits in the broker, not in the kernel.
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    for _ in 0..12 {
        client.send(&message(&[b"sink", &vec![b'x'; 1 << 20]]));
    }
    let before = siege.muxd.resident_kib();
    let small = message(&[b"sink", &vec![b'y'; 20_000]]);
    let large_body = vec![b'x'; usize::try_from(LARGE_LEN).expect("a size that fits")];
    for round in 1..=12 {
        // A large message to nobody, so cut that its end and the small one are read at once.
        let large = [frame(MORE, b"nobody"), long_header(MORE, LARGE_LEN), large_body.clone()];
        client.send(&large.concat());
        client.send(&[0]);
        client.send(&[&[1, b'z'], &small[..]].concat());
        siege.muxd.wait_counter("dropped_unknown", |count| count == round);
    }
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    println!("12 small messages behind large ones: {grown} KiB more");
    drop(sink);
    assert!(grown < 40 * 1024, "{grown} KiB");
    siege.end("pinned buffers");
}

/// What a peer told of itself in its handshake is forgotten, but for its name.
#[test]
fn a_large_ready_is_not_kept() {
    let siege = Siege::start();
    let open = |extra: &[u8], count: u32| -> u64 {
        let before = siege.muxd.resident_kib();
        let peers: Vec<_> = (0..count)
            .map(|number| {
                let name = [b"peer-", &number.to_be_bytes()[..]].concat();
                let data = [&properties("DEALER", &name)[..], extra].concat();
                let ready = crate::wire::command("READY", &data);
                let mut raw = Raw::dial_with(siege.muxd.services(), &greeting(b"NULL"));
                raw.send(&ready);
                raw.await_ready();
                raw
            })
            .collect();
        let grown = siege.muxd.resident_kib().saturating_sub(before);
        drop(peers);
        siege.muxd.wait_counter("connections", |connections| connections == 2);
        grown * 1024 / u64::from(count)
    };
    let small = open(b"", 500);
    let large = open(&property("X-large", &[b'x'; 8000]), 1000);
    println!("a named peer: {small} octets; with a READY of 8 KiB: {large}");
    assert!(large < 5000, "{large} octets for each");
    siege.end("large READYs");
}

/// The header of a large message buys no memory.
#[test]
fn headers_alone_reserve_nothing() {
    let siege = Siege::start();
    let before = siege.muxd.resident_kib();
    let begun: Vec<_> = (0..1000)
        .map(|_| {
            let mut raw = Raw::join(siege.muxd.clients(), "DEALER", b"");
            raw.send(&[frame(MORE, b"polite"), long_header(0, 16_000_000)].concat());
            raw
        })
        .collect();
    siege.newcomer();
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    println!("1,000 headers of 16 MB: {} octets each", grown * 1024 / 1000);
    assert!(grown < 32 * 1024, "{grown} KiB");
    drop(begun);
    siege.end("1,000 headers of 16 MB");
}

/// Octets of the body of a large message.
const LARGE_LEN: u64 = 8 << 20;
