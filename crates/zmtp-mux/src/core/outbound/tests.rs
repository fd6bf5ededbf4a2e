use std::sync::Arc;

use std::io::IoSlice;

use slotmap::Key;
use zmtp_proto::{Context, Message, TimeToLive};

use super::*;
use crate::core::address::Shown;
use crate::core::binding::BindingKey;
use crate::core::envelope::open;
use crate::core::record::By;
use crate::core::source::SourceKey;

fn push(outbound: &mut Outbound, spares: &mut Spares, body: &[u8]) -> Wake {
    let message = Message::from_frames([b"d", body]).unwrap();
    let rest = open(message.as_octets()).unwrap().rest;
    let sent =
        Sent { source: SourceKey::null(), from: BindingKey::null(), by: By::Name, messages: 1 };
    outbound.push(
        sent,
        &Outgoing::new(&Arc::new(Shown::new(b"s")), rest),
        Some(&message.clone().into_bytes()),
        spares,
        now(),
    )
}

/// Writes all that waits, at most `step` octets at a time.
fn write_all(outbound: &mut Outbound, spares: &mut Spares, step: usize) -> (Vec<u8>, usize) {
    let (mut written, mut handed_over) = (Vec::new(), 0);
    let mut flight = Flight::default();
    loop {
        outbound.take(&mut flight, spares);
        if flight.is_empty() {
            return (written, handed_over);
        }
        while !flight.is_empty() {
            let mut slices = [IoSlice::new(&[]); 3];
            let count = flight.slices(&mut slices);
            let octets: Vec<u8> =
                slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
            let octets = &octets[..step.min(octets.len())];
            written.extend_from_slice(octets);
            flight.advance(octets.len());
            outbound.accepted(octets.len(), 0, |_| handed_over += 1);
        }
        flight.recycle(spares);
    }
}

/// mux:conservation:handed-over.
#[test]
fn a_message_is_handed_over_with_its_last_octet() {
    for step in [997, 16_384, usize::MAX] {
        let (mut outbound, mut spares) = (empty(), Spares::default());
        let bodies = [vec![b'a'; 10], vec![b'b'; 20_000], vec![], vec![b'c'; 16_385]];
        let mut expected = Vec::new();
        for (index, body) in bodies.iter().enumerate() {
            let wake = push(&mut outbound, &mut spares, body);
            assert_eq!(wake == Wake::Needed, index == 0);
            let message = Message::from_frames([b"s", &body[..]]).unwrap();
            expected.extend_from_slice(message.as_octets());
        }
        assert_eq!(outbound.messages(), 4);
        let (written, handed_over) = write_all(&mut outbound, &mut spares, step);
        assert!(written == expected, "step {step}");
        assert_eq!(handed_over, 4);
        assert_eq!(*outbound.used(), Used::default());
        assert_eq!(push(&mut outbound, &mut spares, b""), Wake::Needed, "the writer slept");
    }
}

#[test]
fn a_partly_written_message_is_not_handed_over() {
    let (mut outbound, mut spares) = (empty(), Spares::default());
    let _ = push(&mut outbound, &mut spares, b"one");
    let _ = push(&mut outbound, &mut spares, b"two");
    let mut flight = Flight::default();
    outbound.take(&mut flight, &mut spares);
    outbound.accepted(7, 0, |_| panic!("one octet is missing"));
    assert_eq!(outbound.messages(), 2);
    outbound.accepted(8, 0, |record| assert_eq!(record.len, 8));
    assert_eq!(outbound.messages(), 1);
}

#[test]
fn one_pong_waits_at_a_time_and_counts_as_no_message() {
    let (mut outbound, mut spares) = (empty(), Spares::default());
    let pong = |context: &[u8]| Pong(Context::new(context).unwrap());
    assert_eq!(outbound.push_pong(&pong(b"a"), &mut spares), Wake::Needed);
    assert_eq!(outbound.push_pong(&pong(b"b"), &mut spares), Wake::NotNeeded);
    let _ = push(&mut outbound, &mut spares, b"x");
    let (written, handed_over) = write_all(&mut outbound, &mut spares, usize::MAX);
    assert_eq!(written, b"\x04\x06\x04PONGa\x01\x01s\x00\x01x");
    assert_eq!(handed_over, 1);
    assert_eq!(outbound.push_pong(&pong(b"c"), &mut spares), Wake::Needed);
}

/// mux:req:stale-answer-dropped.
#[test]
fn an_answer_can_be_taken_back_until_the_writer_has_it() {
    let (mut outbound, mut spares) = (empty(), Spares::default());
    assert_eq!(outbound.withdraw(), None);
    let _ = push(&mut outbound, &mut spares, b"x");
    assert_eq!(outbound.withdraw().map(|record| record.len), Some(6));
    assert_eq!(*outbound.used(), Used::default());
    assert_eq!(write_all(&mut outbound, &mut spares, usize::MAX), (vec![], 0));

    // Behind a PONG in the writer's hands it still can.
    let _ = outbound.push_pong(&Pong(Context::default()), &mut spares);
    let mut flight = Flight::default();
    outbound.take(&mut flight, &mut spares);
    let _ = push(&mut outbound, &mut spares, b"x");
    assert_eq!(outbound.withdraw().map(|record| record.len), Some(6));
    outbound.accepted(flight.len(), 0, |_| panic!("a PONG is no message"));
    flight = Flight::default();

    let _ = push(&mut outbound, &mut spares, b"x");
    outbound.take(&mut flight, &mut spares);
    assert_eq!(outbound.withdraw(), None);
    outbound.accepted(6, 0, |_| {});
    assert_eq!(outbound.withdraw(), None);
}

/// 37:heartbeat:few-outstanding.
#[test]
fn one_ping_waits_at_a_time_beside_a_pong_and_counts_as_no_message() {
    let (mut outbound, mut spares) = (empty(), Spares::default());
    let ping = Ping::new(TimeToLive::NONE);
    assert_eq!(outbound.push_ping(ping, &mut spares), Wake::Needed);
    assert_eq!(outbound.push_ping(ping, &mut spares), Wake::NotNeeded);
    let _ = outbound.push_pong(&Pong(Context::default()), &mut spares);
    let mut flight = Flight::default();
    outbound.take(&mut flight, &mut spares);
    assert_eq!(flight.next(), b"\x04\x07\x04PING\0\0\x04\x05\x04PONG");
    assert_eq!(outbound.messages(), 0);
    let len = flight.next().len();
    flight.advance(len);
    outbound.accepted(len, 0, |_| panic!("no message"));
    assert_eq!(outbound.push_ping(ping, &mut spares), Wake::NotNeeded, "the writer is awake");
    outbound.take(&mut flight, &mut spares);
    assert_eq!(flight.next(), b"\x04\x07\x04PING\0\0");
}

/// mux:liveness:busy-service, mux:liveness:busy-client.
#[test]
fn a_peer_is_busy_from_its_first_message_until_it_is_heard() {
    let (mut outbound, mut spares) = (empty(), Spares::default());
    assert!(!outbound.is_busy());
    let _ = outbound.push_pong(&Pong(Context::default()), &mut spares);
    assert!(!outbound.is_busy(), "a sign of life is nothing to work on");
    let mut flight = Flight::default();
    outbound.take(&mut flight, &mut spares);
    outbound.accepted(7, 0, |_| panic!("no message"));
    flight.advance(7);
    let _ = push(&mut outbound, &mut spares, b"work");
    assert!(outbound.is_busy(), "it accepts nothing");
    outbound.take(&mut flight, &mut spares);
    let len = flight.next().len();
    outbound.accepted(len, 0, |_| {});
    assert!(outbound.is_busy(), "it has something to read");
    outbound.hear();
    assert!(!outbound.is_busy());
}

fn empty() -> Outbound {
    Outbound::new(None)
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn now() -> Instant {
    Instant::now()
}
