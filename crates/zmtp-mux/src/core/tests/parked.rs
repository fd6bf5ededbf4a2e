//! Parked messages, and who waits for what.

use super::Mux;
use crate::core::{
    Charge, DropReason, FREE_LEN, MuxLimits, Notices, Outcome, Pause, PoolLimits, Principal,
};

/// mux:overload:parked-ends.
#[test]
fn what_waits_for_its_return_does_not_keep_others_like_it_waiting() {
    let global_pool = PoolLimits { octets: 64 * 1024, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool, ..MuxLimits::default() });
    let _engine = mux.service(b"engine");
    mux.notices = Notices::Taken;
    let (filler, _) = mux.client();
    mux.core.handle_kept(filler, FREE_LEN + global_pool.octets);
    let clients = [(); 10].map(|()| mux.client().0);
    for client in clients {
        assert_eq!(mux.send(client, &[b"nobody", &[b'x'; 8000]]), Outcome::Parked);
    }
    mux.close(filler);
    // All that is left is more than clients may have of the pool.
    assert!(mux.core.queued_octets() > global_pool.octets);
    for client in clients {
        let now = mux.now;
        assert_eq!(mux.core.poll_pause(client, now), Pause::Read);
    }
    assert_eq!(mux.core.counters().returned_for(DropReason::Unknown), 10);
    let (polite, _) = mux.client();
    assert_eq!(mux.send(polite, &[b"engine", b"x"]), Outcome::Admitted);
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
    assert_eq!(mux.core.handle_partial(nameless, FREE_LEN + 1), Charge::NoRoom);
    assert_eq!(mux.core.handle_partial(engine, len), Charge::Taken);
}
