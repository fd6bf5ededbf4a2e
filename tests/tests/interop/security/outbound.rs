//! Our dealer dials libzmq.

use zmq::{Socket, SocketType};
use zmtp_mux::DealerOptions;
use zmtp_mux_tests::peers::{Frames, receive, send};
use zmtp_mux_tests::{Caller, Peers, Zap};

use super::credentials::{Credentials, Mechanism, PASSWORD, USER};
use super::rows::{Row, bodies, play};

/// 23:null:send-before-receive, 37:null:client-first, 37:version:per-connection.
#[test]
fn our_dealer_asks_libzmq_under_null() {
    play(Mechanism::Null, ask_libzmq);
}

/// 24:plain:order, 24:plain:hello-layout, 24:plain:metadata, 37:topology:roles-configured.
#[test]
fn our_dealer_asks_libzmq_under_plain() {
    play(Mechanism::Plain, ask_libzmq);
}

/// 26:curve:order, 26:curve:inner-flags, 26:curve:nonces-from-one, 26:curve:initiate-size,
/// 26:curve:ready.
#[test]
fn our_dealer_asks_libzmq_under_curve() {
    play(Mechanism::Curve, ask_libzmq);
}

fn ask_libzmq(row: Row) {
    let folder = tempfile::tempdir().unwrap();
    let credentials = Credentials::new(row.mechanism);
    let peers = Peers::new();
    let zap = Zap::start(&peers, |_| "200");
    let pairs = [SocketType::ROUTER, SocketType::REP, SocketType::DEALER].map(|kind| {
        let socket = peers.socket(kind);
        credentials.make_server(&socket);
        row.prepare(&socket);
        socket.bind(&row.url(&folder, &format!("{kind:?}"))).unwrap();
        let url = socket.get_last_endpoint().unwrap().unwrap();
        let options = DealerOptions {
            security: credentials.our_client(),
            settings: row.settings(),
            ..DealerOptions::new("caller").unwrap()
        };
        let caller = Caller::connect(&url, &options).unwrap();
        shown(&credentials, &zap);
        (caller, kind, socket)
    });
    for (caller, kind, socket) in &pairs {
        exchange(caller, *kind, socket);
    }
    for (caller, ..) in &pairs {
        caller.expect_nothing(row.silence() / 3);
    }
    for (caller, kind, socket) in &pairs {
        exchange(caller, *kind, socket);
    }
}

/// Says that the server asked for us, with the credentials that we have.
fn shown(credentials: &Credentials, zap: &Zap) {
    let (mechanism, wanted) = match credentials.mechanism {
        // Nobody is asked.
        Mechanism::Null => return,
        Mechanism::Plain => ("PLAIN", vec![USER.into(), PASSWORD.into()]),
        Mechanism::Curve => ("CURVE", vec![credentials.client.public.to_vec()]),
    };
    let request = zap.next();
    assert_eq!((request.mechanism.as_str(), request.credentials), (mechanism, wanted));
}

fn exchange(caller: &Caller, kind: SocketType, socket: &Socket) {
    for body in bodies() {
        let mut message: Frames = body.clone();
        if kind == SocketType::REP {
            message.insert(0, Vec::new());
        }
        caller.send(&message);
        let request = receive(socket);
        if kind == SocketType::ROUTER {
            assert_eq!(request[0], b"caller");
        }
        assert!(request.ends_with(&body), "another body at {kind:?}");
        send(socket, &request);
        assert!(caller.receive() == message, "another answer of {kind:?}");
    }
}
