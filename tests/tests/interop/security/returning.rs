//! Our connector, when its server goes and another takes its place.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use zmq::{Socket, SocketType};
use zmtp_mux::{Dealer, DealerOptions, LinkEvent, Message, Reconnect};
use zmtp_mux_tests::local::runtime;
use zmtp_mux_tests::peers::{receive, send};
use zmtp_mux_tests::{DEADLINE, Peers, Zap};

use super::credentials::{Credentials, MECHANISMS};

/// 37:errors:close-is-temporary, 37:errors:backoff-jitter.
#[test]
fn our_connector_finds_a_server_that_was_started_anew_at_the_same_port() {
    const ROUNDS: usize = 3;
    let runtime = runtime();
    for mechanism in MECHANISMS {
        let credentials = Credentials::new(mechanism);
        let peers = Peers::new();
        let _zap = Zap::start(&peers, |_| "200");
        let mut server = start(&peers, &credentials, "tcp://127.0.0.1:*");
        let url = server.get_last_endpoint().unwrap().unwrap();
        let policy =
            Reconnect::Backoff { first: Duration::from_millis(10), max: Duration::from_millis(50) };
        let options = DealerOptions::new("caller")
            .unwrap()
            .with_security(credentials.our_client())
            .with_reconnect(policy);
        let endpoint = url.parse().unwrap();
        let dealer = runtime.block_on(Dealer::connect_with(&endpoint, &options)).unwrap();
        for round in 0..ROUNDS {
            let up = runtime.block_on(dealer.event()).unwrap();
            assert!(matches!(up, LinkEvent::Up(_)), "{up:?}");
            converse(&runtime, &dealer, &server, round);
            drop(server);
            let down = runtime.block_on(dealer.event()).unwrap();
            assert!(matches!(down, LinkEvent::Down { .. }), "{down:?}");
            server = start(&peers, &credentials, &url);
        }
    }
}

fn converse(runtime: &Runtime, dealer: &Dealer, server: &Socket, round: usize) {
    let ask = Message::from_frames([format!("round {round}")]).unwrap();
    runtime.block_on(async {
        dealer.send(ask.clone()).await.unwrap();
        dealer.flush().await;
    });
    send(server, &receive(server));
    assert_eq!(runtime.block_on(dealer.recv()).unwrap(), ask);
}

/// Starts a ROUTER there, as soon as the last one has left the port.
fn start(peers: &Peers, credentials: &Credentials, url: &str) -> Socket {
    let server = peers.socket(SocketType::ROUTER);
    credentials.make_server(&server);
    let deadline = Instant::now() + DEADLINE;
    while let Err(error) = server.bind(url) {
        assert_eq!(error, zmq::Error::EADDRINUSE);
        assert!(Instant::now() < deadline, "{url} does not fall free");
    }
    server
}
