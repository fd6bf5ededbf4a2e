//! A service that drains: nothing is lost, and it ends.

use std::num::NonZeroUsize;
use std::time::Duration;

use zmtp_mux::{
    Client, Listen, ListenerRole, Message, Mux, MuxConfig, RequestError, ReturnReason, Rule, Rules,
    Service, ServiceError,
};

use crate::site::Site;
use crate::soon;

async fn drained(service: &Service) {
    let end = soon(service.recv()).await;
    assert!(matches!(end, Err(ServiceError::Drained)), "{end:?}");
    assert!(matches!(soon(service.ended()).await, ServiceError::Drained));
}

/// mux:service:drain.
#[tokio::test]
async fn a_service_without_a_connection_has_drained_at_once() {
    let nobody = Service::builder("tcp://127.0.0.1:1".parse().unwrap(), "engine").start().unwrap();
    nobody.drain();
    drained(&nobody).await;

    let site = Site::new(MuxConfig::default());
    let holder = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let waits = Service::builder(site.endpoint.clone(), "engine").start().unwrap();
    waits.drain();
    drained(&waits).await;
    assert!(holder.try_recv().unwrap().is_none());
}

/// mux:service:drain.
#[tokio::test]
async fn a_service_whose_mux_has_gone_has_drained() {
    let mut site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    // It waits while it learns of that, and before it is told to end.
    let receiving = tokio::spawn({
        let service = service.clone();
        async move { service.recv().await.map(drop) }
    });
    site.stop().await;
    while service.generation().is_some() {
        tokio::task::yield_now().await;
    }
    service.drain();
    assert!(matches!(soon(receiving).await.unwrap(), Err(ServiceError::Drained)));
    drained(&service).await;
}

/// mux:service:drain.
#[tokio::test]
async fn a_service_that_nobody_receives_from_says_so_and_ends_when_nothing_waits() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = mux.bind(listen).unwrap();
    let client = soon(Client::connect(&endpoint)).await.unwrap();
    let ask = || client.request("engine", Message::from("x"));
    let service = soon(Service::connect(&endpoint, "engine")).await.unwrap();
    service.drain();
    // Nobody looks at the service meanwhile.
    let heard = async {
        while !mux.counters().contains(&("drains", 1)) {
            tokio::task::yield_now().await;
        }
    };
    soon(heard).await;
    let asked = soon(ask()).await;
    assert!(
        matches!(asked, Err(RequestError::Returned { reason: ReturnReason::Draining, .. })),
        "{asked:?}"
    );
    assert!(matches!(soon(service.ended()).await, ServiceError::Drained));

    // What waits is left to those who receive.
    let service = soon(Service::connect(&endpoint, "engine")).await.unwrap();
    let ending = async {
        let request = service.recv().await.unwrap();
        service.drain();
        let settling = async {
            let body = request.message();
            request.reply(body).await.unwrap();
        };
        tokio::join!(service.ended(), settling).0
    };
    let (asked, end) = soon(async { tokio::join!(ask(), ending) }).await;
    assert_eq!(asked, Ok("x".into()));
    assert!(matches!(end, ServiceError::Drained));
}

/// mux:drain:hello-last, mux:service:drain: with a window and without one, and whether requests are
/// answered or not.
#[tokio::test]
async fn no_request_that_waits_for_a_service_that_drains_is_in_doubt() {
    for window in [1, 3, usize::MAX] {
        let service = Rule { window: NonZeroUsize::new(window), ..Rule::SERVICE };
        let rules = Rules { service, ..Rules::default() };
        let site = Site::new(MuxConfig { rules, ..MuxConfig::default() });
        for round in 0..10 {
            let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
            let client = Client::builder(site.endpoint.clone()).timeout(Duration::from_secs(20));
            let client = soon(client.connect()).await.unwrap();
            let pending: Vec<_> = (0..40).map(|_| client.send("engine", "x")).collect();
            let serving = async {
                for count in 0.. {
                    if count == round {
                        service.drain();
                    }
                    match service.recv().await {
                        Ok(request) => {
                            let body = request.message();
                            request.reply(body).await.unwrap();
                        }
                        Err(end) => return assert!(matches!(end, ServiceError::Drained)),
                    }
                }
            };
            soon(serving).await;
            for pending in pending {
                match soon(pending).await {
                    Ok(_) | Err(RequestError::Returned { reason: ReturnReason::Draining, .. }) => {}
                    Err(error) => panic!("window {window}, round {round}: {error}"),
                }
            }
        }
    }
}
