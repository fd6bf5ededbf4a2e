//! Cancel safety: each async function, dropped at each point at which it waits.
//!
//! A future is polled n times, for n = 0, 1, 2 and so on until it is done, with all other tasks at
//! work in between, and then dropped; what it belonged to is used on, and nothing may be lost or
//! come twice, nor its waker be kept anywhere. All is on one thread, over inproc, and time stands still, so n means the same
//! whenever the test is run.

mod dealer;
mod ends;
mod relay;
mod socket;

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio::task::yield_now;
use zmtp_mux::{Endpoint, Figures, Listen, ListenerRole, Message};

/// A point at which to drop a future.
#[derive(Clone)]
struct Cut {
    of: &'static str,
    polls: usize,
}

/// Whether the future was done before it would have been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Dropped,
    Done,
}

type Case = (&'static str, fn(Cut) -> LocalBoxFuture<'static, Reached>);

macro_rules! case {
    ($name:literal, $of:path) => {
        ($name, |cut| $of(cut).boxed_local())
    };
}

/// Each async function that is public.
const CASES: [Case; 31] = [
    case!("Client::close", ends::client_close),
    case!("Client::connect", ends::client_connect),
    case!("Client::ended", ends::client_ended),
    case!("Client::request", ends::client_request),
    case!("Client::request_with", ends::client_request_with),
    case!("ClientBuilder::connect", ends::client_builder_connect),
    case!("Dealer::close", dealer::close),
    case!("Dealer::connect", dealer::connect),
    case!("Dealer::connect_with", dealer::connect_with),
    case!("Dealer::event", dealer::event),
    case!("Dealer::flush", dealer::flush),
    case!("Dealer::recv", dealer::recv),
    case!("Dealer::recv_many", dealer::recv_many),
    case!("Dealer::send", dealer::send),
    case!("Events::next", relay::next),
    case!("Mux::end", relay::end),
    case!("MuxSocket::close", socket::close),
    case!("MuxSocket::event", socket::event),
    case!("MuxSocket::flush", socket::flush),
    case!("MuxSocket::recv", socket::recv),
    case!("MuxSocket::recv_many", socket::recv_many),
    case!("MuxSocket::reserve", socket::reserve),
    case!("MuxSocket::send", socket::send),
    case!("MuxSocket::writable", socket::writable),
    case!("Request::reply", ends::reply),
    case!("Service::close", ends::service_close),
    case!("Service::connect", ends::service_connect),
    case!("Service::ended", ends::service_ended),
    case!("Service::recv", ends::service_recv),
    case!("ServiceBuilder::connect", ends::service_builder_connect),
    case!("Watch::recv", ends::watch_recv),
];

/// mux:cancel:each-point.
#[tokio::test(start_paused = true)]
async fn a_future_can_be_dropped_wherever_it_waits() {
    for (of, case) in CASES {
        let mut polls = 0;
        loop {
            // Shown if it fails.
            println!("{of}, dropped after {polls} polls");
            if case(Cut { of, polls }).await == Reached::Done {
                break;
            }
            polls += 1;
            assert!(polls < 500, "it is never done");
        }
        // Or it would be shown nothing of where it waits.
        assert!(polls > 1, "{of} is done at once");
    }
}

/// mux:cancel:each-point.
#[test]
fn every_public_async_function_is_dropped_here() {
    let listed = include_str!("../../api.txt").lines();
    let public: BTreeSet<&str> = listed
        .filter_map(|line| line.strip_prefix("pub async fn zmtp_mux::")?.split_once('('))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(CASES.iter().map(|(of, ..)| *of).collect::<BTreeSet<_>>(), public);
}

/// mux:cancel:said.
#[test]
fn every_public_async_function_says_what_becomes_of_it_when_it_is_dropped() {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
            for (at, line) in lines.iter().enumerate() {
                if line.starts_with("pub async fn") {
                    let stands = |line: &&&str| line.starts_with("//") || line.starts_with("#[");
                    let mut docs = lines[..at].iter().rev().take_while(stands);
                    let said = docs.any(|line| *line == "/// # Cancel safety");
                    assert!(said, "{}: {line}", path.display());
                    found += 1;
                }
            }
        }
    }
    assert!(found >= CASES.len(), "{found} found");
}

/// Wakes another, and shows who keeps its waker.
struct Task(Waker);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

impl Cut {
    /// A place in this process for this case alone.
    fn endpoint(&self) -> Endpoint {
        Endpoint::Inproc(format!("cut {} {}", self.of, self.polls))
    }

    fn listen(&self) -> Listen {
        Listen::new(ListenerRole::Any, self.endpoint())
    }

    /// Polls a future so often, and drops it.
    async fn poll<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.poll_each(1, future).await
    }

    /// The same, with so many turns of all others before each poll but the first.
    async fn poll_each<T>(&self, turns: usize, future: impl Future<Output = T>) -> Option<T> {
        let task = Arc::new(Task(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await));
        let value = self.poll_as(&task, turns, future).await;
        let kept = Arc::strong_count(&task) - 1;
        assert_eq!(kept, 0, "{}, after {} polls: its waker is kept", self.of, self.polls);
        value
    }

    async fn poll_as<T>(
        &self,
        task: &Arc<Task>,
        turns: usize,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let waker = Waker::from(Arc::clone(task));
        let mut future = pin!(future);
        for _ in 0..self.polls {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(value);
            }
            for _ in 0..turns {
                yield_now().await;
            }
        }
        None
    }
}

impl Reached {
    fn of<T>(done: Option<&T>) -> Self {
        if done.is_some() { Self::Done } else { Self::Dropped }
    }
}

fn text(text: impl ToString + Copy) -> Message {
    Message::single(text.to_string().as_bytes())
}

fn texts(texts: impl IntoIterator<Item = u32>) -> Vec<Message> {
    texts.into_iter().map(text).collect()
}

fn counter(of: &impl Figures, name: &str) -> i64 {
    let mut found = None;
    of.each(&mut |figure| found = found.or((figure.name() == name).then(|| figure.value())));
    found.expect(name)
}

/// Waits for something that no event tells of.
async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        yield_now().await;
    }
    panic!("it never holds");
}
