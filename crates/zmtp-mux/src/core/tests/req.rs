//! REQ: one answer, and only the right one.

use zmtp_proto::SocketType::{Rep, Req};
use zmtp_proto::{Context, Pong};

use super::{Mux, in_flight};
use crate::core::ListenerRole::{Clients, Services};
use crate::core::{BindingKey, DropReason, Outcome};

const MALFORMED: Outcome = Outcome::Dropped(DropReason::Malformed);

/// A REQ with its address, and a service.
fn pair() -> (Mux, BindingKey, Vec<u8>, BindingKey) {
    let mut mux = Mux::new();
    let (req, address) = mux.join(Req, Clients, b"");
    let service = mux.service(b"engine");
    (mux, req, address, service)
}

/// mux:req:lock-step-open, mux:req:answer-closes.
#[test]
fn a_req_gets_one_answer_to_a_request_and_none_without() {
    let (mut mux, req, address, service) = pair();
    assert_eq!(mux.send(service, &[&address, b"", b"too early"]), MALFORMED);
    assert_eq!(mux.send(req, &[b"id", b"", b"engine", b"ask"]), Outcome::Admitted);
    assert_eq!(mux.receive(service), [[&address[..], b"id", b"", b"ask"]]);
    assert_eq!(mux.send(service, &[&address, b"id", b"", b"reply"]), Outcome::Admitted);
    assert_eq!(mux.send(service, &[&address, b"id", b"", b"again"]), MALFORMED);
    assert_eq!(mux.receive(req), [[&b"id"[..], b"", b"engine", b"reply"]]);
    assert_eq!((mux.dropped(DropReason::Malformed), mux.queued()), (2, 0));
}

/// mux:req:lock-step-binding, mux:req:lock-step-prefix, 28:req:only-asked-peer-answers.
#[test]
fn what_is_not_the_answer_is_refused_and_leaves_the_request_open() {
    let (mut mux, req, address, service) = pair();
    let other = mux.service(b"other");
    assert_eq!(mux.send(req, &[b"", b"engine", b"ask"]), Outcome::Admitted);
    assert_eq!(mux.send(other, &[&address, b"", b"x"]), MALFORMED);
    assert_eq!(mux.send(service, &[&address, b"id", b"", b"x"]), MALFORMED);
    assert_eq!(mux.send(service, &[&address, b"x"]), MALFORMED);
    assert_eq!(mux.send(service, &[&address, b"", b"reply"]), Outcome::Admitted);
    assert_eq!(mux.receive(req), [[&b""[..], b"engine", b"reply"]]);
}

/// mux:req:lock-step-binding.
#[test]
fn another_holder_of_the_name_does_not_count() {
    let (mut mux, req, address, service) = pair();
    assert_eq!(mux.send(req, &[b"", b"engine", b"ask"]), Outcome::Admitted);
    mux.close(service);
    let next = mux.service(b"engine");
    assert_eq!(mux.send(next, &[&address, b"", b"reply"]), MALFORMED);
}

/// mux:req:new-replaces.
#[test]
fn a_new_request_replaces_the_open_one_even_if_it_is_refused() {
    let refused: [&[&[u8]]; 2] = [&[b"", b"nobody", b"x"], &[b"", b"", b"to the MUX"]];
    for new in refused {
        let (mut mux, req, address, service) = pair();
        assert_eq!(mux.send(req, &[b"", b"engine", b"ask"]), Outcome::Admitted);
        let _ = mux.send(req, new);
        assert_eq!(mux.send(service, &[&address, b"", b"reply"]), MALFORMED);
    }
    // What is no request replaces nothing.
    let no_request: [&[&[u8]]; 3] = [&[b"id", b"x"], &[b"a", b"b", b"", b"engine"], &[b""]];
    for no_request in no_request {
        let (mut mux, req, address, service) = pair();
        assert_eq!(mux.send(req, &[b"", b"engine", b"ask"]), Outcome::Admitted);
        let _ = mux.send(req, no_request);
        assert_eq!(mux.send(service, &[&address, b"", b"reply"]), Outcome::Admitted);
    }
}

/// mux:req:stale-answer-dropped.
#[test]
fn a_stale_answer_behind_one_in_flight_and_a_pong_is_dropped_and_the_pong_stays() {
    let (mut mux, req, address, service) = pair();
    for answer in [&b"first"[..], b"second"] {
        assert_eq!(mux.send(req, &[b"", b"engine", b"ask"]), Outcome::Admitted);
        assert_eq!(mux.send(service, &[&address, b"", answer]), Outcome::Admitted);
        if answer == b"first" {
            let flight = mux.take(req);
            assert!(in_flight(&flight).ends_with(b"first"));
            mux.core.handle_ping(req, &Pong(Context::new(b"alive").unwrap()));
        }
    }
    assert_eq!(mux.send(req, &[b"", b"engine", b"third"]), Outcome::Admitted);
    assert_eq!(mux.dropped(DropReason::Replaced), 1);
    let first = b"\x01\x00\x01\x06engine\x00\x05first".len();
    mux.core.handle_transmitted(req, first);
    assert_eq!(mux.core.counters().handed_over, 1);
    assert_eq!(in_flight(&mux.take(req)), b"\x04\x0a\x04PONGalive");
    mux.core.handle_transmitted(req, 12);
    assert_eq!(mux.receive(service).len(), 3);
    assert_eq!((mux.queued(), mux.core.queued_octets()), (0, 0));
}

/// mux:rep:delimiter.
#[test]
fn what_a_rep_would_not_take_for_a_request_does_not_reach_it() {
    let mut mux = Mux::new();
    let (rep, _) = mux.join(Rep, Services, b"adder");
    let (client, address) = mux.client();
    let (req, req_address) = mux.join(Req, Clients, b"");
    for rest in [&[&b"x"[..]][..], &[b"x", b"y"], &[b""], &[b"x", b""]] {
        let frames = [&[&b"adder"[..]], rest].concat();
        assert_eq!(mux.send(client, &frames), MALFORMED);
    }
    assert_eq!(mux.send(req, &[b"", b"adder"]), MALFORMED);
    assert!(mux.receive(rep).is_empty());
    for rest in [&[&b""[..], b"1"][..], &[b"id", b"", b"2"], &[b"", b"", b""]] {
        let frames = [&[&b"adder"[..]], rest].concat();
        assert_eq!(mux.send(client, &frames), Outcome::Admitted);
        assert_eq!(mux.receive(rep), [[&[&address[..]], rest].concat()]);
    }
    assert_eq!(mux.send(req, &[b"", b"adder", b"3"]), Outcome::Admitted);
    assert_eq!(mux.receive(rep), [[&req_address[..], b"", b"3"]]);
}
