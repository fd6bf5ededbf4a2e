//! PLAIN listeners.

use zmq::SocketType;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

use crate::files::Files;
use crate::peer::{Peer, assert_null_refused, assert_refused, plain};

/// Starts a broker that knows some users.
fn start(files: &Files) -> Muxd {
    let users = files.secret("users", "engine:with:colon\n\nguest:guest\r\ncolon::");
    Muxd::start(&["--plain-users", &users, "--clients", ANY_PORT, "--services", ANY_PORT])
}

/// Connects a DEALER of libzmq.
fn dealer(peers: &Peers, url: &str, user: &str, password: &str, identity: &str) -> zmq::Socket {
    let socket = peers.socket(SocketType::DEALER);
    socket.set_plain_username(Some(user)).unwrap();
    socket.set_plain_password(Some(password)).unwrap();
    socket.set_identity(identity.as_bytes()).unwrap();
    socket.connect(url).unwrap();
    socket
}

/// mux:security:plain-users.
#[test]
fn libzmq_peers_come_in_with_their_passwords() {
    let files = Files::new();
    let muxd = start(&files);
    let peers = Peers::new();
    let service = dealer(&peers, muxd.services(), "engine", "with:colon", "engine.7");
    let client = dealer(&peers, muxd.clients(), "guest", "guest", "guest.1");
    let wrong = dealer(&peers, muxd.clients(), "guest", "guess", "guest.2");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    muxd.wait_counter("connections_accepted", |accepted| accepted == 3);
    muxd.wait_counter("connections", |connections| connections == 2);
    send(&client, &["engine.7", "ask"]);
    send(&service, &receive(&service));
    expect(&client, &["engine.7", "ask"]);
    // The one that was refused has not come again.
    assert_eq!(muxd.counters().of("connections_accepted"), 3);
    drop(wrong);
    assert_eq!(muxd.stop().of("handed_over"), 2);
}

/// mux:security:plain-users, 37:auth:refused-for-good-error.
#[test]
fn all_others_are_refused_for_good() {
    let files = Files::new();
    let muxd = start(&files);
    for (user, password) in [
        ("engine", ""),
        ("engine", "with:colon "),
        ("guest", "with:colon"),
        ("nobody", "with:colon"),
        ("", ""),
    ] {
        assert_refused(muxd.services(), plain(user, password));
    }
    assert_null_refused(muxd.clients());
    drop(Peer::connect(muxd.clients(), plain("colon", ":"), "").unwrap());
    assert_eq!(muxd.stop().of("received"), 0);
}
