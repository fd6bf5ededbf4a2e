//! Queues: how much has room, and who pays for what has not.

use super::Mux;
use crate::core::partial::FREE_LEN;
use crate::core::{Charge, DropReason, MuxLimits, Outcome, PoolLimits, Rule};

const BUSY: Outcome = Outcome::Dropped(DropReason::Busy);

/// Octets of `[name of 6 octets, 10 octets]`, as it is queued.
const LEN: usize = 2 + 6 + 2 + 10;

/// mux:queue:per-destination, mux:queue:overflow-dropped.
#[test]
fn a_full_queue_takes_nothing_more_and_others_notice_nothing() {
    for room in [(3, usize::MAX), (usize::MAX, 3 * LEN + 1)] {
        let mut mux = Mux::with_room(room, (1000, 1_000_000));
        let senders = [b"send-1", b"send-2", b"send-3", b"send-4"].map(|name| mux.service(name));
        let (full, other) = (mux.service(b"full"), mux.service(b"other"));
        let outcomes = senders.map(|sender| mux.send(sender, &[b"full", &[0; 10]]));
        let [sender, ..] = senders;
        assert_eq!(outcomes, [Outcome::Admitted, Outcome::Admitted, Outcome::Admitted, BUSY]);
        assert_eq!(mux.send(sender, &[b"other", &[0; 10]]), Outcome::Admitted);
        assert_eq!(mux.core.queued_octets(), 4 * LEN);
        assert_eq!((mux.receive(full).len(), mux.receive(other).len()), (3, 1));
        assert_eq!(mux.send(sender, &[b"full", b"again"]), Outcome::Admitted);
        assert_eq!((mux.dropped(DropReason::Busy), mux.queued()), (1, 1));
    }
    for pool in [Rule::SERVICE.pool, Rule::CLIENT.pool] {
        assert_eq!((pool.octets, pool.messages), (32 << 20, 8192));
    }
}

/// mux:queue:global-pool.
#[test]
fn all_queues_together_have_a_bound() {
    for room in [(3, usize::MAX), (usize::MAX, 3 * LEN)] {
        let mut mux = Mux::with_room((1000, 1_000_000), room);
        let names = [b"peer-a", b"peer-b", b"peer-c", b"peer-d"];
        let keys = names.map(|name| mux.service(name));
        let mut outcomes = [Outcome::Admitted; 4];
        for (outcome, (&sender, name)) in outcomes.iter_mut().zip(keys.iter().zip(names)) {
            *outcome = mux.send(sender, &[name, &[0; 10]]);
        }
        let sender = keys[3];
        assert_eq!(outcomes, [Outcome::Admitted, Outcome::Admitted, Outcome::Admitted, BUSY]);
        mux.close(keys[0]);
        assert_eq!(mux.send(sender, &[b"peer-d", &[0; 10]]), Outcome::Admitted);
        assert_eq!(mux.send(sender, &[b"peer-d", &[0; 10]]), BUSY);
    }
}

/// mux:queue:used-until-handed-over.
#[test]
fn a_message_in_the_writers_hands_takes_room_until_its_last_octet() {
    let mut mux = Mux::with_room((1, 1000), (1, 1000));
    let sender = mux.service(b"sender");
    let slow = mux.service(b"slow");
    assert_eq!(mux.send(sender, &[b"slow", &[0; 10]]), Outcome::Admitted);
    let _ = mux.take(slow);
    mux.core.handle_transmitted(slow, LEN - 1);
    assert_eq!(mux.send(sender, &[b"slow", &[0; 10]]), BUSY);
    assert_eq!((mux.queued(), mux.core.queued_octets()), (1, LEN));
    mux.core.handle_transmitted(slow, 1);
    assert_eq!(mux.send(sender, &[b"slow", &[0; 10]]), Outcome::Admitted);
}

/// mux:queue:service-never-paused, 28:router:never-blocks.
#[test]
fn a_client_that_does_not_read_costs_the_service_nothing_but_those_messages() {
    let mut mux = Mux::with_room((2, 1000), (1000, 1_000_000));
    let service = mux.service(b"engine");
    let (_frozen, frozen_address) = mux.client();
    let (lively, lively_address) = mux.client();
    for _ in 0..100 {
        let _ = mux.send(service, &[&frozen_address, b"x"]);
        assert_eq!(mux.send(service, &[&lively_address, b"x"]), Outcome::Admitted);
        assert_eq!(mux.receive(lively).len(), 1);
    }
    assert_eq!((mux.dropped(DropReason::Busy), mux.queued()), (98, 2));
}

/// mux:queue:overflow-dropped.
#[test]
fn a_writer_is_woken_once_for_all_that_comes_while_it_is_awake() {
    let mut mux = Mux::new();
    let sender = mux.service(b"sender");
    let service = mux.service(b"engine");
    for _ in 0..2 {
        for _ in 0..5 {
            let _ = mux.send(sender, &[b"engine", b"x"]);
        }
        assert_eq!(mux.woken(), [service]);
        assert_eq!(mux.receive(service).len(), 5);
    }
}

/// mux:limit:message-fits.
#[test]
fn the_longest_message_is_read_to_its_end_and_has_room_both_ways() {
    const STEP: usize = 1000;
    let global_pool = PoolLimits { octets: 1 << 20, messages: 2 };
    let limits = MuxLimits { global_pool, ..MuxLimits::default() };
    let longest = limits.message_len_max();
    assert_eq!(longest, 3 << 17);
    let mut mux = Mux::with(limits);
    let (client, address) = mux.client();
    let engine = mux.service(b"engine");
    // In steps, as it arrives: the last one is asked for while all before it is charged.
    let reads = |mux: &mut Mux, len: usize| {
        let mut steps = (0..len).step_by(STEP).chain([len]);
        let all = steps.all(|read| mux.core.handle_partial(client, read) == Charge::Taken);
        let _: Charge = mux.core.handle_partial(client, 0);
        all
    };
    assert!(reads(&mut mux, longest));
    assert!(!reads(&mut mux, longest + FREE_LEN + 2 * STEP), "then the bound is too low");
    let body = vec![0; longest - 100];
    assert_eq!(mux.send(client, &[b"engine", &body]), Outcome::Admitted);
    assert_eq!(mux.receive(engine).len(), 1);
    assert_eq!(mux.send(engine, &[&address, &body]), Outcome::Admitted);
    assert_eq!(mux.receive(client).len(), 1);
}

/// mux:limit:message-grown.
#[test]
fn what_a_service_may_not_send_back_does_not_reach_it() {
    let mut mux = Mux::new();
    let engine = mux.service(b"e");
    let (client, address) = mux.client();
    let longest = zmtp_proto::Limits::default().message_len_max;
    // Two short headers around the address, and a long one before the body.
    let body = vec![b'x'; longest - (2 + address.len()) - 9];
    assert_eq!(mux.send(client, &[b"e", &body]), Outcome::Admitted);
    let sent_back = mux.receive(engine);
    assert_eq!(sent_back, [[&address[..], &body]]);
    assert_eq!(mux.send(engine, &[&address, &body]), Outcome::Admitted);
    assert_eq!(mux.receive(client), [[&b"e"[..], &body]]);
    let longer = [&body[..], b"x"].concat();
    let refused = Outcome::Dropped(DropReason::Malformed);
    assert_eq!(mux.send(client, &[b"e", &longer]), refused);
    assert_eq!((mux.receive(engine).len(), mux.queued()), (0, 0));
}
