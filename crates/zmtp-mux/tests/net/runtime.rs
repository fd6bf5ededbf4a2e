//! Handles that are used on one runtime, while the one that they were made on ends.

use std::future::ready;
use std::pin::pin;

use tokio::runtime::{Builder, Runtime};
use zmtp_mux::{
    Client, ClientError, Dealer, DealerError, DealerOptions, Endpoint, Listen, ListenerRole, Mux,
    MuxConfig, NotSentReason, Reconnect, RequestError, Service, ServiceError, UnsentReason,
};

use crate::soon;

fn elsewhere() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Where a MUX is, on this runtime.
fn listening(name: &str) -> (Mux, Endpoint) {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let at = format!("inproc://{name}").parse().unwrap();
    let endpoint = mux.bind(Listen::new(ListenerRole::Any, at)).unwrap();
    (mux, endpoint)
}

/// Where nobody is.
fn nowhere() -> Endpoint {
    "inproc://nowhere".parse().unwrap()
}

/// Returns what `waits` has when `runtime` has ended, which it does when `ready` is, and nothing before.
async fn told<T>(
    waits: impl Future<Output = T>,
    ready: impl Future<Output = ()>,
    runtime: Runtime,
) -> T {
    let mut waits = pin!(waits);
    tokio::select! {
        biased;
        _ = waits.as_mut() => panic!("too soon"),
        () = soon(ready) => {}
    }
    runtime.shutdown_background();
    soon(waits).await
}

#[tokio::test]
async fn a_dealer_that_nobody_dials_for_any_more_is_over() {
    let runtime = elsewhere();
    let dealer = {
        let _there = runtime.enter();
        let options = DealerOptions::new("").unwrap().with_reconnect(Reconnect::default());
        Dealer::start(nowhere(), options).unwrap()
    };
    let told = told(dealer.recv(), ready(()), runtime).await;
    assert!(matches!(told, Err(DealerError::GivenUp)), "{told:?}");
    let unsent = soon(dealer.send("late")).await.unwrap_err();
    assert_eq!(unsent.reason, NotSentReason::Closed);
}

#[tokio::test]
async fn a_service_that_nobody_reads_for_any_more_is_over() {
    let (_mux, endpoint) = listening("a service is over");
    let runtime = elsewhere();
    let service = runtime.spawn(async move { Service::connect(&endpoint, "engine").await });
    let service = soon(service).await.unwrap().unwrap();
    let told = told(service.recv(), ready(()), runtime).await;
    assert!(matches!(told, Err(ServiceError::Link(_))), "{told:?}");
}

/// mux:client:one-outcome.
#[tokio::test]
async fn requests_whose_time_nobody_keeps_any_more_have_their_outcome() {
    let (_mux, endpoint) = listening("requests have their outcome");
    let runtime = elsewhere();
    let waits = {
        let _there = runtime.enter();
        Client::builder(nowhere()).start().unwrap()
    };
    let client =
        runtime.spawn(async move { Client::connect(&endpoint).await.map(|is| (is, endpoint)) });
    let (client, endpoint) = soon(client).await.unwrap().unwrap();
    let service = soon(Service::connect(&endpoint, "engine")).await.unwrap();
    let both = async { tokio::join!(waits.request("engine", "a"), client.request("engine", "b")) };
    let is_sent = async { drop(service.recv().await.unwrap()) };
    let (unsent, sent) = told(both, is_sent, runtime).await;
    let is_over = |error: &RequestError| {
        matches!(error, RequestError::NotSent { reason: UnsentReason::Over, .. })
    };
    assert!(is_over(&unsent.unwrap_err()));
    assert!(sent.unwrap_err().is_in_doubt());
    for client in [waits, client] {
        assert!(is_over(&soon(client.request("engine", "late")).await.unwrap_err()));
        let end = soon(client.ended()).await;
        assert!(matches!(end, ClientError::Link(_)), "{end}");
    }
}

#[test]
#[should_panic(expected = "IO is disabled")]
fn to_dial_where_there_is_no_io_panics_with_what_tokio_says() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let endpoint = "tcp://127.0.0.1:1".parse().unwrap();
    let _ = runtime.block_on(Dealer::connect(&endpoint, ""));
}
