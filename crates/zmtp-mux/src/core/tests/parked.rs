//! Parked messages, and who waits for what.

use std::time::Duration;

use super::Mux;
use crate::core::{
    DropReason, FREE_LEN, MuxLimits, Notices, Origin, Outcome, Pause, PoolLimits, Rule, Rules,
    Share,
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

/// mux:overload:block-clients-only.
#[test]
fn many_that_wait_for_their_share_look_seldom() {
    let rule = Rule { block_timeout: Duration::ZERO, ..Rule::SERVICE };
    let mut mux = Mux::ruled(MuxLimits::default(), Rules { service: rule, ..Rules::default() });
    let _engine = mux.service(b"engine");
    mux.share = Share::At(Origin::of(Some("10.0.0.1".parse().unwrap())));
    let clients: Vec<_> = (0..3000).map(|_| mux.client().0).collect();
    for &client in &clients {
        while mux.send(client, &[b"engine", &vec![b'x'; 100_000]]) != Outcome::Parked {}
    }
    let now = mux.now;
    let Pause::Wait { until } = mux.core.poll_pause(clients[0], now) else { panic!("read") };
    assert!(until - now > Duration::from_millis(900), "{:?}", until - now);
    for &client in &clients[100..] {
        mux.close(client);
    }
    let Pause::Wait { until } = mux.core.poll_pause(clients[0], now) else { panic!("read") };
    assert!(until - now <= Duration::from_millis(40), "{:?}", until - now);
}
