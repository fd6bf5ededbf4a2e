//! A client: requests to named services, each with one outcome.

mod builder;
mod end;
mod open;
mod task;
mod waiters;
mod watch;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use zmtp_proto::Message;

pub use self::builder::ClientBuilder;
pub use self::end::ClientError;
use self::open::Open;
pub use self::open::PendingReply;
use self::waiters::{Ticket, Waiters};
pub use self::watch::Watch;
use crate::client::{
    Attempts, Budget, ClientCore, ClientCounters, Idempotence, Order, Outcome, RequestError,
    RetryPolicy, UnsentReason, Verdict, WatchId,
};
use crate::core::{Pattern, Token};
use crate::net::chance::draw;
use crate::net::clock::{ahead, now};
use crate::net::dealer::Dealer;
use crate::net::endpoint::Endpoint;
use crate::net::ends::ConnectError;
use crate::net::socket::{NotSentReason, Parcel};

/// A client of a MUX.
///
/// A request goes to a service by its name, and is answered, or fails with a [`RequestError`] that
/// tells two kinds apart: what comes back **with its message** was certainly not processed, and may
/// be sent again; what is [in doubt](RequestError::InDoubt) may have been. Many requests may be in
/// flight, to any services; they are sent in the order in which they were made. Each has exactly one
/// outcome, within its time (30 s unless told otherwise).
///
/// When the connection ends the client dials again. What had been sent is in doubt then; what had
/// not waits for the next connection.
///
/// When a service ends, what it had not answered is in doubt, unless the MUX gives it back. Of what
/// was sent between its end and the news of it, the client learns by a HELLO what was given back; but
/// if the next holder of the name has it already, that looks the same as what was lost with the one
/// before, and is in doubt as well. Its reply is dropped then.
///
/// Handles are clones of one client, and may be used at once from any task. When the last is
/// dropped, the client is closed.
///
/// # Limits
///
/// 65,536 requests in flight, messages of 16 MiB, 65,536 names for each watch; see
/// [`ClientBuilder`].
///
/// ```
/// use zmtp_mux::{Client, Listen, ListenerRole, Mux, MuxConfig, RequestError, RetryPolicy, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mux = Mux::new(MuxConfig::default())?;
/// # let endpoint = mux.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
/// # let service = Service::connect(&endpoint, "engine.7").await?;
/// # tokio::spawn(async move {
/// #     while let Ok(request) = service.recv().await {
/// #         let body = request.message();
/// #         let _ = request.reply(body).await;
/// #     }
/// # });
/// let client = Client::builder(endpoint)
///     .retry(RetryPolicy::default()) // only what was not processed is sent again
///     .connect()
///     .await?;
///
/// let message = zmtp_mux::Message::single(b"hello");
/// match client.request("engine.7", message).await {
///     Ok(reply) => println!("{reply:?}"),
///     Err(RequestError::InDoubt { reason }) => println!("perhaps done: {reason}"),
///     Err(error) => println!("certainly not done: {error}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    /// Closes the client with its last handle.
    handles: Arc<Handles>,
}

/// How one request is made. [`Client::options`] has what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestOptions {
    /// How long it may take, with all attempts.
    pub timeout: Duration,
    /// Whether it may be processed twice.
    pub idempotence: Idempotence,
}

/// When an attempt is made.
#[derive(Clone, Copy, Debug)]
struct Time {
    now: Instant,
    deadline: Instant,
}

impl Time {
    fn begin(timeout: Duration) -> Self {
        let now = Instant::now();
        Self { now, deadline: ahead(now, timeout) }
    }
}

/// What the handles and the task share.
#[derive(Debug)]
struct Shared {
    dealer: Dealer,
    state: Mutex<State>,
    /// Told when the task has something to do that the connection does not tell it.
    stir: Notify,
    /// Told when the client has ended.
    ended: Notify,
    options: RequestOptions,
    retry: Option<RetryPolicy>,
}

#[derive(Debug)]
struct State {
    core: ClientCore<Ticket>,
    waiters: Waiters,
    link: Option<Token>,
    end: Option<ClientError>,
    /// Of the message that is being sent.
    lead: Vec<u8>,
    budget: Budget,
    /// Until when the task sleeps.
    armed: Option<Instant>,
    watchers: BTreeMap<WatchId, Waker>,
}

/// Whether the link took all that there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Through,
    /// There is no room for a message of this length.
    Full {
        link: Token,
        len: usize,
    },
}

#[derive(Debug)]
struct Handles {
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Client {
    /// Dials the MUX at `endpoint` once, without a name or security, and returns connected; from then
    /// on the client comes back by itself. [`builder`](Self::builder) has the rest.
    ///
    /// # Errors
    ///
    /// It cannot be reached, or is no MUX. That its listener is one for services does not show here: each
    /// request comes back as [`Denied`](crate::ReturnReason::Denied) then.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self, ConnectError> {
        Self::builder(endpoint.clone()).connect().await
    }

    /// Begins to describe a client of the MUX at `endpoint`.
    pub fn builder(endpoint: Endpoint) -> ClientBuilder {
        ClientBuilder::new(endpoint)
    }

    /// Sends a request to the service of this name and returns its reply.
    ///
    /// # Errors
    ///
    /// What became of it, and with that whether it may be sent again: see [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// When dropped, the request is forgotten: if it was sent already it may be processed, and its
    /// reply is dropped and counted.
    pub async fn request(
        &self,
        name: impl AsRef<[u8]>,
        message: impl Into<Message>,
    ) -> Result<Message, RequestError> {
        self.request_with(name, message, self.shared.options).await
    }

    /// As [`request`](Self::request), with options of its own.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`request`](Self::request).
    pub async fn request_with(
        &self,
        name: impl AsRef<[u8]>,
        message: impl Into<Message>,
        options: RequestOptions,
    ) -> Result<Message, RequestError> {
        let (shared, message) = (&self.shared, message.into());
        let mut time = Time::begin(options.timeout);
        let mut attempts = shared.retry.map(|policy| {
            shared.with_state(|state| state.budget.credit());
            Attempts::new(&policy, options.idempotence, time.deadline.into_std())
        });
        loop {
            let outcome = shared.attempt(name.as_ref(), &message, time).await;
            let error = match outcome.into_result(|| message.clone()) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let Some(attempts) = &mut attempts else { return Err(error) };
            match shared.judge(attempts, &error) {
                Verdict::After(wait) | Verdict::AfterRefill(wait) => sleep(wait).await,
                Verdict::Fail | Verdict::Spent => return Err(error),
            }
            shared.with_state(|state| state.core.count_retry());
            time.now = Instant::now();
        }
    }

    /// Sends a request at once, and returns a future of its reply. So one task has many requests in
    /// flight, in the order of these calls: cheaper than with a task for each, and in any order
    /// they are waited for. There is one attempt; a retry policy is for [`request`](Self::request).
    ///
    /// Its errors are those of [`request`](Self::request), and come from the future as well.
    pub fn send(&self, name: impl AsRef<[u8]>, message: impl Into<Message>) -> PendingReply {
        let time = Time::begin(self.shared.options.timeout);
        PendingReply::begin(&self.handles, name.as_ref(), message.into(), time)
    }

    /// Returns how requests are made unless told otherwise.
    #[must_use]
    pub fn options(&self) -> RequestOptions {
        self.shared.options
    }

    /// Watches which services there are, of all names that `pattern` is about.
    #[must_use = "a watch tells nothing unless it is read"]
    pub fn watch(&self, pattern: Pattern) -> Watch {
        let id = self.shared.with_state(|state| state.core.watch(pattern));
        self.shared.stir.notify_one();
        Watch::new(self.clone(), id)
    }

    /// Tells whether there is a connection. It may be gone the next moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.with_state(|state| state.link.is_some())
    }

    /// Returns how many requests are in flight, or wait to be sent.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.with_state(|state| state.core.in_flight())
    }

    /// Returns what the client has done and met.
    #[must_use]
    pub fn counters(&self) -> ClientCounters {
        self.shared.with_state(|state| state.core.counters())
    }

    /// Closes the client, and with it all its handles. Requests that were sent are in doubt, what
    /// was not comes back.
    ///
    /// # Cancel safety
    ///
    /// Can be called again after it was dropped; the client is closed all the same.
    pub async fn close(&self) {
        self.shared.finish(ClientError::Closed);
        self.shared.dealer.close().await;
    }
}

impl Shared {
    /// Makes one attempt.
    async fn attempt(&self, name: &[u8], message: &Message, time: Time) -> Outcome {
        let mut open = None;
        poll_fn(|cx| match &mut open {
            None => match Open::begin(self, Some(cx.waker()), name, message, time) {
                Ok(begun) => {
                    open = Some(begun);
                    Poll::Pending
                }
                Err(reason) => Poll::Ready(Outcome::NotSent(reason)),
            },
            Some(open) => open.poll(cx),
        })
        .await
    }

    fn judge(&self, attempts: &mut Attempts, error: &RequestError) -> Verdict {
        // Without chance there is the middle.
        let chance = draw().map_or(u64::MAX / 2, u64::from_ne_bytes);
        self.with_state(|state| {
            let verdict = attempts.next(error, &mut state.budget, now(), chance);
            state.core.count_verdict(verdict);
            verdict
        })
    }

    /// Does something, and wakes those whom it concerns when the lock is free again.
    fn with_state<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = act(&mut state);
        let mut woken = Vec::with_capacity(state.core.settled_count());
        while let Some((ticket, outcome)) = state.core.poll_settled() {
            woken.extend(state.waiters.settle(ticket, outcome));
        }
        while let Some(id) = state.core.poll_roused() {
            woken.extend(state.watchers.remove(&id));
        }
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        outcome
    }
}

impl State {
    /// Gives the link all that is to be sent, in order. The body of this ticket is at hand, all
    /// others are kept.
    fn flush(
        &mut self,
        dealer: &Dealer,
        at_hand: Option<(Ticket, &Message)>,
        now: Instant,
    ) -> Flow {
        while let Some(link) = self.link
            && let Some(order) = self.core.poll_transmit(&mut self.lead)
        {
            let notice;
            let message = match &order {
                Order::Request(_, ticket) => match at_hand {
                    Some((of, body)) if of == *ticket => Some(body),
                    Some(_) | None => self.waiters.kept(*ticket),
                },
                Order::Hello | Order::Watch(_) | Order::Unwatch(_) => {
                    notice = order.notice();
                    notice.as_ref()
                }
            };
            // All that waits has a body.
            let Some(message) = message else { return Flow::Through };
            let parcel = Parcel { lead: &self.lead, message };
            match dealer.try_send_over(link, parcel, now.into_std()) {
                Ok(()) => self.core.handle_sent(&order),
                Err(NotSentReason::Full) => {
                    let len = self.lead.len().saturating_add(message.encoded_len());
                    return Flow::Full { link, len };
                }
                Err(NotSentReason::TooLarge) => {
                    self.core.handle_unsent(&order, UnsentReason::TooLong);
                }
                // Its end is on its way to us.
                Err(_) => return Flow::Through,
            }
        }
        Flow::Through
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.shared.finish(ClientError::Closed);
        self.task.abort();
    }
}
