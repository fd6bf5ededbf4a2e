//! Holders that are asked whether they live.

use std::time::Duration;

use zmtp_proto::SocketType::Dealer;
use zmtp_proto::Version;

use super::Mux;
use crate::core::ListenerRole::Services;
use crate::core::model::parts::Item;
use crate::core::model::wire::decode;
use crate::core::notice::{Header, NoticeKind};
use crate::core::{
    Admission, BindingKey, Cause, Charge, DropReason, Held, Introduction, MuxLimits, Notices,
    Outcome, PoolLimits,
};

const TIMEOUT: Duration = Duration::from_secs(2);
const ALMOST: Duration = Duration::from_millis(1_999);

/// Writes out all that waits for a holder, and counts the PINGs in it.
fn pings(mux: &mut Mux, holder: BindingKey) -> usize {
    let mut flight = crate::core::Flight::default();
    let _ = mux.core.poll_transmit(holder, 0, &mut flight);
    let octets = super::in_flight(&flight);
    mux.core.handle_transmitted(holder, octets.len());
    decode(&octets).iter().filter(|item| **item == Item::Ping).count()
}

fn evictions(mux: &Mux) -> u64 {
    mux.core.counters().evictions
}

/// mux:probe:ping, mux:probe:ghost-evicted, mux:takeover:closes-loser.
#[test]
fn a_holder_that_does_not_answer_a_ping_in_two_seconds_loses_its_name() {
    let mut mux = Mux::new();
    let ghost = mux.service(b"engine");
    let newcomer = mux.hold(b"engine");
    let until = mux.now + TIMEOUT;
    assert_eq!(mux.held(newcomer), Held::Waiting { until });
    assert_eq!(pings(&mut mux, ghost), 1);
    mux.woken();
    mux.pass(ALMOST);
    assert_eq!(mux.held(newcomer), Held::Waiting { until });
    mux.now = until;
    assert!(matches!(mux.held(newcomer), Held::Admitted { .. }));
    assert_eq!(mux.woken().len(), 2, "both learn of it");
    assert_eq!(mux.core.poll_end(ghost), Some(Cause::Evicted));
    let (client, address) = mux.client();
    assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(newcomer), [[&address[..], b"x"]]);
    let counters = mux.core.counters();
    assert_eq!((counters.probes, counters.evictions, counters.duplicates_granted), (1, 1, 1));
    assert_eq!(mux.core.bindings(), 2);
    mux.close(ghost);
    assert_eq!(mux.core.poll_end(newcomer), None);
}

/// mux:probe:any-octet-is-life, mux:duplicate:holder-keeps.
#[test]
fn any_octet_from_the_holder_within_the_time_keeps_its_name() {
    let mut mux = Mux::new();
    let holder = mux.service(b"engine");
    let newcomer = mux.hold(b"engine");
    pings(&mut mux, holder);
    mux.pass(ALMOST);
    mux.core.handle_octets(holder);
    mux.pass(Duration::from_millis(1));
    assert_eq!(mux.held(newcomer), Held::Over);
    assert_eq!((mux.core.poll_end(holder), evictions(&mux)), (None, 0));
    // The next claim is a question of its own.
    mux.close(newcomer);
    let next = mux.hold(b"engine");
    assert_eq!(pings(&mut mux, holder), 1);
    mux.pass(TIMEOUT);
    assert!(matches!(mux.held(next), Held::Admitted { .. }));
}

/// mux:probe:one-at-a-time, mux:duplicate:longest-waiting-gets-it.
#[test]
fn a_holder_is_asked_once_for_all_who_wait_and_the_longest_waiting_gets_the_name() {
    let mut mux = Mux::new();
    let ghost = mux.service(b"engine");
    let first = mux.hold(b"engine");
    mux.pass(TIMEOUT / 2);
    let second = mux.hold(b"engine");
    assert_eq!((pings(&mut mux, ghost), mux.core.counters().probes), (1, 1));
    let until = mux.now + TIMEOUT / 2;
    assert_eq!(mux.held(second), Held::Waiting { until }, "it asks when the probe ends");
    mux.now = until;
    assert!(matches!(mux.held(second), Held::Waiting { .. }), "for another second");
    assert!(matches!(mux.held(first), Held::Admitted { .. }));
    mux.pass(TIMEOUT / 2);
    assert_eq!(mux.held(second), Held::Over);
}

/// mux:probe:busy-is-alive.
#[test]
fn a_holder_that_cannot_be_asked_or_has_something_to_read_is_no_ghost() {
    let mut mux = Mux::new();
    let old = mux.introduction(Dealer, Services, b"old");
    let old = Introduction { version: Version::V3_0, ..old };
    assert!(matches!(
        mux.core.handle_introduction(old, mux.now, mux.wall),
        Admission::Admitted { .. }
    ));
    let (client, _) = mux.client();
    let queued = mux.service(b"queued");
    assert_eq!(mux.send(client, &[b"queued", b"x"]), Outcome::Admitted);
    let handed_over = mux.service(b"handed over");
    assert_eq!(mux.send(client, &[b"handed over", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(handed_over).len(), 1);
    mux.woken();
    let held = [&b"old"[..], b"queued", b"handed over"].map(|name| mux.hold(name));
    assert!(mux.woken().is_empty(), "none is asked");
    mux.pass(TIMEOUT);
    for key in held {
        assert_eq!(mux.held(key), Held::Over);
        mux.close(key);
    }
    assert_eq!((evictions(&mux), mux.core.poll_end(queued)), (0, None));
    // Once it was heard it is idle again.
    mux.core.handle_octets(handed_over);
    let next = mux.hold(b"handed over");
    pings(&mut mux, handed_over);
    mux.pass(TIMEOUT);
    assert!(matches!(mux.held(next), Held::Admitted { .. }));
}

/// mux:probe:busy-is-alive.
#[test]
fn a_holder_that_is_sent_something_while_it_is_asked_is_no_ghost() {
    let mut mux = Mux::new();
    let holder = mux.service(b"engine");
    let newcomer = mux.hold(b"engine");
    let (client, _) = mux.client();
    assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(holder).len(), 1);
    mux.pass(TIMEOUT);
    assert_eq!((mux.held(newcomer), evictions(&mux)), (Held::Over, 0));
}

/// mux:probe:ghost-evicted.
#[test]
fn a_ping_that_is_not_written_proves_nothing() {
    let mut mux = Mux::new();
    let holder = mux.service(b"engine");
    let newcomer = mux.hold(b"engine");
    mux.pass(TIMEOUT);
    assert_eq!((mux.held(newcomer), evictions(&mux)), (Held::Over, 0));
    assert_eq!(pings(&mut mux, holder), 1, "it can still be");
}

/// mux:probe:outlives-newcomers.
#[test]
fn a_probe_goes_on_when_the_newcomer_leaves_and_the_next_finds_the_answer() {
    let mut mux = Mux::new();
    let ghost = mux.service(b"engine");
    let newcomer = mux.hold(b"engine");
    pings(&mut mux, ghost);
    mux.close(newcomer);
    mux.pass(2 * TIMEOUT);
    assert_eq!(evictions(&mux), 0, "nobody wants the name");
    mux.service(b"engine");
    assert_eq!((evictions(&mux), mux.core.counters().probes), (1, 1));
    assert_eq!(mux.core.poll_end(ghost), Some(Cause::Evicted));
}

/// mux:probe:outlives-newcomers, mux:duplicate:longest-waiting-gets-it.
#[test]
fn when_the_newcomer_that_began_a_probe_leaves_who_waits_longest_is_woken() {
    let hold = 5 * TIMEOUT;
    let mut mux = Mux::with(MuxLimits { duplicate_hold: hold, ..MuxLimits::default() });
    let holder = mux.service(b"engine");
    let first = mux.hold(b"engine");
    let first_until = mux.now + hold;
    pings(&mut mux, holder);
    mux.core.handle_octets(holder);
    assert_eq!(mux.held(first), Held::Waiting { until: first_until }, "it sleeps for long");
    let second = mux.hold(b"engine");
    let until = mux.now + TIMEOUT;
    pings(&mut mux, holder);
    mux.woken();
    mux.close(second);
    assert_eq!(mux.woken(), [first]);
    assert_eq!(mux.held(first), Held::Waiting { until });
    mux.now = until;
    assert!(matches!(mux.held(first), Held::Admitted { .. }));
}

/// mux:probe:outlives-newcomers.
#[test]
fn a_probe_ends_with_the_holder_and_says_nothing_of_the_next() {
    let mut mux = Mux::new();
    let holder = mux.service(b"engine");
    let [heir, second] = [(); 2].map(|()| mux.hold(b"engine"));
    pings(&mut mux, holder);
    mux.close(holder);
    mux.pass(TIMEOUT);
    assert!(matches!(mux.held(heir), Held::Admitted { .. }));
    assert_eq!(mux.held(second), Held::Over);
    assert_eq!((mux.core.poll_end(heir), evictions(&mux)), (None, 0));
}

/// mux:probe:busy-is-alive, mux:liveness:busy-service, mux:liveness:busy-client.
#[test]
fn notices_are_something_to_read_and_who_is_not_read_cannot_answer() {
    let all = PoolLimits { octets: 1 << 20, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    mux.notices = Notices::Taken;
    let limits = MuxLimits::default();
    // One was told of a service, one has a RETURN, and of one no more is read.
    let watching = mux.service(b"watching");
    let watch = Header::new(NoticeKind::Watch).encode();
    assert_eq!(mux.send(watching, &[&b""[..], &watch, b"*"]), Outcome::Heard);
    let _ = mux.receive(watching);
    mux.core.handle_octets(watching);
    let (client, _) = mux.client();
    let returned = mux.service(b"returned");
    assert!(!mux.receive(watching).is_empty());
    for peer in [returned, client] {
        let sent = mux.send(peer, &[&b"nobody"[..], b"x"]);
        assert_eq!(sent, Outcome::Returned(DropReason::Unknown));
        assert_eq!(mux.receive(peer).len(), 1);
    }
    assert_eq!(mux.core.patience(watching), limits.busy_service);
    assert_eq!(mux.core.patience(client), limits.busy_client);
    let unread = mux.service(b"unread");
    let _ = mux.receive(watching);
    assert_eq!(mux.core.handle_partial(client, 700_000), Charge::Taken);
    let other = mux.service(b"other");
    assert_eq!(mux.core.handle_partial(other, 600_000), Charge::Taken, "it is lent");
    assert_ne!(mux.core.handle_partial(unread, 600_000), Charge::Taken);
    for name in [&b"watching"[..], b"returned", b"unread"] {
        let newcomer = mux.hold(name);
        mux.pass(TIMEOUT);
        assert_eq!(mux.held(newcomer), Held::Over, "{}", name.escape_ascii());
        mux.close(newcomer);
    }
    assert_eq!((evictions(&mux), mux.core.counters().probes), (0, 0));
}
