//! Peers that stop, or hardly move.

use std::thread;
use std::time::{Duration, Instant};

use crate::raw::Raw;
use crate::siege::{POLITE, Siege};
use crate::wire::{message, opening};

/// All wait at once, so this takes as long as one of them.
#[test]
fn whoever_stops_inside_the_handshake_ends_at_its_deadline() {
    let siege = Siege::start();
    let whole = opening("DEALER", b"stops");
    let began = Instant::now();
    let stopped: Vec<_> =
        (0..whole.len()).map(|end| Raw::dial_with(siege.muxd.clients(), &whole[..end])).collect();
    let drips = drip_until_closed(&siege, whole.len());
    let nameless = nameless_flood(&siege);
    for (end, raw) in stopped.into_iter().enumerate() {
        let closed = raw.closed_within(LATEST, &format!("stopped at {end}"));
        assert!(closed.octets.len() <= 64, "stopped at {end}");
        assert!(began.elapsed() >= Duration::from_millis(9500), "stopped at {end}");
    }
    drips.join().unwrap();
    nameless.join().unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(18), "{took:?}");
    let counters = siege.end("peers that stop in the handshake");
    assert_eq!(counters.of("handshakes"), 0);
    assert_eq!(counters.of("ended_nameless"), 1);
}

/// Sends an octet every 200 ms, which puts no deadline off.
fn drip_until_closed(siege: &Siege, len: usize) -> thread::JoinHandle<()> {
    let mut raw = Raw::dial(siege.muxd.clients());
    thread::spawn(move || {
        let began = Instant::now();
        let whole = opening("DEALER", b"stops");
        for octet in &whole[..len - 1] {
            if raw.try_send(&[*octet]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
        raw.closed("a handshake that drips");
        assert!(began.elapsed() > Duration::from_millis(9500));
    })
}

/// A service without a name is closed at the same time, however busy it keeps the broker.
fn nameless_flood(siege: &Siege) -> thread::JoinHandle<()> {
    let mut raw = Raw::join(siege.muxd.services(), "DEALER", b"");
    thread::spawn(move || {
        let batch = message(&[POLITE, b"denied"]).repeat(64 * 1024);
        let began = Instant::now();
        while raw.try_send(&batch).is_ok() {
            assert!(began.elapsed() < LATEST, "a service without a name stays");
        }
        assert!(began.elapsed() > Duration::from_secs(9));
    })
}

#[test]
fn a_handshake_octet_by_octet_is_served() {
    let siege = Siege::start();
    let mut raw = Raw::dial(siege.muxd.clients());
    let whole = [opening("DEALER", b""), message(&[POLITE, b"slow"])].concat();
    for octet in whole {
        raw.send(&[octet]);
        thread::sleep(Duration::from_millis(2));
    }
    raw.await_ready();
    assert_eq!(raw.receive(), [POLITE, b"slow"]);
    siege.end("an octet each 2 ms");
}

/// mux:overload:unsent-mark.
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_holds_little_for_a_peer_that_does_not_read() {
    let siege = Siege::start();
    let frozen = Raw::join_frugal(siege.muxd.services(), "DEALER", b"frozen");
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let before = siege.muxd.counters().of("handed_over");
    client.send(&message(&[b"frozen", &[b'x'; 1000]]).repeat(2000));
    siege.muxd.wait_counter("queued", |queued| queued > 1000);
    let held = siege.muxd.counters().of("handed_over") - before;
    // 16 KiB that are not sent, what the peer has room for, and a segment on its way.
    assert!(held <= 128, "{held} KiB are with the kernel");
    drop(frozen);
    siege.end("a peer that does not read");
}

/// Every queue that was full is written out when its peer begins to read.
#[test]
fn slow_readers_get_all_that_was_admitted() {
    let siege = Siege::start_on("2");
    let mut sinks: Vec<_> = (0..10_u8)
        .map(|number| Raw::join(siege.muxd.services(), "DEALER", &[b's', number]))
        .collect();
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let body = vec![b'x'; 40_000];
    for round in 0..200_u8 {
        for number in 0..10_u8 {
            client.send(&message(&[&[b's', number], &[round], &body]));
        }
    }
    siege.muxd.wait_counter("received", |count| count >= 2000);
    assert_eq!(siege.muxd.counters().of("dropped_busy"), 0);
    for sink in &mut sinks {
        for round in 0..200_u8 {
            let frames = sink.receive();
            assert_eq!((frames[1][0], frames[2].len()), (round, body.len()));
        }
    }
    // Whoever has read everything is woken for the next.
    client.send(&message(&[&[b's', 0], b"next"]));
    assert_eq!(sinks[0].receive()[1], b"next");
    siege.end("10 slow readers");
}

const LATEST: Duration = Duration::from_secs(16);
