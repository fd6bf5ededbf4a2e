//! What the authenticator is shown of those whom it lets in.

use zmq::{Socket, SocketEvent, SocketType};
use zmtp_mux::{Listen, ListenerRole, MuxConfig, PeerAddress, Principal};
use zmtp_mux_tests::peers::{receive, send};
use zmtp_mux_tests::{LocalMux, Peers};

use super::credentials::{Credentials, MECHANISMS, Mechanism, USER};
use super::guard::{Guard, Mood};

/// 37:auth:sees-client-identity, 37:auth:verdict-once-heard, 24:plain:credentials-at-hello.
#[test]
fn the_authenticator_sees_the_clients_identity_with_what_it_proved() {
    for mechanism in MECHANISMS {
        let credentials = Credentials::new(mechanism);
        let shown = shown(&credentials, "tcp://127.0.0.1:0");
        let principal = match mechanism {
            Mechanism::Null => Principal::None,
            Mechanism::Plain => Principal::User(USER.into()),
            Mechanism::Curve => Principal::Key(credentials.client.public()),
        };
        let identities: Vec<_> = shown.iter().map(|shown| shown.1.as_deref()).collect();
        let last = Some(b"engine".as_slice());
        match mechanism {
            Mechanism::Plain => assert_eq!(identities, [None, last]),
            Mechanism::Null | Mechanism::Curve => assert_eq!(identities, [last]),
        }
        let localhost = PeerAddress::Ip([127, 0, 0, 1].into());
        for (address, _, who) in shown {
            assert_eq!((address, who), (localhost, principal.clone()));
        }
    }
}

/// 37:auth:sees-client-identity.
#[cfg(target_os = "linux")]
#[test]
fn the_authenticator_sees_the_user_and_the_group_of_a_process_on_this_machine() {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let folder = tempfile::tempdir().unwrap();
    let url = format!("ipc://{}", folder.path().join("mux").display());
    let shown = shown(&Credentials::new(Mechanism::Null), &url);
    let identity = Some(b"engine".to_vec());
    assert_eq!(shown, [(PeerAddress::Ipc { uid, gid }, identity, Principal::Ipc { uid, gid })]);
}

/// Has a libzmq DEALER come to this place, and returns what the authenticator was shown.
fn shown(credentials: &Credentials, url: &str) -> Vec<(PeerAddress, Option<Vec<u8>>, Principal)> {
    let guard = Guard::new(Mood::LetIn);
    let mux = LocalMux::start(MuxConfig::default());
    let url = mux.bind(Listen {
        security: credentials.our_server(),
        admittance: guard.admittance(),
        ..Listen::new(ListenerRole::Any, url.parse().unwrap())
    });
    let peers = Peers::new();
    let socket = peers.socket(SocketType::DEALER);
    credentials.make_client(&socket);
    socket.set_identity(b"engine").unwrap();
    let monitor = peers.monitor(&socket);
    socket.connect(&url).unwrap();
    monitor.wait(SocketEvent::HANDSHAKE_SUCCEEDED);
    ask_and_answer(&socket, "engine");
    drop(socket);
    mux.stop();
    let shown = guard.shown().into_iter();
    shown.map(|shown| (shown.address, shown.identity, shown.principal)).collect()
}

/// Lets a named socket ask itself through the MUX and answer.
pub(crate) fn ask_and_answer(socket: &Socket, name: &str) {
    send(socket, &[name, "to myself"]);
    let request = receive(socket);
    assert_eq!(request[1], b"to myself");
}
