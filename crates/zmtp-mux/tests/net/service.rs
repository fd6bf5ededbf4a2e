//! A service on real sockets.

use std::time::Duration;

use futures::FutureExt;
use zmtp_mux::{
    Client, ConnectError, Dealer, DealerError, Doubt, Envelopes, GoneReason, Listen, ListenerRole,
    Message, Mux, MuxConfig, ReplyErrorReason, RequestError, Retry, ReturnReason, Service,
    ServiceError, TryReplyError,
};

use crate::site::{Site, Wire, soon_again};
use crate::soon;

fn message(text: &str) -> Message {
    Message::single(text.as_bytes())
}

/// mux:service:reply-repeats-envelope.
#[tokio::test]
async fn requests_are_answered_in_any_order_from_any_task() {
    let site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let mut asking = Vec::new();
    for text in ["1", "2", "3"] {
        let client = client.clone();
        asking.push(tokio::spawn(async move { client.request("engine", message(text)).await }));
    }
    let mut requests = Vec::new();
    for _ in 0..3 {
        requests.push(soon(service.recv()).await.unwrap());
    }
    assert!(service.try_recv().unwrap().is_none());
    while let Some(request) = requests.pop() {
        assert_eq!(Some(request.generation()), service.generation());
        assert_eq!((request.client().len(), request.client()[0]), (17, 0));
        let body = request.message();
        tokio::spawn(async move { request.try_reply(body).unwrap() });
    }
    for (asked, text) in asking.into_iter().zip(["1", "2", "3"]) {
        assert_eq!(soon(asked).await.unwrap(), Ok(message(text)));
    }
    assert_eq!((service.counters().requests, service.counters().replies), (3, 3));
}

/// mux:service:drain.
#[tokio::test]
async fn a_service_that_drains_serves_what_has_come_and_ends() {
    let site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let ask = |text: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.request("engine", message(text)).await })
    };
    let first = ask("first");
    let held = soon(service.recv()).await.unwrap();
    service.drain();
    let receiving = tokio::spawn({
        let service = service.clone();
        async move {
            loop {
                let request = service.recv().await?;
                let body = request.message();
                request.reply(body).await.unwrap();
            }
        }
    });
    // What comes now comes back, as soon as the MUX has heard it.
    loop {
        match soon(ask("next")).await.unwrap() {
            Ok(reply) => assert_eq!(reply, message("next")),
            Err(RequestError::Returned { reason: ReturnReason::Draining, .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(!receiving.is_finished(), "one is not answered yet");
    assert!(service.ended().now_or_never().is_none());
    held.reply(message("done")).await.unwrap();
    assert_eq!(soon(first).await.unwrap(), Ok(message("done")));
    let end: Result<(), ServiceError> = soon(receiving).await.unwrap();
    assert!(matches!(end, Err(ServiceError::Drained)));
    assert!(matches!(soon(service.ended()).await, ServiceError::Drained));
    assert!(matches!(soon(service.recv()).await, Err(ServiceError::Drained)));
    let after = soon(ask("after")).await.unwrap();
    assert!(matches!(after, Err(RequestError::Returned { .. })), "{after:?}");
}

/// mux:service:stale-refused, mux:service:generation.
#[tokio::test]
async fn a_request_of_an_earlier_connection_cannot_be_answered() {
    let site = Site::new(MuxConfig::default());
    let wire = Wire::to(&site.endpoint).await;
    let service = Service::builder(wire.endpoint.clone(), "engine").reconnect(soon_again());
    let service = soon(service.connect()).await.unwrap();
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let cut = async {
        let requests = [service.recv().await.unwrap(), service.recv().await.unwrap()];
        wire.cut();
        requests
    };
    let ask = || client.request("engine", message("x"));
    let (outcome, _, [stale, other]) = soon(async { tokio::join!(ask(), ask(), cut) }).await;
    let Err(RequestError::InDoubt { reason: Doubt::Gone(reason) }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(matches!(reason, GoneReason::Lost | GoneReason::Left), "{reason:?}");
    let asking = async {
        loop {
            if let Ok(reply) = client.request("engine", message("y")).await {
                break reply;
            }
        }
    };
    let serving = async {
        let request = service.recv().await.unwrap();
        assert!(request.generation() > stale.generation());
        let late = stale.reply(message("late")).await.unwrap_err();
        assert_eq!((late.reason, late.message), (ReplyErrorReason::Stale, message("late")));
        let Err(TryReplyError::Failed(late)) = other.try_reply(message("late")) else {
            panic!("its connection is over");
        };
        assert_eq!(late.reason, ReplyErrorReason::Stale);
        request.reply(message("new")).await.unwrap();
    };
    let (reply, ()) = soon(async { tokio::join!(asking, serving) }).await;
    assert_eq!(reply, message("new"));
    assert_eq!((service.counters().stale, service.counters().links), (2, 2));
    assert_eq!(client.counters().stray_replies, 0);
}

/// mux:service:name-held.
#[tokio::test]
async fn a_name_that_a_live_service_holds_is_not_had() {
    let site = Site::new(MuxConfig::default());
    let holder = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let refused = soon(Service::connect(&site.endpoint, "engine")).await;
    assert!(matches!(refused, Err(ConnectError::LetGo)), "{refused:?}");
    // Of a dealer nobody knows what its name is for.
    let refused = soon(Dealer::connect(&site.endpoint, "engine")).await.unwrap_err();
    assert!(matches!(refused, DealerError::LetGo), "{refused:?}");
    assert_eq!(refused.retry(), Retry::AFTER_CLOSE);
    let next = Service::builder(site.endpoint.clone(), "engine").reconnect(soon_again());
    let next = next.start().unwrap();
    assert_eq!(next.generation(), None);
    let held = holder.generation().unwrap();
    holder.close().await;
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let asking = async {
        loop {
            if let Ok(reply) = client.request("engine", message("x")).await {
                break reply;
            }
        }
    };
    let serving = async { next.recv().await.unwrap().reply(message("next")).await };
    let (reply, sent) = soon(async { tokio::join!(asking, serving) }).await;
    assert_eq!(reply, message("next"));
    sent.unwrap();
    assert!(next.generation().unwrap() > held);
}

/// mux:service:taken-for-one, mux:service:generation.
#[tokio::test]
async fn a_listener_for_clients_makes_no_service() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let bind = |role| mux.bind(Listen::new(role, "tcp://127.0.0.1:0".parse().unwrap())).unwrap();
    let (clients, services) = (bind(ListenerRole::Clients), bind(ListenerRole::Services));
    let refused = soon(Service::connect(&clients, "engine")).await;
    assert!(matches!(refused, Err(ConnectError::NotAService)), "{refused:?}");
    let started = Service::builder(clients.clone(), "engine").start().unwrap();
    let over = soon(started.recv()).await;
    assert!(matches!(over, Err(ServiceError::NotAService)), "{over:?}");
    assert!(matches!(soon(started.ended()).await, ServiceError::NotAService));
    // What has a name there is a client with an alias, which is in nobody's way.
    let alias = Client::builder(clients).name("engine").connect();
    let alias = soon(alias).await.unwrap();
    let service = soon(Service::connect(&services, "engine")).await.unwrap();
    assert!(service.generation().is_some());
    let serving = async { service.recv().await.unwrap().reply(message("y")).await.unwrap() };
    let asking = alias.request("engine", message("x"));
    let (reply, ()) = soon(async { tokio::join!(asking, serving) }).await;
    assert_eq!(reply, Ok(message("y")));
    // The other way round only the requests can say so.
    let nameless = soon(Client::connect(&services)).await.unwrap();
    let denied = soon(nameless.request("engine", message("x"))).await;
    let Err(RequestError::Returned { reason, .. }) = denied else { panic!("{denied:?}") };
    assert_eq!(reason, ReturnReason::Denied);
}

/// mux:service:unanswered-counted.
#[tokio::test]
async fn a_request_may_be_dropped() {
    let site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let client = Client::builder(site.endpoint.clone()).timeout(Duration::from_millis(50));
    let client = soon(client.connect()).await.unwrap();
    let dropping = async { drop(service.recv().await.unwrap()) };
    let (outcome, ()) =
        soon(async { tokio::join!(client.request("engine", message("x")), dropping) }).await;
    assert_eq!(outcome, Err(RequestError::InDoubt { reason: Doubt::Timeout }));
    assert_eq!(service.counters().unanswered, 1);
}

/// mux:service:envelopes.
#[tokio::test]
async fn a_service_may_want_an_envelope_or_none() {
    let site = Site::new(MuxConfig::default());
    let stock = soon(Dealer::connect(&site.endpoint, "")).await.unwrap();
    let request = |name| Message::from_frames([name, "x", "", "y"]).unwrap();
    for (name, envelopes, body) in
        [("detect", Envelopes::Detect, &["y"][..]), ("bare", Envelopes::Bare, &["x", "", "y"])]
    {
        let service = Service::builder(site.endpoint.clone(), name).envelopes(envelopes);
        let service = soon(service.connect()).await.unwrap();
        stock.send(request(name)).await.unwrap();
        let asked = soon(service.recv()).await.unwrap();
        assert_eq!(asked.message(), Message::from_frames(body).unwrap());
        let reply = asked.message();
        asked.reply(reply).await.unwrap();
        assert_eq!(soon(stock.recv()).await.unwrap(), request(name), "all of it comes back");
    }
}

/// mux:service:stale-refused.
#[tokio::test]
async fn a_reply_without_room_comes_back_with_its_request() {
    let site = Site::new(MuxConfig::default());
    let service = soon(Service::connect(&site.endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&site.endpoint)).await.unwrap();
    let serving = async {
        let request = service.recv().await.unwrap();
        let huge = Message::single(&vec![b'x'; Dealer::QUEUE_MAX + 1]);
        let Err(TryReplyError::Failed(error)) = request.try_reply(huge.clone()) else {
            panic!("it has no room, and never will");
        };
        assert_eq!((error.reason, error.message), (ReplyErrorReason::TooLarge, huge));
        service.close().await;
    };
    let (outcome, ()) =
        soon(async { tokio::join!(client.request("engine", message("x")), serving) }).await;
    assert!(outcome.unwrap_err().is_in_doubt());
    assert!(matches!(soon(service.recv()).await, Err(ServiceError::Closed)));
}
