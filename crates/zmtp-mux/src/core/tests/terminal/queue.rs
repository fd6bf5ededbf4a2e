//! What waits for a peer of a terminal.

use zmtp_proto::Message;
use zmtp_proto::SocketType::Dealer;

use super::{POOL, Taken, Terminal, text};
use crate::core::Transmit::{Sleep, Write};
use crate::core::tests::in_flight;
use crate::core::{Event, Flight, GoneReason, Outcome, Policy, Target, Token};

/// mux:terminal:one-source.
#[test]
fn what_waits_for_a_peer_goes_in_one_flight_however_much_it_is() {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"worker");
    // More than a quarter of its pool.
    for number in 0..POOL.messages {
        terminal.send(Target::Peer(token), &text(&number.to_string())).unwrap();
    }
    let mut flight = Flight::default();
    assert_eq!(terminal.mux.core.poll_transmit(key, 0, &mut flight), Write);
    assert_eq!(in_flight(&flight).len(), 3 * POOL.messages);
}

/// mux:return:in-doubt, mux:terminal:returned.
#[test]
fn of_what_waits_for_a_peer_only_a_part_is_in_doubt_when_it_is_disconnected() {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"worker");
    let messages: Vec<_> =
        (b'0'..b'8').map(|digit| Message::single(&vec![digit; 100_000])).collect();
    for message in &messages {
        terminal.send(Target::Peer(token), message).unwrap();
    }
    // The writer has something in its hands, and has not ended.
    let mut flight = Flight::default();
    assert_eq!(terminal.mux.core.poll_transmit(key, 0, &mut flight), Write);
    let first = messages.iter().take(3).flat_map(|message| message.as_octets().to_vec());
    assert_eq!(in_flight(&flight), first.collect::<Vec<_>>());
    terminal.mux.core.disconnect(token).unwrap();
    let of = |event| if let Event::Returned { octets, .. } = event { Some(octets) } else { None };
    let returned: Vec<_> = terminal.events().into_iter().filter_map(of).collect();
    let rest: Vec<_> = messages.iter().skip(3).map(Message::as_octets).collect();
    assert_eq!(returned, rest);
}

/// mux:terminal:all-to-application.
#[test]
fn an_application_that_has_taken_all_sleeps_and_is_woken_for_the_next() {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"worker");
    terminal.take();
    while terminal.mux.core.poll_wake().is_some() {}
    let woken = |terminal: &mut Terminal| terminal.mux.core.poll_wake() == Some(terminal.local);
    for text in ["one", "two"].map(text) {
        let _ = terminal.hear(key, &text);
    }
    assert!(woken(&mut terminal));
    // It learns that there was no more with the last, and not before.
    assert_eq!(terminal.mux.core.poll_transmit(terminal.local, 0, &mut terminal.flight), Write);
    assert_eq!(terminal.take_one(), (Taken::Message(token, text("one")), Write));
    let _ = terminal.hear(key, &text("three"));
    assert!(!woken(&mut terminal), "it knows that there is something");
    assert_eq!(terminal.take_one(), (Taken::Message(token, text("two")), Write));
    assert_eq!(terminal.mux.core.poll_transmit(terminal.local, 0, &mut terminal.flight), Write);
    assert_eq!(terminal.take_one(), (Taken::Message(token, text("three")), Sleep));
    let _ = terminal.hear(key, &text("four"));
    assert!(woken(&mut terminal));
    // The end of the MUX is told where there is nothing else.
    terminal.take();
    terminal.mux.core.handle_closed(key, GoneReason::Left);
    terminal.mux.core.handle_end();
    assert_eq!(terminal.mux.core.handle_delivered(terminal.local, &mut terminal.flight), Write);
}

/// Takes all that waits, and returns whose messages those were.
fn sources(terminal: &mut Terminal) -> Vec<Token> {
    let from = |taken| if let Taken::Message(from, _) = taken { Some(from) } else { None };
    terminal.take().into_iter().filter_map(from).collect()
}

/// mux:terminal:backpressure.
#[test]
fn a_message_larger_than_the_queue_comes_when_nothing_else_waits() {
    let mut terminal = Terminal::new(Policy::Reject);
    let [(one, first), (other, second)] = [b"one", b"two"].map(|name| terminal.join(Dealer, name));
    terminal.take();
    let huge = Message::single(&vec![b'x'; POOL.octets]);
    assert_eq!(terminal.hear(one, &huge), Outcome::Admitted);
    for peer in [one, other] {
        assert_eq!(terminal.hear(peer, &huge), Outcome::Parked, "something waits");
    }
    assert_eq!(sources(&mut terminal), [first, first, second], "one after the other");
    assert_eq!(terminal.hear(other, &text("next")), Outcome::Admitted);
    assert_eq!(sources(&mut terminal), [second]);
}

/// mux:terminal:backpressure, mux:overload:policies.
#[test]
fn where_messages_are_dropped_one_larger_than_the_queue_always_is() {
    for policy in [Policy::DropNewest, Policy::DropOldest] {
        let mut terminal = Terminal::new(policy);
        let (key, token) = terminal.join(Dealer, b"worker");
        terminal.take();
        let huge = Message::single(&vec![b'x'; POOL.octets]);
        assert!(matches!(terminal.hear(key, &huge), Outcome::Dropped(_)), "{policy:?}");
        assert_eq!(terminal.hear(key, &text("next")), Outcome::Admitted);
        assert_eq!(sources(&mut terminal), [token]);
    }
}
