//! A client on real sockets.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpListener;
use zmtp_mux::{
    Client, ClientError, ConnectError, Dealer, Doubt, GoneReason, Listen, ListenerRole, Message,
    Mux, MuxConfig, MuxSocket, Pattern, RequestError, RequestOptions, RetryPolicy, ReturnReason,
    Service, SocketConfig, UnsentReason, WatchError, WatchEvent,
};

use crate::site::{Site, Wire, soon_again};
use crate::soon;

fn message(text: &str) -> Message {
    Message::single(text.as_bytes())
}

/// Serves by saying the same, until it ends.
fn echo(service: &Service) -> tokio::task::JoinHandle<()> {
    let service = service.clone();
    tokio::spawn(async move {
        while let Ok(request) = service.recv().await {
            let body = request.message();
            drop(request.reply(body).await);
        }
    })
}

/// Waits for something to be so that no event tells of.
async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// mux:client:request-form, mux:client:return-by-id.
#[tokio::test]
async fn a_request_is_answered_or_comes_back_with_its_message() {
    let site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    echo(&service);
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let whole = Message::from_frames(["a", "", "b"]).unwrap();
    assert_eq!(soon(client.request("engine", whole.clone())).await, Ok(whole.clone()));
    let error = soon(client.request("nobody", whole.clone())).await.unwrap_err();
    assert!(matches!(error, RequestError::Returned { reason: ReturnReason::Unknown, .. }));
    assert_eq!((error.is_in_doubt(), error.into_message()), (false, Some(whole)));
    let many = (0..500).map(|number: u32| {
        let client = client.clone();
        tokio::spawn(async move {
            let body = message(&number.to_string());
            assert_eq!(client.request("engine", body.clone()).await, Ok(body));
        })
    });
    for request in many.collect::<Vec<_>>() {
        soon(request).await.unwrap();
    }
    let counters = client.counters();
    assert_eq!((counters.requests, counters.replies, counters.returned), (502, 501, 1));
    assert_eq!((counters.stray_replies, client.in_flight()), (0, 0));
}

/// mux:client:sent-in-order, mux:client:dropped-forgotten, mux:client:error-with-message.
#[tokio::test]
async fn one_task_sends_many_and_waits_in_any_order() {
    let site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let mut open: Vec<_> = (0..100_u32)
        .map(|number| (number, client.send("engine", message(&number.to_string()))))
        .collect();
    let mut refused = client.send("", message("x"));
    assert_eq!(client.in_flight(), 100, "nobody has waited yet");
    // A request that is forgotten, and one whose client has no other handle.
    drop(open.remove(50));
    let counters = client.counters();
    drop(client);
    for number in 0..100 {
        let request = soon(service.recv()).await.unwrap();
        assert_eq!(request.message(), message(&number.to_string()), "in order");
        let body = request.message();
        soon(request.reply(body)).await.unwrap();
    }
    for (number, reply) in open.into_iter().rev() {
        assert_eq!(soon(reply).await, Ok(message(&number.to_string())));
    }
    assert_eq!((counters.requests, counters.forgotten), (100, 1));
    let reason = UnsentReason::NoName;
    let error = RequestError::NotSent { reason, message: message("x") };
    assert_eq!(soon(&mut refused).await, Err(error));
    let again = poll_fn(|cx| Poll::Ready(pin!(&mut refused).poll(cx)));
    assert!(again.await.is_pending(), "it has told all");
}

/// mux:client:request-form.
#[tokio::test]
async fn dealers_that_repeat_the_envelope_are_services_and_clients_as_well() {
    let site = Site::new(MuxConfig::default());
    let stock = soon(Dealer::connect(&site.endpoint, "stock")).await.unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let request = stock.recv().await.unwrap();
            stock.send(request).await.unwrap();
        }
    });
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    assert_eq!(soon(client.request("stock", message("x"))).await, Ok(message("x")));
    serving.abort();
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    echo(&service);
    let stock = soon(Dealer::connect(&site.endpoint, "")).await.unwrap();
    for request in [&["engine", "x"][..], &["engine", "", "x"], &["engine", "id", "", "x"]] {
        let request = Message::from_frames(request).unwrap();
        stock.send(request.clone()).await.unwrap();
        assert_eq!(soon(stock.recv()).await.unwrap(), request);
    }
}

/// mux:client:gone-in-doubt.
#[tokio::test]
async fn a_request_in_the_hands_of_a_service_that_ends_is_in_doubt() {
    let site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let killed = async {
        let request = service.recv().await.unwrap();
        service.close().await;
        assert!(request.reply(message("late")).await.is_err());
    };
    let (outcome, ()) =
        soon(async { tokio::join!(client.request("engine", message("x")), killed) }).await;
    let reason = Doubt::Gone(GoneReason::Left);
    assert_eq!(outcome, Err(RequestError::InDoubt { reason }));
}

/// mux:client:link-lost, mux:client:one-outcome.
#[tokio::test]
async fn a_client_comes_back_and_what_was_sent_before_is_in_doubt() {
    let mut site = Site::new(MuxConfig::default());
    let wire = Wire::to(&site.endpoint).await;
    let service =
        soon(Service::builder(site.endpoint.clone(), "engine").reconnect(soon_again()).connect())
            .await
            .unwrap();
    let client = soon(Client::builder(wire.endpoint.clone()).reconnect(soon_again()).connect())
        .await
        .unwrap();
    let cut = async {
        let request = service.recv().await.unwrap();
        wire.cut();
        request
    };
    let (outcome, request) =
        soon(async { tokio::join!(client.request("engine", message("x")), cut) }).await;
    assert_eq!(outcome, Err(RequestError::InDoubt { reason: Doubt::LinkLost }));
    drop(request);
    echo(&service);
    assert_eq!(soon(client.request("engine", message("y"))).await, Ok(message("y")));
    let generation = service.generation().unwrap();
    site.kill().await;
    // The service may be back later than the client is.
    soon(async {
        loop {
            match client.request("engine", message("z")).await {
                Ok(reply) => break assert_eq!(reply, message("z")),
                Err(error) => {
                    assert!(!error.is_in_doubt() || client.counters().links < 3, "{error}");
                }
            }
        }
    })
    .await;
    assert!(service.generation().unwrap() > generation);
    assert_eq!((client.counters().links, service.counters().links), (3, 2));
}

/// mux:client:dropped-forgotten, mux:client:deadline.
#[tokio::test]
async fn a_dropped_request_is_forgotten_and_a_late_one_is_in_doubt() {
    let site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let mut request = Box::pin(client.request("engine", message("x")));
    poll_fn(|cx| {
        assert!(request.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    assert_eq!(client.in_flight(), 1);
    drop(request);
    assert_eq!((client.in_flight(), client.counters().forgotten), (0, 1));
    soon(soon(service.recv()).await.unwrap().reply(message("late"))).await.unwrap();
    until(|| client.counters().stray_replies == 1).await;
    let options = RequestOptions { timeout: Duration::from_millis(20), ..client.options() };
    let late = soon(client.request_with("engine", message("y"), options)).await;
    assert_eq!(late, Err(RequestError::InDoubt { reason: Doubt::Timeout }));
}

/// mux:client:retry-only-safe.
#[tokio::test]
async fn a_policy_sends_again_what_was_not_processed() {
    let site = Site::new(MuxConfig::default());
    let policy = RetryPolicy { first: Duration::from_millis(10), ..RetryPolicy::default() };
    let client =
        soon(Client::builder(site.endpoint.clone()).retry(policy).connect()).await.unwrap();
    let request = client.request("engine", message("x"));
    let late = async {
        until(|| client.counters().returned > 0).await;
        let service = Service::connect(&site.endpoint, "engine").await.unwrap();
        echo(&service).await.unwrap();
    };
    let outcome = soon(async {
        tokio::select! { outcome = request => outcome, () = late => unreachable!() }
    })
    .await;
    assert_eq!(outcome, Ok(message("x")));
    let counters = client.counters();
    assert!(counters.retries > 0 && counters.requests == counters.retries + 1);
    // In doubt it is not.
    let service = soon(Service::connect(&site.endpoint, "other")).await.unwrap();
    let gone = async {
        drop(service.recv().await.unwrap());
        service.close().await;
    };
    let (outcome, ()) =
        soon(async { tokio::join!(client.request("other", message("x")), gone) }).await;
    assert!(outcome.unwrap_err().is_in_doubt());
}

/// mux:client:retry-budget.
#[tokio::test(start_paused = true)]
async fn more_requests_than_there_is_budget_for_outlive_a_service_that_starts_again() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let endpoint = "inproc://budget".parse().unwrap();
    let endpoint = mux.bind(Listen::new(ListenerRole::Any, endpoint)).unwrap();
    let policy = RetryPolicy::default();
    let client = Client::builder(endpoint.clone()).retry(policy).connect().await.unwrap();
    let asking: Vec<_> = (0..300)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.request("engine", message("x")).await })
        })
        .collect();
    // All have found nobody, and a hundred retries are not enough for them.
    while client.counters().returned < 300 || client.counters().retries_delayed < 200 {
        tokio::task::yield_now().await;
    }
    let service = Service::connect(&endpoint, "engine").await.unwrap();
    echo(&service);
    for request in asking {
        assert_eq!(request.await.unwrap(), Ok(message("x")));
    }
    // With less time than the budget needs, the error says what failed, and a counter why.
    let options = RequestOptions { timeout: Duration::from_millis(60), ..client.options() };
    let short = (0..200).map(|_| client.request_with("nobody", message("x"), options));
    let errors = futures::future::join_all(short).await;
    let unknown = |error: &RequestError| {
        matches!(error, RequestError::Returned { reason: ReturnReason::Unknown, .. })
    };
    assert!(errors.iter().all(|outcome| outcome.as_ref().is_err_and(unknown)));
    assert!(client.counters().retries_refused > 0);
}

/// mux:client:mux-only.
#[tokio::test]
async fn what_is_no_mux_is_refused() {
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
    let endpoint = socket.bind(listen).unwrap();
    let refused = soon(Client::connect(&endpoint)).await;
    assert!(matches!(refused, Err(ConnectError::NotAMux)), "{refused:?}");
    let refused = soon(Service::connect(&endpoint, "engine")).await;
    assert!(matches!(refused, Err(ConnectError::NotAMux)), "{refused:?}");
    let client = Client::builder(endpoint.clone()).start().unwrap();
    assert!(matches!(soon(client.ended()).await, ClientError::NotAMux));
    for name in [&b""[..], b"\0", &[b'x'; 256]] {
        let refused = soon(Service::connect(&endpoint, name)).await;
        assert!(matches!(refused, Err(ConnectError::Name(_))), "{refused:?}");
    }
}

/// mux:client:watch-again, mux:client:watch-newest.
#[tokio::test]
async fn a_watch_goes_on_over_reconnects() {
    let mut site = Site::new(MuxConfig::default());
    let connect =
        |name: &'static str| Service::builder(site.endpoint.clone(), name).reconnect(soon_again());
    let one = soon(connect("engine.1").connect()).await.unwrap();
    let two = soon(connect("engine.2").connect()).await.unwrap();
    echo(&one);
    let client = Client::builder(site.endpoint.clone()).reconnect(soon_again());
    let client = soon(client.connect()).await.unwrap();
    let mut watch = client.watch(Pattern::new("engine.*".into()).unwrap());
    let mut up = Vec::new();
    loop {
        match soon(watch.recv()).await.unwrap() {
            WatchEvent::Up { name, generation } => up.push((name.to_string(), generation)),
            WatchEvent::Synced => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(up.iter().map(|(name, _)| &name[..]).collect::<Vec<_>>(), ["engine.1", "engine.2"]);
    two.close().await;
    let gone = soon(watch.recv()).await.unwrap();
    assert!(matches!(gone, WatchEvent::Gone { reason: GoneReason::Left, .. }), "{gone:?}");
    site.kill().await;
    let (mut synced, mut again) = (false, false);
    while !(synced && again) {
        match soon(watch.recv()).await.unwrap() {
            WatchEvent::Up { generation, .. } => again = generation > up[0].1,
            WatchEvent::Synced => synced = true,
            WatchEvent::Stale | WatchEvent::Gone { reason: GoneReason::LinkLost, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    client.close().await;
    loop {
        match soon(watch.recv()).await {
            Ok(_) => {}
            Err(error) => break assert_eq!(error, WatchError::Closed),
        }
    }
}

/// mux:client:one-outcome, mux:client:sent-in-order.
#[tokio::test]
async fn requests_wait_for_the_first_connection_and_come_back_when_it_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let client = Client::builder(endpoint).reconnect(soon_again()).start().unwrap();
    let mut request = pin!(client.request("engine", message("x")));
    let mut first = true;
    let outcome = soon(poll_fn(|cx| {
        let outcome = request.as_mut().poll(cx);
        if std::mem::take(&mut first) {
            assert!(outcome.is_pending() && !client.is_connected());
            let (client, waker) = (client.clone(), cx.waker().clone());
            tokio::spawn(async move {
                client.close().await;
                waker.wake();
            });
        }
        outcome
    }))
    .await;
    let expected = RequestError::NotSent { reason: UnsentReason::Closed, message: message("x") };
    assert_eq!(outcome, Err(expected.clone()));
    assert_eq!(soon(client.request("engine", message("x"))).await, Err(expected));
}
