//! Peers that go and come back under the same name.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use zmtp_mux_tests::peers::{expect, expect_nothing, fresh, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

/// A duplicate is held for 2 s, so one whose name falls free gets in before that is over.
const COMEBACK_MAX: Duration = Duration::from_millis(2_500);

const ROUNDS: usize = 20;

/// mux:name:by-identity, mux:name:one-holder, mux:delivery:destination-gone.
#[test]
fn a_service_that_reconnects_at_once_is_found_under_its_name_again() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let client = peers.dealer(muxd.clients(), "");
    let mut service = peers.dealer(muxd.services(), "engine");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    send(&client, &["engine", "first"]);
    let source = receive(&service).swap_remove(0);
    for round in 0..ROUNDS {
        let began = Instant::now();
        drop(service);
        service = peers.dealer(muxd.services(), "engine");
        // What a service sends is routed only once it holds its name.
        send(&service, &[source.as_slice(), b"here again"]);
        expect(&client, &["engine", "here again"]);
        assert!(began.elapsed() < COMEBACK_MAX, "round {round} took {:?}", began.elapsed());
        let body = format!("round {round}");
        send(&client, &["engine", &body]);
        expect(&service, &[source.as_slice(), body.as_bytes()]);
    }
    let counters = muxd.stop();
    let sent = i64::try_from(1 + 2 * ROUNDS).unwrap();
    assert_eq!((counters.of("received"), counters.of("handed_over")), (sent, sent));
}

#[test]
fn a_service_that_is_killed_leaves_its_name_to_the_next() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let client = peers.dealer(muxd.clients(), "");
    let mut killed = 0;
    for round in 0..ROUNDS {
        let service = EchoService::start(muxd.services(), "engine");
        muxd.wait_counter("bindings", |bindings| bindings == 2);
        let body = format!("round {round}");
        send(&client, &["engine", &body]);
        expect(&client, &["engine", &body]);
        let began = Instant::now();
        drop(service);
        let next = peers.dealer(muxd.services(), "engine");
        await_gone(&muxd, killed + 1);
        muxd.wait_counter("bindings", |bindings| bindings == 2);
        send(&client, &["engine", "who is it?"]);
        assert_eq!(receive(&next)[1], b"who is it?");
        assert!(began.elapsed() < COMEBACK_MAX, "round {round} took {:?}", began.elapsed());
        drop(next);
        await_gone(&muxd, killed + 2);
        killed += 2;
    }
    expect_nothing(&client);
    let _: zmtp_mux_tests::Counters = muxd.stop();
}

/// mux:address:binding-never-reused, mux:alias:services-only.
#[test]
fn a_client_that_comes_back_is_found_under_its_alias_again() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let alias = fresh("ui");
    let mut addresses = Vec::new();
    for round in 0..ROUNDS {
        // A client's claim never waits, so the old one must be gone.
        muxd.wait_counter("bindings", |bindings| bindings == 1);
        let client = peers.dealer(muxd.clients(), &alias);
        send(&client, &["engine", "ask"]);
        let mut request = receive(&service);
        assert_eq!(request[1], b"ask");
        addresses.push(request.swap_remove(0));
        let body = format!("round {round}");
        send(&service, &[&alias, &body]);
        expect(&client, &["engine", &body]);
        send(&service, &[addresses[round].as_slice(), body.as_bytes()]);
        expect(&client, &["engine", &body]);
    }
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    // The address of a binding that is gone is nobody's.
    send(&service, &[addresses[0].as_slice(), b"late"]);
    muxd.wait_counter("dropped_unknown", |dropped| dropped == 1);
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), ROUNDS);
    assert_eq!(muxd.stop().of("aliases_denied"), 0);
}

/// A service in a process of its own.
struct EchoService(Child);

impl EchoService {
    fn start(url: &str, name: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_echo-service");
        Self(Command::new(program).args([url, name]).spawn().unwrap())
    }
}

impl Drop for EchoService {
    /// Kills it, which gives it no time to close anything.
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until this many connections have ended from their peers' side.
fn await_gone(muxd: &Muxd, count: i64) {
    muxd.wait_counters("connections to end", |counters| {
        counters.of("ended_peer_left") + counters.of("ended_failed") >= count
    });
}
