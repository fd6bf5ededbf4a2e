//! A relay, and what it tells its application.

use zmtp_mux::{Client, Dealer, Event, Mux, MuxConfig, Service};

use super::{Cut, Reached, counter, text};
use crate::soon;

pub(super) async fn next(cut: Cut) -> Reached {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let endpoint = mux.bind(cut.listen()).unwrap();
    let events = mux.events().unwrap();
    let coming = tokio::spawn(async move {
        for name in ["a", "b"] {
            Dealer::connect(&endpoint, name).await.unwrap().close().await;
        }
    });
    let first = cut.poll(events.next()).await;
    let reached = Reached::of(first.as_ref());
    let mut told: Vec<Event> = first.into_iter().map(Result::unwrap).collect();
    while told.len() < 4 {
        told.push(soon(events.next()).await.unwrap());
    }
    let told: Vec<_> = told.iter().map(short).collect();
    assert_eq!(
        told,
        [
            (b"a".to_vec(), true),
            (b"a".to_vec(), false),
            (b"b".to_vec(), true),
            (b"b".to_vec(), false)
        ]
    );
    assert_eq!(events.try_next(), Ok(None));
    soon(coming).await.unwrap();
    reached
}

/// Whom an event is about, and whether it is there.
fn short(event: &Event) -> (Vec<u8>, bool) {
    let (name, is_there) = match event {
        Event::Bound(peer) => (&peer.name, true),
        Event::Unbound { name, .. } => (name, false),
        other => panic!("{other:?}"),
    };
    (name.as_ref().unwrap().as_octets().to_vec(), is_there)
}

pub(super) async fn end(cut: Cut) -> Reached {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let endpoint = mux.bind(cut.listen()).unwrap();
    let service = soon(Service::connect(&endpoint, "engine")).await.unwrap();
    let client = soon(Client::connect(&endpoint)).await.unwrap();
    let asking = {
        let client = client.clone();
        tokio::spawn(async move { client.request("engine", text("x")).await })
    };
    let request = soon(service.recv()).await.unwrap();
    request.try_reply(text("y")).unwrap();
    let ended = cut.poll(mux.end()).await;
    soon(mux.end()).await;
    assert!(mux.bind(cut.listen()).is_ok(), "it listens no more");
    // It was answered, or is in doubt; and has one outcome.
    let outcome = soon(asking).await.unwrap();
    let counters = client.counters();
    match outcome {
        Ok(reply) => assert_eq!((reply, counters.replies), (text("y"), 1)),
        Err(error) => assert!(error.is_in_doubt() && counters.in_doubt == 1, "{error}"),
    }
    assert_eq!(counter(&mux, "difference"), 0);
    Reached::of(ended.as_ref())
}
