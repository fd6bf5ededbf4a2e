//! A dealer and what it dials.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use zmtp_mux::{Dealer, Endpoint, Message, NotSentReason};

use crate::soon;

/// A dealer, and by hand the ROUTER that it dialled.
async fn pair() -> (Dealer, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint: Endpoint = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let router = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut octets = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1];
        octets.extend_from_slice(b"NULL");
        octets.resize(64, 0);
        octets.extend_from_slice(b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER");
        stream.write_all(&octets).await.unwrap();
        let mut theirs = [0; 64 + 2 + 41];
        stream.read_exact(&mut theirs).await.unwrap();
        stream
    };
    let (dealer, router) =
        soon(async { tokio::join!(Dealer::connect(&endpoint, ""), router) }).await;
    (dealer.unwrap(), router)
}

/// 28:dealer:unaltered.
#[tokio::test]
async fn messages_pass_frame_by_frame_as_they_are() {
    let (dealer, mut router) = pair().await;
    let message = Message::from_frames(["", "a", "", "bc"]).unwrap();
    dealer.send(message.clone()).await.unwrap();
    let mut octets = vec![0; message.as_octets().len()];
    soon(router.read_exact(&mut octets)).await.unwrap();
    assert_eq!(octets, message.as_octets());
    router.write_all(&octets).await.unwrap();
    assert_eq!(soon(dealer.recv()).await.unwrap(), message);
}

/// 28:dealer:room-limited, 28:dealer:waits-or-errors, 28:dealer:nothing-discarded.
#[tokio::test]
async fn a_message_for_which_there_is_no_room_comes_back() {
    let (dealer, router) = pair().await;
    let message = Message::single(&vec![b'x'; 1 << 20]);
    let mut fed = 0;
    let refused = loop {
        match dealer.try_send(message.clone()) {
            Ok(()) => fed += message.as_octets().len(),
            Err(refused) => break refused,
        }
    };
    assert_eq!((refused.reason, &refused.message), (NotSentReason::Full, &message));
    assert!(fed <= Dealer::QUEUE_MAX && fed + message.as_octets().len() > Dealer::QUEUE_MAX);
    // The call that waits does so, once the system has taken what it takes: the peer reads nothing.
    let waits = async { while timeout(WAIT, dealer.send(message.clone())).await.is_ok() {} };
    soon(waits).await;
    drop(router);
    // When the connection is over, that is said.
    assert!(soon(dealer.send(message)).await.is_err());
}

/// How long a call may take that does not wait.
const WAIT: Duration = Duration::from_millis(50);

/// 28:dealer:independent-directions.
#[tokio::test]
async fn who_sends_to_a_peer_that_does_not_read_is_still_heard() {
    const EACH: usize = 64 << 10;
    const COUNT: usize = 128;
    let (dealer, mut router) = pair().await;
    let message = Message::single(&vec![b'x'; EACH]);
    // The router writes all of its own before it reads anything.
    let octets = message.as_octets().to_vec();
    let router = tokio::spawn(async move {
        for _ in 0..COUNT {
            router.write_all(&octets).await.unwrap();
        }
        let mut theirs = vec![0; octets.len() * COUNT];
        router.read_exact(&mut theirs).await.unwrap();
        router
    });
    for _ in 0..COUNT {
        dealer.try_send(message.clone()).unwrap();
    }
    for _ in 0..COUNT {
        assert_eq!(soon(dealer.recv()).await.unwrap(), message);
    }
    soon(dealer.flush()).await;
    soon(router).await.unwrap();
}
