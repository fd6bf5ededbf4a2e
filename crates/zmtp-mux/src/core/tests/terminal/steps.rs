//! Whatever happens to a terminal, in any order.

use proptest::prelude::*;
use zmtp_proto::Message;
use zmtp_proto::SocketType::Dealer;

use super::{Taken, Terminal};
use crate::core::{BindingKey, Outcome, Pause, Policy, Runs, Target, Token};

#[derive(Clone, Copy, Debug)]
enum Step {
    Join { named: bool },
    Close(usize),
    Hear(usize, bool),
    Run(usize, usize),
    Send(usize, bool),
    Write(usize),
    Take,
    TakeSome(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => any::<bool>().prop_map(|named| Step::Join { named }),
        1 => any::<usize>().prop_map(Step::Close),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(peer, big)| Step::Hear(peer, big)),
        6 => (any::<usize>(), 1..4_usize).prop_map(|(peer, count)| Step::Run(peer, count)),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(peer, big)| Step::Send(peer, big)),
        3 => any::<usize>().prop_map(Step::Write),
        3 => Just(Step::Take),
        3 => (0..4_usize).prop_map(Step::TakeSome),
    ]
}

proptest! {
    /// mux:conservation:law, mux:order:pair-fifo, mux:terminal:backpressure.
    #[test]
    fn a_terminal_loses_nothing_and_keeps_the_order_of_each_peer(
        steps in prop::collection::vec(step(), 0..120),
        policy in prop_oneof![Just(Policy::Reject), Just(Policy::DropNewest)],
    ) {
        let mut terminal = Terminal::new(policy);
        let mut peers: Vec<(BindingKey, Token, Vec<Message>)> = Vec::new();
        let mut taken: Vec<(Token, Message)> = Vec::new();
        let mut number = 0_u32;
        for step in steps {
            number += 1;
            let message = |big| {
                let body = number.to_be_bytes().repeat(if big { 5_000 } else { 1 });
                Message::single(&body)
            };
            let count = peers.len();
            let at = move |peer: usize| peer.checked_rem(count);
            match step {
                Step::Join { named } => {
                    let name = if named { number.to_string() } else { String::new() };
                    let (key, token) = terminal.join(Dealer, name.as_bytes());
                    peers.push((key, token, Vec::new()));
                }
                Step::Close(peer) => {
                    if let Some(peer) = at(peer) {
                        terminal.mux.close(peers[peer].0);
                    }
                }
                Step::Hear(peer, big) => {
                    let Some(peer) = at(peer) else { continue };
                    let now = terminal.mux.now;
                    if terminal.mux.core.poll_pause(peers[peer].0, now) != Pause::Read {
                        continue;
                    }
                    match terminal.hear(peers[peer].0, &message(big)) {
                        Outcome::Admitted | Outcome::Parked => peers[peer].2.push(message(big)),
                        Outcome::Dropped(_) => prop_assert_eq!(policy, Policy::DropNewest),
                        Outcome::NotBound => {}
                        other @ (Outcome::Returned(_) | Outcome::Heard | Outcome::HeardAtLength | Outcome::SingleFrame) => {
                            prop_assert!(false, "{:?}", other);
                        }
                    }
                }
                Step::Run(peer, count) => {
                    let Some(peer) = at(peer) else { continue };
                    let run = vec![message(false); count];
                    let now = terminal.mux.now;
                    // As a reader does, which gives the core no more of whom it wants no more.
                    if terminal.mux.core.poll_pause(peers[peer].0, now) == Pause::Read
                        && terminal.hear_run(peers[peer].0, &run) == Runs::Queued
                    {
                        peers[peer].2.extend(run);
                    }
                }
                Step::Send(peer, big) => {
                    if let Some(peer) = at(peer) {
                        let _ = terminal.send(Target::Peer(peers[peer].1), &message(big));
                    }
                }
                Step::Write(peer) => {
                    if let Some(peer) = at(peer) {
                        terminal.written(peers[peer].0);
                    }
                }
                Step::Take => taken.extend(terminal.messages()),
                Step::TakeSome(max) => {
                    for thing in terminal.take_some(max) {
                        match thing {
                            Taken::Message(from, message) => taken.push((from, message)),
                            Taken::Event(number) => drop(terminal.mux.core.take_event(number)),
                        }
                    }
                    let (local, flight) = (terminal.local, &mut terminal.flight);
                    if flight.is_empty() {
                        let _ = terminal.mux.core.poll_transmit(local, 0, flight);
                    }
                }
            }
            terminal.mux.queued();
        }
        taken.extend(terminal.messages());
        for (key, token, heard) in &peers {
            let of_peer: Vec<_> = taken.iter().filter(|(from, _)| from == token).collect();
            // Only a message that waits at the end of its peer may be missing.
            prop_assert!(of_peer.len() + 1 >= heard.len());
            prop_assert!(of_peer.iter().map(|(_, message)| message).eq(&heard[..of_peer.len()]));
            terminal.mux.close(*key);
        }
        for event in terminal.take() {
            if let Taken::Event(number) = event {
                terminal.mux.core.take_event(number);
            }
        }
        prop_assert_eq!((terminal.mux.queued(), terminal.mux.core.queued_octets()), (0, 0));
        prop_assert_eq!(terminal.mux.core.bindings(), 0);
    }
}
