//! Silent peers on a real socket: asked, then cut, unless they have a reason.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zmtp_mux::{
    Dealer, Endpoint, Figures, Heartbeat, Limits, Listen, ListenerRole, Message, Mux, MuxConfig,
    MuxLimits, MuxSocket, PoolLimits, Rule, Settings, SocketConfig,
};
use zmtp_proto::Rhythm;

use crate::raw::{counter, raw, read_frame};
use crate::soon;

const INTERVAL: Duration = Duration::from_millis(40);

fn mux(limits: MuxLimits) -> (Mux, Endpoint) {
    let mux = Mux::new(config(limits)).unwrap();
    let endpoint = mux.bind(listen()).unwrap();
    (mux, endpoint)
}

fn config(limits: MuxLimits) -> MuxConfig {
    let heartbeat = Heartbeat::On(Rhythm::new(INTERVAL, INTERVAL * 4).unwrap());
    let link = Limits { partial_time: PARTIAL_TIME, ..Limits::default() };
    let link = Settings { heartbeat, limits: link, ..Settings::default() };
    MuxConfig { limits, link, ..MuxConfig::default() }
}

fn listen() -> Listen {
    Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap())
}

/// How long a message may stand still.
const PARTIAL_TIME: Duration = Duration::from_millis(600);

/// 37:heartbeat:ping-after-silence, 37:heartbeat:dead-after-silence,
/// 37:heartbeat:few-outstanding.
#[tokio::test]
async fn a_peer_that_does_not_answer_is_cut_and_one_that_does_is_not() {
    let (mux, endpoint) = mux(MuxLimits::default());
    let mut answers = raw(&endpoint, 1, "answers").await;
    let mut silent = raw(&endpoint, 1, "silent").await;
    let mut pings = 0;
    while pings < 6 {
        assert_eq!(read_frame(&mut answers).await, b"\x04PING\0\0");
        answers.write_all(b"\x04\x05\x04PONG").await.unwrap();
        pings += 1;
    }
    let mut heard = Vec::new();
    soon(silent.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard, b"\x04\x07\x04PING\0\0", "asked once, then cut");
    assert_eq!(counter(&mux, "ended_silence"), 1);
    assert_eq!(counter(&mux, "bindings"), 1);
}

/// 37:heartbeat:ping-after-silence, 37:heartbeat:dead-after-silence: what is far away is kept by
/// another clock than what is near.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_is_asked_and_cut_after_seconds_as_it_is_after_less() {
    const SECOND: Duration = Duration::from_secs(1);
    let mut config = config(MuxLimits::default());
    config.link.heartbeat = Heartbeat::On(Rhythm::new(SECOND, SECOND * 5 / 2).unwrap());
    let mux = Mux::new(config).unwrap();
    let endpoint = mux.bind(listen()).unwrap();
    let begun = tokio::time::Instant::now();
    let mut silent = raw(&endpoint, 1, "silent").await;
    assert_eq!(read_frame(&mut silent).await, b"\x04PING\0\0");
    assert!(begun.elapsed() >= SECOND);
    assert_eq!(soon(silent.read_to_end(&mut Vec::new())).await.unwrap(), 0);
    assert!(begun.elapsed() >= SECOND * 5 / 2);
    assert_eq!(counter(&mux, "ended_silence"), 1);
}

/// mux:liveness:busy-service: it has something to read, and so may be silent for longer.
#[tokio::test]
async fn a_busy_service_keeps_its_name_for_the_busy_time_and_no_longer() {
    let busy = INTERVAL * 15;
    let (mux, endpoint) = mux(MuxLimits { busy_service: busy, ..MuxLimits::default() });
    let mut service = raw(&endpoint, 1, "engine").await;
    let begun = tokio::time::Instant::now();
    let client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    client.send(Message::from_frames(["engine", "work"]).unwrap()).await.unwrap();
    let mut heard = Vec::new();
    // The client stays, and is asked and answers meanwhile.
    let (ended, _) = soon(async {
        tokio::select! {
            ended = service.read_to_end(&mut heard) => (ended, None),
            message = client.recv() => (Ok(0), Some(message)),
        }
    })
    .await;
    ended.unwrap();
    assert!(heard.windows(4).any(|octets| octets == b"work"), "{heard:?}");
    assert!(begun.elapsed() >= busy, "cut after {:?}", begun.elapsed());
    assert_eq!(counter(&mux, "ended_silence"), 1);
}

/// 37:heartbeat:not-to-3-0: nothing is sent to it, and it is not cut.
#[tokio::test]
async fn a_peer_of_version_3_0_is_not_asked() {
    let (mux, endpoint) = mux(MuxLimits::default());
    let mut old = raw(&endpoint, 0, "old").await;
    let mut silent = raw(&endpoint, 1, "silent").await;
    let mut heard = Vec::new();
    #[cfg(target_os = "linux")]
    soon(async {
        while !is_kept_alive(&old) {
            tokio::task::yield_now().await;
        }
        assert!(!is_kept_alive(&silent));
    })
    .await;
    // The silent one of 3.1 is a clock: when it is cut, the other would have been.
    soon(silent.read_to_end(&mut heard)).await.unwrap();
    let client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    client.send(Message::from_frames(["old", "hi"]).unwrap()).await.unwrap();
    let source = read_frame(&mut old).await;
    assert_eq!(source.len(), 17, "the address of the client comes first, no PING");
    assert_eq!(counter(&mux, "ended_silence"), 1);
}

/// 37:heartbeat:withheld-reads, mux:overload:partial-charged: the signs of life of one who is not
/// read are not heard, so only the clock of its message counts.
#[tokio::test]
async fn a_client_without_room_for_its_message_is_not_silent_but_late() {
    let global_pool = PoolLimits { octets: 32 << 10, messages: 100 };
    let (mux, endpoint) = mux(MuxLimits { global_pool, ..MuxLimits::default() });
    let begun = [&b"\x03\0\0\0\0\0\0\x40\0"[..], &[b'x'; 16 << 10]].concat();
    let promising = [&begun[..], b"\x04\x07\x04PING\0\x01"].concat();
    for octets in [begun, promising] {
        let mut client = raw(&endpoint, 1, "").await;
        let since = tokio::time::Instant::now();
        client.write_all(&octets).await.unwrap();
        let _ = soon(client.read_to_end(&mut Vec::new())).await;
        assert!(since.elapsed() >= PARTIAL_TIME, "cut after {:?}", since.elapsed());
    }
    assert_eq!(counter(&mux, "ended_partial_message"), 2);

    let mut client = raw(&endpoint, 1, "").await;
    client.write_all(&[&b"\x03\0\0\0\0\0\0\x40\0"[..], &[b'x'; 16 << 10]].concat()).await.unwrap();
    drop(client);
    let gone = async {
        while counter(&mux, "connections") > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(gone).await;
    assert_eq!(counter(&mux, "ended_partial_message"), 2, "its end is noticed before that");
}

/// 37:heartbeat:withheld-reads: it is the application that does not read.
#[tokio::test]
async fn a_peer_that_waits_for_the_application_is_not_silent() {
    let pool = PoolLimits { octets: 1 << 20, messages: 4 };
    let defaults = SocketConfig::default();
    let inbound = Rule { pool, ..defaults.inbound };
    let mux = MuxConfig { rules: defaults.mux.rules, ..config(MuxLimits::default()) };
    let socket = MuxSocket::new(SocketConfig { mux, inbound }).unwrap();
    let endpoint = socket.bind(listen()).unwrap();
    let figure = |name: &str| {
        let mut found = None;
        socket
            .each(&mut |figure| found = found.or((figure.name() == name).then(|| figure.value())));
        found.expect(name)
    };
    let mut peer = raw(&endpoint, 1, "peer").await;
    // One by one, so that nothing is left to be read when the application goes on.
    while figure("parked") == 0 {
        let before = figure("received");
        peer.write_all(b"\x00\x01a").await.unwrap();
        let arrived = async {
            while figure("received") == before && figure("parked") == 0 {
                tokio::task::yield_now().await;
            }
        };
        soon(arrived).await;
    }
    // A silent one is a clock: when it is cut, the other would have been.
    for _ in 0..2 {
        let mut silent = raw(&endpoint, 1, "").await;
        let _ = soon(silent.read_to_end(&mut Vec::new())).await;
    }
    assert_eq!(figure("ended_silence"), 2);
    soon(socket.recv()).await.unwrap();
    // Now it is read, and its silence begins.
    assert_eq!(read_frame(&mut peer).await, b"\x04PING\0\0");
    peer.write_all(b"\x00\x01z").await.unwrap();
    while soon(socket.recv()).await.unwrap().message != Message::single(b"z") {}
    assert_eq!(figure("ended_silence"), 2);
}

/// Tells whether the system asks for signs of life at the other end of a stream, which is ours as
/// well: then a timer runs there, of the kind 02.
#[cfg(target_os = "linux")]
fn is_kept_alive(stream: &tokio::net::TcpStream) -> bool {
    let port = |address: std::net::SocketAddr| format!(":{:04X}", address.port());
    let (local, remote) = (stream.peer_addr().unwrap(), stream.local_addr().unwrap());
    let (local, remote) = (port(local), port(remote));
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&local) && fields[2].ends_with(&remote) && fields[5].starts_with("02:")
    })
}
