//! Notices and pauses on real sockets.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use zmtp_mux::{
    Dealer, Endpoint, Listen, ListenerRole, Message, Mux, MuxConfig, MuxLimits, Notices,
    PoolLimits, Rule, Rules,
};

use crate::raw::{counter, raw};
use crate::soon;

fn mux(limits: MuxLimits, rules: Rules, notices: Notices) -> (Mux, Endpoint) {
    let mux = Mux::new(MuxConfig { limits, rules, ..MuxConfig::default() }).unwrap();
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = mux.bind(Listen { notices, ..listen }).unwrap();
    (mux, endpoint)
}

fn frames(message: &Message) -> Vec<Vec<u8>> {
    message.frames().map(<[u8]>::to_vec).collect()
}

/// mux:notice:always.
#[tokio::test]
async fn a_listener_may_give_notices_to_all() {
    let (_mux, endpoint) = mux(MuxLimits::default(), Rules::default(), Notices::Taken);
    let mut client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    client.send(Message::from_frames(["nobody", "x"]).unwrap()).await.unwrap();
    let notice = frames(&soon(client.recv()).await.unwrap());
    assert_eq!((&notice[0][..], notice[1].len(), notice[1][4], notice[1][5]), (&b""[..], 20, 2, 1));
    assert_eq!(notice[2..], [b"nobody".to_vec(), b"x".to_vec()]);
}

/// mux:overload:write-stall.
#[tokio::test]
async fn a_client_that_accepts_nothing_is_cut_and_a_service_is_not() {
    let limits = MuxLimits { write_stall: Duration::from_millis(100), ..MuxLimits::default() };
    let (mux, endpoint) = mux(limits, Rules::default(), Notices::NotTaken);
    let mut service = soon(Dealer::connect(&endpoint, "engine")).await.unwrap();
    let _frozen_service = raw(&endpoint, 1, "frozen").await;
    let mut client = raw(&endpoint, 1, "").await;
    let hello = b"\x01\x06engine\x00\x01x";
    tokio::io::AsyncWriteExt::write_all(&mut client, hello).await.unwrap();
    let request = frames(&soon(service.recv()).await.unwrap());
    let body = vec![b'x'; 1 << 20];
    for to in [&b"frozen"[..], &request[0]] {
        for _ in 0..12 {
            service.send(Message::from_frames([to, &body]).unwrap()).await.unwrap();
        }
    }
    let mut rest = Vec::new();
    // It is closed or reset; what it reads now comes too late.
    soon(async {
        while counter(&mux, "ended_write_stall") == 0 {
            // An event that comes for certain: the client has its own PING to answer.
            tokio::task::yield_now().await;
        }
    })
    .await;
    let _ = soon(client.read_to_end(&mut rest)).await;
    assert_eq!(counter(&mux, "ended_write_stall"), 1);
    assert_eq!(counter(&mux, "bindings"), 2, "the frozen service stays");
}

/// mux:liveness:withheld-shows-fin, mux:overload:pauses-clients-only.
#[tokio::test]
async fn a_client_that_is_held_up_and_leaves_is_noticed() {
    let pool = PoolLimits { octets: 64 << 20, messages: 4 };
    let service = Rule { pool, block_timeout: Duration::ZERO, ..Rule::SERVICE };
    let rules = Rules { service, ..Rules::default() };
    let (mux, endpoint) = mux(MuxLimits::default(), rules, Notices::NotTaken);
    let _frozen = raw(&endpoint, 1, "frozen").await;
    let mut client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    // What is larger than the kernel takes stays queued; and its end can be seen behind small ones.
    let large = vec![b'x'; 8 << 20];
    for body in [&large[..], &large, &large, &large, b"small", b"small"] {
        client.send(Message::from_frames([&b"frozen"[..], body]).unwrap()).await.unwrap();
    }
    soon(async {
        while counter(&mux, "parked") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(counter(&mux, "parked"), 1);
    drop(client);
    soon(async {
        while counter(&mux, "bindings") > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(counter(&mux, "ended_peer_left") + counter(&mux, "ended_failed"), 1);
    assert_eq!(counter(&mux, "difference"), 0);
}
