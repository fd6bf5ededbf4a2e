//! A terminal: the application and its peers.

mod body;
mod lone;
mod queue;
mod run;
mod steps;
mod world;

use proptest::prelude::*;
use zmtp_proto::Message;
use zmtp_proto::SocketType::{Dealer, Rep, Req, Router};

use self::world::{POOL, Taken, Terminal};
use super::Mux;
use crate::core::ListenerRole::Any;
use crate::core::{
    DropReason, Encoded, Event, GoneReason, Limit, Outcome, Pause, Policy, Reserved, Target, Token,
    Unsent,
};

fn text(text: &str) -> Message {
    Message::single(text.as_bytes())
}

fn large() -> Message {
    Message::from_frames([&b"head"[..], &vec![b'x'; 40_000]]).unwrap()
}

/// mux:terminal:all-to-application, mux:terminal:whole-message, mux:terminal:nothing-added,
/// mux:terminal:any-peer.
#[test]
fn whatever_a_peer_sends_is_taken_as_it_is_and_so_is_what_it_is_sent() {
    let mut terminal = Terminal::new(Policy::Reject);
    let messages = [
        text("alone"),
        text(""),
        Message::from_frames(["", "a request"]).unwrap(),
        Message::from_frames(["other", "not routed"]).unwrap(),
        large(),
    ];
    for (kind, name) in [(Dealer, "worker"), (Dealer, ""), (Router, ""), (Req, ""), (Rep, "")] {
        let (key, token) = terminal.join(kind, name.as_bytes());
        for message in &messages {
            assert_eq!(terminal.hear(key, message), Outcome::Admitted);
        }
        let expected: Vec<_> = messages.iter().map(|message| (token, message.clone())).collect();
        assert_eq!(terminal.messages(), expected);
        for message in &messages {
            terminal.send(Target::Peer(token), message).unwrap();
        }
        let expected: Vec<_> =
            messages.iter().flat_map(|message| message.as_octets().to_vec()).collect();
        assert_eq!(terminal.written(key), expected);
    }
    terminal.send(Target::Name(b"worker"), &text("by its name")).unwrap();
    assert_eq!(terminal.send(Target::Name(b"nobody"), &text("")), Err(Unsent::NoPeer));
    assert_eq!(terminal.mux.queued(), 1);
}

/// mux:terminal:whole-message, mux:terminal:nothing-added.
#[test]
fn a_large_message_is_never_copied_between_the_application_and_the_socket() {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"worker");
    let message = large();
    let place = message.as_octets().as_ptr();
    terminal.send(Target::Peer(token), &message).unwrap();
    let flight = terminal.mux.take(key);
    let mut slices = [std::io::IoSlice::new(&[]); 4];
    let count = flight.slices(&mut slices);
    let whole = slices[..count].iter().find(|slice| slice.as_ptr() == place);
    assert_eq!(whole.map(|slice| slice.len()), Some(message.as_octets().len()));
    let octets = message.clone().into_bytes();
    let _ = terminal.mux.core.handle_message(key, Encoded::Shared(&octets), terminal.mux.now);
    let [(_, back)] = &terminal.messages()[..] else { panic!("not one message") };
    assert_eq!((back, back.as_octets().as_ptr()), (&message, place));
}

/// mux:event:bound-first, mux:event:unbound-last.
#[test]
fn a_peer_is_told_of_before_its_first_message_and_behind_its_last() {
    let mut terminal = Terminal::new(Policy::Reject);
    let keys: Vec<_> = ["one", "two"].map(|name| terminal.join(Dealer, name.as_bytes())).into();
    // Congested from the third message on, when what waits is served in turns.
    for count in 0..3 {
        for (key, _) in &keys {
            assert_eq!(terminal.hear(*key, &text(&count.to_string())), Outcome::Admitted);
        }
    }
    for (key, _) in &keys {
        terminal.mux.close(*key);
    }
    let told: Vec<_> =
        terminal.take().into_iter().map(|delivery| told(&mut terminal, delivery)).collect();
    for (_, token) in keys {
        let of_peer = told.iter().filter(|(of, _)| *of == token).map(|(_, text)| text.as_str());
        assert!(of_peer.eq(["up", "0", "1", "2", "gone"]), "{told:?}");
    }
    assert_eq!(terminal.mux.queued(), 0);
    assert_eq!(terminal.mux.core.queued_octets(), 0, "and nothing is charged any more");
}

/// Returns whom something is of, and what it is.
fn told(terminal: &mut Terminal, delivery: Taken) -> (Token, String) {
    let number = match delivery {
        Taken::Message(from, message) => {
            let text = message.frames().next().unwrap();
            return (from, String::from_utf8_lossy(text).into_owned());
        }
        Taken::Event(number) => number,
    };
    match terminal.mux.core.take_event(number) {
        Some(Event::Bound(info)) => (info.token, "up".to_owned()),
        Some(Event::Unbound { peer, .. }) => (peer, "gone".to_owned()),
        other => panic!("{other:?}"),
    }
}

/// mux:terminal:backpressure.
#[test]
fn whoever_fills_the_queue_of_the_application_waits_and_loses_nothing() {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"service");
    let mut sent = 0;
    while terminal.hear(key, &text(&sent.to_string())) == Outcome::Admitted {
        sent += 1;
    }
    assert!((1..=8).contains(&sent), "{sent}");
    let now = terminal.mux.now;
    assert!(matches!(terminal.mux.core.poll_pause(key, now), Pause::Wait { .. }));
    terminal.mux.woken();
    let messages = terminal.messages();
    let expected: Vec<_> = (0..=sent).map(|count| (token, text(&count.to_string()))).collect();
    assert_eq!(messages, expected, "what waited is behind the others");
    assert!(terminal.mux.woken().contains(&key));
    assert_eq!(terminal.mux.core.poll_pause(key, now), Pause::Read);
    assert_eq!(terminal.mux.queued(), 0);
}

/// mux:terminal:backpressure, mux:overload:policies.
#[test]
fn the_application_may_have_the_newest_or_the_oldest_dropped_instead() {
    let mut newest = Terminal::new(Policy::DropNewest);
    let (key, _) = newest.join(Dealer, b"");
    let outcomes: Vec<_> = (0..10).map(|_| newest.hear(key, &text("x"))).collect();
    assert_eq!(outcomes.last(), Some(&Outcome::Dropped(DropReason::Busy)));
    let admitted = outcomes.iter().filter(|outcome| **outcome == Outcome::Admitted).count();
    assert_eq!(newest.messages().len(), admitted);
    let mut oldest = Terminal::new(Policy::DropOldest);
    let (key, _) = oldest.join(Dealer, b"");
    for count in 0..10 {
        assert_eq!(oldest.hear(key, &text(&count.to_string())), Outcome::Admitted, "{count}");
    }
    assert_eq!(oldest.messages().last().unwrap().1, text("9"));
    assert!(oldest.mux.dropped(DropReason::Busy) > 0);
    assert_eq!((newest.mux.queued(), oldest.mux.queued()), (0, 0));
}

/// mux:terminal:refused-comes-back, mux:terminal:own-limits.
#[test]
fn a_message_without_room_is_not_counted_and_room_is_told_of_once() {
    for policy in [Policy::Reject, Policy::DropNewest] {
        comes_back_without_room(Terminal::new(policy));
    }
}

fn comes_back_without_room(mut terminal: Terminal) {
    let (key, token) = terminal.join(Dealer, b"");
    let to = Target::Peer(token);
    for _ in 0..8 {
        terminal.send(to, &text("x")).unwrap();
    }
    assert_eq!(terminal.send(to, &text("x")), Err(Unsent::NoRoom));
    assert_eq!(terminal.mux.queued(), 8);
    assert!(!terminal.mux.core.poll_room());
    assert!(!terminal.written(key).is_empty());
    assert!(terminal.mux.core.poll_room());
    assert!(!terminal.mux.core.poll_room(), "once");
    terminal.send(to, &text("x")).unwrap();
    let never = Message::single(&vec![0; POOL.octets]);
    assert_eq!(terminal.send(to, &never), Err(Unsent::TooLarge));
    terminal.mux.close(key);
    assert_eq!(terminal.send(to, &text("x")), Err(Unsent::NoPeer));
    assert_eq!(terminal.mux.queued(), 0);
}

/// mux:terminal:refused-comes-back, mux:overload:policies.
#[test]
fn what_is_dropped_for_the_newest_comes_back_to_the_application() {
    let mut terminal = Terminal::new(Policy::DropOldest);
    let (key, token) = terminal.join(Dealer, b"");
    for count in 0..20 {
        terminal.send(Target::Peer(token), &text(&count.to_string())).unwrap();
    }
    let events = terminal.events();
    let is_returned = |event: &&Event| matches!(event, Event::Returned { .. });
    assert_eq!(events.iter().filter(is_returned).count(), 20 - POOL.messages);
    assert_eq!(terminal.mux.dropped(DropReason::Busy), 0);
    assert!(terminal.written(key).ends_with(text("19").as_octets()));
}

/// mux:terminal:returned.
#[test]
fn what_a_peer_was_never_given_comes_back_whole() {
    for policy in [Policy::Reject, Policy::DropOldest] {
        let mut terminal = Terminal::new(policy);
        let (key, token) = terminal.join(Dealer, b"");
        let messages = [text("one"), large(), text("three"), large(), text("five")];
        for message in &messages {
            terminal.send(Target::Peer(token), message).unwrap();
        }
        terminal.mux.close(key);
        let events = terminal.events();
        let expected = messages.map(|message| Event::Returned {
            peer: token,
            octets: message.into_bytes(),
            reason: DropReason::Unreachable,
        });
        assert_eq!(events.get(1..6), Some(&expected[..]));
        let left =
            Event::Unbound { peer: token, name: None, generation: 0, reason: GoneReason::Left };
        assert_eq!(events.get(6..), Some(&[left][..]));
        assert_eq!(terminal.mux.queued(), 0);
    }
}

/// 28:dealer:round-robin.
#[test]
fn what_is_for_any_peer_goes_to_each_in_turn_and_past_those_without_room() {
    let mut terminal = Terminal::new(Policy::Reject);
    assert_eq!(terminal.send(Target::Any, &text("x")), Err(Unsent::NoPeer));
    let peers = [1, 2, 3].map(|_| terminal.join(Dealer, b""));
    assert!(terminal.mux.core.poll_room(), "a peer has come");
    for _ in 0..6 {
        terminal.send(Target::Any, &text("x")).unwrap();
    }
    let len = text("x").as_octets().len();
    assert_eq!(peers.map(|(key, _)| terminal.written(key).len() / len), [2, 2, 2]);
    for _ in 0..8 {
        terminal.send(Target::Peer(peers[0].1), &text("x")).unwrap();
    }
    for _ in 0..16 {
        terminal.send(Target::Any, &text("x")).unwrap();
    }
    assert_eq!(terminal.send(Target::Any, &text("x")), Err(Unsent::NoRoom));
    assert_eq!(peers.map(|(key, _)| terminal.written(key).len() / len), [8, 8, 8]);
}

/// 28:dealer:round-robin, 28:dealer:room-limited.
#[test]
fn who_waits_for_the_only_peer_learns_of_the_next_and_that_has_its_turn() {
    let mut terminal = Terminal::new(Policy::Reject);
    let first = terminal.join(Dealer, b"");
    while terminal.send(Target::Any, &text("x")).is_ok() {}
    assert_eq!(terminal.mux.queued(), POOL.messages as u64);
    let _ = terminal.mux.core.poll_room();
    let second = terminal.join(Dealer, b"");
    assert!(terminal.mux.core.poll_room(), "a peer has come");
    terminal.send(Target::Any, &text("y")).unwrap();
    assert_eq!(terminal.written(second.0), text("y").as_octets());
    terminal.mux.close(first.0);
    while terminal.send(Target::Any, &text("x")).is_ok() {}
    let _ = terminal.mux.core.poll_room();
    assert!(!terminal.written(second.0).is_empty());
    assert!(terminal.mux.core.poll_room(), "room has fallen free");
    terminal.mux.close(second.0);
    assert_eq!(terminal.send(Target::Any, &text("x")), Err(Unsent::NoPeer));
}

/// mux:terminal:own-limits.
#[test]
fn room_that_is_made_is_kept_until_it_is_used_or_given_back() {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"");
    let (to, now) = (Target::Peer(token), terminal.mux.now);
    let reserve = |terminal: &mut Terminal| terminal.mux.core.reserve_local(to, 100, now);
    let mut made: Vec<Reserved> = (0..8).map(|_| reserve(&mut terminal).unwrap()).collect();
    assert_eq!(reserve(&mut terminal).unwrap_err(), Unsent::NoRoom);
    assert_eq!(terminal.send(to, &text("x")), Err(Unsent::NoRoom));
    terminal.mux.core.cancel_reserved(made.pop().unwrap());
    assert!(terminal.mux.core.poll_room());
    let message = text("x");
    terminal.mux.core.send_reserved(made.pop().unwrap(), &message).unwrap();
    let long = Message::single(&[0; 99]);
    let outcome = terminal.mux.core.send_reserved(made.pop().unwrap(), &long);
    assert_eq!(outcome, Err(Unsent::TooLarge));
    terminal.mux.close(key);
    let outcome = terminal.mux.core.send_reserved(made.pop().unwrap(), &message);
    assert_eq!(outcome, Err(Unsent::NoPeer));
    for reserved in made {
        terminal.mux.core.cancel_reserved(reserved);
    }
    terminal.take();
    assert_eq!((terminal.mux.queued(), terminal.mux.core.queued_octets()), (0, 0));
}

/// mux:terminal:dialled.
#[test]
fn a_peer_that_was_dialled_is_no_holder_of_the_name_it_announces() {
    let mut terminal = Terminal::new(Policy::Reject);
    let peer = terminal.mux.introduction(Router, Any, b"name");
    let key = terminal.mux.core.handle_dialled(peer, terminal.mux.now).unwrap();
    assert_eq!(terminal.mux.core.name(key), None);
    assert_eq!(terminal.send(Target::Name(b"name"), &text("x")), Err(Unsent::NoPeer));
    terminal.send(Target::Any, &text("x")).unwrap();
    assert_eq!(terminal.written(key), text("x").as_octets());
}

/// mux:terminal:all-to-application.
#[test]
fn nothing_passes_from_peer_to_peer_when_the_application_has_gone() {
    let mut terminal = Terminal::new(Policy::Reject);
    let (from, _) = terminal.join(Dealer, b"one");
    let (other, _) = terminal.join(Dealer, b"other");
    let message = Message::from_frames(["other", "not for it"]).unwrap();
    while terminal.hear(from, &message) == Outcome::Admitted {}
    terminal.mux.core.close_local();
    assert_eq!(terminal.hear(from, &message), Outcome::Dropped(DropReason::Draining));
    assert!(terminal.written(other).is_empty());
    assert_eq!((terminal.mux.queued(), terminal.mux.core.queued_octets()), (0, 0));
}

proptest! {
    /// mux:terminal:whole-message: small ones, large ones and events are taken as they came, in
    /// whatever pieces they lie.
    #[test]
    fn all_is_taken_as_it_came_whatever_its_length(
        lens in prop::collection::vec(
            prop_oneof![0..300_usize, 2000..2100_usize, 16_000..17_000_usize, Just(usize::MAX)],
            1..60,
        ),
    ) {
        let mut terminal = Terminal::new(Policy::Reject);
        let (from, token) = terminal.join(Dealer, b"one");
        prop_assert_eq!(terminal.take().len(), 1, "it has come");
        for some in lens.chunks(3) {
            let mut sent = Vec::new();
            for (number, len) in (0_u8..).zip(some) {
                if *len == usize::MAX {
                    terminal.mux.core.note_limit(Limit::Handshakes);
                    sent.push(None);
                    continue;
                }
                let message = Message::from_frames([&vec![number; *len][..], b"end"]).unwrap();
                let octets = message.clone().into_bytes();
                let now = terminal.mux.now;
                let heard = terminal.mux.core.handle_message(from, Encoded::Shared(&octets), now);
                prop_assert_eq!(heard, Outcome::Admitted);
                sent.push(Some(message));
            }
            // Limits that are reached one after the other are one event.
            let taken = terminal.take();
            let taken = taken.into_iter().map(|delivery| match delivery {
                Taken::Message(from, message) => {
                    assert_eq!(from, token);
                    Some(message)
                }
                Taken::Event(number) => {
                    assert!(terminal.mux.core.take_event(number).is_some(), "no event {number}");
                    None
                }
            });
            prop_assert!(taken.flatten().eq(sent.into_iter().flatten()));
        }
    }
}
