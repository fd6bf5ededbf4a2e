//! The halves of handles, as sinks and streams. One task, and nothing waits for the system: what is
//! polled at once finds nobody at work.

use futures::{FutureExt, SinkExt, StreamExt};
use zmtp_mux::{
    Dealer, DealerOptions, Endpoint, Event, LinkEvent, Listen, ListenerRole, Message, Mux,
    MuxConfig, MuxSocket, NotSent, NotSentReason, PoolLimits, SocketConfig, SocketEvent, To,
};

use crate::soon;

fn text(text: &str) -> Message {
    Message::single(text.as_bytes())
}

fn at(name: &str) -> Listen {
    Listen::new(ListenerRole::Any, Endpoint::Inproc(name.to_owned()))
}

/// A socket with room for one message for each peer, and such a peer that is in.
async fn narrow(name: &str) -> (MuxSocket, Dealer) {
    let mut config = SocketConfig::default();
    config.mux.rules.service.pool = PoolLimits { octets: 1 << 20, messages: 1 };
    let socket = MuxSocket::new(config).unwrap();
    let endpoint = socket.bind(at(name)).unwrap();
    let dealer = soon(Dealer::connect(&endpoint, "worker")).await.unwrap();
    assert!(matches!(soon(socket.event()).await, Ok(SocketEvent::Up(_))));
    (socket, dealer)
}

/// mux:half:one-waits, mux:half:flush.
#[tokio::test]
async fn what_has_no_room_waits_in_the_half_and_is_not_overtaken() {
    let (socket, dealer) = narrow("half waits").await;
    let (mut sink, _events) = socket.split();
    let to = || To::from("worker");
    assert!(matches!(sink.feed((to(), text("1"))).now_or_never(), Some(Ok(()))));
    assert!(matches!(sink.feed((to(), text("2"))).now_or_never(), Some(Ok(()))));
    assert!(sink.feed((to(), text("3"))).now_or_never().is_none(), "the second waits in it");
    let refused = sink.start_send_unpin((to(), text("3"))).unwrap_err();
    assert_eq!(refused, NotSent { message: text("3"), reason: NotSentReason::Full });
    assert!(sink.flush().now_or_never().is_none());
    soon(sink.flush()).await.unwrap();
    soon(sink.send((to(), text("3")))).await.unwrap();
    for expected in ["1", "2", "3"] {
        assert_eq!(soon(dealer.recv()).await.unwrap(), text(expected));
    }
}

/// mux:half:one-waits, mux:cancel:each-point.
#[tokio::test]
async fn a_send_that_is_dropped_in_its_flush_has_sent_and_a_dropped_feed_has_not() {
    let (socket, dealer) = narrow("half dropped").await;
    let (mut sink, _events) = socket.split();
    let to = || To::from("worker");
    assert!(sink.send((to(), text("1"))).now_or_never().is_none(), "nobody has written it yet");
    assert!(sink.send((to(), text("2"))).now_or_never().is_none(), "it waits in the half");
    assert!(sink.feed((to(), text("3"))).now_or_never().is_none());
    soon(sink.flush()).await.unwrap();
    soon(sink.send((to(), text("4")))).await.unwrap();
    for expected in ["1", "2", "4"] {
        assert_eq!(soon(dealer.recv()).await.unwrap(), text(expected));
    }
}

/// mux:half:one-waits.
#[tokio::test]
async fn what_waits_for_a_peer_that_goes_comes_back_and_the_half_goes_on() {
    let (socket, dealer) = narrow("half gone").await;
    let (mut sink, mut events) = socket.clone().split();
    for body in ["1", "2"] {
        sink.feed((To::from("worker"), text(body))).now_or_never().unwrap().unwrap();
    }
    // Nothing was written yet, so the first comes back, and the second never was queued.
    socket.disconnect(socket.peers()[0].token).unwrap();
    let back = soon(sink.flush()).await.unwrap_err();
    assert_eq!(back, NotSent { message: text("2"), reason: NotSentReason::NotConnected });
    assert!(matches!(soon(events.next()).await, Some(SocketEvent::Returned { .. })));
    assert!(matches!(soon(events.next()).await, Some(SocketEvent::Gone { .. })));
    soon(sink.flush()).await.unwrap();
    drop(dealer);
    let endpoint = Endpoint::Inproc("half gone".to_owned());
    let again = soon(Dealer::connect(&endpoint, "worker")).await.unwrap();
    soon(sink.send((To::from("worker"), text("3")))).await.unwrap();
    assert_eq!(soon(again.recv()).await.unwrap(), text("3"));
}

/// mux:half:flush, mux:half:stream-ends.
#[tokio::test]
async fn a_half_that_is_closed_leaves_the_other_one_open() {
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let endpoint = socket.bind(at("half closed")).unwrap();
    let dealer = soon(Dealer::connect(&endpoint, "worker")).await.unwrap();
    let (mut sink, mut events) = dealer.split();
    assert!(matches!(soon(events.next()).await, Some(Ok(LinkEvent::Up(_)))));
    let asked = futures::stream::iter(["1", "2"].map(|body| Ok(text(body))));
    soon(asked.forward(&mut sink)).await.unwrap();
    for expected in ["1", "2"] {
        let incoming = soon(socket.recv()).await.unwrap();
        assert_eq!(incoming.message, text(expected));
        socket.try_send(&incoming.from, incoming.message).unwrap();
    }
    for expected in ["1", "2"] {
        let Some(Ok(event)) = soon(events.next()).await else { panic!("it has ended") };
        assert_eq!(event, LinkEvent::Message(text(expected)));
    }
    soon(sink.handle().close()).await;
    assert!(matches!(soon(events.next()).await, None | Some(Ok(LinkEvent::Down { .. }))));
    assert!(soon(events.next()).await.is_none());
    assert_eq!(soon(sink.send(text("3"))).await.unwrap_err().message, text("3"));
}

/// mux:half:one-waits, mux:half:stream-ends.
#[tokio::test]
async fn a_dealer_that_gives_up_says_why_once_and_gives_back_what_waits() {
    let nobody = Endpoint::Inproc("half nobody".to_owned());
    let (mut sink, mut events) = Dealer::start(nobody, DealerOptions::default()).unwrap().split();
    sink.feed(text("1")).now_or_never().unwrap().unwrap();
    let back = soon(sink.flush()).await.unwrap_err();
    assert_eq!(back, NotSent { message: text("1"), reason: NotSentReason::Closed });
    assert!(matches!(soon(events.next()).await, Some(Err(_))));
    assert!(soon(events.next()).await.is_none());
}

/// mux:half:stream-ends.
#[tokio::test]
async fn streams_of_a_socket_and_of_a_relay_end_with_them() {
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let (sink, mut events) = socket.split();
    soon(sink.handle().close()).await;
    assert_eq!(soon(events.next()).await, None);
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let endpoint = mux.bind(at("half relay")).unwrap();
    let mut events = mux.events().unwrap();
    let _dealer = soon(Dealer::connect(&endpoint, "engine")).await.unwrap();
    assert!(matches!(StreamExt::next(&mut events).await, Some(Event::Bound(_))));
    soon(mux.end()).await;
    drop(soon(events.collect::<Vec<_>>()).await);
}
