//! Messages that are queued for the application at once.

use zmtp_proto::Message;
use zmtp_proto::SocketType::Dealer;

use super::{POOL, Policy, Taken, Terminal, Token, text};
use crate::core::{BindingKey, Outcome, Runs, Transmit};

/// A terminal with a peer, of which the application knows.
fn terminal() -> (Terminal, BindingKey, Token) {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"");
    for event in terminal.take() {
        let Taken::Event(number) = event else { panic!("{event:?}") };
        terminal.mux.core.take_event(number);
    }
    (terminal, key, token)
}

fn messages(count: usize) -> Vec<Message> {
    (0..count).map(|number| text(&"x".repeat(number))).collect()
}

/// mux:conservation:handed-over, mux:conservation:law, mux:queue:used-until-handed-over.
#[test]
fn of_a_run_each_message_is_handed_over_when_it_is_taken() {
    let (mut terminal, key, token) = terminal();
    let messages = messages(2);
    let free = terminal.mux.core.queued_octets();
    assert_eq!(terminal.hear_run(key, &messages), Runs::Queued);
    assert_eq!(terminal.hear(key, &text("last")), Outcome::Admitted);
    let flight = &mut terminal.flight;
    assert_eq!(terminal.mux.core.poll_transmit(terminal.local, 0, flight), Transmit::Write);
    let mut left = terminal.mux.core.queued_octets() - free;
    for (number, message) in messages.iter().chain([&text("last")]).enumerate() {
        assert_eq!(terminal.mux.queued(), 3 - number as u64);
        assert_eq!(terminal.take_some(1), [Taken::Message(token, message.clone())]);
        let mark = if [0, 2].contains(&number) { 9 } else { 0 };
        left -= message.as_octets().len() + mark;
        assert_eq!(terminal.mux.core.queued_octets() - free, left, "{number}");
        assert_eq!(terminal.mux.core.counters().handed_over, number as u64 + 1);
    }
    assert_eq!(left, 0);
}

/// mux:conservation:law.
#[test]
fn what_is_left_of_a_run_is_dropped_with_the_application() {
    for taken in 0..2 {
        for in_hand in [false, true] {
            let (mut terminal, key, _) = terminal();
            assert_eq!(terminal.hear_run(key, &messages(2)), Runs::Queued);
            if in_hand || taken > 0 {
                let flight = &mut terminal.flight;
                let _ = terminal.mux.core.poll_transmit(terminal.local, 0, flight);
                assert_eq!(terminal.take_some(taken).len(), taken);
            }
            terminal.mux.core.close_local();
            terminal.mux.close(key);
            let counters = terminal.mux.core.counters();
            assert_eq!((counters.received, counters.handed_over), (2, taken as u64));
            assert_eq!(counters.dropped.iter().sum::<u64>(), 2 - taken as u64);
            assert_eq!((terminal.mux.queued(), terminal.mux.core.queued_octets()), (0, 0));
        }
    }
}

/// mux:overload:threshold, mux:overload:congested-pairs.
#[test]
fn a_run_is_queued_only_where_there_is_plenty_of_room_for_all_of_it() {
    let (mut terminal, key, _) = terminal();
    let before = *terminal.mux.core.counters();
    assert_eq!(terminal.hear_run(key, &messages(POOL.messages / 2 + 1)), Runs::OneByOne);
    let large = vec![text(&"x".repeat(POOL.octets / 2))];
    assert_eq!(terminal.hear_run(key, &large), Runs::OneByOne);
    assert_eq!((*terminal.mux.core.counters(), terminal.mux.queued()), (before, 0));
    assert_eq!(terminal.hear_run(key, &messages(1)), Runs::Queued);
    // Two messages wait outside of their source's queue here, and one more would not.
    let room = POOL.messages / 4;
    assert_eq!(terminal.hear_run(key, &messages(room)), Runs::OneByOne);
    assert_eq!(terminal.hear_run(key, &messages(room - 1)), Runs::Queued);
    assert_eq!(terminal.hear_run(key, &messages(1)), Runs::OneByOne);
    assert_eq!(terminal.mux.queued(), room as u64);
    terminal.mux.close(key);
    assert_eq!(terminal.hear_run(key, &messages(1)), Runs::OneByOne);
}

/// mux:terminal:whole-message.
#[test]
fn a_relay_takes_no_runs() {
    let mut mux = super::Mux::new();
    assert_eq!(mux.core.runs(), Runs::OneByOne);
    let (key, _) = mux.client();
    let run = zmtp_proto::Run { octets: b"\0\0", messages: 1 };
    assert_eq!(mux.core.handle_run(key, &run, mux.now), Runs::OneByOne);
    assert_eq!(terminal().0.mux.core.runs(), Runs::Queued);
}
