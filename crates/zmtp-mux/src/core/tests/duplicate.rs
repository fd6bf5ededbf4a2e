//! Services that claim a name which a service holds.

use std::time::Duration;

use zmtp_proto::SocketType::Dealer;

use super::Mux;
use crate::core::ListenerRole::Services;
use crate::core::{Admission, DropReason, Held, MuxLimits, Outcome};

/// mux:duplicate:holder-keeps.
#[test]
fn a_holder_that_lives_notices_a_newcomer_by_a_ping_at_most() {
    let mut mux = Mux::new();
    let holder = mux.service(b"engine");
    let (client, address) = mux.client();
    let newcomer = mux.hold(b"engine");
    assert_eq!(mux.woken(), [holder], "to be asked");
    assert!(mux.receive(holder).is_empty());
    assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(holder), [[&address[..], b"x"]]);
    assert!(matches!(mux.held(newcomer), Held::Waiting { .. }));
    assert_eq!(mux.send(newcomer, &[b"engine", b"x"]), Outcome::NotBound);
    // Nor can its binding address be used before it is in.
    let held = super::address(mux.tokens);
    assert_eq!(mux.send(client, &[&held, b"x"]), Outcome::Dropped(DropReason::Unknown));
}

/// mux:duplicate:held-then-closed.
#[test]
fn a_newcomer_is_held_for_two_seconds() {
    let mut mux = Mux::new();
    let holder = mux.service(b"engine");
    let Admission::Held { key, until, .. } = mux.introduce(Dealer, Services, b"engine") else {
        panic!("not held");
    };
    assert_eq!(until.duration_since(mux.now).as_millis(), 2000);
    mux.core.handle_octets(holder);
    mux.pass(Duration::from_millis(1999));
    assert_eq!(mux.held(key), Held::Waiting { until });
    mux.pass(Duration::from_millis(1));
    assert_eq!(mux.held(key), Held::Over);
    mux.close(key);
    assert_eq!((mux.held(key), mux.core.bindings()), (Held::End, 1));
}

/// mux:duplicate:longest-waiting-gets-it.
#[test]
fn a_name_that_falls_free_goes_to_who_has_waited_longest() {
    let mut mux = Mux::new();
    let holder = mux.service(b"engine");
    let [gone, first, second] = [(); 3].map(|()| mux.hold(b"engine"));
    let other = mux.service(b"other");
    let other_waiting = mux.hold(b"other");
    mux.close(gone);
    mux.woken();
    mux.close(holder);
    assert_eq!(mux.woken(), [first], "only the heir learns of it");
    assert!(matches!(mux.held(first), Held::Admitted { .. }));
    for waiting in [second, other_waiting] {
        assert!(matches!(mux.held(waiting), Held::Waiting { .. }));
    }
    assert_eq!(mux.send(other, &[b"engine", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(first), [[&b"other"[..], b"x"]]);
    mux.close(first);
    assert!(matches!(mux.held(second), Held::Admitted { .. }));
    assert_eq!(mux.core.counters().duplicates_granted, 2);
}

/// mux:duplicate:places-limited, mux:limit:counted.
#[test]
fn without_a_place_a_newcomer_is_closed_at_once() {
    let mut mux = Mux::with(MuxLimits { duplicates: 2, ..MuxLimits::default() });
    mux.service(b"a");
    mux.service(b"b");
    let first = mux.hold(b"a");
    mux.hold(b"b");
    assert_eq!(mux.introduce(Dealer, Services, b"b"), Admission::Dismissed);
    mux.service(b"c");
    mux.close(first);
    mux.hold(b"b");
    let counters: Vec<_> = mux.core.counters().iter().collect();
    assert!(counters.contains(&("duplicates", 4)) && counters.contains(&("duplicates_full", 1)));
    assert_eq!(MuxLimits::default().duplicates, 8192);
}
