//! A dealer.

use tokio::task::yield_now;
use zmtp_mux::{
    Dealer, DealerError, DealerOptions, GoneReason, LinkEvent, Message, MuxSocket, NotSentReason,
    SocketConfig, SocketEvent,
};

use super::{Cut, Reached, counter, text, texts, until};
use crate::soon;

fn socket(cut: &Cut) -> MuxSocket {
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    socket.bind(cut.listen()).unwrap();
    socket
}

/// A dealer and the socket that it has dialled; its coming was taken on both sides.
async fn pair(cut: &Cut) -> (Dealer, MuxSocket) {
    let socket = socket(cut);
    let dealer = soon(Dealer::connect(&cut.endpoint(), "peer")).await.unwrap();
    assert!(matches!(soon(socket.event()).await, Ok(SocketEvent::Up(_))));
    assert!(matches!(soon(dealer.event()).await, Ok(LinkEvent::Up(_))));
    (dealer, socket)
}

/// Checks that the dealer, or another one of its name if there is none, is the only one.
async fn comes_alone(cut: &Cut, socket: MuxSocket, dealer: Option<Dealer>) {
    let dealer = match dealer {
        Some(dealer) => dealer,
        None => soon(Dealer::connect(&cut.endpoint(), "peer")).await.unwrap(),
    };
    soon(dealer.send(text(0))).await.unwrap();
    let incoming = soon(socket.recv()).await.unwrap();
    assert_eq!(incoming.message, text(0));
    until(|| counter(&socket, "connections") == 1).await;
    socket.try_send("peer", text(1)).unwrap();
    assert_eq!(soon(dealer.recv()).await.unwrap(), text(1));
    assert_eq!(counter(&socket, "difference"), 0);
}

pub(super) async fn connect(cut: Cut) -> Reached {
    let socket = socket(&cut);
    let dealer = cut.poll(Dealer::connect(&cut.endpoint(), "peer")).await;
    let reached = Reached::of(dealer.as_ref());
    comes_alone(&cut, socket, dealer.map(Result::unwrap)).await;
    reached
}

pub(super) async fn connect_with(cut: Cut) -> Reached {
    let socket = socket(&cut);
    let options = DealerOptions::new("peer").unwrap();
    let dealer = cut.poll(Dealer::connect_with(&cut.endpoint(), &options)).await;
    let reached = Reached::of(dealer.as_ref());
    comes_alone(&cut, socket, dealer.map(Result::unwrap)).await;
    reached
}

/// Sends three messages, a while apart, and ends the connection.
async fn three_and_end(socket: MuxSocket) {
    for number in 0..3 {
        yield_now().await;
        socket.send("peer", text(number)).await.unwrap();
    }
    socket.close().await;
}

pub(super) async fn recv(cut: Cut) -> Reached {
    let (dealer, socket) = pair(&cut).await;
    let sending = tokio::spawn(three_and_end(socket));
    let first = cut.poll(dealer.recv()).await;
    let reached = Reached::of(first.as_ref());
    rest(&dealer, first.into_iter().map(Result::unwrap).collect()).await;
    soon(sending).await.unwrap();
    reached
}

/// Takes the rest, and checks that all came once.
async fn rest(dealer: &Dealer, mut messages: Vec<Message>) {
    let why = loop {
        match soon(dealer.event()).await {
            Ok(LinkEvent::Message(message)) => messages.push(message),
            Ok(LinkEvent::Down { .. }) => {}
            Ok(other) => panic!("{other:?}"),
            Err(why) => break why,
        }
    };
    assert!(matches!(why, DealerError::Io(_)), "{why}");
    assert_eq!(messages, texts(0..3));
    assert!(matches!(soon(dealer.recv()).await, Err(DealerError::GivenUp)));
}

pub(super) async fn recv_many(cut: Cut) -> Reached {
    let (dealer, socket) = pair(&cut).await;
    let sending = tokio::spawn(three_and_end(socket));
    let mut messages = Vec::new();
    let count = cut.poll(dealer.recv_many(&mut messages, 10)).await;
    assert_eq!(messages.len(), count.as_ref().map_or(0, |count| *count.as_ref().unwrap()));
    rest(&dealer, messages).await;
    soon(sending).await.unwrap();
    Reached::of(count.as_ref())
}

pub(super) async fn event(cut: Cut) -> Reached {
    let socket = socket(&cut);
    let dealer = Dealer::start(cut.endpoint(), DealerOptions::new("peer").unwrap()).unwrap();
    let serving = socket.clone();
    let sending = tokio::spawn(async move {
        assert!(matches!(serving.event().await, Ok(SocketEvent::Up(_))));
        three_and_end(serving).await;
    });
    let first = cut.poll(dealer.event()).await;
    let reached = Reached::of(first.as_ref());
    let up = match first {
        Some(event) => event,
        None => soon(dealer.event()).await,
    };
    assert!(matches!(up, Ok(LinkEvent::Up(_))), "{up:?}");
    rest(&dealer, Vec::new()).await;
    soon(sending).await.unwrap();
    reached
}

pub(super) async fn send(cut: Cut) -> Reached {
    let (dealer, socket) = pair(&cut).await;
    let large = Message::single(&vec![b'x'; 4 << 20]);
    let mut fed = 0;
    while dealer.try_send(large.clone()).is_ok() {
        fed += 1;
    }
    assert!(fed > 0);
    let taking = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok(SocketEvent::Message(incoming)) = socket.event().await {
            taken.push(incoming.message);
        }
        taken
    });
    let sent = cut.poll_each(20, dealer.send(large.clone())).await;
    soon(dealer.send(text("last"))).await.unwrap();
    soon(dealer.close()).await;
    let mut expected = vec![large; fed + usize::from(sent.is_some())];
    expected.push(text("last"));
    assert!(soon(taking).await.unwrap() == expected);
    Reached::of(sent.as_ref())
}

pub(super) async fn flush(cut: Cut) -> Reached {
    let (dealer, socket) = pair(&cut).await;
    for message in texts(0..3) {
        dealer.try_send(message).unwrap();
    }
    let flushed = cut.poll(dealer.flush()).await;
    soon(dealer.flush()).await;
    for message in texts(0..3) {
        assert_eq!(soon(socket.recv()).await.unwrap().message, message);
    }
    Reached::of(flushed.as_ref())
}

pub(super) async fn close(cut: Cut) -> Reached {
    let (dealer, socket) = pair(&cut).await;
    for message in texts(0..3) {
        dealer.try_send(message).unwrap();
    }
    let closed = cut.poll(dealer.close()).await;
    soon(dealer.close()).await;
    let refused = dealer.try_send(text(3)).unwrap_err();
    assert_eq!((refused.reason, refused.message), (NotSentReason::Closed, text(3)));
    for message in texts(0..3) {
        assert_eq!(soon(socket.recv()).await.unwrap().message, message);
    }
    let gone = soon(socket.event()).await.unwrap();
    assert!(matches!(gone, SocketEvent::Gone { reason: GoneReason::Left, .. }), "{gone:?}");
    Reached::of(closed.as_ref())
}
