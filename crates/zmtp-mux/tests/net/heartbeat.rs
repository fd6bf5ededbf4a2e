//! Silent peers on a real socket: asked, then cut, unless they have a reason.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zmtp_mux::{
    Dealer, Endpoint, Heartbeat, Listen, ListenerRole, Message, Mux, MuxConfig, MuxLimits, Settings,
};
use zmtp_proto::{Rhythm, TimeToLive};

use crate::raw::{counter, raw, read_frame};
use crate::soon;

const INTERVAL: Duration = Duration::from_millis(40);

fn mux(limits: MuxLimits) -> (Mux, Endpoint) {
    let heartbeat = Heartbeat::On(Rhythm {
        interval: INTERVAL,
        timeout: INTERVAL * 4,
        time_to_live: TimeToLive::NONE,
    });
    let link = Settings { heartbeat, ..Settings::default() };
    let mux = Mux::new(MuxConfig { limits, link, ..MuxConfig::default() }).unwrap();
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = mux.bind(listen).unwrap();
    (mux, endpoint)
}

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
    // The silent one of 3.1 is a clock: when it is cut, the other would have been.
    soon(silent.read_to_end(&mut heard)).await.unwrap();
    let client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    client.send(Message::from_frames(["old", "hi"]).unwrap()).await.unwrap();
    let source = read_frame(&mut old).await;
    assert_eq!(source.len(), 17, "the address of the client comes first, no PING");
    assert_eq!(counter(&mux, "ended_silence"), 1);
}
