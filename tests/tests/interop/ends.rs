//! Our clients with unmodified services, and unmodified clients with ours.

use tokio::runtime::Runtime;
use zmq::SocketType;
use zmtp_mux::{Client, Endpoint, Message, Service};
use zmtp_mux_tests::local::runtime;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

use crate::kinds::MUX_FOR_SERVICES;

fn ask(runtime: &Runtime, url: &str, name: &'static str) -> tokio::task::JoinHandle<Vec<Vec<u8>>> {
    let endpoint: Endpoint = url.parse().unwrap();
    runtime.spawn(async move {
        let client = Client::connect(&endpoint).await.unwrap();
        let message = Message::from_frames(["ask", "", "it"]).unwrap();
        let reply = client.request(name, message).await.unwrap();
        reply.frames().map(<[u8]>::to_vec).collect()
    })
}

/// mux:client:request-form.
#[test]
fn a_client_is_answered_by_every_unmodified_service_that_returns_the_envelope() {
    let services = format!("{ANY_PORT}?identity={MUX_FOR_SERVICES}");
    let rep = format!("{ANY_PORT}?name=rep");
    let args = ["--clients", ANY_PORT, "--services", &services, "--services", &rep];
    let muxd = Muxd::start(&args);
    let (peers, runtime) = (Peers::new(), runtime());
    let at: Vec<_> = muxd.endpoints("services").collect();
    let rep = peers.connect(SocketType::REP, at[1], "");
    let dealer = peers.connect(SocketType::DEALER, at[0], "dealer");
    let router = peers.connect(SocketType::ROUTER, at[0], "router");
    muxd.wait_counter("bindings", |bindings| bindings == 3);
    for (name, socket) in [("rep", &rep), ("dealer", &dealer), ("router", &router)] {
        let asked = ask(&runtime, muxd.clients(), name);
        let mut frames = receive(socket);
        assert!(frames.ends_with(&[b"ask".to_vec(), vec![], b"it".to_vec()]), "{frames:?}");
        frames.push(b"done".to_vec());
        send(socket, &frames);
        let reply = runtime.block_on(asked).unwrap();
        assert_eq!(reply, [&b"ask"[..], b"", b"it", b"done"]);
    }
}

/// mux:service:envelopes, mux:service:reply-repeats-envelope.
#[test]
fn a_service_answers_every_unmodified_client() {
    let muxd = Muxd::start(&["--any", ANY_PORT]);
    let (peers, runtime) = (Peers::new(), runtime());
    let endpoint: Endpoint = muxd.endpoint("any").parse().unwrap();
    let service = runtime.block_on(Service::connect(&endpoint, "engine")).unwrap();
    runtime.spawn(async move {
        while let Ok(request) = service.recv().await {
            assert_eq!(request.message(), Message::single(b"ask"));
            request.reply(Message::single(b"answer")).await.unwrap();
        }
    });
    let correlated = peers.socket(SocketType::REQ);
    correlated.set_req_correlate(true).unwrap();
    correlated.set_req_relaxed(true).unwrap();
    correlated.connect(muxd.endpoint("any")).unwrap();
    for socket in [
        correlated,
        peers.connect(SocketType::REQ, muxd.endpoint("any"), ""),
        peers.connect(SocketType::DEALER, muxd.endpoint("any"), ""),
    ] {
        for _ in 0..2 {
            send(&socket, &[b"engine".to_vec(), b"ask".to_vec()]);
            expect(&socket, &[b"engine".to_vec(), b"answer".to_vec()]);
        }
    }
    let dealer = peers.connect(SocketType::DEALER, muxd.endpoint("any"), "");
    send(&dealer, &[b"engine".to_vec(), vec![], b"ask".to_vec()]);
    expect(&dealer, &[b"engine".to_vec(), vec![], b"answer".to_vec()]);
}
