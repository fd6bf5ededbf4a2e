//! A routing socket.

use tokio::task::yield_now;
use zmtp_mux::{
    Dealer, GoneReason, LinkEvent, MuxSocket, NotSentReason, PoolLimits, SocketConfig, SocketEvent,
};

use super::{Cut, Reached, counter, text, texts, until};
use crate::soon;

/// A socket with room for so many messages for each peer, and a peer that is in.
async fn pair(cut: &Cut, messages: usize) -> (MuxSocket, Dealer) {
    let mut config = SocketConfig::default();
    config.mux.rules.service.pool = PoolLimits { octets: 1 << 20, messages };
    let socket = MuxSocket::new(config).unwrap();
    let endpoint = socket.bind(cut.listen()).unwrap();
    let dealer = soon(Dealer::connect(&endpoint, "peer")).await.unwrap();
    assert!(matches!(soon(socket.event()).await, Ok(SocketEvent::Up(_))));
    assert!(matches!(soon(dealer.event()).await, Ok(LinkEvent::Up(_))));
    (socket, dealer)
}

/// Sends three messages, a while apart, and leaves.
async fn three_and_gone(dealer: Dealer) {
    for number in 0..3 {
        yield_now().await;
        dealer.send(text(number)).await.unwrap();
    }
    dealer.close().await;
}

pub(super) async fn recv(cut: Cut) -> Reached {
    let (socket, dealer) = pair(&cut, 10).await;
    let sending = tokio::spawn(three_and_gone(dealer));
    let first = cut.poll(socket.recv()).await;
    let reached = Reached::of(first.as_ref());
    let mut all: Vec<_> = first.into_iter().map(|incoming| incoming.unwrap().message).collect();
    while all.len() < 3 {
        all.push(soon(socket.recv()).await.unwrap().message);
    }
    assert_eq!(all, texts(0..3));
    assert!(matches!(soon(socket.event()).await, Ok(SocketEvent::Gone { .. })));
    soon(sending).await.unwrap();
    assert_eq!(counter(&socket, "difference"), 0);
    reached
}

/// Takes the rest, and checks that all came once.
async fn rest(socket: &MuxSocket, mut events: Vec<SocketEvent>) {
    while !matches!(events.last(), Some(SocketEvent::Gone { .. })) {
        events.push(soon(socket.event()).await.unwrap());
    }
    let gone = events.pop();
    assert!(matches!(gone, Some(SocketEvent::Gone { reason: GoneReason::Left, .. })), "{gone:?}");
    let messages = events.into_iter().map(|event| match event {
        SocketEvent::Message(incoming) => incoming.message,
        other => panic!("{other:?}"),
    });
    assert_eq!(messages.collect::<Vec<_>>(), texts(0..3));
    assert_eq!(socket.try_event(), Ok(None));
    assert_eq!(counter(socket, "difference"), 0);
}

pub(super) async fn event(cut: Cut) -> Reached {
    let (socket, dealer) = pair(&cut, 10).await;
    let sending = tokio::spawn(three_and_gone(dealer));
    let first = cut.poll(socket.event()).await;
    let reached = Reached::of(first.as_ref());
    rest(&socket, first.into_iter().map(Result::unwrap).collect()).await;
    soon(sending).await.unwrap();
    reached
}

pub(super) async fn recv_many(cut: Cut) -> Reached {
    let (socket, dealer) = pair(&cut, 10).await;
    let sending = tokio::spawn(three_and_gone(dealer));
    let mut events = Vec::new();
    let count = cut.poll(socket.recv_many(&mut events, 10)).await;
    assert_eq!(events.len(), count.as_ref().map_or(0, |count| *count.as_ref().unwrap()));
    rest(&socket, events).await;
    soon(sending).await.unwrap();
    Reached::of(count.as_ref())
}

pub(super) async fn send(cut: Cut) -> Reached {
    let (socket, dealer) = pair(&cut, 1).await;
    socket.try_send("peer", text(0)).unwrap();
    let sent = cut.poll(socket.send("peer", text(1))).await;
    soon(socket.send("peer", text(2))).await.unwrap();
    let expected = if sent.is_some() { vec![0, 1, 2] } else { vec![0, 2] };
    for message in texts(expected) {
        assert_eq!(soon(dealer.recv()).await.unwrap(), message);
    }
    soon(socket.flush()).await;
    assert!(dealer.try_recv().unwrap().is_none());
    assert_eq!(counter(&socket, "difference"), 0);
    Reached::of(sent.as_ref())
}

/// Checks that there is room for one message, and for no more.
async fn has_room_for_one(socket: &MuxSocket, dealer: &Dealer) {
    soon(socket.flush()).await;
    socket.try_send("peer", text(8)).unwrap();
    let refused = socket.try_send("peer", text(9)).unwrap_err();
    assert_eq!(refused.reason, NotSentReason::Full);
    for message in texts([0, 8]) {
        assert_eq!(soon(dealer.recv()).await.unwrap(), message);
    }
}

pub(super) async fn reserve(cut: Cut) -> Reached {
    let (socket, dealer) = pair(&cut, 1).await;
    let len = text(0).as_octets().len();
    socket.try_send("peer", text(0)).unwrap();
    let permit = cut.poll(socket.reserve("peer", len)).await;
    let reached = Reached::of(permit.as_ref());
    if let Some(permit) = permit {
        let permit = permit.unwrap();
        assert_eq!(socket.is_writable("peer", len), Err(NotSentReason::Full), "it is kept");
        drop(permit);
    }
    has_room_for_one(&socket, &dealer).await;
    reached
}

pub(super) async fn writable(cut: Cut) -> Reached {
    let (socket, dealer) = pair(&cut, 1).await;
    socket.try_send("peer", text(0)).unwrap();
    let writable = cut.poll(socket.writable("peer", text(0).as_octets().len())).await;
    has_room_for_one(&socket, &dealer).await;
    Reached::of(writable.as_ref())
}

pub(super) async fn flush(cut: Cut) -> Reached {
    let (socket, dealer) = pair(&cut, 10).await;
    for message in texts(0..3) {
        socket.try_send("peer", message).unwrap();
    }
    let flushed = cut.poll(socket.flush()).await;
    if flushed.is_some() {
        assert_eq!(counter(&socket, "queued"), 0);
    }
    soon(socket.flush()).await;
    for message in texts(0..3) {
        assert_eq!(soon(dealer.recv()).await.unwrap(), message);
    }
    Reached::of(flushed.as_ref())
}

pub(super) async fn close(cut: Cut) -> Reached {
    let (socket, dealer) = pair(&cut, 10).await;
    for message in texts(0..3) {
        socket.try_send("peer", message).unwrap();
    }
    let closed = cut.poll(socket.close()).await;
    let reached = Reached::of(closed.as_ref());
    soon(socket.close()).await;
    assert_eq!(socket.try_send("peer", text(3)).unwrap_err().message, text(3));
    soon(async { while socket.event().await.is_ok() {} }).await;
    for message in texts(0..3) {
        assert_eq!(soon(dealer.recv()).await.unwrap(), message);
    }
    assert!(soon(dealer.recv()).await.is_err());
    until(|| counter(&socket, "connections") == 0).await;
    reached
}
