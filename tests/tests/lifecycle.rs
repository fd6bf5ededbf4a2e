//! How a MUX ends, and how its peers get over it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a test fails"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use zmq::{Socket, SocketType};
use zmtp_mux_tests::muxd::exit_of;
use zmtp_mux_tests::peers::{expect, receive, send};
use zmtp_mux_tests::{Counters, DEADLINE, Muxd, Peers, command};

/// Octets of a body.
const LEN: usize = 64 * 1024;

/// So many bodies are less than half of a destination's queue, which is what one source gets, and by
/// far more than the buffers of a socket.
const COUNT: i64 = 200;

/// A MUX with a service that has not read anything yet of all that a client sent it.
struct Backlog {
    muxd: Muxd,
    service: Socket,
    client: Socket,
}

impl Backlog {
    fn build() -> Self {
        Self::at(Muxd::start_usual())
    }

    fn at(muxd: Muxd) -> Self {
        let peers = Peers::new();
        let service = peers.socket(SocketType::DEALER);
        service.set_rcvhwm(1).unwrap();
        service.set_rcvbuf(i32::try_from(LEN).unwrap()).unwrap();
        service.set_identity(b"slow").unwrap();
        service.connect(muxd.services()).unwrap();
        let client = peers.dealer(muxd.clients(), "");
        muxd.wait_counter("bindings", |bindings| bindings == 2);
        let body = vec![7; LEN];
        for number in 0..COUNT {
            let number = number.to_string();
            send(&client, &[b"slow".as_slice(), number.as_bytes(), &body]);
        }
        muxd.wait_counter("received", |received| received == COUNT);
        assert!(muxd.counters().of("queued") > COUNT / 2);
        Self { muxd, service, client }
    }
}

/// mux:end:sigterm-flush.
#[test]
fn what_is_queued_for_a_slow_service_is_written_out_before_the_end() {
    written_out_before_the_end(Backlog::build());
}

/// mux:end:sigterm-flush.
///
/// A libzmq peer that has paused reading forgets what it has not read as soon as a Unix domain
/// socket is closed at the other end, so the MUX must not close first.
#[test]
fn a_slow_service_on_ipc_gets_what_was_written_out_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| format!("ipc://{}", folder.path().join(file).display());
    let args = ["--clients", &at("clients"), "--services", &at("services")];
    written_out_before_the_end(Backlog::at(Muxd::start(&args)));
}

fn written_out_before_the_end(Backlog { muxd, service, .. }: Backlog) {
    muxd.signal(Signal::TERM);
    muxd.wait_log("SIGTERM: ending");
    for number in 0..COUNT {
        let request = receive(&service);
        assert_eq!(request[1], number.to_string().as_bytes());
        assert_eq!(request[2].len(), LEN);
    }
    let counters = muxd.wait_end();
    assert_eq!((counters.of("handed_over"), counters.of("queued")), (COUNT, 0));
}

/// mux:end:sigterm-flush.
#[test]
fn while_it_ends_answers_pass_and_new_connections_and_requests_do_not() {
    const TRIES: i64 = 10;
    let Backlog { muxd, service, client } = Backlog::build();
    let mut request = receive(&service);
    muxd.signal(Signal::TERM);
    for url in [muxd.services(), muxd.clients()] {
        await_refusal(url);
    }
    for _ in 0..TRIES {
        send(&client, &["slow", "too late"]);
        // What a client sends to itself still passes, and shows that what it sent before was seen.
        send(&client, &[request[0].as_slice(), b"seen"]);
        expect(&client, &[request[0].as_slice(), b"seen"]);
    }
    request.truncate(2);
    send(&service, &request);
    expect(&client, &["slow", "0"]);
    for _ in 1..COUNT {
        assert_ne!(receive(&service)[1], b"too late");
    }
    let counters = muxd.wait_end();
    assert_eq!(counters.of("handed_over"), COUNT + TRIES + 1);
    assert_eq!(counters.of("dropped_draining"), TRIES);
}

/// mux:end:sigterm-flush.
#[test]
fn what_cannot_be_written_out_in_ten_seconds_is_dropped_and_counted() {
    let Backlog { muxd, service, .. } = Backlog::build();
    let began = Instant::now();
    let counters = muxd.stop();
    let took = began.elapsed();
    assert!((10..15).contains(&took.as_secs()), "{took:?}");
    assert_eq!(counters.of("queued"), 0, "{counters:?}");
    assert_eq!(counters.of("handed_over") + counters.of("dropped_draining"), COUNT);
    drop(service);
}

/// mux:end:sigterm-flush.
#[test]
fn with_nothing_queued_it_ends_at_once() {
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let client = peers.dealer(muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    send(&client, &["engine", "ask"]);
    send(&service, &receive(&service));
    expect(&client, &["engine", "ask"]);
    let duplicate = peers.dealer(muxd.services(), "engine");
    muxd.wait_counter("duplicates", |duplicates| duplicates == 1);
    let began = Instant::now();
    let counters = muxd.stop();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!((counters.of("connections"), counters.of("handed_over")), (0, 2));
    drop(duplicate);
}

/// mux:end:second-signal.
#[test]
fn a_second_signal_ends_it_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let Backlog { muxd, service, .. } = Backlog::build();
        muxd.signal(Signal::TERM);
        muxd.wait_log("SIGTERM: ending");
        let began = Instant::now();
        muxd.signal(second);
        let counters = muxd.wait_end();
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert!(counters.of("handed_over") < COUNT, "{counters:?}");
        drop(service);
    }
}

/// 37:errors:close-is-temporary.
#[test]
fn peers_find_a_mux_again_that_was_ended_or_killed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| format!("ipc://{}", folder.path().join(file).display());
    let args = ["--clients", &at("clients"), "--services", &at("services")];
    let mut muxd = Muxd::start(&args);
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let client = peers.connect(SocketType::REQ, muxd.clients(), "");
    for round in 0..6 {
        muxd.wait_counter("bindings", |bindings| bindings == 2);
        let body = round.to_string();
        send(&client, &["engine", &body]);
        send(&service, &receive(&service));
        expect(&client, &["engine", &body]);
        if round % 2 == 0 {
            let _: Counters = muxd.stop();
        } else {
            drop(muxd);
        }
        muxd = Muxd::start(&args);
    }
    let _: Counters = muxd.stop();
}

/// Waits until nobody accepts connections there any more.
fn await_refusal(url: &str) {
    let deadline = Instant::now() + DEADLINE;
    let address = url.strip_prefix("tcp://").unwrap();
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "{url} still accepts connections");
    }
}

/// A broker whose log nobody reads, and where it listens.
fn unread(arguments: &[&str]) -> (Child, String) {
    let mut muxd = command()
        .args(["--any", "tcp://127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(muxd.stdout.as_mut().unwrap()).lines();
    let listening = lines.next().unwrap().unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    (muxd, listening.rsplit('/').next().unwrap().to_owned())
}

/// mux:log:never-blocks: the pipe to which it logs is full, and whoever should read it does not.
#[test]
fn a_log_that_nobody_reads_holds_up_neither_peers_nor_the_end() {
    let (mut muxd, address) = unread(&[]);
    // Each fills some hundred octets of the 64 KiB of a pipe, twice.
    for number in 0..1000 {
        introduce(&address, number);
    }
    rustix::process::kill_process(Pid::from_child(&muxd), Signal::TERM).unwrap();
    assert!(exit_of(&mut muxd).success());
}

/// mux:limit:counted, mux:log:never-blocks.
#[test]
fn lines_of_the_log_that_are_lost_are_counted() {
    let (mut muxd, address) = unread(&["--log", "trace"]);
    let mut stream = introduce(&address, 0);
    // A line for each, and far more than wait; then a PING, whose answer comes behind them all.
    stream.write_all(&b"\x00\x01x".repeat(50_000)).unwrap();
    stream.write_all(b"\x04\x07\x04PING\0\0").unwrap();
    stream.read_exact(&mut [0; 7]).unwrap();
    // More than a pipe holds, so that lines which waited have left: else there is no room for the
    // counters either.
    let mut log = BufReader::new(muxd.stderr.take().unwrap()).lines();
    log.by_ref().take(4096).for_each(|line| drop(line.unwrap()));
    rustix::process::kill_process(Pid::from_child(&muxd), Signal::USR1).unwrap();
    let lost =
        log.find_map(|line| line.unwrap().strip_prefix("log_lines_lost ")?.parse::<u64>().ok());
    assert!(lost.is_some_and(|lost| lost > 10_000), "{lost:?}");
    let _ = muxd.kill();
    let _ = muxd.wait();
}

/// Introduces a service with a long name, and hears that it is in.
fn introduce(address: &str, number: u32) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut octets = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1];
    octets.extend_from_slice(b"NULL");
    octets.resize(64, 0);
    let mut ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\xc8".to_vec();
    ready.extend_from_slice(format!("{number:0>200}").as_bytes());
    octets.extend_from_slice(&[4, u8::try_from(ready.len()).unwrap()]);
    octets.extend_from_slice(&ready);
    stream.write_all(&octets).unwrap();
    // A greeting, and a READY with its header.
    let mut begin = [0; 64 + 2];
    stream.read_exact(&mut begin).unwrap();
    stream.read_exact(&mut vec![0; usize::from(begin[65])]).unwrap();
    stream
}
