//! Names in dispute, on sockets whose every octet is known.

use std::time::{Duration, Instant};

use crate::raw::Raw;
use crate::siege::Siege;
use crate::wire::{COMMAND, command, greeting, message, opening, properties};

/// mux:probe:ping, mux:probe:ghost-evicted, mux:takeover:closes-loser, mux:generation:announced.
#[test]
fn an_idle_ghost_is_replaced_within_two_and_a_half_seconds() {
    let siege = Siege::start();
    let (mut ghost, first) = join(&siege, b"engine");
    let began = Instant::now();
    let mut newcomer = Raw::dial_with(siege.muxd.services(), &opening("DEALER", b"engine"));
    assert_eq!(ghost.frame(), (COMMAND, b"\x04PING\0\0".to_vec()), "it is asked, and says nothing");
    let second = generation(&newcomer.ready());
    let took = began.elapsed();
    println!("an idle ghost was replaced after {took:?}");
    assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(2500), "{took:?}");
    assert!(second > first, "{second} after {first}");
    assert!(ghost.closed("a ghost").is_empty());
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    client.send(&message(&[b"engine", b"ask"]));
    let source = newcomer.receive().swap_remove(0);
    newcomer.send(&message(&[&source, b"answer"]));
    assert_eq!(client.receive(), [b"engine", &b"answer"[..]]);
    let counters = siege.end("an idle ghost");
    let of = |name| counters.of(name);
    assert_eq!((of("probes"), of("evictions"), of("ended_evicted")), (1, 1, 1));
}

/// mux:probe:any-octet-is-life, mux:duplicate:holder-keeps, mux:duplicate:held-then-closed.
#[test]
fn a_holder_that_answers_keeps_its_name() {
    let siege = Siege::start();
    let (mut holder, _) = join(&siege, b"engine");
    let began = Instant::now();
    let newcomer = Raw::dial_with(siege.muxd.services(), &opening("DEALER", b"engine"));
    assert_eq!(holder.frame(), (COMMAND, b"\x04PING\0\0".to_vec()));
    holder.send(&command("PONG", b""));
    let said = newcomer.closed("a newcomer");
    assert_eq!(said.len(), 64, "no READY and no ERROR");
    assert!(began.elapsed() >= Duration::from_secs(2));
    holder.send(&message(&[b"engine", b"to myself"]));
    assert_eq!(holder.receive(), [b"engine", &b"to myself"[..]]);
    let counters = siege.end("a live holder");
    assert_eq!((counters.of("probes"), counters.of("evictions")), (1, 0));
    assert_eq!(counters.of("ended_name_held"), 1);
}

/// mux:probe:busy-is-alive.
#[test]
fn a_holder_that_has_something_to_read_or_cannot_be_asked_is_no_ghost() {
    let siege = Siege::start();
    let (mut busy, _) = join(&siege, b"busy");
    let mut old = greeting(b"NULL");
    old[11] = 0;
    old.extend(command("READY", &properties("DEALER", b"old")));
    let mut old = Raw::dial_with(siege.muxd.services(), &old);
    old.await_ready();
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    client.send(&message(&[b"busy", b"long work"]));
    let request = busy.receive();
    let newcomers = [&b"busy"[..], b"old"]
        .map(|name| Raw::dial_with(siege.muxd.services(), &opening("DEALER", name)));
    for newcomer in newcomers {
        newcomer.closed("a newcomer");
    }
    busy.send(&message(&[&request[0], b"done"]));
    assert_eq!(client.receive(), [b"busy", &b"done"[..]]);
    let counters = siege.end("busy holders");
    assert_eq!((counters.of("probes"), counters.of("evictions")), (0, 0));
}

/// mux:role:protocol-announced, mux:generation:announced.
#[test]
fn everybody_learns_of_the_protocol_and_a_service_its_generation() {
    let siege = Siege::start();
    let mut service = Raw::dial_with(siege.muxd.services(), &opening("DEALER", b"engine"));
    let mut client = Raw::dial_with(siege.muxd.clients(), &opening("DEALER", b"alias"));
    let (service, client) = (service.ready(), client.ready());
    let speaks = b"\x05X-Mux\0\0\0\x011";
    let holds = |ready: &[u8], part: &[u8]| ready.windows(part.len()).any(|other| other == part);
    assert!(holds(&service, speaks) && holds(&client, speaks));
    assert!(!holds(&client, b"X-Mux-Generation"));
    // The clock on the wall in microseconds, or a little more.
    let wall = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    let behind = wall - u128::from(generation(&service));
    assert!(behind < 60_000_000, "{behind}");
    siege.end("announcements");
}

/// Lets a service in, and returns which holder of a name it is.
fn join(siege: &Siege, name: &[u8]) -> (Raw, u64) {
    let mut raw = Raw::dial_with(siege.muxd.services(), &opening("DEALER", name));
    let generation = generation(&raw.ready());
    (raw, generation)
}

/// Reads the generation in a READY.
fn generation(ready: &[u8]) -> u64 {
    let name = b"\x10X-Mux-Generation";
    let place = ready.windows(name.len()).position(|other| other == name).expect("a generation");
    let value = &ready[place + name.len()..];
    let len: [u8; 4] = value[..4].try_into().unwrap();
    let value = &value[4..4 + usize::try_from(u32::from_be_bytes(len)).unwrap()];
    String::from_utf8(value.to_vec()).unwrap().parse().expect("a decimal number")
}
