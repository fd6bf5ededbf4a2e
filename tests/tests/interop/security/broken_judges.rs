//! Authenticators that do not say yes or no.

use std::time::Duration;

use zmq::{SocketEvent, SocketType};
use zmtp_mux::{Listen, ListenerRole, MuxConfig};
use zmtp_mux_tests::{LocalMux, Peers};

use super::admitted::ask_and_answer;
use super::credentials::{Credentials, MECHANISMS};
use super::guard::{Guard, Mood};
use super::refused_by_us::Attempt;

/// 37:auth:delay-never-admits.
#[test]
fn an_authenticator_that_never_answers_lets_nobody_in_and_the_mux_serves_on() {
    for mechanism in MECHANISMS {
        let credentials = Credentials::new(mechanism);
        let guard = Guard::new(Mood::NeverSay);
        let verdict_time = Duration::from_millis(50);
        let config = MuxConfig { verdict_time, ..MuxConfig::default() };
        let attempt = Attempt::begin(config, &credentials, guard.admittance(), |socket| {
            credentials.make_client(socket);
        });
        attempt.expect_persistent("ended_no_verdict");
        others_are_served(&attempt.mux);
        assert_eq!(attempt.mux.counter("bindings"), 0);
        drop(attempt.socket);
        attempt.mux.stop();
    }
}

/// 37:auth:delay-never-admits.
#[test]
fn an_authenticator_that_panics_lets_nobody_in_and_the_mux_serves_on() {
    for mechanism in MECHANISMS {
        let credentials = Credentials::new(mechanism);
        let guard = Guard::new(Mood::Panic);
        let attempt =
            Attempt::begin(MuxConfig::default(), &credentials, guard.admittance(), |socket| {
                socket.set_identity(b"engine").unwrap();
                credentials.make_client(socket);
            });
        attempt.expect_persistent("ended_panicked");
        assert_eq!(attempt.mux.counter("bindings"), 0);
        others_are_served(&attempt.mux);
        // It has recovered, and so has the listener.
        guard.set(Mood::LetIn);
        attempt.monitor.wait(SocketEvent::HANDSHAKE_SUCCEEDED);
        ask_and_answer(&attempt.socket, "engine");
        drop(attempt.socket);
        attempt.mux.wait_counter("connections", |open| open == 0);
        assert_eq!(attempt.mux.counter("handshakes"), 0);
        attempt.mux.stop();
    }
}

/// Lets a peer of another listener have a conversation, and go.
fn others_are_served(mux: &LocalMux) {
    let endpoint = "tcp://127.0.0.1:0".parse().unwrap();
    let url = mux.bind(Listen::new(ListenerRole::Any, endpoint));
    let other = Peers::new().connect(SocketType::DEALER, &url, "other");
    mux.wait_counter("bindings", |bindings| bindings == 1);
    ask_and_answer(&other, "other");
    drop(other);
    mux.wait_counter("bindings", |bindings| bindings == 0);
}
