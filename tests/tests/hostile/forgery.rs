//! Addresses that are not one's own.

use crate::raw::Raw;
use crate::siege::{POLITE, Siege};
use crate::wire::{MORE, frame, message};

#[test]
fn addresses_cannot_be_guessed_and_aliases_are_not_for_clients() {
    let siege = Siege::start();
    let mut victim = Raw::join(siege.muxd.clients(), "DEALER", b"victim");
    let mut attacker = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let mut spy = Raw::join(siege.muxd.services(), "DEALER", b"spy");
    // The victim's own address is known to the services that it talked to, and to nobody else.
    victim.send(&message(&[b"spy", b"hello"]));
    let address = spy.receive().remove(0);
    assert_eq!((address.len(), address[0]), (17, 0));
    let mut count = 0;
    for place in 0..17 {
        for bit in 0..8 {
            let mut near = address.clone();
            near[place] ^= 1 << bit;
            attacker.send(&message(&[&near, b"forged"]));
            count += 1;
        }
    }
    for end in 1..17 {
        attacker.send(&message(&[&address[..end], b"forged"]));
        attacker.send(&message(&[&[&address[..], &address[..end]].concat(), b"forged"]));
        count += 2;
    }
    for name in [&b"victim"[..], b"Polite", b"polite\0", b"polit", b"politepolite", &[0xFF; 255]] {
        attacker.send(&message(&[name, b"forged"]));
        count += 1;
    }
    for len in [256, 300, 70_000] {
        attacker.send(&message(&[&vec![b'p'; len], b"forged"]));
        count += 1;
    }
    // A service cannot answer in the name of another: it is shown by its own.
    spy.send(&message(&[&address, b"polite", b"I am polite"]));
    assert_eq!(victim.receive(), [&b"spy"[..], b"polite", b"I am polite"]);
    siege.muxd.wait_counter("dropped_unknown", |dropped| dropped == count);
    victim.send(&message(&[POLITE, b"still me"]));
    assert_eq!(victim.receive(), [POLITE, b"still me"]);
    siege.end("forged addresses");
}

#[test]
fn none_of_a_thousand_false_answers_reaches_a_req() {
    let siege = Siege::start();
    let mut req = Raw::join(siege.muxd.clients(), "REQ", b"asker");
    let mut right = Raw::join(siege.muxd.services(), "DEALER", b"right");
    let mut wrong = Raw::join(siege.muxd.services(), "DEALER", b"wrong");
    // The wrong one learns the address by a request of its own.
    req.send(&message(&[b"1", b"", b"wrong", b"early"]));
    let address = wrong.receive().remove(0);
    req.send(&message(&[b"2", b"", b"right", b"question"]));
    assert_eq!(right.receive(), [&address[..], b"2", b"", b"question"]);
    for round in 0..100 {
        for (who, frames) in [
            (Who::Wrong, &[&address[..], b"1", b"", b"late"][..]),
            (Who::Wrong, &[&address, b"2", b"", b"foreign"]),
            (Who::Wrong, &[b"asker", b"2", b"", b"by alias"]),
            (Who::Wrong, &[&address, b"", b"no id"]),
            (Who::Right, &[&address, b"1", b"", b"to the first"]),
            (Who::Right, &[&address, b"2", b"2", b"", b"two ids"]),
            (Who::Right, &[&address, b"", b"2", b"", b"id behind"]),
            (Who::Right, &[&address, b"2"]),
            (Who::Right, &[&address, b"2", b"no delimiter"]),
            (Who::Right, &[b"asker", b"3", b"", b"another id"]),
        ] {
            match who {
                Who::Right => right.send(&message(frames)),
                Who::Wrong => wrong.send(&message(frames)),
            }
        }
        siege.muxd.wait_counter("dropped_malformed", |dropped| dropped == (round + 1) * 10);
    }
    right.send(&message(&[&address, b"2", b"", b"answer"]).repeat(9));
    assert_eq!(req.receive(), [&b"2"[..], b"", b"right", b"answer"]);
    siege.muxd.wait_counter("dropped_malformed", |dropped| dropped == 1008);
    // What a REQ itself may send wrong is dropped too.
    for frames in
        [&[&b"a"[..], b"b"][..], &[b"", b""], &[b"a", b""], &[&[b'i'; 256], b"", b"x", b"y"]]
    {
        req.send(&message(frames));
    }
    req.send(&[frame(MORE, b"3"), frame(MORE, b""), frame(0, b"right")].concat());
    assert_eq!(right.receive(), [&address[..], b"3", b""]);
    siege.end("false answers to a REQ");
}

/// Who sends a false answer.
enum Who {
    Right,
    Wrong,
}
