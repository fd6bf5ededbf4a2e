//! Names that are taken over.

use std::time::Duration;

use bytes::Bytes;
use zmtp_proto::SocketType::{Dealer, Req};
use zmtp_proto::curve::PublicKey;

use super::{Mux, in_as_service};
use crate::core::ListenerRole::Clients;
use crate::core::{
    Admission, BindingKey, Cause, DropReason, Flight, Held, MuxLimits, NamePolicy, Outcome,
    Principal, Transmit,
};

fn alice() -> Principal {
    Principal::User(Bytes::from_static(b"alice"))
}

fn keys() -> [Principal; 2] {
    [1, 2].map(|octet| Principal::Key(PublicKey::from_octets([octet; 32])))
}

fn with_policy(name_policy: NamePolicy) -> Mux {
    Mux::with(MuxLimits { name_policy, ..MuxLimits::default() })
}

fn ends(mux: &mut Mux, key: BindingKey, cause: Cause) {
    assert_eq!(mux.core.poll_end(key), Some(cause));
    let mut flight = Flight::default();
    assert_eq!(mux.core.poll_transmit(key, 0, &mut flight), Transmit::End(cause));
    assert!(flight.is_empty());
}

/// mux:takeover:same-principal, mux:generation:every-holder.
#[test]
fn the_same_principal_takes_over_at_once_and_ever_higher() {
    for principal in keys().into_iter().chain([alice()]) {
        let mut mux = Mux::new();
        let (client, address) = mux.client();
        let (first, one) = in_as_service(mux.claim(b"engine", &principal));
        let (second, two) = in_as_service(mux.claim(b"engine", &principal));
        assert!(two > one);
        assert_eq!(mux.woken(), [first], "to end");
        assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Admitted);
        assert_eq!(mux.receive(second), [[&address[..], b"x"]]);
        ends(&mut mux, first, Cause::Takeover);
        let counters = mux.core.counters();
        assert_eq!((counters.takeovers, counters.duplicates, counters.probes), (1, 1, 0));
    }
}

/// mux:takeover:closes-loser, mux:delivery:destination-gone, mux:delivery:source-gone.
#[test]
fn the_loser_is_gone_at_once_and_nothing_of_it_is_inherited() {
    let mut mux = Mux::new();
    let [key, _] = keys();
    let loser = mux.service_of(b"engine", &key);
    let binding = super::address(mux.tokens);
    let (client, address) = mux.client();
    assert_eq!(mux.send(client, &[b"engine", b"1"]), Outcome::Admitted);
    assert_eq!(mux.send(client, &[b"engine", b"2"]), Outcome::Admitted);
    let flight = mux.take(loser);
    let winner = mux.service_of(b"engine", &key);
    assert_eq!(mux.send(loser, &[&address, b"late"]), Outcome::NotBound);
    assert_eq!(mux.send(client, &[&binding, b"3"]), Outcome::Dropped(DropReason::Unknown));
    assert!(mux.receive(winner).is_empty());
    assert_eq!((mux.dropped(DropReason::Unreachable), mux.queued()), (2, 0));
    assert_eq!((mux.core.queued_octets(), mux.core.bindings()), (0, 2));
    drop(flight);
    ends(&mut mux, loser, Cause::Takeover);
    // Its task ends later, which costs the winner nothing.
    mux.close(loser);
    assert_eq!(mux.core.poll_end(loser), Some(Cause::MuxEnds), "forgotten");
    assert_eq!(mux.send(client, &[b"engine", b"4"]), Outcome::Admitted);
    assert_eq!(mux.receive(winner), [[&address[..], b"4"]]);
}

/// mux:takeover:never-from-another.
#[test]
fn nobody_takes_the_name_of_another_authenticated_principal() {
    let [key, other] = keys();
    let uid = Principal::Ipc { uid: 1, gid: 1 };
    for policy in [NamePolicy::Auto, NamePolicy::Takeover] {
        for claimant in [&other, &alice(), &uid, &Principal::None] {
            let mut mux = with_policy(policy);
            let holder = mux.service_of(b"engine", &key);
            let claim = mux.claim(b"engine", claimant);
            let Admission::Held { key: held, .. } = claim else { panic!("{claim:?}") };
            assert!(mux.woken().is_empty(), "the holder is not even asked");
            mux.pass(Duration::from_secs(2));
            assert_eq!(mux.held(held), Held::Over);
            assert_eq!(mux.core.poll_end(holder), None);
        }
    }
}

/// mux:takeover:never-from-another, mux:duplicate:longest-waiting-gets-it.
#[test]
fn a_name_that_falls_free_is_anybodys() {
    let mut mux = Mux::new();
    let [key, other] = keys();
    let holder = mux.service_of(b"engine", &key);
    let Admission::Held { key: first, .. } = mux.claim(b"engine", &other) else {
        panic!("not held");
    };
    mux.close(holder);
    assert!(matches!(mux.held(first), Held::Admitted { .. }));
    assert!(matches!(mux.claim(b"engine", &key), Admission::Held { .. }), "now it is the other's");
}

/// mux:takeover:same-principal, mux:duplicate:longest-waiting-gets-it.
#[test]
fn a_takeover_passes_those_who_wait() {
    let mut mux = Mux::new();
    let [key, other] = keys();
    let loser = mux.service_of(b"engine", &key);
    let Admission::Held { key: waiting, .. } = mux.claim(b"engine", &other) else {
        panic!("not held");
    };
    let winner = mux.service_of(b"engine", &key);
    assert!(matches!(mux.held(waiting), Held::Waiting { .. }));
    mux.close(loser);
    assert!(matches!(mux.held(waiting), Held::Waiting { .. }));
    mux.close(winner);
    assert!(matches!(mux.held(waiting), Held::Admitted { .. }));
}

/// mux:takeover:authenticated.
#[test]
fn a_user_of_this_machine_and_nobody_in_particular_take_nothing_over() {
    for principal in [Principal::Ipc { uid: 7, gid: 7 }, Principal::None] {
        let mut mux = Mux::new();
        mux.service_of(b"engine", &principal);
        assert!(matches!(mux.claim(b"engine", &principal), Admission::Held { .. }));
        assert_eq!(mux.core.counters().takeovers, 0);
    }
}

/// mux:takeover:policy.
#[test]
fn the_policy_may_be_that_nobody_takes_over_or_whoever_comes_last() {
    let mut mux = with_policy(NamePolicy::Reject);
    let [key, _] = keys();
    mux.service_of(b"engine", &key);
    mux.service(b"idle");
    assert!(matches!(mux.claim(b"engine", &key), Admission::Held { .. }));
    mux.hold(b"idle");
    assert!(mux.woken().is_empty());

    let mut mux = with_policy(NamePolicy::Takeover);
    let first = mux.service(b"idle");
    mux.service(b"idle");
    ends(&mut mux, first, Cause::Takeover);
}

/// mux:takeover:fight, mux:limit:counted.
#[test]
fn a_name_fought_over_stays_with_its_holder_until_that_ends() {
    let mut mux = Mux::new();
    let [key, other] = keys();
    // Old ones do not count.
    for _ in 0..20 {
        mux.service_of(b"engine", &key);
        mux.pass(Duration::from_secs(12));
    }
    let holder = mux.service_of(b"engine", &key);
    let before = mux.core.counters().takeovers;
    assert_eq!((before, mux.core.counters().fights), (20, 0), "five in a minute");
    let claim = mux.claim(b"engine", &key);
    let Admission::Held { key: heir, .. } = claim else { panic!("{claim:?}") };
    mux.pass(Duration::from_hours(1));
    let later = mux.claim(b"engine", &key);
    assert!(matches!(later, Admission::Held { .. }), "not before its holder ends");
    let counters = mux.core.counters();
    assert_eq!((counters.takeovers, counters.fights), (before, 1));
    // Others' names are none of this.
    mux.service_of(b"other", &other);
    mux.service_of(b"other", &other);
    mux.close(holder);
    assert!(matches!(mux.held(heir), Held::Admitted { .. }));
    mux.service_of(b"engine", &key);
    ends(&mut mux, heir, Cause::Takeover);
}

/// mux:takeover:not-while-draining.
#[test]
fn nobody_takes_over_while_the_mux_ends() {
    let mut mux = Mux::new();
    let [key, _] = keys();
    mux.service_of(b"engine", &key);
    mux.service(b"idle");
    let waiting = mux.hold(b"idle");
    let idle = mux.core.directory.holder(b"idle").unwrap();
    assert!(mux.receive(idle).is_empty(), "the PING is written");
    mux.core.handle_drain();
    assert!(matches!(mux.claim(b"engine", &key), Admission::Held { .. }));
    mux.pass(Duration::from_secs(2));
    assert_eq!(mux.held(waiting), Held::Over, "the probe is void");
    mux.core.handle_end();
    assert_eq!(mux.held(waiting), Held::End);
    assert_eq!((mux.core.counters().takeovers, mux.core.counters().evictions), (0, 0));
}

/// mux:alias:yields-to-service, mux:alias:never-waits.
#[test]
fn an_alias_is_not_taken_over_but_yields_and_takes_nothing() {
    let mut mux = Mux::new();
    let [key, _] = keys();
    let (client, _) = mux.join(Req, Clients, b"engine");
    let service = mux.service_of(b"engine", &key);
    mux.join(Dealer, Clients, b"engine");
    assert_eq!((mux.core.poll_end(client), mux.core.poll_end(service)), (None, None));
    let counters = mux.core.counters();
    assert_eq!((counters.takeovers, counters.probes, counters.aliases_yielded), (0, 0, 1));
}
