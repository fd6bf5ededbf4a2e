//! Services that claim a name which is held.

use zmtp_mux_tests::peers::{expect, expect_nothing, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

/// mux:duplicate:holder-keeps, mux:duplicate:held-then-closed, 37:errors:close-is-temporary.
#[test]
fn a_duplicate_keeps_coming_and_never_disturbs_the_holder() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let client = peers.dealer(muxd.clients(), "");
    let holder = peers.dealer(muxd.services(), "engine");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    let duplicate = peers.dealer(muxd.services(), "engine");
    let mut asked = 0;
    // It is held, closed without a word, and comes again by itself: that is the third time.
    let asking = |asked: &mut i64| {
        send(&client, &["engine".to_owned(), asked.to_string()]);
        let request = receive(&holder);
        assert_eq!(request[1], asked.to_string().as_bytes());
        send(&holder, &request);
        expect(&client, &["engine".to_owned(), asked.to_string()]);
        *asked += 1;
    };
    let count = std::cell::RefCell::new(&mut asked);
    muxd.wait_counter("duplicates", |duplicates| {
        asking(&mut count.borrow_mut());
        duplicates == 3
    });
    expect_nothing(&duplicate);
    let counters = muxd.stop();
    assert_eq!(counters.of("handed_over"), 2 * asked);
    assert_eq!((counters.of("ended_name_held"), counters.of("duplicates_granted")), (2, 0));
}

/// mux:duplicate:longest-waiting-gets-it, mux:name:one-per-binding.
#[test]
fn the_duplicate_that_waits_longest_gets_the_name_when_its_holder_leaves() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let client = peers.dealer(muxd.clients(), "");
    let holder = peers.dealer(muxd.services(), "engine");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    send(&client, &["engine", "to the holder"]);
    let source = receive(&holder).swap_remove(0);
    let mut waiting = Vec::new();
    for number in ["first", "second"] {
        let known = muxd.counters().of("duplicates");
        let duplicate = peers.dealer(muxd.services(), "engine");
        send(&duplicate, &[source.as_slice(), number.as_bytes()]);
        muxd.wait_counter("duplicates", |duplicates| duplicates > known);
        waiting.push(duplicate);
    }
    expect_nothing(&client);
    drop(holder);
    expect(&client, &["engine", "first"]);
    send(&client, &["engine", "to the first"]);
    expect(&waiting[0], &[source.as_slice(), b"to the first"]);
    drop(waiting.remove(0));
    // By now its place may be its second one: that takes until it has come again.
    expect(&client, &["engine", "second"]);
    send(&client, &["engine", "to the second"]);
    expect(&waiting[0], &[source.as_slice(), b"to the second"]);
    assert_eq!(muxd.stop().of("handed_over"), 5);
}

/// mux:alias:yields-to-service, mux:alias:never-waits.
#[test]
fn a_service_takes_its_name_from_a_client_and_a_client_from_nobody() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let early = peers.dealer(muxd.clients(), "engine");
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    let service = peers.dealer(muxd.services(), "engine");
    muxd.wait_counter("aliases_yielded", |yielded| yielded == 1);
    let late = peers.dealer(muxd.clients(), "engine");
    muxd.wait_counter("aliases_denied", |denied| denied == 1);
    for client in [&early, &late] {
        send(client, &["engine", "ask"]);
        let request = receive(&service);
        assert_eq!((request[0].len(), request[1].as_slice()), (17, b"ask".as_slice()));
        send(&service, &request);
        expect(client, &["engine", "ask"]);
    }
    assert_eq!(muxd.stop().of("handed_over"), 4);
}
