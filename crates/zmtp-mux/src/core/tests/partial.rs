//! Messages that have begun to arrive, and what was read and is not routed.

use super::Mux;
use crate::core::{Charge, FREE_LEN, MuxLimits, Outcome, PoolLimits, Principal, Supply};

fn is_refused(charge: Charge) -> bool {
    matches!(charge, Charge::NoRoom { .. })
}

/// mux:overload:partial-charged.
#[test]
fn an_unfinished_message_takes_room_before_it_is_read() {
    let all = PoolLimits { octets: 800_000, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let clients = [(); 60].map(|()| mux.client().0);
    let free = 8 * 1024;
    assert_eq!(mux.core.handle_partial(clients[0], free), Charge::Taken);
    assert_eq!(mux.core.queued_octets(), 0);
    let mut charged = 0;
    for client in clients {
        if mux.core.handle_partial(client, free + 50_000) == Charge::Taken {
            charged += 1;
        }
    }
    assert_eq!(charged, 12, "a quarter is for whole messages, half of it for those of services");
    assert_eq!(mux.core.counters().partials_held_up, 48);
    mux.close(clients[0]);
    assert_eq!(mux.core.handle_partial(clients[59], free + 50_000), Charge::Taken);
    for client in clients {
        mux.close(client);
    }
    assert_eq!(mux.core.queued_octets(), 0);
}

/// mux:overload:partial-quarter.
#[test]
fn who_begins_long_messages_leaves_room_for_requests() {
    let all = PoolLimits { octets: 8 << 20, messages: 100_000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let engine = mux.service(b"engine");
    for client in [(); 200].map(|()| mux.client().0) {
        let mut octets = 64 * 1024;
        while octets < 16 << 20 && mux.core.handle_partial(client, octets) == Charge::Taken {
            octets *= 2;
        }
    }
    let (polite, _) = mux.client();
    assert_eq!(mux.send(polite, &[b"engine", &[b'x'; 64]]), Outcome::Admitted);
    assert_eq!(mux.core.handle_partial(engine, 1 << 20), Charge::Taken);
}

/// mux:overload:partial-lent.
#[test]
fn a_service_is_lent_what_clients_have_taken_and_services_share_an_eighth() {
    let all = PoolLimits { octets: 800_000, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let (filler, _) = mux.client();
    mux.core.handle_kept(filler, FREE_LEN + all.octets);
    let [first, second, third] = [b"first", b"secnd", b"third"].map(|name| mux.service(name));
    // As much as its message wants, if it is the only one.
    assert_eq!(mux.core.handle_partial(first, FREE_LEN + 500_000), Charge::Taken);
    assert_eq!(mux.core.queued_octets(), all.octets + 500_000);
    assert_eq!(mux.core.handle_partial(second, FREE_LEN), Charge::Taken);
    assert!(is_refused(mux.core.handle_partial(second, FREE_LEN + 1)));
    assert_eq!(mux.core.handle_partial(first, FREE_LEN + 900_000), Charge::Taken);
    // It is whole, or its sender is gone.
    let _: Charge = mux.core.handle_partial(first, 0);
    assert_eq!(mux.core.handle_partial(second, FREE_LEN + 50_000), Charge::Taken);
    assert_eq!(mux.core.handle_partial(third, FREE_LEN + 50_000), Charge::Taken);
    assert!(is_refused(mux.core.handle_partial(third, FREE_LEN + 50_001)));
    mux.close(second);
    assert_eq!(mux.core.handle_partial(third, FREE_LEN + 900_000), Charge::Taken);
    mux.close(third);
    mux.close(filler);
    assert_eq!(mux.core.queued_octets(), 0);
}

/// mux:overload:partial-lent, mux:overload:kept-charged.
#[test]
fn what_was_read_of_services_beyond_their_loan_takes_no_room_from_clients() {
    let all = PoolLimits { octets: 800_000, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let (filler, _) = mux.client();
    mux.core.handle_kept(filler, FREE_LEN + 600_000);
    let [first, second] = [b"first", b"secnd"].map(|name| mux.service(name));
    for service in [first, second, first, second] {
        let _: Charge = mux.core.handle_partial(service, 0);
        mux.core.handle_kept(service, FREE_LEN + 400_000);
    }
    assert_eq!(mux.core.queued_octets(), 1_400_000);
    let (polite, _) = mux.client();
    assert_eq!(mux.send(polite, &[b"first", &[b'x'; 1000]]), Outcome::Admitted);
    for key in [first, second, filler, polite] {
        mux.close(key);
    }
    assert_eq!(mux.core.queued_octets(), 0);
}

/// mux:overload:partial-charged.
#[test]
fn many_that_are_not_read_on_look_seldom() {
    let all = PoolLimits { octets: 800_000, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let look = |mux: &mut Mux, client| {
        let charge = mux.core.handle_partial(client, FREE_LEN + all.octets);
        let Charge::NoRoom { look } = charge else { panic!("{charge:?}") };
        look
    };
    let clients: Vec<_> = (0..640).map(|_| mux.client().0).collect();
    let looks: Vec<_> = clients.iter().map(|&client| look(&mut mux, client)).collect();
    assert_eq!(looks[639], looks[0] * 11);
    // Some go, and others read on.
    for &client in &clients[..300] {
        mux.close(client);
    }
    for &client in &clients[300..639] {
        let _: Charge = mux.core.handle_partial(client, FREE_LEN);
    }
    assert_eq!(look(&mut mux, clients[639]), looks[0]);
}

/// mux:overload:kept-charged.
#[test]
fn what_was_read_and_is_not_routed_takes_room() {
    let all = PoolLimits { octets: 800_000, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let clients = [(); 20].map(|()| mux.client().0);
    for (client, before) in clients.into_iter().zip(0..) {
        assert_eq!(mux.core.supply() == Supply::Short, before > 8, "behind {before} clients");
        mux.core.handle_kept(client, FREE_LEN + 50_000);
    }
    assert_eq!(mux.core.queued_octets(), 20 * 50_000, "it is there, whether there is room or not");
    assert_eq!(mux.core.counters().partials_held_up, 0, "and was read");
    for client in clients {
        mux.core.handle_kept(client, FREE_LEN);
    }
    assert_eq!((mux.core.queued_octets(), mux.core.supply()), (0, Supply::Ample));
}

/// mux:overload:partial-charged, mux:role:nameless-service.
#[test]
fn who_has_no_name_yet_begins_no_long_message() {
    let global_pool = PoolLimits { octets: 64 * 1024, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool, ..MuxLimits::default() });
    let nameless = mux.nameless(&Principal::None);
    let engine = mux.service(b"engine");
    let len = FREE_LEN + 2 * global_pool.octets;
    assert_eq!(mux.core.handle_partial(nameless, FREE_LEN), Charge::Taken);
    assert!(is_refused(mux.core.handle_partial(nameless, FREE_LEN + 1)));
    assert_eq!(mux.core.handle_partial(engine, len), Charge::Taken);
}
