//! Who takes what is there, again and again, beside other tasks of its runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use tokio::task::yield_now;
use zmtp_mux::{
    Client, Dealer, DealerError, LinkEvent, Listen, ListenerRole, Message, Mux, MuxConfig,
    MuxSocket, Service, SocketConfig,
};

use crate::soon;

/// How often somebody takes something in a row.
const IN_A_ROW: usize = 256;

const COUNT: usize = 2000;

/// A socket and a dealer, for each of which so many messages are there.
async fn all_is_there(name: &str) -> (MuxSocket, Dealer) {
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let at = format!("inproc://{name}").parse().unwrap();
    let endpoint = socket.bind(Listen::new(ListenerRole::Any, at)).unwrap();
    let dealer = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    dealer.send("first").await.unwrap();
    let peer = soon(socket.recv()).await.unwrap().from;
    for number in 0..COUNT {
        let message = Message::from(number.to_be_bytes().to_vec());
        dealer.send(message.clone()).await.unwrap();
        socket.send(&peer, message).await.unwrap();
    }
    soon(async {
        dealer.flush().await;
        socket.flush().await;
        // Each end reads all that is there in its next turn.
        for _ in 0..10 {
            yield_now().await;
        }
    })
    .await;
    (socket, dealer)
}

/// Returns how many turns another task has meanwhile.
async fn turns_beside(taking: impl Future<Output = ()>) -> usize {
    let turns = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counts.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    });
    soon(taking).await;
    other.abort();
    turns.load(Ordering::Relaxed)
}

#[tokio::test]
async fn whoever_takes_again_and_again_gives_way_now_and_then() {
    let (socket, dealer) = all_is_there("gives way").await;
    let turns = turns_beside(async {
        for number in 0..COUNT {
            let taken = socket.recv().await.unwrap().message;
            assert_eq!(taken, Message::from(number.to_be_bytes().to_vec()));
        }
    });
    assert_eq!(turns.await, COUNT / IN_A_ROW);
    let turns = turns_beside(async {
        for number in 0..COUNT {
            let taken = dealer.recv().await.unwrap();
            assert_eq!(taken, Message::from(number.to_be_bytes().to_vec()));
        }
    });
    assert_eq!(turns.await, COUNT / IN_A_ROW);
}

/// Whoever takes from a dealer that is over has all that came first, however often others have their turn.
#[tokio::test]
async fn whoever_gives_way_does_not_take_that_for_the_end() {
    for way in 0..4 {
        let (socket, dealer) = all_is_there(&format!("not the end {way}")).await;
        soon(socket.close()).await;
        // It is over when nothing is sent any more.
        while dealer.try_send("x").is_ok() {
            yield_now().await;
        }
        let (mut taken, mut many, mut stream) = (0, Vec::new(), dealer.clone().split().1);
        let end = loop {
            let next = match way {
                0 => dealer.recv().await.map(|_| 1),
                1 => dealer.event().await.map(|event| usize::from(message_of(&event).is_some())),
                2 => dealer.recv_many(&mut many, 1).await,
                _ => stream
                    .next()
                    .await
                    .unwrap()
                    .map(|event| usize::from(message_of(&event).is_some())),
            };
            match next {
                Ok(count) => taken += count,
                Err(end) => break end,
            }
        };
        assert_eq!(taken, COUNT, "{way}");
        assert!(!matches!(end, DealerError::GivenUp), "{end}");
    }
}

fn message_of(event: &LinkEvent) -> Option<&Message> {
    if let LinkEvent::Message(message) = event { Some(message) } else { None }
}

#[tokio::test]
async fn whoever_does_not_wait_gives_no_way() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let at = "inproc://gives no way".parse().unwrap();
    let endpoint = mux.bind(Listen::new(ListenerRole::Any, at)).unwrap();
    let service = soon(Service::connect(&endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&endpoint)).await.unwrap();
    let _sent: Vec<_> =
        (0..COUNT).map(|number| client.send("engine", number.to_string())).collect();
    for _ in 0..100 {
        yield_now().await;
    }
    let mut taken = Vec::new();
    while let Some(request) = service.try_recv().unwrap() {
        taken.push(request);
    }
    assert_eq!(taken.len(), COUNT);
}

#[tokio::test]
async fn whoever_takes_many_at_once_is_done_without() {
    let (socket, dealer) = all_is_there("many at once").await;
    let turns = turns_beside(async {
        let (mut events, mut messages) = (Vec::new(), Vec::new());
        while events.len() < COUNT {
            socket.recv_many(&mut events, 256).await.unwrap();
        }
        while messages.len() < COUNT {
            dealer.recv_many(&mut messages, 256).await.unwrap();
        }
    });
    assert_eq!(turns.await, 0);
}
