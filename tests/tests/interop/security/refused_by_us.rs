//! Our listener does not let a libzmq peer in.

use std::io::ErrorKind;
use std::time::Duration;

use zmq::{Socket, SocketEvent, SocketType};
use zmtp_mux::{Admittance, Listen, ListenerRole, MuxConfig};
use zmtp_mux_tests::{LocalMux, Monitor, Peers};

use super::credentials::{Credentials, Key, MECHANISMS, Mechanism};
use super::guard::{Guard, Mood};
use crate::security::admitted::ask_and_answer;

/// A MUX with one listener, and a libzmq client that dials it again after milliseconds.
pub(crate) struct Attempt {
    pub(crate) mux: LocalMux,
    pub(crate) socket: Socket,
    pub(crate) monitor: Monitor,
}

impl Attempt {
    /// Has `client` dial a server that has the credentials `server`.
    pub(crate) fn begin(
        config: MuxConfig,
        server: &Credentials,
        admittance: Admittance,
        client: impl Fn(&Socket),
    ) -> Self {
        let mux = LocalMux::start(config);
        let url = mux.bind(Listen {
            security: server.our_server(),
            admittance,
            ..Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap())
        });
        let peers = Peers::new();
        let socket = peers.socket(SocketType::DEALER);
        socket.set_reconnect_ivl(RECONNECT_MS).unwrap();
        client(&socket);
        let monitor = peers.monitor(&socket);
        socket.connect(&url).unwrap();
        Self { mux, socket, monitor }
    }

    /// Says that it came once, for this reason was not let in, and does not come again.
    pub(crate) fn expect_given_up(self, counter: &str) {
        self.mux.wait_counter(counter, |ended| ended == 1);
        self.monitor.expect_none(SocketEvent::CONNECT_RETRIED, MANY_RECONNECTS);
        assert_eq!(self.mux.counter("connections_accepted"), 1);
        assert_eq!((self.mux.counter(counter), self.mux.counter("bindings")), (1, 0));
        drop(self.socket);
        self.mux.stop();
    }

    /// Says that it comes again and again, and each time is not let in for this reason.
    pub(crate) fn expect_persistent(&self, counter: &str) {
        self.mux.wait_counter(counter, |ended| ended >= 3);
        assert_eq!(self.mux.counter("bindings"), 0);
    }
}

/// 37:auth:refused-for-good-error, 37:errors:no-retry-after-refusal, 24:plain:refused-with-error,
/// 26:curve:error-only-for-good.
#[test]
fn libzmq_is_told_why_it_is_refused_and_does_not_come_back() {
    for mechanism in MECHANISMS {
        let credentials = Credentials::new(mechanism);
        let guard = Guard::new(Mood::Refuse("400"));
        let attempt =
            Attempt::begin(MuxConfig::default(), &credentials, guard.admittance(), |socket| {
                credentials.make_client(socket);
            });
        // Under PLAIN libzmq expects another word for ERROR.
        match mechanism {
            Mechanism::Null | Mechanism::Curve => {
                assert_eq!(attempt.monitor.wait(SocketEvent::HANDSHAKE_FAILED_AUTH), 400);
            }
            Mechanism::Plain => {
                attempt.monitor.wait(SocketEvent::HANDSHAKE_FAILED_PROTOCOL);
            }
        }
        attempt.expect_given_up("ended_denied");
    }
}

/// 37:errors:reason-opaque, 37:errors:no-retry-after-refusal.
#[test]
fn libzmq_does_not_come_back_after_a_reason_that_it_does_not_know() {
    for mechanism in MECHANISMS {
        let credentials = Credentials::new(mechanism);
        let guard = Guard::new(Mood::Refuse("not in the list"));
        let attempt =
            Attempt::begin(MuxConfig::default(), &credentials, guard.admittance(), |socket| {
                credentials.make_client(socket);
            });
        attempt.expect_given_up("ended_denied");
    }
}

/// 37:auth:refused-for-now-silent, 37:errors:close-is-temporary.
#[test]
fn libzmq_comes_back_until_it_is_let_in_when_it_is_refused_for_now() {
    for mechanism in MECHANISMS {
        let credentials = Credentials::new(mechanism);
        let guard = Guard::new(Mood::RefuseForNow);
        let attempt =
            Attempt::begin(MuxConfig::default(), &credentials, guard.admittance(), |socket| {
                socket.set_identity(b"engine").unwrap();
                credentials.make_client(socket);
            });
        attempt.expect_persistent("ended_denied_for_now");
        guard.set(Mood::LetIn);
        attempt.monitor.wait(SocketEvent::HANDSHAKE_SUCCEEDED);
        ask_and_answer(&attempt.socket, "engine");
        drop(attempt.socket);
        attempt.mux.stop();
    }
}

/// 24:plain:credentials-at-hello, 24:plain:error-misspelt.
#[test]
fn a_wrong_password_is_refused_before_the_peer_has_told_its_name() {
    let server = Credentials::new(Mechanism::Plain);
    let client = Credentials { password: "open, please", ..Credentials::new(Mechanism::Plain) };
    let guard = Guard::new(Mood::LetIn);
    let attempt = Attempt::begin(MuxConfig::default(), &server, guard.admittance(), |socket| {
        client.make_client(socket);
    });
    attempt.monitor.wait(SocketEvent::HANDSHAKE_FAILED_PROTOCOL);
    attempt.expect_given_up("ended_denied");
    let shown = guard.shown();
    assert_eq!((shown.len(), shown[0].identity.as_ref()), (1, None));
}

/// 26:curve:hello-box, 26:curve:silent-close.
#[test]
fn who_knows_another_server_key_is_shown_to_nobody() {
    let server = Credentials::new(Mechanism::Curve);
    let client = Credentials { server: Key::new(), ..Credentials::new(Mechanism::Curve) };
    let guard = Guard::new(Mood::LetIn);
    let attempt = Attempt::begin(MuxConfig::default(), &server, guard.admittance(), |socket| {
        client.make_client(socket);
    });
    attempt.expect_persistent("ended_curve");
    assert_eq!(guard.shown(), []);
    drop(attempt.socket);
    attempt.mux.stop();
}

/// 24:plain:no-authenticator-refuses, 26:curve:unknown-authenticator-refuses.
#[test]
fn without_an_authenticator_nothing_listens_with_security() {
    for mechanism in [Mechanism::Plain, Mechanism::Curve] {
        let mux = LocalMux::start(MuxConfig::default());
        let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
        let listen = Listen { security: Credentials::new(mechanism).our_server(), ..listen };
        let refused = mux.try_bind(listen).unwrap_err();
        assert_eq!(refused.error.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("lets nobody in"), "{refused}");
        mux.stop();
    }
}

/// How soon the libzmq client dials again.
const RECONNECT_MS: i32 = 20;

/// Time in which it would have dialled many times.
const MANY_RECONNECTS: Duration = Duration::from_millis(500);
