//! Very many connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::raw::Raw;
use crate::siege::Siege;
use crate::wire::{greeting, opening};

/// mux:limit:handshake-eviction.
#[test]
fn silent_connections_keep_nobody_out() {
    let most = raise_descriptors();
    let count = usize::min(10_000, most.saturating_sub(4000));
    let siege = Siege::start_on("2");
    let before = siege.muxd.resident_kib();
    let mut silent = Vec::new();
    for number in 1..=count {
        let octets = if number % 3 == 0 { greeting(b"NULL") } else { vec![] };
        silent.push(Raw::dial_with(siege.muxd.clients(), &octets));
        if number % 500 == 0 {
            siege.newcomer();
        }
        if number == 1000 {
            siege.muxd.wait_counter("handshakes", |open| open >= 900);
            let grown = siege.muxd.resident_kib().saturating_sub(before);
            println!("1,000 silent connections: {} octets each", grown * 1024 / 1000);
            assert!(grown < 8 * 1024, "{grown} KiB");
        }
    }
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    println!("{count} silent connections: {grown} KiB more");
    assert!(grown < 16 * 1024, "{grown} KiB");
    let counters = siege.muxd.counters();
    assert!(counters.of("handshakes") <= 1024);
    // Those of 1,024 that did not speak had to go, one for each newcomer.
    let evicted = i64::try_from(count).unwrap() - 1024;
    assert!(count < 1024 || counters.of("handshakes_evicted") >= evicted, "{counters:?}");
    siege.newcomer();
    drop(silent);
    siege.muxd.wait_counter("connections", |open| open == 2);
    let counters = siege.end("10,000 silent connections");
    assert_eq!(counters.of("ended_made_way"), counters.of("handshakes_evicted"));
}

#[test]
fn a_storm_of_connections_that_end_at_once_leaves_nothing_behind() {
    let siege = Siege::start_on("2");
    for number in 0..3000_usize {
        let whole = opening("DEALER", b"");
        drop(Raw::dial_with(siege.muxd.clients(), &whole[..number % whole.len()]));
    }
    siege.newcomer();
    siege.muxd.wait_counter("connections", |open| open == 2);
    let counters = siege.end("3,000 short connections");
    assert_eq!(counters.of("handshakes"), 0);
}

/// Raises the soft limit of this process, and returns what it is then.
fn raise_descriptors() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to the maximum");
    maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).expect("a count"))
}
