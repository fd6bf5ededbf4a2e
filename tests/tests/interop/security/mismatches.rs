//! Sides that can never agree.

use std::time::Duration;

use zmq::{SocketEvent, SocketType};
use zmtp_mux::{ConnectionError, DealerError, DealerOptions, Limits, MuxConfig, Retry, Settings};
use zmtp_mux_tests::{Caller, Peers};

use super::credentials::{Credentials, MECHANISMS, Mechanism};
use super::guard::{Guard, Mood};
use super::refused_by_us::Attempt;

/// All pairs of two different mechanisms.
fn unequal() -> impl Iterator<Item = (Mechanism, Mechanism)> {
    let pairs = MECHANISMS.into_iter().flat_map(|one| MECHANISMS.map(|other| (one, other)));
    pairs.filter(|(one, other)| one != other)
}

/// 37:auth:mechanisms-match, 37:auth:one-mechanism.
#[test]
fn libzmq_with_another_mechanism_is_not_let_in_and_gives_up() {
    for (ours, theirs) in unequal() {
        let guard = Guard::new(Mood::LetIn);
        let client = Credentials::new(theirs);
        let server = Credentials::new(ours);
        let attempt = Attempt::begin(MuxConfig::default(), &server, guard.admittance(), |socket| {
            client.make_client(socket);
        });
        attempt.monitor.wait(SocketEvent::HANDSHAKE_FAILED_PROTOCOL);
        attempt.mux.wait_counter("connections", |open| open == 0);
        attempt.monitor.expect_none(SocketEvent::CONNECTED, Duration::from_millis(200));
        assert_eq!(attempt.mux.counter("connections_accepted"), 1, "{ours:?} {theirs:?}");
        assert_eq!(guard.shown(), [], "{ours:?} {theirs:?}");
        drop(attempt.socket);
        attempt.mux.stop();
    }
}

/// 37:auth:mechanisms-match, 37:errors:no-retry-after-refusal.
#[test]
fn our_dealer_with_another_mechanism_is_not_let_in() {
    for (ours, theirs) in unequal() {
        let error = dial(ours, |socket| Credentials::new(theirs).make_server(socket));
        if matches!(error, DealerError::Connection(ConnectionError::MechanismMismatch { .. })) {
            assert_eq!(error.retry(), Retry::No);
        } else {
            // libzmq may close before its mechanism is out.
            let closed = matches!(error, DealerError::Io(_) | DealerError::LetGo);
            assert!(closed, "{ours:?} to {theirs:?}: {error:?}");
            assert_eq!(error.retry(), Retry::Later);
        }
    }
}

/// 37:topology:role-conflict.
#[test]
fn two_servers_wait_until_the_handshake_is_too_old() {
    for mechanism in [Mechanism::Plain, Mechanism::Curve] {
        let guard = Guard::new(Mood::LetIn);
        let handshake_time = Duration::from_millis(100);
        let link = Settings::from(Limits { handshake_time, ..Limits::default() });
        let config = MuxConfig { link, ..MuxConfig::default() };
        let server = Credentials::new(mechanism);
        let attempt = Attempt::begin(config, &server, guard.admittance(), |socket| {
            Credentials::new(mechanism).make_server(socket);
        });
        attempt.expect_persistent("ended_handshake_time");
        assert_eq!(guard.shown(), []);
        drop(attempt.socket);
        attempt.mux.stop();
    }
}

/// 37:topology:role-conflict, 24:plain:order, 26:curve:order.
#[test]
fn two_clients_fall_out_at_hello() {
    for mechanism in [Mechanism::Plain, Mechanism::Curve] {
        let error = dial(mechanism, |socket| Credentials::new(mechanism).make_client(socket));
        // Whoever is first closes.
        let fell_out = matches!(
            error,
            DealerError::Connection(ConnectionError::Unexpected { .. })
                | DealerError::Io(_)
                | DealerError::LetGo
        );
        assert!(fell_out, "{mechanism:?}: {error:?}");
    }
}

/// Has our dealer dial a libzmq ROUTER with these options, and returns why it was not let in.
fn dial(ours: Mechanism, theirs: impl Fn(&zmq::Socket)) -> DealerError {
    let router = Peers::new().socket(SocketType::ROUTER);
    theirs(&router);
    router.bind("tcp://127.0.0.1:*").unwrap();
    let url = router.get_last_endpoint().unwrap().unwrap();
    let security = Credentials::new(ours).our_client();
    let options = DealerOptions::default().with_security(security);
    Caller::connect(&url, &options).expect_err("not let in")
}
