//! A service that does not read, and what that costs whom.

use std::time::{Duration, Instant};

use zmq::{Socket, SocketType};
use zmtp_mux_tests::peers::{expect, expect_nothing, fresh, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

/// Returns a service that reads nothing by itself and takes over as little as libzmq can.
fn frozen(peers: &Peers, url: &str, name: &str) -> Socket {
    let socket = peers.socket(SocketType::DEALER);
    socket.set_rcvhwm(1).unwrap();
    socket.set_identity(name.as_bytes()).unwrap();
    socket.connect(url).unwrap();
    socket
}

/// Starts a MUX on Unix domain sockets, whose buffers in the kernel do not grow.
fn start(folder: &tempfile::TempDir) -> Muxd {
    let at = |file: &str| format!("ipc://{}", folder.path().join(file).display());
    Muxd::start(&["--clients", &at("clients"), "--services", &at("services")])
}

/// mux:queue:per-destination, mux:queue:overflow-dropped, 28:router:never-blocks,
/// 28:router:queues-end-with-peer.
#[test]
fn a_service_that_does_not_read_costs_only_its_own_messages_and_bounded_memory() {
    const LEN: usize = 64 * 1024;
    const COUNT: i64 = 1_200;
    let folder = tempfile::tempdir().unwrap();
    let muxd = start(&folder);
    let peers = Peers::new();
    let slow = frozen(&peers, muxd.services(), "slow");
    let quick = peers.dealer(muxd.services(), "quick");
    let (rogue, polite) = (peers.dealer(muxd.clients(), ""), peers.dealer(muxd.clients(), ""));
    muxd.wait_counter("bindings", |bindings| bindings == 4);
    let body = vec![7; LEN];
    let mut longest = Duration::ZERO;
    for number in 0..COUNT {
        send(&rogue, &[b"slow".as_slice(), &body]);
        if number % 4 == 0 {
            let began = Instant::now();
            let number = number.to_string();
            send(&polite, &["quick", &number]);
            let request = receive(&quick);
            send(&quick, &request);
            expect(&polite, &["quick", &number]);
            longest = longest.max(began.elapsed());
        }
    }
    let polite_count = 2 * COUNT / 4;
    let all = COUNT + polite_count;
    let counters = muxd.wait_counters("all messages", |counters| counters.of("received") == all);
    assert!(longest < Duration::from_secs(1), "others waited {longest:?}");
    assert!(counters.of("dropped_busy") > COUNT / 2, "{counters:?}");
    assert!(counters.of("queued_octets") <= 32 << 20, "{counters:?}");
    #[cfg(target_os = "linux")]
    assert!(muxd.resident_kib() < 100 * 1024, "{} KiB", muxd.resident_kib());
    drop(slow);
    let counters = muxd.wait_counters("the queue to go", |counters| counters.of("queued") == 0);
    let lost = counters.of("dropped_busy") + counters.of("dropped_unreachable");
    assert_eq!(counters.of("handed_over") + lost, all);
    expect_nothing(&polite);
    assert_eq!(muxd.stop().of("received"), all);
}

/// mux:queue:per-destination.
#[test]
fn many_small_messages_for_one_service_are_bounded_by_their_number() {
    const COUNT: i64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let muxd = start(&folder);
    let peers = Peers::new();
    let slow = frozen(&peers, muxd.services(), "slow");
    let client = peers.dealer(muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    for number in 0..COUNT {
        send(&client, &["slow".to_owned(), number.to_string()]);
    }
    let counters = muxd.wait_counters("all messages", |counters| counters.of("received") == COUNT);
    assert!(counters.of("queued") <= 8_192, "{counters:?}");
    let dropped = counters.of("dropped_busy");
    assert!(dropped > 0, "{counters:?}");
    // What was admitted is not lost by this, and stays in order.
    let mut last = -1;
    for _ in 0..COUNT - dropped {
        let number = String::from_utf8(receive(&slow).swap_remove(1)).unwrap();
        let number: i64 = number.parse().unwrap();
        assert!(number > last, "{number} behind {last}");
        last = number;
    }
    expect_nothing(&slow);
    assert_eq!(muxd.stop().of("handed_over"), COUNT - dropped);
}

/// mux:queue:service-never-paused.
#[test]
fn a_client_that_does_not_read_its_answers_does_not_hold_up_the_service() {
    const LEN: usize = 64 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let muxd = start(&folder);
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), &fresh("engine"));
    let stuck = peers.socket(SocketType::DEALER);
    stuck.set_rcvhwm(1).unwrap();
    stuck.set_identity(b"stuck").unwrap();
    stuck.connect(muxd.clients()).unwrap();
    let reading = peers.dealer(muxd.clients(), "reading");
    muxd.wait_counter("bindings", |bindings| bindings == 3);
    let body = vec![7; LEN];
    for number in 0..1_000 {
        send(&service, &[b"stuck".as_slice(), &body]);
        if number % 10 == 0 {
            send(&service, &["reading".to_owned(), number.to_string()]);
            assert_eq!(receive(&reading)[1], number.to_string().as_bytes());
        }
    }
    let counters = muxd.wait_counters("all messages", |counters| counters.of("received") == 1_100);
    assert!(counters.of("dropped_busy") > 300, "{counters:?}");
    drop(stuck);
    muxd.wait_counter("queued", |queued| queued == 0);
    assert_eq!(muxd.stop().of("received"), 1_100);
}
