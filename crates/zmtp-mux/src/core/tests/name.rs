//! Names: who has one, who sees it, and who yields.

use zmtp_proto::SocketType::{Dealer, Req};

use super::Mux;
use crate::core::ListenerRole::{Any, Clients, Services};
use crate::core::{Admission, DropReason, Outcome, Standing};

/// mux:name:by-identity, mux:name:one-holder, 28:router:peer-chooses-name.
#[test]
fn a_name_is_its_holders_alone_and_free_when_that_ends() {
    let mut mux = Mux::new();
    let first = mux.service(b"engine");
    let (client, _) = mux.join(Dealer, Any, b"");
    assert!(matches!(mux.introduce(Dealer, Any, b"engine"), Admission::Held { .. }));
    assert_eq!(mux.send(client, &[b"engine", b"1"]), Outcome::Admitted);
    assert_eq!(mux.receive(first).len(), 1);
    let mut mux = Mux::new();
    let first = mux.service(b"engine");
    mux.close(first);
    let second = mux.service(b"engine");
    let (client, _) = mux.client();
    assert_eq!(mux.send(client, &[b"engine", b"2"]), Outcome::Admitted);
    assert_eq!(mux.receive(second).len(), 1);
    assert!(mux.receive(first).is_empty());
}

/// mux:name:one-per-binding.
#[test]
fn a_binding_answers_to_one_name_only() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    let other = mux.service(b"other");
    for name in [&b"engin"[..], b"engine2", b"ENGINE", b"e"] {
        assert_eq!(mux.send(other, &[name, b"x"]), Outcome::Dropped(DropReason::Unknown));
    }
    assert!(mux.receive(service).is_empty());
}

/// mux:role:nameless-service.
#[test]
fn a_service_without_a_name_may_not_send() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    let nameless = mux.introduce(Dealer, Services, b"");
    let Admission::Admitted { key, standing: Standing::Nameless, .. } = nameless else {
        panic!("{nameless:?}");
    };
    assert_eq!(mux.send(key, &[b"engine", b"x"]), Outcome::Dropped(DropReason::Denied));
    assert_eq!(mux.send(key, &[b"nobody", b"x"]), Outcome::Dropped(DropReason::Denied));
    assert!(mux.receive(service).is_empty());
    assert_eq!((mux.dropped(DropReason::Denied), mux.queued()), (2, 0));
}

/// mux:alias:services-only, mux:address:unknown.
#[test]
fn an_alias_is_for_services_and_unknown_to_clients() {
    let mut mux = Mux::new();
    let (named, _) = mux.join(Dealer, Clients, b"ui");
    let service = mux.service(b"engine");
    let (client, _) = mux.client();
    assert_eq!(mux.send(client, &[b"ui", b"x"]), Outcome::Dropped(DropReason::Unknown));
    assert_eq!(mux.send(named, &[b"ui", b"x"]), Outcome::Dropped(DropReason::Unknown));
    assert_eq!(mux.send(service, &[b"ui", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(named), [[&b"engine"[..], b"x"]]);
}

/// mux:alias:yields-to-service, mux:limit:counted.
#[test]
fn a_client_yields_its_alias_to_a_service_and_goes_on() {
    let mut mux = Mux::new();
    let (client, address) = mux.join(Req, Any, b"ui");
    let service = mux.service(b"engine");
    let (named, _) = mux.join(Dealer, Clients, b"gui");
    assert_eq!(mux.send(service, &[b"gui", b"1"]), Outcome::Admitted);
    let taker = mux.service(b"gui");
    assert_eq!(mux.send(service, &[b"gui", b"2"]), Outcome::Admitted);
    assert_eq!(mux.receive(named), [[&b"engine"[..], b"1"]]);
    assert_eq!(mux.receive(taker), [[&b"engine"[..], b"2"]]);
    assert_eq!(mux.send(client, &[b"", b"engine", b"3"]), Outcome::Admitted);
    assert_eq!(mux.receive(service), [[&address[..], b"", b"3"]]);
    mux.close(named);
    assert_eq!(mux.send(service, &[b"gui", b"4"]), Outcome::Admitted, "the taker keeps it");
    assert_eq!(mux.core.counters().aliases_yielded, 1);
}

/// mux:alias:never-waits.
#[test]
fn a_client_whose_alias_is_held_is_served_without_it() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    let (client, address) = mux.join(Dealer, Clients, b"engine");
    assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(service), [[&address[..], b"x"]]);
    let (_, _) = mux.join(Dealer, Clients, b"ui");
    let (late, _) = mux.join(Dealer, Clients, b"ui");
    assert_eq!(mux.send(service, &[b"ui", b"x"]), Outcome::Admitted);
    assert!(mux.receive(late).is_empty());
    mux.close(service);
    assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Dropped(DropReason::Unknown));
    assert_eq!(mux.core.counters().aliases_denied, 2);
}
