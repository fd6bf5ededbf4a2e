//! Who can be addressed how, and as what a source is shown.

use zmtp_proto::SocketType::{Dealer, Rep, Req};

use super::Mux;
use crate::core::ListenerRole::{Any, Clients, Services};
use crate::core::{Admission, DropReason, Introduction, Outcome, Standing, Token};

/// mux:address:service-shown-by-name, mux:address:client-shown-by-binding,
/// mux:address:binding-is-capability.
#[test]
fn a_service_sees_bindings_and_a_client_sees_names() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    for name in [&b""[..], b"ui"] {
        let (client, address) = mux.join(Dealer, Clients, name);
        assert_eq!(mux.send(client, &[b"engine", b"ask"]), Outcome::Admitted);
        assert_eq!(mux.receive(service), [[&address[..], b"ask"]]);
        assert_eq!(mux.send(service, &[&address, b"reply"]), Outcome::Admitted);
        assert_eq!(mux.receive(client), [[b"engine", &b"reply"[..]]]);
    }
}

/// mux:address:binding-is-capability.
#[test]
fn any_peer_may_send_to_a_client_whose_binding_it_knows() {
    let mut mux = Mux::new();
    let (client, address) = mux.client();
    let (other, others_address) = mux.client();
    assert_eq!(mux.send(other, &[&address, b"hi"]), Outcome::Admitted);
    assert_eq!(mux.receive(client), [[&others_address[..], b"hi"]]);
}

/// mux:address:service-binding, 28:router:no-route-drops.
#[test]
fn the_binding_address_of_a_service_reaches_it_while_it_lives_and_nobody_afterwards() {
    let mut mux = Mux::new();
    let (service, address) = mux.join(Dealer, Services, b"engine");
    let (client, _) = mux.client();
    assert_eq!(mux.send(client, &[&address, b"ask"]), Outcome::Admitted);
    assert_eq!(mux.receive(service).len(), 1);
    mux.close(service);
    let next = mux.service(b"engine");
    assert_eq!(mux.core.counters().late_replies, 0);
    assert_eq!(mux.send(client, &[&address, b"ask"]), Outcome::Dropped(DropReason::Unknown));
    assert_eq!(mux.send(client, &[b"nobody", b"ask"]), Outcome::Dropped(DropReason::Unknown));
    assert_eq!(mux.core.counters().late_replies, 1, "and no message to a name");
    assert!(mux.receive(next).is_empty());
}

/// mux:address:binding-never-reused, 28:router:unique-address.
#[test]
fn a_binding_address_that_is_taken_is_not_given_again() {
    let mut mux = Mux::new();
    let (_, first) = mux.client();
    let again = mux.introduction(Dealer, Clients, b"");
    let again = Introduction { token: Token(1_u64.to_be_bytes()), ..again };
    assert_eq!(mux.core.handle_introduction(again, mux.now, mux.wall), Admission::Dismissed);
    assert_eq!(mux.core.bindings(), 1);
    let (_, second) = mux.client();
    assert_ne!(first, second);
}

/// mux:address:mux-unclaimable, mux:envelope:to-mux, mux:conservation:received-once.
#[test]
fn what_is_sent_to_the_mux_reaches_nobody() {
    let mut mux = Mux::new();
    let (client, _) = mux.join(Dealer, Any, b"");
    let nameless = mux.introduce(Dealer, Services, b"");
    assert!(matches!(nameless, Admission::Admitted { standing: Standing::Nameless, .. }));
    assert_eq!(mux.send(client, &[b"", b"hello"]), Outcome::Heard);
    assert_eq!(mux.send(client, &[b"anybody"]), Outcome::SingleFrame);
    let counters = mux.core.counters();
    assert_eq!((counters.received, counters.to_mux, counters.single_frame), (0, 1, 1));
    assert_eq!(mux.queued(), 0);
    assert!(mux.woken().is_empty());
}

/// mux:envelope:to-self.
#[test]
fn a_peer_may_send_to_itself() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    let (client, address) = mux.client();
    assert_eq!(mux.send(service, &[b"engine", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(service), [[b"engine", &b"x"[..]]]);
    assert_eq!(mux.send(client, &[&address, b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(client), [[&address[..], b"x"]]);
}

/// 28:rep:envelope-returned, mux:envelope:rest-unchanged.
#[test]
fn a_rep_gets_the_envelope_and_its_reply_finds_the_way_back() {
    let mut mux = Mux::new();
    let (rep, _) = mux.join(Rep, Services, b"clock");
    let (client, address) = mux.client();
    assert_eq!(mux.send(client, &[b"clock", b"id", b"", b"time?"]), Outcome::Admitted);
    assert_eq!(mux.receive(rep), [[&address[..], b"id", b"", b"time?"]]);
    assert_eq!(mux.send(rep, &[&address, b"id", b"", b"noon"]), Outcome::Admitted);
    assert_eq!(mux.receive(client), [[&b"clock"[..], b"id", b"", b"noon"]]);
}

/// 28:rep:envelope-returned, mux:envelope:rest-unchanged, mux:req:address-after-delimiter.
#[test]
fn a_rep_gets_the_request_id_of_a_req_as_well_and_returns_it() {
    let mut mux = Mux::new();
    let (rep, _) = mux.join(Rep, Services, b"clock");
    let (req, address) = mux.join(Req, Clients, b"");
    assert_eq!(mux.send(req, &[b"id", b"", b"clock", b"time?"]), Outcome::Admitted);
    assert_eq!(mux.receive(rep), [[&address[..], b"id", b"", b"time?"]]);
    assert_eq!(mux.send(rep, &[&address, b"id", b"", b"noon"]), Outcome::Admitted);
    assert_eq!(mux.receive(req), [[&b"id"[..], b"", b"clock", b"noon"]]);
}
