//! Services, clients, the MUX and what is between them killed in turn, under load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet, yield_now};
use zmtp_mux::{Client, Message, MuxConfig, RequestError, RetryPolicy, Service};

use crate::site::{Site, Wire, soon_again};

const NAMES: [&str; 2] = ["engine.0", "engine.1"];

/// What has become of the requests, by their numbers.
#[derive(Default)]
struct Book {
    next: AtomicU64,
    replies: AtomicU64,
    stop: AtomicBool,
    /// How often each was in the hands of a service.
    processed: Mutex<BTreeMap<u64, u32>>,
    outcomes: Mutex<BTreeMap<u64, Result<(), RequestError>>>,
}

impl Book {
    fn serve(self: &Arc<Self>, service: Service) -> JoinHandle<()> {
        let book = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok(request) = service.recv().await {
                let body = request.message();
                *book.processed.lock().unwrap().entry(number(&body)).or_default() += 1;
                // If its connection is over, the client knows better.
                drop(request.reply(body).await);
            }
        })
    }

    /// Asks through whichever client is in this place.
    async fn ask(self: Arc<Self>, place: Arc<Mutex<Client>>, name: &'static str) {
        while !self.stop.load(Ordering::Relaxed) {
            let client = place.lock().unwrap().clone();
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let body = Message::single(&number.to_be_bytes());
            let outcome = client.request(name, body.clone()).await;
            if let Ok(reply) = &outcome {
                assert_eq!(reply, &body);
                self.replies.fetch_add(1, Ordering::Relaxed);
            } else {
                // Nobody is there: let the others run.
                yield_now().await;
            }
            let before = self.outcomes.lock().unwrap().insert(number, outcome.map(drop));
            assert!(before.is_none(), "two outcomes");
        }
    }

    /// Waits until so many more requests were answered.
    async fn answered(&self, count: u64) {
        let goal = self.replies.load(Ordering::Relaxed) + count;
        while self.replies.load(Ordering::Relaxed) < goal {
            yield_now().await;
        }
    }

    fn check(&self) {
        let (processed, outcomes) = (self.processed.lock().unwrap(), self.outcomes.lock().unwrap());
        let asked = self.next.load(Ordering::Relaxed);
        assert!(outcomes.keys().copied().eq(0..asked), "each has an outcome");
        let twice = processed.iter().find(|(_, count)| **count > 1);
        assert_eq!(twice, None, "processed twice");
        for (number, outcome) in &*outcomes {
            let was_processed = processed.contains_key(number);
            match outcome {
                Ok(()) => assert!(was_processed, "{number} was answered by nobody"),
                Err(RequestError::InDoubt { .. }) => {}
                Err(error) => assert!(!was_processed, "{number} was processed: {error}"),
            }
        }
        let in_doubt = |outcome: &&Result<(), RequestError>| {
            matches!(outcome, Err(RequestError::InDoubt { .. }))
        };
        let doubted = outcomes.values().filter(in_doubt).count();
        assert!(doubted > 0, "no kill hit a request");
        println!(
            "{asked} requests: {} answered, {doubted} in doubt, {} not processed",
            self.replies.load(Ordering::Relaxed),
            outcomes.values().filter(|outcome| outcome.is_err()).count() - doubted,
        );
        let kinds: BTreeSet<_> =
            outcomes.values().filter_map(|outcome| outcome.as_ref().err()).map(kind).collect();
        println!("of these kinds: {kinds:?}");
    }
}

fn kind(error: &RequestError) -> String {
    match error {
        RequestError::Returned { reason, .. } => format!("{reason:?}"),
        other => other.to_string(),
    }
}

fn number(message: &Message) -> u64 {
    u64::from_be_bytes(message.frames().next().unwrap().try_into().unwrap())
}

/// mux:client:one-outcome, mux:client:return-by-id.
#[tokio::test]
async fn a_hundred_kills_under_load_leave_no_request_without_its_one_outcome() {
    const KILLS: u64 = 100;
    let mut site = Site::new(MuxConfig::default());
    let book = Arc::<Book>::default();
    let (to_clients, to_services) =
        (Wire::to(&site.endpoint).await, Wire::to(&site.endpoint).await);
    let service =
        |name: &str| Service::builder(to_services.endpoint.clone(), name).reconnect(soon_again());
    let mut servers: Vec<_> =
        NAMES.iter().map(|name| book.serve(service(name).start().unwrap())).collect();
    let policy = RetryPolicy { first: Duration::from_millis(10), ..RetryPolicy::default() };
    let client = |place| {
        let client = Client::builder(to_clients.endpoint.clone()).reconnect(soon_again());
        let client = if place == 0 { client } else { client.retry(policy) };
        client.start().unwrap()
    };
    let places = [0, 1].map(|place| Arc::new(Mutex::new(client(place))));
    let mut asking = JoinSet::new();
    for place in &places {
        for asker in 0..16 {
            asking.spawn(Arc::clone(&book).ask(Arc::clone(place), NAMES[asker % 2]));
        }
    }
    let mut killed: Vec<Client> = Vec::new();
    let killing = async {
        for kill in 0..KILLS {
            book.answered(20).await;
            // Each of those in turn of which there are two.
            let which = usize::try_from(kill / 5).unwrap() % 2;
            match kill % 5 {
                0 => to_clients.cut(),
                1 => to_services.cut(),
                2 => {
                    servers[which].abort();
                    servers[which] = book.serve(service(NAMES[which]).start().unwrap());
                }
                3 => {
                    let next = client(which);
                    let last = std::mem::replace(&mut *places[which].lock().unwrap(), next);
                    last.close().await;
                    killed.push(last);
                }
                _ => site.kill().await,
            }
        }
        book.answered(20).await;
        book.stop.store(true, Ordering::Relaxed);
        while let Some(asked) = asking.join_next().await {
            asked.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_mins(1), killing).await.expect("all have an outcome");
    book.check();
    killed.extend(places.iter().map(|place| place.lock().unwrap().clone()));
    let mut links = 0;
    for client in &killed {
        let of = client.counters();
        assert_eq!(of.requests, of.replies + of.returned + of.not_sent + of.in_doubt);
        assert_eq!((client.in_flight(), of.unreadable), (0, 0));
        links += of.links;
    }
    // Most cuts of theirs, and kills of the MUX, met both.
    assert!(links > KILLS / 2, "{links}");
}
