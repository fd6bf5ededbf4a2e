//! Clients and services.

use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinHandle;
use zmtp_mux::{
    Client, ClientError, Message, Mux, MuxConfig, Pattern, RequestError, RequestOptions, Service,
    ServiceError, TryReplyError, UnsentReason, WatchEvent,
};

use super::{Cut, Reached, counter, text, texts, until};
use crate::soon;

fn mux(cut: &Cut) -> Mux {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    mux.bind(cut.listen()).unwrap();
    mux
}

async fn trio(cut: &Cut) -> (Mux, Service, Client) {
    let mux = mux(cut);
    let service = soon(Service::connect(&cut.endpoint(), "engine")).await.unwrap();
    let client = soon(Client::connect(&cut.endpoint())).await.unwrap();
    (mux, service, client)
}

/// Serves by saying the same, and returns what was asked.
fn echo(service: Service) -> JoinHandle<Vec<Message>> {
    tokio::spawn(async move {
        let mut asked = Vec::new();
        while let Ok(request) = service.recv().await {
            let body = request.message();
            asked.push(body.clone());
            drop(request.reply(body).await);
        }
        asked
    })
}

/// Checks that this client, or another one if there is none, is the only peer, and is served.
async fn client_alone(cut: &Cut, mux: Mux, client: Option<Client>) {
    let client = match client {
        Some(client) => client,
        None => soon(Client::connect(&cut.endpoint())).await.unwrap(),
    };
    until(|| counter(&mux, "connections") == 1).await;
    let service = soon(Service::connect(&cut.endpoint(), "engine")).await.unwrap();
    echo(service);
    assert_eq!(soon(client.request("engine", text("x"))).await, Ok(text("x")));
}

pub(super) async fn client_connect(cut: Cut) -> Reached {
    let mux = mux(&cut);
    let client = cut.poll(Client::connect(&cut.endpoint())).await;
    let reached = Reached::of(client.as_ref());
    client_alone(&cut, mux, client.map(Result::unwrap)).await;
    reached
}

pub(super) async fn client_builder_connect(cut: Cut) -> Reached {
    let mux = mux(&cut);
    let client = cut.poll(Client::builder(cut.endpoint()).name("me").connect()).await;
    let reached = Reached::of(client.as_ref());
    client_alone(&cut, mux, client.map(Result::unwrap)).await;
    reached
}

/// Checks that a request that was dropped leaves nothing, and that the next has its own reply.
async fn next_is_served(client: &Client, service: JoinHandle<Vec<Message>>, done: bool) {
    assert_eq!(client.in_flight(), 0);
    assert_eq!(soon(client.request("engine", text(2))).await, Ok(text(2)));
    let counters = client.counters();
    let settled = counters.replies + counters.forgotten;
    assert_eq!((counters.requests, counters.in_doubt + counters.returned), (settled, 0));
    assert!(!done || counters.replies == 2);
    until(|| client.counters().stray_replies + counters.replies <= counters.requests).await;
    service.abort();
}

pub(super) async fn client_request(cut: Cut) -> Reached {
    let (_mux, service, client) = trio(&cut).await;
    let service = echo(service);
    let reply = cut.poll(client.request("engine", text(1))).await;
    if let Some(reply) = &reply {
        assert_eq!(reply, &Ok(text(1)));
    }
    next_is_served(&client, service, reply.is_some()).await;
    Reached::of(reply.as_ref())
}

pub(super) async fn client_request_with(cut: Cut) -> Reached {
    let (_mux, service, client) = trio(&cut).await;
    let service = echo(service);
    let options = RequestOptions { timeout: Duration::from_secs(5), ..client.options() };
    let reply = cut.poll(client.request_with("engine", text(1), options)).await;
    next_is_served(&client, service, reply.is_some()).await;
    Reached::of(reply.as_ref())
}

pub(super) async fn client_close(cut: Cut) -> Reached {
    let (mux, _service, client) = trio(&cut).await;
    let mut asking = Box::pin(client.request("engine", text("x")));
    // Queued, and not written yet: there is something to wait for.
    assert_eq!(asking.as_mut().now_or_never(), None);
    let closed = cut.poll(client.close()).await;
    soon(client.close()).await;
    let outcome = soon(asking).await.unwrap_err();
    assert!(outcome.is_in_doubt(), "{outcome}");
    let (reason, message) = (UnsentReason::Closed, text("y"));
    let refused = soon(client.request("engine", message.clone())).await;
    assert_eq!(refused, Err(RequestError::NotSent { reason, message }));
    until(|| counter(&mux, "connections") == 1).await;
    Reached::of(closed.as_ref())
}

/// Checks that this service, or another one of its name if there is none, has the name.
async fn service_alone(cut: &Cut, mux: Mux, service: Option<Service>) {
    let service = match service {
        Some(service) => service,
        None => soon(Service::connect(&cut.endpoint(), "engine")).await.unwrap(),
    };
    until(|| counter(&mux, "connections") == 1).await;
    echo(service);
    let client = soon(Client::connect(&cut.endpoint())).await.unwrap();
    assert_eq!(soon(client.request("engine", text("x"))).await, Ok(text("x")));
}

pub(super) async fn service_connect(cut: Cut) -> Reached {
    let mux = mux(&cut);
    let service = cut.poll(Service::connect(&cut.endpoint(), "engine")).await;
    let reached = Reached::of(service.as_ref());
    service_alone(&cut, mux, service.map(Result::unwrap)).await;
    reached
}

pub(super) async fn service_builder_connect(cut: Cut) -> Reached {
    let mux = mux(&cut);
    let service = cut.poll(Service::builder(cut.endpoint(), "engine").connect()).await;
    let reached = Reached::of(service.as_ref());
    service_alone(&cut, mux, service.map(Result::unwrap)).await;
    reached
}

pub(super) async fn service_recv(cut: Cut) -> Reached {
    let (_mux, service, client) = trio(&cut).await;
    let asking = tokio::spawn(async move {
        for message in texts(0..3) {
            assert_eq!(client.request("engine", message.clone()).await, Ok(message));
        }
    });
    let first = cut.poll(service.recv()).await;
    let reached = Reached::of(first.as_ref());
    let mut next = first.map(Result::unwrap);
    for message in texts(0..3) {
        let request = match next.take() {
            Some(request) => request,
            None => soon(service.recv()).await.unwrap(),
        };
        assert_eq!(request.message(), message);
        soon(request.reply(message)).await.unwrap();
    }
    soon(asking).await.unwrap();
    assert!(service.try_recv().unwrap().is_none());
    assert_eq!(service.counters().requests, 3);
    reached
}

pub(super) async fn service_close(cut: Cut) -> Reached {
    let (mux, service, client) = trio(&cut).await;
    let asking = {
        let client = client.clone();
        tokio::spawn(async move { client.request("engine", text("x")).await })
    };
    soon(service.recv()).await.unwrap().try_reply(text("y")).unwrap();
    let closed = cut.poll(service.close()).await;
    soon(service.close()).await;
    assert_eq!(soon(asking).await.unwrap(), Ok(text("y")), "replies are still written");
    assert!(matches!(soon(service.recv()).await, Err(ServiceError::Closed)));
    until(|| counter(&mux, "connections") == 1).await;
    let again = soon(Service::connect(&cut.endpoint(), "engine")).await.unwrap();
    echo(again);
    assert_eq!(soon(client.request("engine", text("z"))).await, Ok(text("z")));
    Reached::of(closed.as_ref())
}

pub(super) async fn service_ended(cut: Cut) -> Reached {
    let (_mux, service, client) = trio(&cut).await;
    let serving = echo(service.clone());
    assert_eq!(soon(client.request("engine", text("x"))).await, Ok(text("x")));
    service.drain();
    let ended = cut.poll(service.ended()).await;
    assert!(matches!(soon(service.ended()).await, ServiceError::Drained));
    assert_eq!(soon(serving).await.unwrap(), [text("x")]);
    Reached::of(ended.as_ref())
}

pub(super) async fn client_ended(cut: Cut) -> Reached {
    let (_mux, _service, client) = trio(&cut).await;
    let closing = client.clone();
    tokio::spawn(async move { closing.close().await });
    let ended = cut.poll(client.ended()).await;
    assert!(matches!(soon(client.ended()).await, ClientError::Closed));
    Reached::of(ended.as_ref())
}

pub(super) async fn reply(cut: Cut) -> Reached {
    let (_mux, service, client) = trio(&cut).await;
    // It has room for three of these.
    let large = Message::single(&vec![b'x'; 5 << 20]);
    let asking: Vec<_> = (0..4)
        .map(|number| {
            let client = client.clone();
            let options = RequestOptions { timeout: Duration::from_secs(5), ..client.options() };
            tokio::spawn(async move { client.request_with("engine", text(number), options).await })
        })
        .collect();
    let mut requests = Vec::new();
    for _ in 0..4 {
        requests.push(soon(service.recv()).await.unwrap());
    }
    let last = requests.pop().unwrap();
    for request in requests {
        request.try_reply(large.clone()).unwrap();
    }
    let last = match last.try_reply(large.clone()) {
        Err(TryReplyError::Full { request, message }) => {
            assert!(message == large);
            request
        }
        other => panic!("{other:?}"),
    };
    let replied = cut.poll_each(20, last.reply(large.clone())).await;
    let mut outcomes = Vec::new();
    for asked in asking {
        outcomes.push(soon(asked).await.unwrap());
    }
    let counters = service.counters();
    let expected = if replied.is_some() { (4, 0) } else { (3, 1) };
    assert_eq!((counters.replies, counters.unanswered), expected);
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(reply) => assert!(reply == large),
            Err(error) => assert!(number == 3 && replied.is_none() && error.is_in_doubt()),
        }
    }
    Reached::of(replied.as_ref())
}

pub(super) async fn watch_recv(cut: Cut) -> Reached {
    let (_mux, service, client) = trio(&cut).await;
    let other = soon(Service::connect(&cut.endpoint(), "engine.2")).await.unwrap();
    let mut watch = client.watch(Pattern::new("engine*".into()).unwrap());
    let first = cut.poll(watch.recv()).await;
    let reached = Reached::of(first.as_ref());
    let mut told: Vec<WatchEvent> = first.into_iter().map(Result::unwrap).collect();
    while told.len() < 3 {
        told.push(soon(watch.recv()).await.unwrap());
    }
    let [WatchEvent::Up { name: one, .. }, WatchEvent::Up { name: two, .. }, WatchEvent::Synced] =
        &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!([one.to_string(), two.to_string()], ["engine", "engine.2"]);
    soon(other.close()).await;
    let gone = soon(watch.recv()).await.unwrap();
    assert!(matches!(gone, WatchEvent::Gone { .. }), "{gone:?}");
    drop(service);
    reached
}
