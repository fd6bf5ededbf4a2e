//! What an application is told.

use bytes::Bytes;
use zmtp_proto::SocketType::{Dealer, Pub};

use super::Mux;
use crate::core::ListenerRole::{Any, Clients, Services};
use crate::core::{
    Admission, BindingKey, Cause, Delivery, Event, Flight, GoneReason, Limit, MuxLimits,
    NamePolicy, PoolLimits, Principal, Refusal, Rule, Takes, Transmit,
};

/// Opens the end of an application that listens to a relay.
fn observe(mux: &mut Mux) -> BindingKey {
    mux.core.open_local(Takes::Events, Rule::SERVICE, mux.now).unwrap()
}

/// Takes all events, each as a short text.
fn told(mux: &mut Mux, local: BindingKey) -> Vec<String> {
    let (mut flight, mut all) = (Flight::default(), Vec::new());
    while mux.core.poll_transmit(local, 0, &mut flight) == Transmit::Write {
        while let Some(delivery) = flight.take_delivery() {
            let Delivery::Event(number) = delivery else { panic!("{delivery:?}") };
            all.push(brief(&mux.core.take_event(number).unwrap()));
        }
    }
    all
}

fn brief(event: &Event) -> String {
    let name = |name: &Option<crate::core::Name>| {
        name.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    match event {
        Event::Bound(info) => format!("bound {}", name(&info.name)),
        Event::Named { name, .. } => format!("named {name}"),
        Event::Unbound { name: of, reason, .. } => format!("unbound {} {reason:?}", name(of)),
        Event::Returned { reason, .. } => format!("returned {reason:?}"),
        Event::TakenOver { name, .. } => format!("taken over {name}"),
        Event::Fought { name } => format!("fought {name}"),
        Event::Stalled { name: of, .. } => format!("stalled {}", name(of)),
        Event::Drains { name: of, .. } => format!("drains {}", name(of)),
        Event::Refused { reason, times } => format!("refused {reason:?} {times}"),
        Event::Limited { limit, times } => format!("limited {limit:?} {times}"),
    }
}

/// mux:event:kinds, mux:event:from-the-start, mux:event:bound-first, mux:event:unbound-last.
#[test]
fn who_comes_and_goes_is_told_and_who_was_there_before() {
    let mut mux = Mux::new();
    let early = mux.service(b"early");
    let local = observe(&mut mux);
    assert!(mux.core.open_local(Takes::Events, Rule::SERVICE, mux.now).is_none(), "one at most");
    let (late, _) = mux.client();
    mux.close(early);
    mux.core.handle_closed(late, GoneReason::Lost);
    let expected = ["bound early", "bound -", "unbound early Left", "unbound - Lost"];
    assert_eq!(told(&mut mux, local), expected);
    assert_eq!(mux.core.queued_octets(), 0);
}

/// mux:event:kinds.
#[test]
fn a_peer_that_waits_for_its_name_is_told_of_when_it_has_it() {
    let mut mux = Mux::new();
    let local = observe(&mut mux);
    let holder = mux.service(b"engine");
    let next = mux.hold(b"engine");
    let never = mux.hold(b"engine");
    assert_eq!(told(&mut mux, local), ["bound engine"]);
    mux.close(never);
    mux.close(holder);
    assert_eq!(told(&mut mux, local), ["unbound engine Left", "bound engine"]);
    mux.close(next);
    assert_eq!(told(&mut mux, local), ["unbound engine Left"]);
    assert_eq!(mux.core.queued_octets(), 0);
}

/// mux:event:kinds.
#[test]
fn takeovers_and_fights_are_told() {
    let limits =
        MuxLimits { name_policy: NamePolicy::Takeover, takeovers_max: 1, ..MuxLimits::default() };
    let mut mux = Mux::with(limits);
    let local = observe(&mut mux);
    let alice = Principal::User(Bytes::from_static(b"alice"));
    mux.service_of(b"engine", &alice);
    mux.service_of(b"engine", &alice);
    assert!(matches!(mux.claim(b"engine", &alice), Admission::Held { .. }));
    let expected = [
        "bound engine",
        "unbound engine Takeover",
        "taken over engine",
        "bound engine",
        "fought engine",
    ];
    assert_eq!(told(&mut mux, local), expected);
}

/// mux:event:kinds, mux:event:limits, mux:event:counted-together.
#[test]
fn refusals_and_limits_are_counted_together() {
    let limits = MuxLimits { duplicates: 0, ..MuxLimits::default() };
    let mut mux = Mux::with(limits);
    let local = observe(&mut mux);
    for _ in 0..3 {
        assert!(matches!(mux.introduce(Pub, Any, b""), Admission::Refused(Refusal::SocketType)));
    }
    mux.service(b"engine");
    for _ in 0..2 {
        assert_eq!(mux.introduce(Dealer, Services, b"engine"), Admission::Dismissed);
    }
    let expected = ["refused SocketType 3", "bound engine", "limited Duplicates 2"];
    assert_eq!(told(&mut mux, local), expected);
}

/// mux:event:kinds, mux:event:once-at-a-time.
#[test]
fn a_service_that_stalls_or_drains_is_told_of_once_until_that_is_taken() {
    let mut mux = Mux::with_room((1, 1 << 20), (1_000, 1 << 30));
    let local = observe(&mut mux);
    let service = mux.service(b"engine");
    let clients = [1, 2].map(|_| mux.client().0);
    let _ = mux.send(clients[0], &[b"engine", b"fills it"]);
    for client in clients {
        let _ = mux.send(client, &[b"engine", b"waits"]);
        mux.pass(std::time::Duration::from_secs(2));
        let _ = mux.core.poll_pause(client, mux.now);
    }
    let drain = b"MUX\x01\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for _ in 0..2 {
        let _ = mux.send(service, &[b"", drain]);
    }
    let told = told(&mut mux, local);
    let count = |text: &str| told.iter().filter(|told| *told == text).count();
    assert_eq!((count("stalled engine"), count("drains engine")), (1, 1), "{told:?}");
    assert!(told.iter().any(|told| told.starts_with("limited Room")), "{told:?}");
}

/// mux:event:bounded.
#[test]
fn nobody_is_let_in_of_whom_the_application_could_not_be_told() {
    let pool = PoolLimits { octets: 10_000, messages: 100 };
    let mut mux = Mux::with(MuxLimits { global_pool: pool, ..MuxLimits::default() });
    let local = observe(&mut mux);
    let admitted = |mux: &mut Mux| {
        (0..100).filter(|_| mux.introduce(Dealer, Clients, b"") != Admission::Dismissed).count()
    };
    let first = admitted(&mut mux);
    assert!((1..10).contains(&first), "{first}");
    assert!(mux.core.counters().events_full > 0);
    let told = told(&mut mux, local);
    assert_eq!(told.iter().filter(|told| *told == "bound -").count(), first);
    assert!(told.iter().any(|told| told.starts_with(&format!("limited {:?}", Limit::Events))));
    assert!(admitted(&mut mux) > 0, "there is room again");
    mux.core.close_local();
    assert_eq!(mux.core.queued_octets(), 0);
    assert_eq!(admitted(&mut mux), 100, "nobody listens");
}

/// mux:event:to-the-last.
#[test]
fn the_end_of_the_mux_is_told_to_the_last_peer() {
    let mut mux = Mux::new();
    let local = observe(&mut mux);
    let (early, late) = (mux.service(b"early"), mux.service(b"late"));
    mux.close(early);
    mux.core.handle_end();
    assert_eq!(told(&mut mux, local), ["bound early", "bound late", "unbound early Left"]);
    let next = |mux: &mut Mux| mux.core.poll_transmit(local, 0, &mut Flight::default());
    assert_eq!(next(&mut mux), Transmit::Sleep, "one is there yet");
    let _ = mux.woken();
    mux.core.handle_closed(late, GoneReason::LinkLost);
    assert_eq!(mux.woken(), [local]);
    assert_eq!(told(&mut mux, local), ["unbound late LinkLost"]);
    assert_eq!(next(&mut mux), Transmit::End(Cause::MuxEnds));
    assert_eq!(mux.core.queued_octets(), 0);
    // With nobody there it is said at once.
    let mut mux = Mux::new();
    let local = observe(&mut mux);
    let mut next = || mux.core.poll_transmit(local, 0, &mut Flight::default());
    assert_eq!(next(), Transmit::Sleep);
    mux.core.handle_end();
    assert_eq!(mux.woken(), [local]);
}
