//! Peers that speak ZMTP 3.0 and nothing newer, of another implementation in Rust.

use std::time::Duration;

use tokio::time::timeout;
use zeromq::util::PeerIdentity;
use zeromq::{
    DealerSocket, RepSocket, ReqSocket, RouterSocket, Socket, SocketOptions, SocketRecv,
    SocketSend, ZmqMessage,
};
use zmtp_mux::{DealerOptions, Heartbeat, Listen, ListenerRole, MuxConfig, Rhythm, Settings};
use zmtp_mux_tests::local::runtime;
use zmtp_mux_tests::peers::{Frames, expect, receive, send};
use zmtp_mux_tests::{Caller, DEADLINE, LocalMux, Peers};

use crate::security::bodies;

/// 37:version:downgrade-to-3-0, 23:null:messages-after-own-ready, 37:heartbeat:not-to-3-0.
#[test]
fn clients_of_3_0_ask_a_service_of_3_1() {
    let (mux, clients, services) = mux();
    let peers = Peers::new();
    let service = peers.dealer(&services, "engine");
    let runtime = runtime();
    let (mut dealer, mut req) = (DealerSocket::new(), ReqSocket::new());
    runtime.block_on(dealer.connect(&clients)).unwrap();
    runtime.block_on(req.connect(&clients)).unwrap();
    mux.wait_counter("bindings", |bindings| bindings == 3);
    for _ in 0..2 {
        for body in bodies() {
            let ask: Frames = [b"engine".to_vec()].into_iter().chain(body).collect();
            runtime.block_on(dealer.send(message(&ask))).unwrap();
            send(&service, &receive(&service));
            assert!(frames(&runtime.block_on(within(dealer.recv()))) == ask);
            runtime.block_on(req.send(message(&ask))).unwrap();
            send(&service, &receive(&service));
            assert!(frames(&runtime.block_on(within(req.recv()))) == ask);
        }
        // Nobody may take them for dead now, and nothing may come.
        let quiet = runtime.block_on(async { timeout(SILENCE, dealer.recv()).await });
        assert!(quiet.is_err(), "{quiet:?}");
        assert_eq!(mux.counter("bindings"), 3);
    }
    assert_eq!(mux.counter("connections_accepted"), 3, "nobody came twice");
    runtime.block_on(async { (dealer.close().await, req.close().await) });
    drop(service);
    mux.stop();
}

/// 37:version:downgrade-to-3-0, 37:heartbeat:not-to-3-0.
#[test]
fn services_of_3_0_answer_a_client_of_3_1() {
    let (mux, clients, services) = mux();
    let runtime = runtime();
    let mut options = SocketOptions::default();
    options.peer_identity("engine".parse::<PeerIdentity>().unwrap());
    let mut service = DealerSocket::with_options(options);
    runtime.block_on(service.connect(&services)).unwrap();
    let client = Peers::new().dealer(&clients, "");
    mux.wait_counter("bindings", |bindings| bindings == 2);
    for _ in 0..2 {
        for body in bodies() {
            let ask: Frames = [b"engine".to_vec()].into_iter().chain(body).collect();
            send(&client, &ask);
            runtime.block_on(async {
                let request = within(service.recv()).await;
                within(service.send(request)).await;
            });
            expect(&client, &ask);
        }
        let quiet = runtime.block_on(async { timeout(SILENCE, service.recv()).await });
        assert!(quiet.is_err(), "{quiet:?}");
        assert_eq!(mux.counter("bindings"), 2);
    }
    runtime.block_on(service.close());
    drop(client);
    mux.stop();
}

/// 37:version:downgrade-to-3-0, 37:version:per-connection, 37:heartbeat:not-to-3-0.
#[test]
fn our_dealer_asks_servers_of_3_0() {
    let runtime = runtime();
    let (mut router, mut rep) = (RouterSocket::new(), RepSocket::new());
    let router_url = runtime.block_on(router.bind(ANY_PORT)).unwrap().to_string();
    let rep_url = runtime.block_on(rep.bind(ANY_PORT)).unwrap().to_string();
    let options = DealerOptions { settings: settings(), ..DealerOptions::new("caller").unwrap() };
    let to_router = Caller::connect(&router_url, &options).unwrap();
    let to_rep = Caller::connect(&rep_url, &options).unwrap();
    for _ in 0..2 {
        for body in bodies() {
            to_router.send(&body);
            let request = runtime.block_on(within(router.recv()));
            assert_eq!(frames(&request)[0], b"caller");
            runtime.block_on(within(router.send(request)));
            assert!(to_router.receive() == body);

            let enveloped: Frames = [Vec::new()].into_iter().chain(body.clone()).collect();
            to_rep.send(&enveloped);
            let request = runtime.block_on(within(rep.recv()));
            assert!(frames(&request) == body);
            runtime.block_on(within(rep.send(request)));
            assert!(to_rep.receive() == enveloped);
        }
        to_router.expect_nothing(SILENCE);
        to_rep.expect_nothing(Duration::ZERO);
    }
}

/// Returns a MUX and the URLs of its listeners for clients and for services.
fn mux() -> (LocalMux, String, String) {
    let mux = LocalMux::start(MuxConfig { link: settings(), ..MuxConfig::default() });
    let bind = |role| mux.bind(Listen::new(role, "tcp://127.0.0.1:0".parse().unwrap()));
    let (clients, services) = (bind(ListenerRole::Clients), bind(ListenerRole::Services));
    (mux, clients, services)
}

/// A heartbeat that a peer of 3.0 would not live through.
fn settings() -> Settings {
    let rhythm = Rhythm::new(SILENCE / 16, SILENCE / 2).unwrap();
    Settings { heartbeat: Heartbeat::On(rhythm), ..Settings::default() }
}

async fn within<T>(step: impl Future<Output = zeromq::ZmqResult<T>>) -> T {
    timeout(DEADLINE, step).await.unwrap().unwrap()
}

fn message(frames: &[Vec<u8>]) -> ZmqMessage {
    let mut message = ZmqMessage::from(frames[0].clone());
    for frame in &frames[1..] {
        message.push_back(frame.clone().into());
    }
    message
}

fn frames(message: &ZmqMessage) -> Frames {
    message.iter().map(|frame| frame.to_vec()).collect()
}

const ANY_PORT: &str = "tcp://127.0.0.1:0";

/// Long enough for many heartbeats, and for a verdict.
const SILENCE: Duration = Duration::from_secs(2);
