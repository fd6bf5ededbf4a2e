//! What holds when a call that connects returns.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use zmtp_mux::{
    Client, Dealer, DealerError, Endpoint, LinkEvent, Listen, ListenerRole, Message, Mux,
    MuxConfig, MuxSocket, NotSentReason, Service, SocketConfig,
};

use crate::soon;

/// Places of both kinds: over the system, and without it.
fn places(name: &str) -> [Listen; 2] {
    ["tcp://127.0.0.1:0", &format!("inproc://connect {name}")]
        .map(|endpoint| Listen::new(ListenerRole::Any, endpoint.parse().unwrap()))
}

/// mux:connect:in-at-return.
#[tokio::test]
async fn a_dealer_and_its_peer_send_as_soon_as_it_is_connected() {
    for listen in places("socket") {
        let socket = MuxSocket::new(SocketConfig::default()).unwrap();
        let endpoint = socket.bind(listen).unwrap();
        let dealer = soon(Dealer::connect(&endpoint, "peer")).await.unwrap();
        dealer.try_send("there").unwrap();
        socket.try_send("peer", "back").unwrap();
        assert_eq!(soon(socket.recv()).await.unwrap().message, Message::from("there"));
        assert_eq!(soon(dealer.recv()).await.unwrap(), Message::from("back"));
    }
}

/// mux:connect:in-at-return.
#[tokio::test]
async fn a_dealer_that_listens_sends_when_another_is_connected_and_not_before() {
    for listen in places("dealer") {
        let (listening, endpoint) = Dealer::bind(listen).unwrap();
        let refused = listening.try_send("nobody").unwrap_err();
        assert_eq!(refused.reason, NotSentReason::NotConnected);
        let dealer = soon(Dealer::connect(&endpoint, "")).await.unwrap();
        listening.try_send("there").unwrap();
        dealer.try_send("back").unwrap();
        assert_eq!(soon(dealer.recv()).await.unwrap(), Message::from("there"));
        assert_eq!(soon(listening.recv()).await.unwrap(), Message::from("back"));
    }
}

/// mux:connect:in-at-return.
#[tokio::test]
async fn a_service_has_its_name_and_a_client_its_connection_when_they_are_connected() {
    for listen in places("relay") {
        let mux = Mux::new(MuxConfig::default()).unwrap();
        let endpoint = mux.bind(listen).unwrap();
        let service = soon(Service::connect(&endpoint, "engine")).await.unwrap();
        assert!(service.generation().is_some());
        let client = soon(Client::connect(&endpoint)).await.unwrap();
        assert!(client.is_connected());
        // A request before the name is known would come back.
        let asking = tokio::spawn(async move { client.request("engine", "x").await });
        let request = soon(service.recv()).await.unwrap();
        request.try_reply("y").unwrap();
        assert_eq!(soon(asking).await.unwrap().unwrap(), Message::from("y"));
    }
}

/// Accepts once, shakes hands by hand as a ROUTER, and closes.
async fn hang_up(listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut octets = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1];
    octets.extend_from_slice(b"NULL");
    octets.resize(64, 0);
    octets.extend_from_slice(b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER");
    stream.write_all(&octets).await.unwrap();
    stream.read_exact(&mut [0; 64 + 2 + 41]).await.unwrap();
}

/// mux:connect:in-at-return.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_ends_at_once_has_come_and_gone() {
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint: Endpoint =
            format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
        let hanging_up = tokio::spawn(hang_up(listener));
        let dealer = soon(Dealer::connect(&endpoint, "")).await.unwrap();
        if let Err(refused) = dealer.try_send("too late") {
            let reason = refused.reason;
            assert!(matches!(reason, NotSentReason::NotConnected | NotSentReason::Closed));
        }
        assert!(matches!(soon(dealer.event()).await, Ok(LinkEvent::Up(_))));
        loop {
            match soon(dealer.event()).await {
                Ok(LinkEvent::Returned { .. }) => {}
                Ok(LinkEvent::Down { .. }) => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(soon(dealer.event()).await, Err(DealerError::Io(_))));
        hanging_up.await.unwrap();
    }
}
