//! What a subscriber of `tracing` sees of a connection.
//!
//! A process of its own, one test after the other: where one thread has a subscriber and another
//! has none, `tracing` asks whichever thread comes first to a place in the code whether anybody
//! wants to know of it, and keeps the answer for both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime;
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use zmtp_mux::{
    Admittance, Dealer, Listen, ListenerRole, Mux, MuxConfig, PlainCredentials, Reconnect, Service,
};

static TURN: Mutex<()> = Mutex::new(());

async fn soon<T>(answer: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), answer).await.expect("an answer in time")
}

/// The fields of spans and of events by their names, as they are shown.
type Fields = BTreeMap<&'static str, String>;

#[derive(Debug, Default)]
struct Seen {
    spans: BTreeMap<u64, Fields>,
    /// Each event with the innermost span that it was in.
    events: Vec<(Fields, Option<u64>)>,
}

/// Sees all of this crate up to a level.
struct Watcher(Level, Arc<Mutex<Seen>>);

struct Collect<'f>(&'f mut Fields);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watcher {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.0
    }

    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut fields = Fields::from([("", span.metadata().name().to_owned())]);
        span.record(&mut Collect(&mut fields));
        self.1.lock().unwrap().spans.insert(id.into_u64(), fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut seen = self.1.lock().unwrap();
        values.record(&mut Collect(seen.spans.get_mut(&id.into_u64()).unwrap()));
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Collect(&mut fields));
        let inside = cx.event_span(event).map(|span| span.id().into_u64());
        self.1.lock().unwrap().events.push((fields, inside));
    }
}

/// Runs an application, alone, and returns what was seen of it.
fn watch(level: Level, application: impl AsyncFnOnce(&Mutex<Seen>)) -> Seen {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = Arc::<Mutex<Seen>>::default();
    let watcher = Registry::default().with(Watcher(level, Arc::clone(&seen)));
    tracing::subscriber::with_default(watcher, || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(application(&seen));
    });
    std::mem::take(&mut *seen.lock().unwrap())
}

/// Has a service come and go.
async fn serve_for_a_moment(name: &str) {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let endpoint = format!("inproc://{name}").parse().unwrap();
    let endpoint = mux.bind(Listen::new(ListenerRole::Any, endpoint)).unwrap();
    drop(soon(Dealer::connect(&endpoint, "engine")).await.unwrap());
    soon(mux.end()).await;
}

/// Returns the event with this text, and the span that it was in.
fn event<'s>(seen: &'s Seen, message: &str) -> &'s (Fields, Option<u64>) {
    let found = seen.events.iter().find(|(fields, _)| fields["message"] == message);
    found.unwrap_or_else(|| panic!("no {message:?} in {seen:?}"))
}

/// mux:log:span.
#[test]
fn a_connection_is_a_span_that_says_who_it_is_and_in_which_its_events_are() {
    let seen = watch(Level::DEBUG, async |_| serve_for_a_moment("spans").await);
    let span = |key| *seen.spans.iter().find(|(_, fields)| fields.contains_key(key)).expect(key).0;
    let (accepted, dialled) = (span("number"), span("endpoint"));
    assert_eq!(seen.spans.len(), 2, "{seen:?}");
    for (field, value) in [
        ("", "connection"),
        ("number", "1"),
        ("role", "\"any\""),
        ("address", "inproc"),
        ("name", "engine"),
        ("generation", &event(&seen, "peer up").0["generation"]),
        ("principal", "none"),
    ] {
        assert_eq!(seen.spans[&accepted][field], value, "{field}");
    }
    assert_eq!(seen.spans[&dialled]["endpoint"], "inproc://spans");
    assert_eq!(seen.spans[&dialled]["identity"], "engine");
    for (message, span) in [("peer up", accepted), ("peer down", accepted), ("connected", dialled)]
    {
        assert_eq!(event(&seen, message).1, Some(span), "{message}");
    }
}

/// mux:log:span.
#[test]
fn who_asks_for_less_detail_has_no_span_and_is_told_in_the_events() {
    let seen = watch(Level::INFO, async |_| serve_for_a_moment("no spans").await);
    assert!(seen.spans.is_empty(), "{seen:?}");
    let (up, _) = event(&seen, "peer up");
    assert_eq!((&up["connection"][..], &up["name"][..]), ("1", "engine"));
    assert!(up["generation"].parse::<u64>().is_ok(), "{up:?}");
}

/// mux:log:span.
#[test]
fn a_span_of_the_application_is_left_alone() {
    let seen = watch(Level::INFO, async |_| {
        let _ours = tracing::info_span!("ours", name = "mine", number = 7).entered();
        serve_for_a_moment("ours").await;
    });
    event(&seen, "peer up");
    let [fields] = &seen.spans.values().collect::<Vec<_>>()[..] else { panic!("{seen:?}") };
    assert_eq!((&fields["name"][..], &fields["number"][..]), ("\"mine\"", "7"));
}

/// mux:service:contested.
#[test]
fn two_services_that_take_one_name_from_each_other_are_both_warned_of() {
    // Each side says so once.
    let contested = |(fields, _): &&(Fields, _)| {
        fields.get("identity").is_some_and(|name| name == "engine")
            && fields["message"].contains("take our name over")
    };
    watch(Level::WARN, async |seen| {
        let mux = Mux::new(MuxConfig::default()).unwrap();
        let listen = Listen::new(ListenerRole::Any, "inproc://contested".parse().unwrap());
        let users = Admittance::users([PlainCredentials::new("user", "secret").unwrap()]);
        let endpoint = mux.bind(listen.plain_server(users)).unwrap();
        let at_once =
            Reconnect::Backoff { first: Duration::from_millis(10), max: Duration::from_millis(20) };
        let service = Service::builder(endpoint, "engine").plain("user", "secret");
        let _both = [(); 2].map(|()| service.clone().reconnect(at_once).start().unwrap());
        let told = async {
            while seen.lock().unwrap().events.iter().filter(contested).count() < 2 {
                tokio::task::yield_now().await;
            }
        };
        soon(told).await;
    });
}
