//! Overload on real sockets: what is held of unfinished messages, and what waits for a peer that does
//! not read.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use zmtp_mux::{
    Client, Endpoint, Listen, ListenerRole, Message, Mux, MuxConfig, MuxLimits, Rate, RequestError,
    ReturnReason, Rule,
};

use crate::raw::{counter, raw, read_frame, until};
use crate::soon;

/// mux:overload:partial-charged, 37:command:between-frames.
#[tokio::test]
async fn the_frames_before_a_command_stay_charged_while_the_next_arrives() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = mux.bind(listen).unwrap();
    let mut client = raw(&endpoint, 1, "").await;
    let frame = |flags: u8, len: u64| [&[flags][..], &len.to_be_bytes()].concat();
    client.write_all(&frame(3, FIRST)).await.unwrap();
    client.write_all(&vec![b'x'; usize::try_from(FIRST).unwrap()]).await.unwrap();
    client.write_all(b"\x04\x07\x04PING\0\0").await.unwrap();
    client.write_all(&frame(2, 10 * FIRST)).await.unwrap();
    let arrived = i64::try_from(FIRST).unwrap();
    soon(until(&mux, "queued_octets", |octets| octets >= arrived - 10_000)).await;
    // By then it waits for the rest.
    drop(raw(&endpoint, 1, "").await);
    assert!(counter(&mux, "queued_octets") >= arrived - 10_000, "given back");
    drop(client);
    soon(until(&mux, "queued_octets", |octets| octets == 0)).await;
}

/// Octets of a frame, more than is read at once.
const FIRST: u64 = 600_000;

/// mux:overload:max-age.
#[tokio::test]
async fn what_comes_while_a_socket_is_full_gets_too_old_as_well() {
    let mut config = MuxConfig::default();
    config.rules.service = Rule { max_age: Some(Duration::from_millis(20)), ..Rule::SERVICE };
    let mux = Mux::new(config).unwrap();
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = mux.bind(listen).unwrap();
    let _reads_nothing = raw(&endpoint, 1, "engine").await;
    let client = soon(Client::connect(&endpoint)).await.unwrap();
    let large = Message::single(&vec![b'x'; 256 * 1024]);
    let filling: Vec<_> = (0..40).map(|_| client.send("engine", large.clone())).collect();
    // Those of the filling that wait get too old together with the first; then nothing waits.
    for _ in 0..4 {
        let error = soon(client.send("engine", Message::single(b"?"))).await.unwrap_err();
        assert!(matches!(error, RequestError::Returned { reason: ReturnReason::Expired, .. }));
    }
    drop(filling);
}

/// mux:overload:refusal-tokens.
#[tokio::test]
async fn what_a_client_says_behind_its_last_token_waits_and_is_heard() {
    let (mux, endpoint) = mux_with(Rate { burst: 10, per_second: 200 });
    let mut client = raw(&endpoint, 1, "").await;
    let octets = [&TO_NOBODY.repeat(40)[..], &control(1)].concat();
    client.write_all(&octets).await.unwrap();
    assert_eq!(read_frame(&mut client).await, [0; 0], "nothing but the answer to the HELLO");
    assert!(read_frame(&mut client).await.starts_with(b"MUX\x01\x01"));
    assert_eq!(counter(&mux, "dropped_unknown"), 40);
    assert_eq!(counter(&mux, "control_dropped"), 0);
}

/// 37:heartbeat:ttl, 37:heartbeat:withheld-reads.
#[tokio::test]
async fn a_deadline_that_came_before_a_pause_holds_when_it_is_over() {
    let (mux, endpoint) = mux_with(Rate { burst: 10, per_second: 200 });
    let begun = tokio::time::Instant::now();
    let mut client = raw(&endpoint, 1, "").await;
    // It is asked after 5 s, and that is known when the pause begins.
    client.write_all(&control(1)).await.unwrap();
    read_frame(&mut client).await;
    let octets = [&TO_NOBODY.repeat(40)[..], b"\x04\x07\x04PING\0\x01"].concat();
    client.write_all(&octets).await.unwrap();
    soon(until(&mux, "ended_time_to_live", |count| count == 1)).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "as if it had not come");
}

/// mux:liveness:withheld-shows-fin.
#[tokio::test]
async fn what_a_client_said_behind_its_last_token_is_heard_though_it_has_left() {
    let (mux, endpoint) = mux_with(Rate { burst: 10, per_second: 200 });
    let mut client = raw(&endpoint, 1, "").await;
    // All is there, its end as well, when the first is read.
    client.write_all(&TO_NOBODY.repeat(40)).await.unwrap();
    client.shutdown().await.unwrap();
    soon(until(&mux, "bindings", |count| count == 0)).await;
    assert_eq!(counter(&mux, "dropped_unknown"), 40);
}

/// mux:liveness:withheld-shows-fin.
#[tokio::test]
async fn a_client_that_leaves_without_a_token_for_long_is_noticed() {
    let (mux, endpoint) = mux_with(Rate { burst: 1000, per_second: 1 });
    let mut client = raw(&endpoint, 1, "").await;
    client.write_all(&TO_NOBODY.repeat(1100)).await.unwrap();
    soon(until(&mux, "dropped_unknown", |count| count >= 1000)).await;
    drop(client);
    soon(until(&mux, "bindings", |count| count == 0)).await;
    assert!(counter(&mux, "dropped_unknown") < 1100);
}

/// mux:watch:tokens.
#[tokio::test]
async fn who_has_much_to_say_to_the_mux_holds_nobody_up() {
    let (mux, endpoint) = mux_with(Rate { burst: 1000, per_second: 1000 });
    let mut services = Vec::new();
    for number in 0..65 {
        services.push(raw(&endpoint, 1, &number.to_string()).await);
    }
    let (mut rogue, mut polite) = (raw(&endpoint, 1, "").await, raw(&endpoint, 1, "").await);
    rogue.write_all(&control(1)).await.unwrap();
    soon(until(&mux, "hellos", |count| count == 1)).await;
    // Both are there when the first is read.
    let pair = [watch_all(5), watch_all(6)].concat();
    rogue.write_all(&pair.repeat(100)).await.unwrap();
    polite.write_all(TO_NOBODY).await.unwrap();
    soon(until(&mux, "dropped_unknown", |count| count == 1)).await;
    assert!(counter(&mux, "to_mux") < 100, "{}", counter(&mux, "to_mux"));
    soon(until(&mux, "to_mux", |count| count == 201)).await;
}

/// A control message of this kind.
fn control(kind: u8) -> Vec<u8> {
    [&b"\x01\0\0\x14MUX\x01"[..], &[kind], &[0; 15]].concat()
}

/// WATCH or UNWATCH of all names.
fn watch_all(kind: u8) -> Vec<u8> {
    [&b"\x01\0\x01\x14MUX\x01"[..], &[kind], &[0; 15], b"\0\x01*"].concat()
}

/// A message to a name that nobody holds.
const TO_NOBODY: &[u8] = b"\x01\x06nobody\0\x01x";

fn mux_with(refusals: Rate) -> (Mux, Endpoint) {
    let limits = MuxLimits { refusals, ..MuxLimits::default() };
    let mux = Mux::new(MuxConfig { limits, ..MuxConfig::default() }).unwrap();
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = mux.bind(listen).unwrap();
    (mux, endpoint)
}
