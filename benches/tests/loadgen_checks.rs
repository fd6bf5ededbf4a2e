//! The checks that every figure rests on: no fault where there is none, and a
//! fault wherever a broker makes one.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics says where"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use zmtp_mux_benches::broker::{BrokerCommand, Log};
use zmtp_mux_benches::load::{self, Counting, LoadOptions, Window};
use zmtp_mux_benches::report::LoadReport;
use zmtp_mux_benches::wire::{self, FrameKind};

#[test]
fn swap_answers_everything_without_a_fault() {
    let command = BrokerCommand {
        name: "swap".to_owned(),
        words: vec![env!("CARGO_BIN_EXE_swap").to_owned()],
        threads: 1,
        log: Log::Shown,
    };
    for (clients, services, body_len) in [(1, 1, 64), (2, 5, 300)] {
        let broker = command.start(&[]).expect("swap starts");
        let address = |url: &str| url.trim_start_matches("tcp://").parse().expect("an address");
        let options = LoadOptions {
            clients,
            services,
            body_len,
            ..options(address(&broker.clients), address(&broker.services))
        };
        let report = load::run(&options).expect("a report");
        assert_eq!((report.errors, report.lost), (0, 0), "{report}");
        assert!(report.answered >= REQUESTS, "{report}");
        broker.stop().expect("swap ends on SIGTERM");
    }
}

#[test]
fn an_honest_fake_broker_makes_no_fault() {
    let report = run_with(Fault::None);
    assert_eq!((report.errors, report.lost), (0, 0), "{report}");
}

#[test]
fn a_changed_body_is_an_error_and_its_request_is_lost() {
    let report = run_with(Fault::Body);
    assert_eq!((report.tally.body, report.lost), (1, 1), "{report}");
}

#[test]
fn a_reply_under_another_name_is_an_error() {
    let report = run_with(Fault::Source);
    assert_eq!((report.tally.source, report.errors, report.lost), (1, 1, 0), "{report}");
}

#[test]
fn a_repeated_reply_is_an_error() {
    let report = run_with(Fault::Repeat);
    assert_eq!((report.tally.unexpected, report.errors, report.lost), (1, 1, 0), "{report}");
}

#[test]
fn replies_out_of_order_are_an_error() {
    let report = run_with(Fault::Reorder);
    assert_eq!((report.tally.order, report.errors, report.lost), (1, 1, 0), "{report}");
}

#[test]
fn a_swallowed_reply_is_lost() {
    let report = run_with(Fault::Swallow);
    assert_eq!((report.errors, report.lost), (0, 1), "{report}");
}

#[test]
fn a_reply_with_a_third_part_is_an_error() {
    let report = run_with(Fault::ThirdPart);
    assert_eq!((report.tally.malformed, report.lost), (1, 1), "{report}");
}

#[test]
fn a_closed_connection_is_an_error_and_its_requests_are_lost() {
    let report = run_with(Fault::Close);
    // The fake broker ends both connections.
    assert_eq!(report.tally.disconnected, 2, "{report}");
    assert!(report.lost > 0, "{report}");
}

/// What the fake broker does wrong, once, at the 100th reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Body,
    Source,
    Repeat,
    Reorder,
    Swallow,
    ThirdPart,
    Close,
}

fn options(clients_at: SocketAddr, services_at: SocketAddr) -> LoadOptions {
    LoadOptions {
        clients_at,
        services_at,
        clients: 1,
        services: 1,
        outstanding: 8,
        body_len: 64,
        warm_up: Duration::ZERO,
        window: Window::Requests(REQUESTS),
        drain: Duration::from_secs(1),
        broker: None,
        counting: Counting::Off,
    }
}

/// Runs one client against a fake broker, which answers the client itself. The
/// service of the load only shakes hands.
fn run_with(fault: Fault) -> LoadReport {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a listener");
    let (clients, services) = (listen(), listen());
    let mut options = options(
        clients.local_addr().expect("an address"),
        services.local_addr().expect("an address"),
    );
    if fault == Fault::Close {
        // Nothing comes any more: the window has to end by time.
        options.window = Window::Time(Duration::from_millis(300));
        options.drain = Duration::ZERO;
    }
    thread::spawn(move || {
        let (mut service, _) = services.accept().expect("the service");
        shake_hands(&mut service);
        let (mut client, _) = clients.accept().expect("the client");
        shake_hands(&mut client);
        answer(&mut client, fault);
    });
    load::run(&options).expect("a report")
}

/// Reads what a peer sends first, and only then answers: as an acceptor may.
fn shake_hands(stream: &mut TcpStream) {
    let mut greeting = [0; wire::GREETING_LEN];
    stream.read_exact(&mut greeting).expect("a greeting");
    let mut header = [0; 2];
    stream.read_exact(&mut header).expect("the header of READY");
    stream.read_exact(&mut vec![0; usize::from(header[1])]).expect("READY");
    let mut answer = wire::greeting().to_vec();
    answer.extend(wire::ready(b""));
    stream.write_all(&answer).expect("room for the handshake");
}

/// Sends every request back as the service would, but for the fault.
fn answer(stream: &mut TcpStream, fault: Fault) {
    let mut input = Vec::new();
    let mut chunk = [0; 4096];
    let (mut count, mut held) = (0, Vec::new());
    loop {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(len) => input.extend_from_slice(&chunk[..len]),
        }
        let mut out = Vec::new();
        while let Some((name, body, rest)) = request(&input) {
            count += 1;
            let mut reply = reply(&name, &body);
            match (count, fault) {
                (100, Fault::Body) => *reply.last_mut().expect("a body") ^= 1,
                (100, Fault::Source) => reply[2] ^= 1,
                (100, Fault::Repeat) => reply.extend(reply.clone()),
                (100, Fault::Reorder) => held = std::mem::take(&mut reply),
                (101, Fault::Reorder) => reply.append(&mut held),
                (100, Fault::Swallow) => reply.clear(),
                (100, Fault::ThirdPart) => {
                    wire::push_frame(&mut held, FrameKind::More, b"");
                    reply.splice(..0, held.drain(..));
                }
                (100, Fault::Close) => return,
                _ => {}
            }
            out.extend(reply);
            input = rest;
        }
        if stream.write_all(&out).is_err() {
            return;
        }
    }
}

/// Takes `[name, body]` off the front of `input`.
fn request(input: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let name = wire::frame(input).expect("a frame")?;
    let body = wire::frame(name.rest).expect("a frame")?;
    Some((name.body.to_vec(), body.body.to_vec(), body.rest.to_vec()))
}

fn reply(name: &[u8], body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    wire::push_frame(&mut wire, FrameKind::More, name);
    wire::push_frame(&mut wire, FrameKind::Last, body);
    wire
}

/// Requests of one test.
const REQUESTS: u64 = 2_000;
