//! Addresses, names, notices and answers that are not one's own.

use zmtp_mux::DealerOptions;
use zmtp_mux_tests::wire::{message, opening};
use zmtp_mux_tests::{Caller, Muxd, Raw, notice};

use crate::line::Line;
use crate::{Scale, yard};

/// Tries so many forgeries; returns how many came through.
type Forge = fn(&Muxd, &Caller, usize) -> usize;

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let each = scale.pick(200, 2000);
    let muxd = yard::start();
    let held = Caller::connect(muxd.services(), &DealerOptions::new("held").unwrap()).unwrap();
    let forgeries: [(&str, Forge); 5] = [
        ("identities with a zero octet", identities),
        ("addresses", addresses),
        ("notices", notices),
        ("names by HELLO", names),
        ("answers to a REQ", answers),
    ];
    let successes = forgeries.map(|(what, forge)| (what, forge(&muxd, &held, each)));
    drop(held);
    yard::end(muxd);
    let all: usize = successes.iter().map(|(_, count)| count).sum();
    let what: Vec<_> = successes.iter().map(|(what, count)| format!("{what} {count}")).collect();
    let fault = format!("{} forgeries", each * forgeries.len());
    let figure = format!("{all} successes: {}", what.join(", "));
    vec![Line::new("name bound to key", fault, figure, "0", all == 0)]
}

/// A name that looks like an address closes the connection.
fn identities(muxd: &Muxd, _: &Caller, count: usize) -> usize {
    let is_let_in = |number: &usize| {
        let url = if number.is_multiple_of(2) { muxd.services() } else { muxd.clients() };
        let identity = [&[0][..], &vec![b'x'; number % 254]].concat();
        let said = Raw::dial_with(url, &opening("DEALER", &identity)).closed("a forged identity");
        said.windows(5).any(|octets| octets == b"READY")
    };
    (0..count).filter(is_let_in).count()
}

/// Whoever does not know an address reaches nobody.
fn addresses(muxd: &Muxd, held: &Caller, count: usize) -> usize {
    let mut victim = Raw::join(muxd.clients(), "DEALER", b"");
    let address = tell_address(&mut victim, held);
    let mut attacker = Raw::join(muxd.clients(), "DEALER", b"");
    let before = muxd.counters().of("dropped_unknown");
    for number in 0..count {
        let mut near = address.clone();
        near[1 + number % 16] ^= 1 << (number / 16 % 8);
        near[16] ^= u8::try_from(number / 128).unwrap_or(u8::MAX);
        if near == address {
            near.pop();
        }
        attacker.send(&message(&[&near, b"forged"]));
    }
    let wanted = before + i64::try_from(count).unwrap();
    let dropped = muxd.wait_counter("dropped_unknown", |dropped| dropped >= wanted);
    usize::try_from(dropped - wanted).unwrap() + strangers_before(&mut victim, held)
}

/// No message of a peer looks like one of the broker.
fn notices(muxd: &Muxd, held: &Caller, count: usize) -> usize {
    let mut victim = notice::opted_in(muxd.clients());
    let address = tell_address(&mut victim, held);
    let mut attacker = Raw::join(muxd.services(), "DEALER", b"spy");
    let mut successes = 0;
    for number in 0..count {
        let header = notice::header(1 + u8::try_from(number % 8).unwrap());
        // To the broker, as if it were for itself, and to the victim.
        attacker.send(&message(&[b"", &header, &address, b"held"]));
        attacker.send(&message(&[&address, b"", &header, b"held"]));
        attacker.send(&message(&[&address, &header, b"held"]));
        for _ in 0..2 {
            let frames = victim.receive();
            successes += usize::from(notice::kind(&frames).is_some() || frames[0] != b"spy");
        }
    }
    successes + strangers_before(&mut victim, held)
}

/// A name that is held is given to nobody else.
fn names(muxd: &Muxd, held: &Caller, count: usize) -> usize {
    let mut successes = 0;
    for number in 0..count {
        let url = if number.is_multiple_of(2) { muxd.services() } else { muxd.clients() };
        let mut attacker = Raw::join(url, "DEALER", b"");
        attacker.send(&message(&[b"", &notice::header(notice::HELLO), b"held"]));
        let frames = attacker.receive();
        let has_it = frames[1][4] == notice::HELLO && !frames[3].is_empty();
        successes += usize::from(has_it);
    }
    let mut client = Raw::join(muxd.clients(), "DEALER", b"");
    successes + strangers_before(&mut client, held)
}

/// A REQ gets the answer of the one that it asked, to what it asked last.
fn answers(muxd: &Muxd, _: &Caller, count: usize) -> usize {
    let mut req = Raw::join(muxd.clients(), "REQ", b"");
    let mut right = Raw::join(muxd.services(), "DEALER", b"right");
    let mut wrong = Raw::join(muxd.services(), "DEALER", b"wrong");
    req.send(&message(&[b"1", b"", b"wrong", b"early"]));
    let address = wrong.receive().swap_remove(0);
    req.send(&message(&[b"2", b"", b"right", b"question"]));
    assert_eq!(right.receive()[0], address);
    let before = muxd.counters().of("dropped_malformed");
    for number in 0..count {
        let header = notice::header(notice::GONE);
        match number % 5 {
            0 => wrong.send(&message(&[&address, b"1", b"", b"late"])),
            1 => wrong.send(&message(&[&address, b"2", b"", b"foreign"])),
            2 => right.send(&message(&[&address, b"1", b"", b"to the first"])),
            3 => right.send(&message(&[&address, b"", b"2", b"", b"id behind"])),
            _ => right.send(&message(&[&address, b"", b"", &header, b"right"])),
        }
    }
    let wanted = before + i64::try_from(count).unwrap();
    muxd.wait_counter("dropped_malformed", |dropped| dropped >= wanted);
    right.send(&message(&[&address, b"2", b"", b"answer"]));
    usize::from(req.receive() != [&b"2"[..], b"", b"right", b"answer"])
}

/// Asks the holder of `held`, which learns the address; returns that.
fn tell_address(client: &mut Raw, held: &Caller) -> Vec<u8> {
    client.send(&message(&[b"held", b"hello"]));
    let mut request = held.receive();
    held.send(&request);
    assert_eq!(client.receive(), [b"held", &b"hello"[..]]);
    request.swap_remove(0)
}

/// Asks the holder of `held`; returns how many messages stand before its answer.
fn strangers_before(client: &mut Raw, held: &Caller) -> usize {
    client.send(&message(&[b"held", b"the last"]));
    held.send(&held.receive());
    let mut strangers = 0;
    while client.receive() != [b"held", &b"the last"[..]] {
        strangers += 1;
    }
    strangers
}
