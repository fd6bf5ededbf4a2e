//! Many services at once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zmtp_mux_tests::peers::{expect_nothing, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

const SERVICES: usize = 1_000;

/// 28:router:first-frame-selects, 28:router:prefix-source.
#[test]
fn each_of_a_thousand_services_gets_exactly_its_requests() {
    raise_descriptor_limit();
    let muxd = Muxd::start_usual();
    // One context has room for 1,023 sockets, so the client has another.
    let peers = Peers::new();
    let name = |number: usize| format!("engine.{number}");
    let services: Vec<_> =
        (0..SERVICES).map(|number| peers.dealer(muxd.services(), &name(number))).collect();
    let client = Peers::new().dealer(muxd.clients(), "");
    let all = i64::try_from(SERVICES + 1).unwrap();
    muxd.wait_counter("bindings", |bindings| bindings == all);
    for round in 0..3 {
        for number in 0..SERVICES {
            send(&client, &[name(number), format!("{number} in round {round}")]);
        }
        for (number, service) in services.iter().enumerate() {
            let request = receive(service);
            assert_eq!(request.len(), 2);
            assert_eq!(request[1], format!("{number} in round {round}").as_bytes());
            send(service, &request);
        }
        // Across services nothing is promised of their order.
        let mut answers: Vec<_> = (0..SERVICES).map(|_| receive(&client)).collect();
        let mut wanted: Vec<_> = (0..SERVICES)
            .map(|number| [name(number), format!("{number} in round {round}")])
            .map(|frames| frames.map(String::into_bytes).to_vec())
            .collect();
        answers.sort();
        wanted.sort();
        assert!(answers == wanted, "other answers in round {round}");
    }
    services.iter().for_each(expect_nothing);
    expect_nothing(&client);
    let counters = muxd.stop();
    let sent = i64::try_from(2 * 3 * SERVICES).unwrap();
    assert_eq!((counters.of("received"), counters.of("handed_over")), (sent, sent));
    assert_eq!(counters.of("duplicates"), 0);
}

/// Raises the soft limit of open descriptors to the hard one: a socket takes two or three.
fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
