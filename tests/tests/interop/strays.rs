//! Messages that have nowhere to go.

use zmq::SocketType;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, expect_nothing, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

/// mux:address:unknown, 28:router:no-route-drops.
#[test]
fn a_message_for_nobody_is_dropped_and_counted_and_nobody_else_notices() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let (client, other) = (peers.dealer(muxd.clients(), "me"), peers.dealer(muxd.clients(), ""));
    muxd.wait_counter("bindings", |bindings| bindings == 3);
    let forged = [&[0_u8][..], &[7; 16]].concat();
    // A stranger, an unknown binding, zeros of other lengths, and a client's alias, which clients
    // cannot send to.
    let strays = [b"nobody".as_slice(), &forged, b"\0", b"\0\0\0\0\0", b"engin", b"engine2", b"me"];
    for round in 0..10 {
        for address in strays {
            send(&client, &[address, b"lost"]);
        }
        let body = round.to_string();
        for client in [&client, &other] {
            send(client, &["engine", &body]);
            let request = receive(&service);
            assert_eq!(request[1], body.as_bytes());
            send(&service, &request);
            expect(client, &["engine", &body]);
        }
    }
    for socket in [&service, &client, &other] {
        expect_nothing(socket);
    }
    let counters = muxd.stop();
    let lost = i64::try_from(10 * strays.len()).unwrap();
    assert_eq!((counters.of("dropped_unknown"), counters.of("handed_over")), (lost, 40));
}

/// mux:envelope:single-frame-dropped.
#[test]
fn messages_of_a_single_frame_are_dropped_and_counted_apart() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let probing = |url: &str, identity: &str| {
        let socket = peers.socket(SocketType::DEALER);
        socket.set_probe_router(true).unwrap();
        if !identity.is_empty() {
            socket.set_identity(identity.as_bytes()).unwrap();
        }
        socket.connect(url).unwrap();
        socket
    };
    let service = probing(muxd.services(), "engine");
    let client = probing(muxd.clients(), "");
    muxd.wait_counter("single_frame_dropped", |dropped| dropped == 2);
    send(&client, &["engine"]);
    send(&service, &[""]);
    send(&client, &["engine", "ask"]);
    let request = receive(&service);
    send(&service, &request);
    expect(&client, &["engine", "ask"]);
    let counters = muxd.stop();
    assert_eq!(counters.of("single_frame_dropped"), 4);
    assert_eq!((counters.of("received"), counters.of("handed_over")), (2, 2));
}

/// mux:envelope:to-mux, mux:address:mux-unclaimable.
#[test]
fn messages_for_the_mux_itself_are_dropped_and_counted_apart() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let client = peers.dealer(muxd.clients(), "");
    let req = peers.connect(SocketType::REQ, muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 3);
    send(&client, &["", "to the MUX"]);
    send(&service, &["", "", "to the MUX"]);
    send(&req, &["", "to the MUX"]);
    muxd.wait_counter("to_mux", |dropped| dropped == 3);
    let counters = muxd.stop();
    assert_eq!((counters.of("received"), counters.of("dropped_unknown")), (0, 0));
}

/// mux:envelope:to-self.
#[test]
fn a_service_may_send_to_itself() {
    let muxd = Muxd::start_usual();
    let service = Peers::new().dealer(muxd.services(), "engine");
    send(&service, &["engine", "note"]);
    expect(&service, &["engine", "note"]);
    assert_eq!(muxd.stop().of("handed_over"), 1);
}

/// mux:address:binding-is-capability, mux:alias:services-only.
#[test]
fn whoever_knows_the_address_of_a_client_can_reach_it() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let (one, other) =
        (peers.dealer(muxd.services(), "one"), peers.dealer(muxd.services(), "other"));
    let (client, friend) = (peers.dealer(muxd.clients(), "ui"), peers.dealer(muxd.clients(), ""));
    muxd.wait_counter("bindings", |bindings| bindings == 4);
    send(&client, &["one", "ask"]);
    let address = receive(&one).swap_remove(0);
    send(&friend, &["one", "ask"]);
    let friends = receive(&one).swap_remove(0);
    send(&other, &[address.as_slice(), b"by its address"]);
    expect(&client, &["other", "by its address"]);
    send(&other, &["ui", "by its alias"]);
    expect(&client, &["other", "by its alias"]);
    send(&friend, &[address.as_slice(), b"from a client"]);
    expect(&client, &[friends.as_slice(), b"from a client"]);
    assert_eq!(muxd.stop().of("handed_over"), 5);
}

/// mux:notice:always, mux:notice:never-to-rep.
#[test]
fn a_listener_that_says_so_returns_what_has_nowhere_to_go_unasked() {
    let told = format!("{ANY_PORT}?notices=always");
    let muxd = Muxd::start(&["--clients", &told, "--clients", ANY_PORT, "--services", ANY_PORT]);
    let peers = Peers::new();
    let urls: Vec<_> = muxd.endpoints("clients").collect();
    let (told, stock) = (peers.dealer(urls[0], ""), peers.dealer(urls[1], ""));
    for client in [&stock, &told] {
        send(client, &["nobody", "lost"]);
    }
    let notice = receive(&told);
    assert_eq!((notice[0].len(), &notice[1][..6]), (0, &b"MUX\x01\x02\x01"[..]));
    assert_eq!(notice[2..], [b"nobody".to_vec(), b"lost".to_vec()]);
    muxd.wait_counter("dropped_unknown", |dropped| dropped == 1);
    expect_nothing(&stock);
    assert_eq!(muxd.stop().of("returned_unknown"), 1);
}
