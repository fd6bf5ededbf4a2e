//! Notices and pauses on real sockets.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use zmtp_mux::{
    Client, Dealer, Endpoint, Listen, ListenerRole, Message, Mux, MuxConfig, MuxLimits, Notices,
    PoolLimits, RequestError, ReturnReason, Rule, Rules, Service,
};

use crate::raw::{counter, raw, until};
use crate::site::Site;
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
    let client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
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
    let service = soon(Dealer::connect(&endpoint, "engine")).await.unwrap();
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
    let client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    // What is larger than the kernel takes stays queued; and its end can be seen behind small ones.
    let large = vec![b'x'; 8 << 20];
    for body in [&large[..], &large, &large, &large, b"small", b"small"] {
        client.send(Message::from_frames([&b"frozen"[..], body]).unwrap()).await.unwrap();
    }
    soon(until(&mux, "parked", |count| count > 0)).await;
    assert_eq!(counter(&mux, "parked"), 1);
    drop(client);
    soon(until(&mux, "bindings", |count| count <= 1)).await;
    assert_eq!(counter(&mux, "ended_peer_left") + counter(&mux, "ended_failed"), 1);
    assert_eq!(counter(&mux, "difference"), 0);
}

/// A header that says no more than its kind.
fn header(kind: u8) -> [u8; 20] {
    let mut header = [0; 20];
    header[..5].copy_from_slice(&[b'M', b'U', b'X', 1, kind]);
    header
}

async fn notice(dealer: &Dealer) -> (u8, u8, u8, Vec<u8>) {
    let frames = frames(&soon(dealer.recv()).await.unwrap());
    assert!(frames[0].is_empty() && frames[1].len() == 20, "no notice: {frames:?}");
    (frames[1][4], frames[1][5], frames[1][7], frames.get(2).cloned().unwrap_or_default())
}

/// mux:watch:up-then-synced, mux:watch:flagged, mux:drain:service, mux:gone:reasons.
#[tokio::test]
async fn a_watcher_sees_a_service_come_drain_and_go() {
    const WATCHED: u8 = 2;
    let (_mux, endpoint) = mux(MuxLimits::default(), Rules::default(), Notices::Taken);
    let early = soon(Dealer::connect(&endpoint, "engine.1")).await.unwrap();
    let watcher = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    let watch = Message::from_frames([&b""[..], &header(5), b"engine.*"]).unwrap();
    watcher.send(watch).await.unwrap();
    assert_eq!(notice(&watcher).await, (4, 0, WATCHED, b"engine.1".to_vec()));
    assert_eq!(notice(&watcher).await.0, 7, "SYNCED");
    let late = soon(Dealer::connect(&endpoint, "engine.2")).await.unwrap();
    assert_eq!(notice(&watcher).await, (4, 0, WATCHED, b"engine.2".to_vec()));
    drop(late);
    let (kind, _, flags, name) = notice(&watcher).await;
    assert_eq!((kind, flags, name), (3, WATCHED, b"engine.2".to_vec()));
    // It sends to the other one, which drains, and goes with what it had.
    let request = |body| Message::from_frames([&b"engine.1"[..], body]).unwrap();
    watcher.send(request(b"first")).await.unwrap();
    let asked = frames(&soon(early.recv()).await.unwrap());
    early.send(Message::from_frames([&b""[..], &header(8)]).unwrap()).await.unwrap();
    // What it sends to itself comes back, and shows that the MUX has heard it.
    early.send(Message::from_frames(["engine.1", "x"]).unwrap()).await.unwrap();
    let (kind, reason, _, _) = notice(&early).await;
    assert_eq!((kind, reason), (2, 5), "DRAINING");
    watcher.send(request(b"second")).await.unwrap();
    assert_eq!(notice(&watcher).await, (2, 5, 0, b"engine.1".to_vec()));
    early.send(Message::from_frames([&asked[0][..], b"reply"]).unwrap()).await.unwrap();
    let reply = frames(&soon(watcher.recv()).await.unwrap());
    assert_eq!(reply, [b"engine.1".to_vec(), b"reply".to_vec()]);
    drop(early);
    let mut gone = [notice(&watcher).await, notice(&watcher).await];
    gone.sort_unstable();
    let name = b"engine.1".to_vec();
    assert_eq!(gone, [(3, 3, 0, name.clone()), (3, 3, WATCHED, name)]);
}

/// mux:overload:max-age, mux:overload:window.
#[tokio::test]
async fn what_waits_too_long_for_a_full_window_is_returned() {
    let mut config = MuxConfig::default();
    config.rules.service = Rule {
        window: NonZeroUsize::new(1),
        max_age: Some(Duration::from_millis(20)),
        ..Rule::SERVICE
    };
    let site = Site::new(config);
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let ask = || client.send("engine", Message::single(b"?"));
    let (answered, late) = (ask(), [ask(), ask()]);
    let first = soon(service.recv()).await.unwrap();
    for late in late {
        let error = soon(late).await.unwrap_err();
        assert!(matches!(error, RequestError::Returned { reason: ReturnReason::Expired, .. }));
    }
    soon(first.reply(Message::single(b"!"))).await.unwrap();
    assert_eq!(soon(answered).await, Ok(Message::single(b"!")));
}

/// mux:drain:window-answered.
#[tokio::test]
async fn a_mux_that_ends_waits_for_the_answers_that_a_window_tells_of() {
    let service = Rule { window: NonZeroUsize::new(1), ..Rule::SERVICE };
    let rules = Rules { service, ..Rules::default() };
    let (mux, endpoint) = mux(MuxLimits::default(), rules, Notices::NotTaken);
    let service = soon(Service::connect(&endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&endpoint)).await.unwrap();
    let answer = client.send("engine", Message::single(b"?"));
    let request = soon(service.recv()).await.unwrap();
    let mut ending = pin!(mux.end());
    let early = timeout(Duration::from_millis(100), &mut ending);
    assert!(early.await.is_err(), "while a service has not answered");
    soon(request.reply(Message::single(b"!"))).await.unwrap();
    soon(ending).await;
    assert_eq!(soon(answer).await, Ok(Message::single(b"!")));
}
