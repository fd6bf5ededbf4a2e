//! libzmq dials our MUX.

use tempfile::TempDir;
use zmq::{Socket, SocketEvent, SocketType};
use zmtp_mux::{Identity, Listen, ListenerRole, MuxConfig};
use zmtp_mux_tests::peers::{Frames, expect, receive, send};
use zmtp_mux_tests::{LocalMux, Monitor, Peers};

use super::credentials::{Credentials, Mechanism};
use super::guard::{Guard, Mood};
use super::rows::{Row, bodies, play};

/// 37:version:downgrade-to-3-0, 37:null:server-replies, 37:heartbeat:pong-repeats-context.
#[test]
fn libzmq_asks_and_answers_through_our_mux_under_null() {
    play(Mechanism::Null, ask_through);
}

/// 24:plain:order, 24:plain:credentials-at-hello, 24:plain:clear-traffic.
#[test]
fn libzmq_asks_and_answers_through_our_mux_under_plain() {
    play(Mechanism::Plain, ask_through);
}

/// 26:curve:order, 26:curve:inner-flags, 26:curve:outer-flags, 26:curve:nonces-from-one,
/// 26:curve:message-prefixes.
#[test]
fn libzmq_asks_and_answers_through_our_mux_under_curve() {
    play(Mechanism::Curve, ask_through);
}

/// A libzmq socket that has dialled our MUX.
struct Dialled {
    kind: SocketType,
    socket: Socket,
    monitor: Monitor,
}

fn ask_through(row: Row) {
    let folder = tempfile::tempdir().unwrap();
    let credentials = Credentials::new(row.mechanism);
    let mux = LocalMux::start(MuxConfig { link: row.settings(), ..MuxConfig::default() });
    let clients = listen(&mux, row, &credentials, ListenerRole::Clients, &folder);
    let services = listen(&mux, row, &credentials, ListenerRole::Services, &folder);
    let peers = Peers::new();
    let dial = |kind, url: &str, identity: &str| {
        let socket = peers.socket(kind);
        credentials.make_client(&socket);
        row.prepare(&socket);
        socket.set_identity(identity.as_bytes()).unwrap();
        let monitor = peers.monitor(&socket);
        socket.connect(url).unwrap();
        monitor.wait(SocketEvent::HANDSHAKE_SUCCEEDED);
        Dialled { kind, socket, monitor }
    };
    let service = dial(SocketType::DEALER, &services, "engine");
    let kinds = [SocketType::REQ, SocketType::DEALER, SocketType::ROUTER];
    let asking = kinds.map(|kind| dial(kind, &clients, &format!("{kind:?}")));
    mux.wait_counter("bindings", |bindings| bindings == 4);
    exchange(&asking, &service.socket);
    for peer in asking.iter().chain([&service]) {
        peer.monitor.expect_none(SocketEvent::DISCONNECTED, row.silence() / 4);
    }
    exchange(&asking, &service.socket);
    assert_eq!(mux.counter("connections_accepted"), 4, "nobody came twice");
    let sent = 2 * 2 * 3 * i64::try_from(bodies().len()).unwrap();
    mux.wait_counter("handed_over", |handed_over| handed_over == sent);
    drop((asking, service));
    mux.stop();
}

fn listen(
    mux: &LocalMux,
    row: Row,
    credentials: &Credentials,
    role: ListenerRole,
    folder: &TempDir,
) -> String {
    let endpoint = row.url(folder, role.name()).parse().unwrap();
    mux.bind(Listen {
        security: credentials.our_server(),
        admittance: Guard::new(Mood::LetIn).admittance(),
        identity: Identity::new(MUX).unwrap(),
        ..Listen::new(role, endpoint)
    })
}

/// Lets everybody ask with every body.
fn exchange(asking: &[Dialled], service: &Socket) {
    for Dialled { kind, socket, .. } in asking {
        for body in bodies() {
            let head: &[&[u8]] = if *kind == SocketType::ROUTER {
                &[MUX.as_bytes(), b"engine"]
            } else {
                &[b"engine"]
            };
            let message: Frames = head.iter().map(|frame| frame.to_vec()).chain(body).collect();
            send(socket, &message);
            let request = receive(service);
            assert!(request.ends_with(&message[head.len()..]), "another body of {kind:?}");
            send(service, &request);
            expect(socket, &message);
        }
    }
}

const MUX: &str = "the mux";
