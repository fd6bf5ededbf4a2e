//! Peers that send as fast as they can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::raw::Raw;
use crate::siege::Siege;
use crate::wire::{MORE, frame, message};

/// Sends to `name` until its queue is full, `count` messages at least.
pub(crate) fn stuff(siege: &Siege, name: &[u8], count: usize) {
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let batch = message(&[name, &[b'x'; 2000]]).repeat(512);
    let mut sent = 0;
    while sent < count || siege.muxd.counters().of("dropped_busy") == 0 {
        client.send(&batch);
        sent += 512;
        assert!(sent < 1 << 16, "the queue takes everything");
    }
}

#[test]
fn endless_messages_of_empty_frames_end_at_the_limit_of_frames() {
    let siege = Siege::start();
    let before = siege.muxd.resident_kib();
    for url in [siege.muxd.clients(), siege.muxd.services()] {
        let mut raw = Raw::join(url, "DEALER", b"endless");
        let flood = frame(MORE, b"").repeat(1024);
        raw.send(&flood);
        raw.send(&flood);
        raw.closed("endless empty frames");
    }
    // The last frame that fits is fine.
    let mut raw = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let most = [frame(MORE, b"polite"), frame(MORE, b"").repeat(1022), frame(0, b"")].concat();
    raw.send(&most);
    assert_eq!(raw.receive().len(), 1024);
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB");
    siege.end("endless empty frames");
}

#[test]
fn endless_messages_of_large_frames_end_at_the_limit_of_octets() {
    let siege = Siege::start();
    let before = siege.muxd.resident_kib();
    let mut most = 0;
    for _ in 0..4 {
        let mut raw = Raw::join(siege.muxd.clients(), "DEALER", b"");
        let chunk = message(&[&vec![b'x'; 256 * 1024], b""]);
        let chunk = &chunk[..chunk.len() - 2];
        // The broker closes at 16 MiB, or this writes into the void.
        for _ in 0..100 {
            if raw.try_send(chunk).is_err() {
                break;
            }
            most = most.max(siege.muxd.resident_kib());
        }
        raw.closed("endless large frames");
    }
    let grown = most.saturating_sub(before);
    println!("endless large frames: {grown} KiB more at most");
    assert!(grown < 64 * 1024, "{grown} KiB");
    siege.end("endless large frames");
}

/// mux:overload:refusal-tokens.
#[test]
fn messages_to_nobody_are_counted_and_held_back_and_cost_no_memory() {
    let siege = Siege::start();
    let mut raw = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let before = siege.muxd.resident_kib();
    let begun = Instant::now();
    for round in 0..4_u32 {
        let mut flood = Vec::new();
        for number in 0..1000_u32 {
            let mut name = (round * 1000 + number).wrapping_mul(0x9E37_79B1).to_be_bytes().to_vec();
            name[0] |= 1;
            name.resize(4 + usize::try_from(number).unwrap() % 252, b'n');
            flood.extend(message(&[&name, b"x"]));
        }
        raw.send(&flood);
    }
    siege.muxd.wait_counter("dropped_unknown", |count| count == 4000);
    // A thousand at once, and a thousand a second; what is read at once is refused at once.
    assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    println!("4,000 messages to nobody: {grown} KiB more");
    assert!(grown < 8 * 1024, "{grown} KiB");
    siege.end("4,000 messages to nobody");
}

/// 28:router:fair-turns: the busy ones use up the time between the turns of the others, and no
/// more.
#[test]
fn peers_at_full_speed_do_not_starve_the_others() {
    let siege = Siege::start();
    let over = Arc::new(AtomicBool::new(false));
    let floods = [message(&[b"nobody", b"x"]), frame(0, b""), message(&[b"busy2", &[b'x'; 90]])];
    let busy: Vec<_> = floods
        .into_iter()
        .enumerate()
        .map(|(number, octets)| {
            let name = format!("busy{number}");
            let mut raw = Raw::join(siege.muxd.services(), "DEALER", name.as_bytes());
            let over = Arc::clone(&over);
            let batch = octets.repeat(4096);
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    raw.send(&batch);
                }
            })
        })
        .collect();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        siege.newcomer();
    }
    over.store(true, Ordering::Relaxed);
    for busy in busy {
        busy.join().unwrap();
    }
    siege.end("three peers at full speed");
}

/// Who is sent more than it asked for is still heard.
#[test]
fn a_peer_that_is_flooded_is_heard() {
    let siege = Siege::start_on("2");
    let mut victim = Raw::join(siege.muxd.services(), "DEALER", b"victim");
    let over = Arc::new(AtomicBool::new(false));
    let mut flooder = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let ended = Arc::clone(&over);
    let flood = thread::spawn(move || {
        let batch = message(&[b"victim", b"x"]).repeat(4096);
        while !ended.load(Ordering::Relaxed) {
            flooder.send(&batch);
        }
    });
    // It reads all, and looks at nothing.
    let mut drained = victim.stream();
    let drain = thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while std::io::Read::read(&mut drained, &mut chunk).is_ok_and(|count| count > 0) {}
    });
    let mut ear = Raw::join(siege.muxd.services(), "DEALER", b"ear");
    for round in 0..20_u8 {
        let began = Instant::now();
        victim.send(&message(&[b"ear", &[round]]));
        assert_eq!(ear.receive(), [b"victim", &[round][..]]);
        assert!(began.elapsed() < Duration::from_secs(5), "it is hardly heard");
    }
    over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    victim.half_close();
    drain.join().unwrap();
    siege.end("a peer that is flooded");
}
