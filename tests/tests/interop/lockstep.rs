//! libzmq's REQ, which takes whatever comes for its answer, and is guarded.

use zmq::{Socket, SocketType};
use zmtp_mux_tests::peers::{Frames, expect, expect_nothing, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

/// Returns a REQ that may ask again before it was answered.
fn relaxed(peers: &Peers, url: &str) -> Socket {
    let socket = peers.socket(SocketType::REQ);
    socket.set_req_correlate(true).unwrap();
    socket.set_req_relaxed(true).unwrap();
    socket.connect(url).unwrap();
    socket
}

/// Answers a request that came from a REQ: its envelope, and this body.
fn answer(service: &Socket, request: &Frames, body: &str) {
    let mut frames = request.clone();
    *frames.last_mut().unwrap() = body.into();
    send(service, &frames);
}

/// mux:req:lock-step-binding, mux:req:lock-step-open, mux:req:answer-closes,
/// 28:req:only-asked-peer-answers.
#[test]
fn foreign_and_second_answers_never_reach_a_req() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let asked = peers.dealer(muxd.services(), "asked");
    let foreign = peers.dealer(muxd.services(), "foreign");
    let req = peers.connect(SocketType::REQ, muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 3);
    for round in 0..10 {
        send(&req, &["asked", "ask"]);
        let request = receive(&asked);
        assert_eq!(&request[1..], [b"".to_vec(), b"ask".to_vec()]);
        answer(&foreign, &request, "foreign");
        // Not in its form: without the delimiter.
        send(&asked, &[request[0].as_slice(), b"formless"]);
        let kept_out = 3 * round + 2;
        muxd.wait_counter("dropped_malformed", |dropped| dropped == kept_out);
        answer(&asked, &request, "the answer");
        answer(&asked, &request, "a second one");
        muxd.wait_counter("dropped_malformed", |dropped| dropped == kept_out + 1);
        expect(&req, &["asked", "the answer"]);
    }
    assert_eq!(muxd.stop().of("handed_over"), 20);
}

/// mux:req:lock-step-prefix, mux:req:new-replaces.
#[test]
fn a_relaxed_req_gets_only_the_answer_to_its_newest_request() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let (one, other) =
        (peers.dealer(muxd.services(), "one"), peers.dealer(muxd.services(), "other"));
    let req = relaxed(&peers, muxd.clients());
    muxd.wait_counter("bindings", |bindings| bindings == 3);
    for round in 0..10 {
        send(&req, &["one", "old"]);
        let old = receive(&one);
        send(&req, &["other", "older"]);
        let older = receive(&other);
        send(&req, &["one", "new"]);
        let new = receive(&one);
        assert_eq!((old[1].len(), old[2].len(), new[3].as_slice()), (4, 0, b"new".as_slice()));
        answer(&one, &old, "to the old");
        answer(&other, &older, "to the older");
        muxd.wait_counter("dropped_malformed", |dropped| dropped == 2 * (round + 1));
        answer(&one, &new, "to the new");
        expect(&req, &["one", "to the new"]);
    }
    assert_eq!(muxd.stop().of("handed_over"), 40);
}

/// mux:req:lock-step-binding, mux:delivery:destination-gone.
#[test]
fn the_next_holder_of_a_name_cannot_answer_for_the_last() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let req = relaxed(&peers, muxd.clients());
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    send(&req, &["engine", "ask"]);
    let request = receive(&service);
    drop(service);
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    let next = peers.dealer(muxd.services(), "engine");
    answer(&next, &request, "not mine");
    muxd.wait_counter("dropped_malformed", |dropped| dropped == 1);
    expect_nothing(&req);
    send(&req, &["engine", "again"]);
    answer(&next, &receive(&next), "mine");
    expect(&req, &["engine", "mine"]);
    assert_eq!(muxd.stop().of("handed_over"), 3);
}

/// mux:req:new-replaces, mux:req:lock-step-open.
#[test]
fn a_request_for_nobody_leaves_a_req_free_to_ask_again() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let req = relaxed(&peers, muxd.clients());
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    send(&req, &["engine", "ask"]);
    let request = receive(&service);
    send(&req, &["nobody", "ask"]);
    muxd.wait_counter("dropped_unknown", |dropped| dropped == 1);
    answer(&service, &request, "too late");
    muxd.wait_counter("dropped_malformed", |dropped| dropped == 1);
    send(&req, &["engine", "ask again"]);
    answer(&service, &receive(&service), "in time");
    expect(&req, &["engine", "in time"]);
    assert_eq!(muxd.stop().of("handed_over"), 3);
}
