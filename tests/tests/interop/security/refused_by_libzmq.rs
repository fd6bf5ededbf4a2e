//! A libzmq server does not let our connector in.

use std::time::Duration;

use zmq::{Socket, SocketType};
use zmtp_mux::{ConnectionError, Dealer, DealerError, DealerOptions, Endpoint, Reconnect, Retry};
use zmtp_mux_tests::local::runtime;
use zmtp_mux_tests::peers::expect;
use zmtp_mux_tests::{Caller, Peers, Zap};

use super::credentials::{Credentials, Key, Mechanism};

/// 37:errors:no-retry-after-refusal, 37:errors:error-is-fatal, 24:plain:error-misspelt,
/// 26:curve:error-only-for-good.
#[test]
fn our_connector_gives_up_after_an_error() {
    for mechanism in [Mechanism::Plain, Mechanism::Curve] {
        let credentials = Credentials::new(mechanism);
        let peers = Peers::new();
        let zap = Zap::start(&peers, |_| "400");
        let (_server, endpoint, options) = server_and_options(&peers, &credentials);
        let runtime = runtime();
        let dealer = runtime.block_on(async { Dealer::start(endpoint, options) }).unwrap();
        match runtime.block_on(dealer.recv()) {
            Err(DealerError::Connection(ConnectionError::Refused { reason })) => {
                assert_eq!(reason, "400");
            }
            other => panic!("{mechanism:?}: {other:?}"),
        }
        let again = runtime.block_on(dealer.recv());
        assert!(matches!(again, Err(DealerError::GivenUp)), "{again:?}");
        assert_eq!(zap.waiting(), 1);
    }
}

/// 37:errors:close-is-temporary, 37:errors:retry-by-kind, 37:auth:refused-for-now-silent.
#[test]
fn our_connector_comes_back_until_it_is_let_in_when_nothing_is_said() {
    for mechanism in [Mechanism::Plain, Mechanism::Curve] {
        let credentials = Credentials::new(mechanism);
        let peers = Peers::new();
        let mut refusals = ["300", "300"].into_iter();
        let zap = Zap::start(&peers, move |_| refusals.next().unwrap_or("200"));
        let (server, endpoint, options) = server_and_options(&peers, &credentials);
        runtime().block_on(async {
            let dealer = Dealer::start(endpoint, options).unwrap();
            dealer.send(zmtp_mux::Message::from_frames(["in"]).unwrap()).await.unwrap();
            dealer.flush().await;
        });
        expect(&server, &[b"caller".as_slice(), b"in"]);
        assert_eq!(zap.waiting(), 3);
    }
}

/// 26:curve:welcome-box, 26:curve:silent-close.
#[test]
fn a_server_of_another_key_does_not_answer_our_dealer() {
    let server = Credentials::new(Mechanism::Curve);
    let client = Credentials { server: Key::new(), ..Credentials::new(Mechanism::Curve) };
    let peers = Peers::new();
    let zap = Zap::start(&peers, |_| "200");
    let (_server, url) = bound(&peers, &server);
    let error = Caller::connect(&url, &options(&client)).expect_err("not let in");
    assert!(matches!(error, DealerError::Io(_) | DealerError::LetGo), "{error:?}");
    assert_eq!((error.retry(), zap.waiting()), (Retry::Later, 0));
}

fn server_and_options(
    peers: &Peers,
    credentials: &Credentials,
) -> (Socket, Endpoint, DealerOptions) {
    let (server, url) = bound(peers, credentials);
    let policy =
        Reconnect::Backoff { first: Duration::from_millis(10), max: Duration::from_millis(20) };
    (server, url.parse().unwrap(), options(credentials).with_reconnect(policy))
}

/// Returns a ROUTER that listens, and where.
fn bound(peers: &Peers, credentials: &Credentials) -> (Socket, String) {
    let server = peers.socket(SocketType::ROUTER);
    credentials.make_server(&server);
    // It leaves a peer waiting that it refuses for now.
    server.set_handshake_ivl(HANDSHAKE_MS).unwrap();
    server.bind("tcp://127.0.0.1:*").unwrap();
    let url = server.get_last_endpoint().unwrap().unwrap();
    (server, url)
}

fn options(credentials: &Credentials) -> DealerOptions {
    DealerOptions::new("caller").unwrap().with_security(credentials.our_client())
}

/// Long enough for a handshake on a busy machine.
const HANDSHAKE_MS: i32 = 2000;
