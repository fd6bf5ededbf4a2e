//! A routing socket and its peers.

use std::io;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::time::timeout;
use zmtp_mux::{
    Closed, Dealer, DealerError, DealerOptions, Endpoint, Event, Figures, GoneReason, LinkEvent,
    Listen, ListenerRole, Message, Mux, MuxConfig, MuxSocket, NotSentReason, PoolLimits, Reconnect,
    RuleError, SocketConfig, SocketEvent, To,
};

use crate::soon;

fn text(text: &str) -> Message {
    Message::single(text.as_bytes())
}

fn listening() -> (MuxSocket, Endpoint) {
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let endpoint = bound(&socket);
    (socket, endpoint)
}

fn bound(socket: &MuxSocket) -> Endpoint {
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    socket.bind(listen).unwrap()
}

fn counter(socket: &MuxSocket, name: &str) -> i64 {
    let mut found = None;
    socket.each(&mut |figure| found = found.or((figure.name() == name).then(|| figure.value())));
    found.expect(name)
}

/// mux:terminal:nothing-announced, mux:event:bound-first, mux:event:unbound-last.
#[tokio::test]
async fn peers_come_speak_and_go_in_one_stream() {
    let (socket, endpoint) = listening();
    let dealer = soon(Dealer::connect(&endpoint, "worker")).await.unwrap();
    let LinkEvent::Up(router) = soon(dealer.event()).await.unwrap() else { panic!("not up") };
    assert_eq!(router.metadata.get("X-Mux"), None);
    assert_eq!(router.metadata.get("Socket-Type"), Some(&b"ROUTER"[..]));
    dealer.send(text("one")).await.unwrap();
    dealer.close().await;
    let SocketEvent::Up(peer) = soon(socket.event()).await.unwrap() else { panic!("not up") };
    assert_eq!(peer.name.as_ref().unwrap().as_octets(), b"worker");
    let SocketEvent::Message(one) = soon(socket.event()).await.unwrap() else {
        panic!("no message")
    };
    assert_eq!((&one.from, one.message), (&peer, text("one")));
    let gone = soon(socket.event()).await.unwrap();
    assert_eq!(gone, SocketEvent::Gone { peer, reason: GoneReason::Left });
    let refused = socket.try_send("worker", text("late")).unwrap_err();
    assert_eq!((refused.reason, refused.message), (NotSentReason::NotConnected, text("late")));
    assert_eq!((counter(&socket, "difference"), counter(&socket, "queued")), (0, 0));
}

/// mux:overload:window-of-services.
#[test]
fn a_window_for_those_who_answer_nothing_is_refused() {
    let window = NonZeroUsize::new(3).unwrap();
    let error_of = |refused: io::Result<()>| {
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        *refused.into_inner().unwrap().downcast::<RuleError>().unwrap()
    };
    let mut config = SocketConfig::default();
    config.inbound.window = Some(window);
    let inbound = error_of(MuxSocket::new(config).map(drop));
    assert_eq!(inbound, RuleError::InboundWindow(window));
    let mut config = MuxConfig::default();
    config.rules.client.window = Some(window);
    assert_eq!(error_of(Mux::new(config).map(drop)), RuleError::ClientWindow(window));
}

/// mux:terminal:dialled.
#[tokio::test]
async fn two_routing_sockets_talk_whoever_dials() {
    let (near, endpoint) = listening();
    let far = MuxSocket::new(SocketConfig::default()).unwrap();
    far.connect(endpoint, DealerOptions::new("far").unwrap()).unwrap();
    let SocketEvent::Up(peer) = soon(far.event()).await.unwrap() else { panic!("not up") };
    soon(far.send(&peer, text("there"))).await.unwrap();
    let there = soon(near.recv()).await.unwrap();
    soon(near.send("far", text("and back"))).await.unwrap();
    assert_eq!(there.message, text("there"));
    assert_eq!(soon(far.recv()).await.unwrap().message, text("and back"));
    near.disconnect(&there.from).unwrap();
    assert!(matches!(soon(near.event()).await.unwrap(), SocketEvent::Gone { .. }));
}

/// mux:terminal:backpressure, mux:terminal:refused-comes-back.
#[tokio::test]
async fn who_sends_more_than_is_taken_waits_and_nothing_is_lost() {
    const COUNT: u32 = 100;
    let (socket, endpoint) = listening();
    let dealer = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    let body = |number: u32| Message::single(&number.to_be_bytes().repeat(1 << 18));
    let sender = dealer.clone();
    let sending = tokio::spawn(async move {
        for number in 0..COUNT {
            sender.send(body(number)).await.unwrap();
        }
    });
    // The application is busy until the sender can go no further.
    let full = async {
        while counter(&socket, "parked") == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(full).await;
    assert!(!sending.is_finished());
    for number in 0..COUNT {
        assert_eq!(soon(socket.recv()).await.unwrap().message, body(number));
    }
    soon(sending).await.unwrap();
}

/// mux:terminal:backpressure.
#[tokio::test]
async fn who_waits_for_room_is_told_of_it_when_no_octet_comes_any_more() {
    const COUNT: u32 = 20;
    let mut config = SocketConfig::default();
    config.inbound.pool = PoolLimits { octets: 1 << 20, messages: 2 };
    let socket = MuxSocket::new(config).unwrap();
    let endpoint = bound(&socket);
    let dealer = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    for _ in 0..COUNT {
        dealer.try_send(text("at once")).unwrap();
    }
    soon(dealer.flush()).await;
    let began = tokio::time::Instant::now();
    for _ in 0..COUNT {
        soon(socket.recv()).await.unwrap();
    }
    // Who only looks for room does so once a second, and for each message here.
    assert!(counter(&socket, "parked") > 0);
    assert!(began.elapsed() < Duration::from_secs(u64::from(COUNT / 4)));
}

/// mux:terminal:own-limits.
#[tokio::test]
async fn a_permit_is_room_that_nobody_else_takes() {
    let (socket, endpoint) = listening();
    let dealer = soon(Dealer::connect(&endpoint, "worker")).await.unwrap();
    let len = text("x").as_octets().len();
    let permit = soon(socket.reserve("worker", len)).await.unwrap();
    assert_eq!(socket.is_writable("worker", len), Ok(()));
    let larger = permit.send(text("larger")).unwrap_err();
    assert_eq!(larger.reason, NotSentReason::TooLarge);
    soon(socket.reserve("worker", len)).await.unwrap().send(text("x")).unwrap();
    assert_eq!(soon(dealer.recv()).await.unwrap(), text("x"));
    assert_eq!(socket.is_writable("nobody", len), Err(NotSentReason::NotConnected));
}

/// 28:dealer:round-robin.
#[tokio::test]
async fn a_dealer_that_listens_sends_to_each_router_in_turn() {
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    let (dealer, endpoint) = Dealer::bind(listen).unwrap();
    let routers = [1, 2].map(|_| {
        let router = MuxSocket::new(SocketConfig::default()).unwrap();
        router.connect(endpoint.clone(), DealerOptions::default()).unwrap();
        router
    });
    for _ in &routers {
        assert!(matches!(soon(dealer.event()).await.unwrap(), LinkEvent::Up(_)));
    }
    for _ in 0..4 {
        dealer.send(text("x")).await.unwrap();
    }
    for router in &routers {
        for _ in 0..2 {
            assert_eq!(soon(router.recv()).await.unwrap().message, text("x"));
        }
    }
}

/// mux:terminal:returned.
#[tokio::test]
async fn a_dealer_comes_back_and_is_told_what_was_never_sent() {
    let (socket, endpoint) = listening();
    let first = Duration::from_millis(5);
    let options = DealerOptions::new("worker")
        .unwrap()
        .with_reconnect(Reconnect::Backoff { first, max: first * 2 });
    let dealer = soon(Dealer::connect_with(&endpoint, &options)).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(soon(dealer.event()).await.unwrap(), LinkEvent::Up(_)));
        let SocketEvent::Up(peer) = soon(socket.event()).await.unwrap() else { panic!("not up") };
        socket.disconnect(peer.token).unwrap();
        assert!(matches!(soon(socket.event()).await.unwrap(), SocketEvent::Gone { .. }));
        assert!(matches!(soon(dealer.event()).await.unwrap(), LinkEvent::Down { .. }));
    }
    socket.close().await;
    soon(async { while socket.event().await.is_ok() {} }).await;
    // Nobody listens any more: it waits for somebody who does.
    assert!(timeout(first, dealer.send(text("x"))).await.is_err());
}

/// mux:event:kinds, mux:event:from-the-start.
#[tokio::test]
async fn a_relay_tells_its_application_what_happens() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let listen = Listen::new(ListenerRole::Services, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = mux.bind(listen).unwrap();
    let early = soon(Dealer::connect(&endpoint, "early")).await.unwrap();
    let events = mux.events().unwrap();
    assert!(mux.events().is_none());
    let Event::Bound(peer) = soon(events.next()).await.unwrap() else { panic!("not bound") };
    assert_eq!(peer.name.as_ref().unwrap().as_octets(), b"early");
    early.close().await;
    let unbound = soon(events.next()).await.unwrap();
    assert!(matches!(unbound, Event::Unbound { peer: token, .. } if token == peer.token));
    drop(events);
    assert!(mux.events().is_some(), "nobody listens now");
}

/// mux:event:to-the-last.
#[tokio::test]
async fn what_was_not_taken_before_the_end_can_be_taken_after_it() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let listen = Listen::new(ListenerRole::Services, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = mux.bind(listen).unwrap();
    let events = mux.events().unwrap();
    let _engine = soon(Dealer::connect(&endpoint, "engine")).await.unwrap();
    soon(mux.end()).await;
    assert!(matches!(soon(events.next()).await, Ok(Event::Bound(_))));
    let unbound = soon(events.next()).await.unwrap();
    assert!(matches!(unbound, Event::Unbound { reason: GoneReason::LinkLost, .. }), "{unbound:?}");
    assert_eq!(soon(events.next()).await, Err(Closed));
    assert_eq!(events.try_next(), Err(Closed));

    let (socket, endpoint) = listening();
    let dealer = soon(Dealer::connect(&endpoint, "worker")).await.unwrap();
    dealer.send(text("not taken")).await.unwrap();
    dealer.flush().await;
    socket.send("worker", text("nor this")).await.unwrap();
    let waits = soon(async {
        while counter(&socket, "received") < 2 {
            tokio::task::yield_now().await;
        }
    });
    waits.await;
    soon(socket.close()).await;
    assert!(matches!(soon(socket.event()).await, Ok(SocketEvent::Up(_))));
    assert_eq!(soon(socket.recv()).await.unwrap().message, text("not taken"));
    assert!(matches!(soon(socket.event()).await, Ok(SocketEvent::Gone { .. })));
    assert_eq!(soon(socket.event()).await, Err(Closed));
    assert_eq!((counter(&socket, "queued"), counter(&socket, "difference")), (0, 0));

    assert!(matches!(soon(dealer.event()).await, Ok(LinkEvent::Up(_))));
    soon(dealer.close()).await;
    assert_eq!(soon(dealer.recv()).await.unwrap(), text("nor this"));
}

/// mux:event:to-the-last.
#[tokio::test]
async fn a_dealer_that_is_closed_tells_the_end_of_its_connection() {
    let (_socket, endpoint) = listening();
    let dealer = soon(Dealer::connect(&endpoint, "worker")).await.unwrap();
    soon(dealer.close()).await;
    assert!(matches!(soon(dealer.event()).await, Ok(LinkEvent::Up(_))));
    let down = soon(dealer.event()).await.unwrap();
    assert_eq!(down, LinkEvent::Down { reason: GoneReason::LinkLost });
    assert!(matches!(soon(dealer.event()).await, Err(DealerError::GivenUp)));
}

/// Counts nothing, and is counted.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// mux:terminal:refused-comes-back.
#[tokio::test]
async fn who_need_not_wait_is_not_noted() {
    let (socket, endpoint) = listening();
    let dealer = soon(Dealer::connect(&endpoint, "worker")).await.unwrap();
    assert!(matches!(soon(dealer.event()).await, Ok(LinkEvent::Up(_))));
    assert!(matches!(soon(socket.event()).await, Ok(SocketEvent::Up(_))));
    let task = Arc::new(Nobody);
    let waker = Waker::from(Arc::clone(&task));
    let mut cx = Context::from_waker(&waker);
    assert!(pin!(dealer.send("x")).poll(&mut cx).is_ready());
    assert!(pin!(socket.send("worker", "x")).poll(&mut cx).is_ready());
    assert!(pin!(socket.reserve("worker", 2)).poll(&mut cx).is_ready());
    assert_eq!(Arc::strong_count(&task), 2, "its waker is kept");
}

/// Handles can go anywhere.
#[test]
fn handles_are_clones_that_may_be_sent_and_shared() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<MuxSocket>();
    check::<Dealer>();
    check::<To>();
}
