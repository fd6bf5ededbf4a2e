//! Fights for names.

use std::time::{Duration, Instant};

use crate::raw::Raw;
use crate::siege::{POLITE, Siege};
use crate::wire::{message, opening};

#[test]
fn whoever_claims_a_held_name_waits_and_goes_and_the_holder_notices_nothing() {
    let siege = Siege::start();
    let before = siege.muxd.resident_kib();
    let began = Instant::now();
    let held: Vec<_> = (0..1000)
        .map(|_| Raw::dial_with(siege.muxd.services(), &opening("DEALER", POLITE)))
        .collect();
    siege.muxd.wait_counter("duplicates", |count| count == 1000);
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    println!("1,000 newcomers held: {} octets each", grown * 1024 / 1000);
    // A client of that name is served, without the name.
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", POLITE);
    client.send(&message(&[POLITE, b"hello"]));
    assert_eq!(client.receive(), [POLITE, b"hello"]);
    for raw in held {
        let said = raw.closed("a newcomer that was held");
        assert_eq!(said.len(), 64, "no READY and no ERROR");
    }
    assert!(began.elapsed() >= Duration::from_secs(2));
    let counters = siege.end("1,000 duplicates");
    assert_eq!(counters.of("ended_name_held"), 1000);
}

#[test]
fn held_newcomers_that_flood_are_bounded() {
    let siege = Siege::start();
    let before = siege.muxd.resident_kib();
    let flood = message(&[POLITE, &[b'x'; 200]]).repeat(2000);
    let held: Vec<_> = (0..50)
        .map(|_| {
            let raw = Raw::dial_with(siege.muxd.services(), &opening("DEALER", POLITE));
            let stream = raw.stream();
            stream.set_nonblocking(true).expect("an option of every socket");
            // As much as the kernel takes.
            while std::io::Write::write(&mut &stream, &flood).is_ok() {}
            stream.set_nonblocking(false).expect("an option of every socket");
            raw
        })
        .collect();
    let grown = siege.muxd.resident_kib().saturating_sub(before);
    println!("50 held newcomers that flood: {grown} KiB more");
    assert!(grown < 16 * 1024, "{grown} KiB");
    for raw in held {
        raw.closed("a newcomer that was held");
    }
    siege.end("held newcomers that flood");
}

#[test]
fn what_a_newcomer_sent_while_it_was_held_is_served_when_the_name_falls_free() {
    let siege = Siege::start();
    let first = Raw::join(siege.muxd.services(), "DEALER", b"seat");
    let octets = [opening("DEALER", b"seat"), message(&[b"seat", b"to myself"])].concat();
    let mut second = Raw::dial_with(siege.muxd.services(), &octets);
    siege.muxd.wait_counter("duplicates", |count| count == 1);
    let third = Raw::dial_with(siege.muxd.services(), &opening("DEALER", b"seat"));
    siege.muxd.wait_counter("duplicates", |count| count == 2);
    drop(first);
    second.await_ready();
    assert_eq!(second.receive(), [b"seat", &b"to myself"[..]]);
    third.closed("a newcomer that was held");
    siege.end("a race for a name");
}

#[test]
fn a_storm_of_one_name_and_odd_names_leave_nothing_behind() {
    let siege = Siege::start_on("2");
    for round in 0..1000 {
        let octets = opening("DEALER", b"storm");
        let raw = Raw::dial_with(siege.muxd.services(), &octets);
        // At every point of its life, and with a reset or without.
        match round % 4 {
            0 => drop(raw),
            1 => raw.reset(),
            2 => raw.half_close(),
            _ => drop(Raw::join(siege.muxd.clients(), "DEALER", b"storm")),
        }
    }
    siege.muxd.wait_counter("connections", |count| count == 2);
    assert_eq!(siege.muxd.counters().of("bindings"), 2);
    // Names that are nearly those of others, that look like others, or that hold anything.
    let odd: [&[u8]; 7] =
        [b"p", b"polit", b"polite\0", b"politer", b"\x01\0\0\0", &[0xFF; 255], b"..\x1b[2J\n"];
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    for name in odd {
        let mut service = Raw::join(siege.muxd.services(), "DEALER", name);
        client.send(&message(&[name, b"ask"]));
        let request = service.receive();
        service.send(&message(&[&request[0], b"answer"]));
        assert_eq!(client.receive(), [name, b"answer"]);
    }
    siege.end("a storm of one name");
}

/// A service takes a name from a client that has it as its alias; the client stays served.
#[test]
fn an_alias_squatter_keeps_no_service_out() {
    let siege = Siege::start();
    let mut squatter = Raw::join(siege.muxd.clients(), "DEALER", b"wanted");
    let mut service = Raw::join(siege.muxd.services(), "DEALER", b"wanted");
    squatter.send(&message(&[b"wanted", b"who are you"]));
    assert_eq!(service.receive()[1..], [b"who are you"]);
    let counters = siege.end("an alias squatter");
    assert_eq!(counters.of("aliases_yielded"), 1);
}
