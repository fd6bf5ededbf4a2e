//! What waits for a peer of a terminal.

use zmtp_proto::SocketType::Dealer;

use super::{POOL, Terminal, text};
use crate::core::tests::in_flight;
use crate::core::{Flight, Policy, Target, Transmit};

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
    assert_eq!(terminal.mux.core.poll_transmit(key, 0, &mut flight), Transmit::Write);
    assert_eq!(in_flight(&flight).len(), 3 * POOL.messages);
}
