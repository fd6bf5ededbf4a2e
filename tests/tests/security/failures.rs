//! Peers that cannot come in: what libzmq tells them, what is counted, and what the log says.

use std::io::{Read, Write};
use std::net::TcpStream;

use zmq::{SocketEvent, SocketType};
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::{DEADLINE, Monitor, Muxd, Peers};
use zmtp_proto::ClientSecurity;

use crate::files::{Files, Keys};
use crate::peer::{Peer, plain};

/// A broker with CURVE, its keys, and the one key that it lets in.
fn curve_broker(files: &Files) -> (Muxd, Keys, Keys) {
    let (server, listed) = (Keys::generate(), Keys::generate());
    let secret = files.secret("server", &server.printed);
    let clients = files.secret("clients", &listed.public().to_string());
    let args = ["--curve-secret", &secret, "--curve-clients", &clients, "--clients", ANY_PORT];
    (Muxd::start(&[&args[..], &["--services", ANY_PORT]].concat()), server, listed)
}

/// A broker with PLAIN, and one user.
fn plain_broker(files: &Files) -> Muxd {
    let users = files.secret("users", "alice:secret\n");
    Muxd::start(&["--plain-users", &users, "--clients", ANY_PORT, "--services", ANY_PORT])
}

/// Lets a socket of libzmq dial, and returns what it tells of that.
fn dial(peers: &Peers, url: &str, set: impl Fn(&zmq::Socket)) -> (zmq::Socket, Monitor) {
    let socket = peers.socket(SocketType::DEALER);
    set(&socket);
    let monitor = peers.monitor(&socket);
    socket.connect(url).unwrap();
    (socket, monitor)
}

/// Gives a socket of libzmq the keys of a CURVE client.
fn set_curve(socket: &zmq::Socket, server: &Keys, public: &Keys, secret: &Keys) {
    socket.set_curve_serverkey(server.public().as_octets()).unwrap();
    socket.set_curve_publickey(public.public().as_octets()).unwrap();
    socket.set_curve_secretkey(&octets_of(secret)).unwrap();
}

/// Returns the secret key as libzmq takes it.
fn octets_of(keys: &Keys) -> Vec<u8> {
    zmq::z85_decode(&keys.pair.secret.to_z85()).unwrap()
}

/// Sends these octets, reads the greeting of the broker, and leaves.
fn look_in(url: &str, octets: &[u8]) {
    let mut stream = TcpStream::connect(url.strip_prefix("tcp://").unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(octets).unwrap();
    stream.read_exact(&mut [0; 64]).unwrap();
}

/// The greeting of a client.
fn greeting(mechanism: &[u8]) -> Vec<u8> {
    let mut octets = b"\xFF\0\0\0\0\0\0\0\0\x7F\x03\x01".to_vec();
    octets.extend_from_slice(mechanism);
    octets.resize(64, 0);
    octets
}

/// 37:auth:mechanisms-match, mux:limit:counted.
#[test]
fn another_mechanism_is_counted_and_both_are_named() {
    let files = Files::new();
    let (with_curve, _, _) = curve_broker(&files);
    look_in(with_curve.clients(), &greeting(b"NULL"));
    with_curve.wait_log("handshake failed: expects CURVE, the peer speaks NULL");
    with_curve.wait_log("role=\"clients\" address=127.0.0.1");
    with_curve.wait_counter("ended_mechanism", |ended| ended == 1);
    let without = Muxd::start_usual();
    look_in(without.services(), &greeting(b"CURVE"));
    without.wait_log("handshake failed: expects NULL, the peer speaks CURVE");
    assert_eq!(without.stop().of("ended_mechanism"), 1);
    let _ = with_curve.stop();
}

/// mux:limit:counted.
#[test]
fn who_leaves_on_hearing_our_mechanism_speaks_another() {
    let muxd = plain_broker(&Files::new());
    // libzmq sends no more than this before it has read our greeting, and then closes.
    look_in(muxd.clients(), &greeting(b"NULL")[..10]);
    muxd.wait_log("handshake failed: expects PLAIN, and the peer left on hearing so");
    muxd.wait_counter("ended_mechanism", |ended| ended == 1);
    // Whoever says nothing at all only looked.
    look_in(muxd.clients(), b"");
    muxd.wait_counter("ended_peer_left", |ended| ended == 1);
    assert_eq!(muxd.stop().of("ended_mechanism"), 1);
}

/// mux:limit:counted, 37:auth:mechanisms-match.
#[test]
fn libzmq_without_security_gives_up_and_is_counted() {
    for with_curve in [false, true] {
        let (files, peers) = (Files::new(), Peers::new());
        let muxd = if with_curve { curve_broker(&files).0 } else { plain_broker(&files) };
        let (_socket, monitor) = dial(&peers, muxd.services(), |_| {});
        assert_eq!(monitor.wait(SocketEvent::HANDSHAKE_FAILED_PROTOCOL), MECHANISM_MISMATCH);
        // Mostly it has sent the beginning of its greeting; else it is as one who only looked.
        muxd.wait_counters("its end", |counters| {
            counters.of("ended_mechanism") + counters.of("ended_peer_left") == 1
        });
        assert_eq!(muxd.stop().of("connections_accepted"), 1);
    }
}

/// mux:security:curve-clients.
#[test]
fn a_key_that_is_not_listed_is_refused_and_told_with_its_address() {
    let (files, peers) = (Files::new(), Peers::new());
    let (muxd, server, _) = curve_broker(&files);
    let stranger = Keys::generate();
    let (_socket, monitor) = dial(&peers, muxd.services(), |socket| {
        set_curve(socket, &server, &stranger, &stranger);
    });
    assert_eq!(monitor.wait(SocketEvent::HANDSHAKE_FAILED_AUTH), 400);
    muxd.wait_log("handshake failed: denied: key not in the list");
    muxd.wait_log(&format!("address=127.0.0.1 claims=curve:{}", stranger.public()));
    // It counts when the peer has had the time to read why.
    muxd.wait_counter("ended_denied", |count| count == 1);
    let _ = muxd.stop();
}

/// mux:security:plain-users, 24:plain:error-misspelt.
#[test]
fn a_wrong_password_is_told_without_it() {
    let peers = Peers::new();
    let muxd = plain_broker(&Files::new());
    let (_socket, monitor) = dial(&peers, muxd.services(), |socket| {
        socket.set_plain_username(Some("alice")).unwrap();
        socket.set_plain_password(Some("hunter2")).unwrap();
    });
    monitor.wait(SocketEvent::HANDSHAKE_FAILED_PROTOCOL);
    muxd.wait_log("handshake failed: denied: wrong user or password");
    muxd.wait_log("claims=plain:alice");
    // It counts when the peer has had the time to read why.
    muxd.wait_counter("ended_denied", |count| count == 1);
    let _ = muxd.stop();
}

/// 26:curve:silent-close, mux:limit:counted.
#[test]
fn wrong_keys_are_told_in_the_log_and_not_to_the_peer() {
    let files = Files::new();
    for wrong_server in [true, false] {
        let folder = Files::new();
        let (muxd, server, listed) = curve_broker(if wrong_server { &files } else { &folder });
        let (peers, other) = (Peers::new(), Keys::generate());
        let (_socket, monitor) = dial(&peers, muxd.services(), |socket| {
            if wrong_server {
                set_curve(socket, &other, &listed, &listed);
            } else {
                set_curve(socket, &server, &listed, &other);
            }
        });
        monitor.wait(SocketEvent::HANDSHAKE_FAILED_NO_DETAIL);
        muxd.wait_log(if wrong_server {
            "handshake failed: a box does not open: wrong server key?"
        } else {
            "do its public and its secret key belong together?"
        });
        // It tries again and again, which the log says once.
        muxd.wait_counter("ended_curve", |ended| ended >= 3);
        let _ = muxd.stop();
    }
}

/// mux:limit:counted.
#[test]
fn the_lines_of_a_connection_are_matched_by_its_number() {
    let muxd = plain_broker(&Files::new());
    let peer = Peer::connect(muxd.services(), plain("alice", "secret"), "engine").unwrap();
    muxd.wait_log("peer up connection=1 role=\"services\" address=127.0.0.1 ");
    let other = Peer::connect(muxd.clients(), plain("alice", "secret"), "").unwrap();
    muxd.wait_log("peer up connection=2 role=\"clients\" address=127.0.0.1 ");
    drop(peer);
    muxd.wait_log("peer down connection=1 role=\"services\" address=127.0.0.1 ");
    drop(other);
    muxd.wait_log("peer down connection=2 role=\"clients\" address=127.0.0.1 ");
    let _ = muxd.stop();
}

/// mux:liveness:busy-service.
#[test]
fn the_end_of_a_silent_service_says_how_long_it_might_be_silent() {
    let files = Files::new();
    let times = "ping_interval = \"100 ms\"\ndead_after = \"300 ms\"\nbusy_client = \"1 s\"\n";
    let config = format!("[limits]\n{times}busy_timeout = \"1 s\"\n");
    let config = files.secret("mux.toml", &config);
    let muxd = Muxd::start(&["--config", &config, "--any", ANY_PORT]);
    let url = muxd.endpoint("any");
    let idle = Peer::connect(url, ClientSecurity::Null, "idle").unwrap();
    muxd.wait_log("no octet, though a PING asked for one, within 300ms");
    let busy = Peer::connect(url, ClientSecurity::Null, "busy").unwrap();
    Peer::connect(url, ClientSecurity::Null, "").unwrap().send(&["busy", "work"]);
    muxd.wait_log("no octet, though a PING asked for one, within 1s");
    drop((idle, busy));
    assert_eq!(muxd.stop().of("ended_silence"), 2);
}

/// What libzmq calls a greeting with another mechanism.
const MECHANISM_MISMATCH: u32 = 0x1100_0002;
