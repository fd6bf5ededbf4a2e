//! Names that are taken over by the key that had them.

use std::time::{Duration, Instant};

use zmtp_mux_tests::Muxd;
use zmtp_mux_tests::muxd::ANY_PORT;

use crate::files::{Files, Keys};
use crate::peer::{Peer, curve, plain};

/// A broker with CURVE for whoever has a key, and its keys.
fn curve_broker(files: &Files) -> (Muxd, Keys) {
    let server = Keys::generate();
    let secret = files.secret("server", &server.printed);
    let listeners = ["--clients", ANY_PORT, "--services", ANY_PORT];
    let muxd = Muxd::start(&[&["--open", "--curve-secret", &secret][..], &listeners].concat());
    (muxd, server)
}

/// mux:takeover:same-principal, mux:takeover:closes-loser.
#[test]
fn the_same_key_takes_over_at_once_and_the_former_holder_is_closed() {
    let files = Files::new();
    let (muxd, server) = curve_broker(&files);
    let key = Keys::generate();
    let security = || curve(server.public(), &key);
    let former = Peer::connect(muxd.services(), security(), "engine").unwrap();
    let began = Instant::now();
    let mut holder = Peer::connect(muxd.services(), security(), "engine").unwrap();
    println!("taken over after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    former.expect_end();
    let mut client = Peer::connect(muxd.clients(), security(), "").unwrap();
    client.send(&["engine", "ask"]);
    holder.echo();
    client.expect(&["engine", "ask"]);
    muxd.wait_counter("ended_takeover", |ended| ended == 1);
    let counters = muxd.stop();
    assert_eq!((counters.of("takeovers"), counters.of("probes")), (1, 0));
}

/// mux:takeover:never-from-another, mux:duplicate:held-then-closed.
#[test]
fn another_key_waits_in_vain_and_the_holder_is_not_even_asked() {
    let files = Files::new();
    let (muxd, server) = curve_broker(&files);
    let (key, other) = (Keys::generate(), Keys::generate());
    let mut holder =
        Peer::connect(muxd.services(), curve(server.public(), &key), "engine").unwrap();
    Peer::assert_held(muxd.services(), curve(server.public(), &other), "engine");
    holder.send(&["engine", "to myself"]);
    holder.expect(&["engine", "to myself"]);
    let counters = muxd.stop();
    assert_eq!((counters.of("takeovers"), counters.of("probes")), (0, 0));
    assert_eq!(counters.of("ended_name_held"), 1);
}

/// mux:takeover:fight, mux:takeover:same-principal, mux:log:losses.
#[test]
fn a_fight_for_a_name_ends_with_the_fifth_takeover() {
    let files = Files::new();
    let users = files.secret("users", "alice:secret\n");
    let muxd =
        Muxd::start(&["--plain-users", &users, "--clients", ANY_PORT, "--services", ANY_PORT]);
    let security = || plain("alice", "secret");
    let mut holder = Peer::connect(muxd.services(), security(), "engine").unwrap();
    for _ in 0..5 {
        let next = Peer::connect(muxd.services(), security(), "engine").unwrap();
        std::mem::replace(&mut holder, next).expect_end();
    }
    for _ in 0..2 {
        Peer::assert_held(muxd.services(), security(), "engine");
    }
    holder.send(&["engine", "to myself"]);
    holder.expect(&["engine", "to myself"]);
    let counters = muxd.counters();
    assert_eq!((counters.of("takeovers"), counters.of("fights")), (5, 1));
    muxd.wait_log("WARN two services fight for a name");
    muxd.wait_log("counter=\"fights\" count=1 name=engine");
    // It is over when the holder ends.
    drop(holder);
    muxd.wait_counter("bindings", |bindings| bindings == 0);
    let _first = Peer::connect(muxd.services(), security(), "engine").unwrap();
    let _second = Peer::connect(muxd.services(), security(), "engine").unwrap();
    assert_eq!(muxd.stop().of("takeovers"), 6);
}
