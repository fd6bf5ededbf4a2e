//! Names: which there can be, and how peers come by them.

#![allow(clippy::indexing_slicing, reason = "a panic is how a test fails")]

use zmq::SocketType;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

/// mux:name:length, mux:name:by-identity.
#[test]
fn a_name_may_hold_any_octets_up_to_255() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let names: [&[u8]; 7] = [
        b"x",
        &[b'n'; 255],
        &[b'n'; 254],
        b"\x01",
        b"\xff\x00\xfe",
        "größe 7".as_bytes(),
        // As long as a binding address.
        b"seventeen octets.",
    ];
    let services = names.map(|name| {
        let service = peers.socket(SocketType::DEALER);
        service.set_identity(name).expect("1 to 255 octets");
        service.connect(muxd.services()).expect("a URL");
        service
    });
    let client = peers.dealer(muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 8);
    for (name, service) in names.iter().zip(&services) {
        send(&client, &[name, b"ask".as_slice()]);
        let request = receive(service);
        assert_eq!(request[1], b"ask");
        send(service, &request);
        expect(&client, &[name, b"ask".as_slice()]);
    }
    assert_eq!(muxd.stop().of("handed_over"), 14);
}

/// mux:name:given-to-nameless, mux:role:rep-service-only.
#[test]
fn a_listener_names_the_peers_that_have_no_name_of_their_own() {
    let given = format!("{ANY_PORT}?name=a%20given%2fname");
    let muxd = Muxd::start(&["--clients", ANY_PORT, "--services", &given]);
    let peers = Peers::new();
    let rep = peers.connect(SocketType::REP, muxd.services(), "ignored");
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    let named = peers.dealer(muxd.services(), "its own");
    let client = peers.dealer(muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 3);
    // The name is given once.
    let next = peers.dealer(muxd.services(), "");
    muxd.wait_counter("duplicates", |duplicates| duplicates == 1);
    send(&client, &["a given/name", "", "ask"]);
    expect(&rep, &["ask"]);
    send(&rep, &["answer"]);
    expect(&client, &["a given/name", "", "answer"]);
    send(&client, &["its own", "ask"]);
    send(&named, &receive(&named));
    expect(&client, &["its own", "ask"]);
    send(&next, &["its own", "my turn"]);
    drop(rep);
    expect(&named, &["a given/name", "my turn"]);
    send(&client, &["a given/name", "ask"]);
    send(&next, &receive(&next));
    expect(&client, &["a given/name", "ask"]);
    assert_eq!(muxd.stop().of("handed_over"), 7);
}

/// mux:role:nameless-service.
#[test]
fn what_a_service_without_a_name_sends_is_dropped_and_counted() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let nameless = peers.dealer(muxd.services(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    for address in ["engine", "nobody"] {
        send(&nameless, &[address, "let me in"]);
    }
    muxd.wait_counter("dropped_denied", |dropped| dropped == 2);
    send(&service, &["engine", "to itself"]);
    expect(&service, &["engine", "to itself"]);
    assert_eq!(muxd.stop().of("received"), 3);
}

/// mux:role:req-client-only, mux:role:rep-service-only, mux:role:other-types-refused.
#[test]
fn peers_that_can_never_be_served_there_are_refused_and_others_stay() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let client = peers.dealer(muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    let refused = [
        peers.connect(SocketType::REQ, muxd.services(), "asker"),
        peers.connect(SocketType::REP, muxd.clients(), ""),
        peers.connect(SocketType::PUSH, muxd.clients(), ""),
        peers.connect(SocketType::SUB, muxd.services(), ""),
        peers.connect(SocketType::PAIR, muxd.services(), ""),
    ];
    muxd.wait_counter("ended_refused", |ended| ended == 5);
    send(&client, &["engine", "ask"]);
    send(&service, &receive(&service));
    expect(&client, &["engine", "ask"]);
    // None of them has come again.
    assert_eq!(muxd.counters().of("connections_accepted"), 7);
    drop(refused);
    assert_eq!(muxd.stop().of("handed_over"), 2);
}
