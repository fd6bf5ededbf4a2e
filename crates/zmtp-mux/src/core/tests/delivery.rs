//! What becomes of an admitted message, and in which order.

use super::{Mux, in_flight};
use crate::core::{DropReason, Notices, Outcome};

/// mux:order:pair-fifo.
#[test]
fn messages_of_a_pair_arrive_in_the_order_sent_across_holders_of_the_name_too() {
    let mut mux = Mux::new();
    let (client, address) = mux.client();
    for holder in 0_u8..3 {
        let service = mux.service(b"engine");
        for number in 0_u8..10 {
            assert_eq!(mux.send(service, &[&address, &[holder, number]]), Outcome::Admitted);
        }
        mux.close(service);
    }
    let bodies = mux.receive(client).into_iter().map(|frames| frames[1].clone());
    assert!(bodies.eq((0..3).flat_map(|holder| (0..10).map(move |number| vec![holder, number]))));
}

/// mux:delivery:source-gone.
#[test]
fn what_was_admitted_outlives_its_source_and_nothing_more_is_taken_from_it() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    let (client, address) = mux.client();
    assert_eq!(mux.send(client, &[b"engine", b"last"]), Outcome::Admitted);
    mux.close(client);
    assert_eq!(mux.send(client, &[b"engine", b"later"]), Outcome::NotBound);
    assert_eq!(mux.receive(service), [[&address[..], b"last"]]);
}

/// mux:delivery:destination-gone, 28:router:queues-end-with-peer.
#[test]
fn what_waits_for_a_peer_that_ends_is_dropped_and_not_inherited() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    let (client, _) = mux.client();
    for _ in 0..3 {
        assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Admitted);
    }
    let heir = mux.hold(b"engine");
    mux.close(service);
    assert_eq!(mux.dropped(DropReason::Unreachable), 3);
    assert_eq!((mux.queued(), mux.core.queued_octets()), (0, 0));
    assert!(mux.receive(heir).is_empty());
}

/// mux:conservation:handed-over, mux:delivery:at-most-once, mux:conservation:law,
/// mux:conservation:difference-shown.
#[test]
fn wherever_a_connection_is_cut_each_message_is_handed_over_or_dropped() {
    let whole = {
        let mut mux = Mux::new();
        let (key, address) = mux.client();
        let _ = mux.send(key, &[&address, b"one"]);
        let _ = mux.send(key, &[&address, b"two"]);
        in_flight(&mux.take(key)).len()
    };
    for cut in 0..=whole {
        let mut mux = Mux::new();
        let (key, address) = mux.client();
        assert_eq!(mux.send(key, &[&address, b"one"]), Outcome::Admitted);
        assert_eq!(mux.send(key, &[&address, b"two"]), Outcome::Admitted);
        let _ = mux.take(key);
        mux.core.handle_transmitted(key, cut);
        assert_eq!(mux.queued(), 2 - (cut * 2 / whole) as u64);
        mux.close(key);
        assert_eq!(mux.queued(), 0);
        assert_eq!(mux.core.counters().handed_over, (cut * 2 / whole) as u64);
        let (next, _) = mux.client();
        assert!(mux.receive(next).is_empty(), "it never sends one to two peers");
    }
}

/// mux:conservation:law.
#[test]
fn what_the_end_of_the_mux_leaves_behind_is_dropped_as_draining() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    let (client, address) = mux.client();
    assert_eq!(mux.send(service, &[&address, b"reply"]), Outcome::Admitted);
    mux.core.handle_drain();
    let draining = Outcome::Dropped(DropReason::Draining);
    assert_eq!(mux.send(client, &[b"engine", b"new"]), draining);
    assert_eq!(mux.send(service, &[&address, b"reply"]), Outcome::Admitted);
    mux.core.handle_end();
    mux.core.handle_drain();
    assert_eq!(mux.woken().len(), 3, "the client once for its message, both for the end");
    mux.close(client);
    assert_eq!((mux.dropped(DropReason::Draining), mux.queued()), (3, 0));
}

/// mux:order:pair-fifo, mux:gone:last-and-once.
#[test]
fn messages_of_a_new_holder_of_a_name_stand_behind_the_old_ones_and_its_gone() {
    let mut mux = Mux::with_room((40, 1 << 20), (1000, 1 << 20));
    mux.notices = Notices::Taken;
    let (client, address) = mux.client();
    let old = mux.service(b"engine");
    assert_eq!(mux.send(client, &[b"engine", b"ask"]), Outcome::Admitted);
    for number in 0..15_u8 {
        assert_eq!(mux.send(old, &[&address, &[number; 300]]), Outcome::Admitted);
    }
    mux.close(old);
    let new = mux.service(b"engine");
    assert_eq!(mux.send(new, &[&address, b"new"]), Outcome::Admitted);
    let received = mux.receive(client);
    let last: Vec<_> = received.iter().rev().take(3).collect();
    assert_eq!(last[0][1], b"new", "{received:?}");
    assert_eq!(last[1][0], b"", "its GONE: {received:?}");
}
