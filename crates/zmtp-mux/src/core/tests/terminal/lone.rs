//! A message that waits alone.

use bytes::Bytes;
use zmtp_proto::Message;
use zmtp_proto::SocketType::Dealer;

use super::{POOL, Taken, Terminal, large, text};
use crate::core::Transmit::{Sleep, Write};
use crate::core::{BindingKey, Encoded, Outcome, Policy, Runs, Token};

/// What waits, how much that is, and how it comes about.
type Setup<'s> = (&'s str, usize, &'s dyn Fn(&mut Terminal, BindingKey));

/// A terminal with a peer, of which the application knows.
fn terminal() -> (Terminal, BindingKey, Token) {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"");
    terminal.events();
    while terminal.mux.core.poll_wake().is_some() {}
    (terminal, key, token)
}

/// Takes all by flights, as if nothing were ever alone.
fn take_by_flights(terminal: &mut Terminal) -> Vec<Taken> {
    let (mut all, local) = (Vec::new(), terminal.local);
    while terminal.mux.core.poll_transmit(local, 0, &mut terminal.flight) == Write {
        all.extend(terminal.take_some(usize::MAX));
    }
    all
}

/// mux:conservation:handed-over, mux:queue:used-until-handed-over, mux:terminal:whole-message.
#[test]
fn a_lone_message_is_handed_over_when_it_is_taken_and_the_next_wakes_the_application() {
    let frames = Message::from_frames(["", "two"]).unwrap();
    let (mut terminal, key, token) = terminal();
    let free = terminal.mux.core.queued_octets();
    for (number, message) in [text(""), frames, text(&"x".repeat(3_000))].into_iter().enumerate() {
        assert_eq!(terminal.hear_run(key, std::slice::from_ref(&message)), Runs::Queued);
        assert_eq!(terminal.mux.core.poll_wake(), Some(terminal.local));
        let lone = terminal.mux.core.take_lone(terminal.local);
        assert_eq!(lone, Some((token, message)));
        assert_eq!((terminal.mux.queued(), terminal.mux.core.queued_octets()), (0, free));
        assert_eq!(terminal.mux.core.counters().handed_over, number as u64 + 1);
        assert_eq!(terminal.mux.core.take_lone(terminal.local), None);
    }
    let (local, flight) = (terminal.local, &mut terminal.flight);
    assert_eq!(terminal.mux.core.poll_transmit(local, 0, flight), Sleep);
}

/// mux:order:pair-fifo, mux:terminal:whole-message.
#[test]
fn what_is_not_alone_or_not_small_is_left_for_a_flight() {
    let one = || text("one");
    let hear = |terminal: &mut Terminal, key, count| {
        (0..count).for_each(|_| assert_eq!(terminal.hear(key, &one()), Outcome::Admitted));
    };
    let setups: [Setup<'_>; 8] = [
        ("nothing", 0, &|_, _| {}),
        ("two", 2, &|terminal, key| hear(terminal, key, 2)),
        ("a run of two", 2, &|terminal, key| {
            assert_eq!(terminal.hear_run(key, &[one(), one()]), Runs::Queued);
        }),
        ("an event behind", 2, &|terminal, key| {
            hear(terminal, key, 1);
            terminal.join(Dealer, b"other");
        }),
        ("an event before", 2, &|terminal, key| {
            terminal.join(Dealer, b"other");
            hear(terminal, key, 1);
        }),
        ("a large one", 1, &|terminal, key| {
            let octets = Bytes::copy_from_slice(large().as_octets());
            let now = terminal.mux.now;
            let _ = terminal.mux.core.handle_message(key, Encoded::Shared(&octets), now);
        }),
        ("one by its source", 2, &|terminal, key| {
            let _ = terminal.hear(key, &text(&"x".repeat(POOL.octets / 3)));
            hear(terminal, key, 1);
        }),
        ("some by their source", POOL.messages / 2, &|terminal, key| {
            hear(terminal, key, POOL.messages / 2);
        }),
    ];
    for (what, count, set_up) in setups {
        let (mut terminal, key, _) = terminal();
        set_up(&mut terminal, key);
        let counters = *terminal.mux.core.counters();
        assert_eq!(terminal.mux.core.take_lone(terminal.local), None, "{what}");
        assert_eq!(*terminal.mux.core.counters(), counters, "{what}");
        assert_eq!(take_by_flights(&mut terminal).len(), count, "{what}");
        assert_eq!(terminal.mux.queued(), 0, "{what}");
    }
    // Nor is what an application has in its hands.
    let (mut terminal, key, token) = terminal();
    hear(&mut terminal, key, 1);
    assert_eq!(terminal.mux.core.poll_transmit(terminal.local, 0, &mut terminal.flight), Write);
    assert_eq!(terminal.mux.core.take_lone(terminal.local), None);
    hear(&mut terminal, key, 1);
    assert_eq!(terminal.mux.core.take_lone(terminal.local), None);
    let both = vec![Taken::Message(token, one()); 2];
    assert_eq!(terminal.take(), both);
}

/// mux:terminal:all-to-application.
#[test]
fn the_end_is_told_behind_a_message_that_waited_alone() {
    let (mut terminal, key, token) = terminal();
    let _ = terminal.hear(key, &text("last"));
    terminal.mux.core.handle_end();
    assert_eq!(terminal.mux.core.take_lone(terminal.local), None, "it would put it to sleep");
    assert_eq!(terminal.take(), [Taken::Message(token, text("last"))]);
}
