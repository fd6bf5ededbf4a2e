//! A service: a name, requests to it, and a reply for each.

mod builder;
mod link;
mod request;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;
use thiserror::Error;

pub use self::builder::ServiceBuilder;
use self::link::{Link, State};
pub use self::request::{ReplyError, ReplyErrorReason, Request, TryReplyError};
use crate::net::bell::{Bell, Ear};
use crate::net::dealer::{Dealer, DealerError};
use crate::net::endpoint::Endpoint;
use crate::net::ends::ConnectError;
use crate::service::ServiceCounters;

/// A named service of a MUX.
///
/// Requests come one by one, each with what is needed to answer it: at once or later, in any order,
/// from any task. One that is dropped is not answered; its client goes by its time.
///
/// When the connection ends the service dials again, and claims its name again, under a [new
/// generation](Self::generation). Requests that had come before can no longer be answered: their
/// clients were told that they are in doubt. All this happens while requests are waited for; a
/// service that never does is not told of its connection.
///
/// A name has one live holder. While another one lives, [`connect`](Self::connect) fails after 2 s;
/// a holder that is dead is found out in that time, and its name taken over. A service that has lost
/// its name while it was away tries again and again, as its policy says.
///
/// Handles are clones of one service, and may be used at once from any task: each request goes to
/// one of those who wait. When the last handle and the last request are dropped, what is to be
/// written still is, and the service has left.
///
/// # Limits
///
/// 16 MiB of requests and 16 MiB of replies wait on this side of the connection, and up to 64
/// requests that are next; what comes on top waits in the MUX, which turns clients away when it has too much.
///
/// ```
/// use zmtp_mux::{Client, Listen, ListenerRole, Message, Mux, MuxConfig, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mux = Mux::new(MuxConfig::default())?;
/// let endpoint = mux.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
///
/// let service = Service::connect(&endpoint, "engine.7").await?;
/// let serving = service.clone();
/// let server = tokio::spawn(async move {
///     while let Ok(request) = serving.recv().await {
///         let sum: u32 = request.message().frames().flatten().map(|&octet| u32::from(octet)).sum();
///         let _ = request.reply(Message::single(&sum.to_be_bytes())).await;
///     }
/// });
///
/// let client = Client::connect(&endpoint).await?;
/// let reply = client.request("engine.7", Message::single(&[1, 2, 3])).await?;
/// assert_eq!(reply, Message::single(&6_u32.to_be_bytes()));
///
/// service.drain(); // nothing new; what has come is served, and then `recv` ends
/// service.ended().await;
/// server.await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Service(Arc<Shared>);

/// Requests as a [`Stream`], which ends with the service.
#[derive(Clone, Debug)]
pub struct Requests {
    service: Service,
    ears: Ears,
}

/// Where one who waits for a request is woken from.
#[derive(Clone, Debug, Default)]
struct Ears {
    event: Ear,
    /// For what the service itself has to say.
    room: Ear,
    end: Ear,
}

/// Why no more requests come.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The service has drained: all that came was answered or dropped, or its time for that was over.
    #[error("the service has drained")]
    Drained,
    /// The service was closed.
    #[error("the service is closed")]
    Closed,
    /// There will be no connection any more; [`DealerError::retry`] says whether somebody has to
    /// change something first.
    #[error("the connection is over: {0}")]
    Link(#[source] Arc<DealerError>),
    /// What answers is no MUX any more.
    #[error("the peer is no MUX")]
    NotAMux,
    /// The MUX takes us for a client: what answers is a listener for clients. Nothing would ever
    /// come.
    #[error("the MUX takes us for a client here: this is a listener for clients")]
    NotAService,
}

/// What the handles and the requests share.
#[derive(Debug)]
struct Shared {
    dealer: Dealer,
    state: Mutex<State>,
    /// For those who wait for the end: rung when it may have come nearer.
    ending: Arc<Bell>,
}

impl Service {
    /// Dials the MUX at `endpoint` once and claims this name, without security. When it returns, the
    /// service has the name, and requests to it are on their way; from then on it comes back by
    /// itself. [`builder`](Self::builder) has the rest.
    ///
    /// # Errors
    ///
    /// It cannot be reached, is no MUX, or does not let the service in: the name is held by another
    /// service that lives ([`ConnectError::LetGo`]), or is not allowed; or its listener there is one
    /// for clients ([`ConnectError::NotAService`]).
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect(
        endpoint: &Endpoint,
        name: impl AsRef<[u8]>,
    ) -> Result<Self, ConnectError> {
        Self::builder(endpoint.clone(), name).connect().await
    }

    /// Begins to describe a service of this name, of the MUX at `endpoint`.
    pub fn builder(endpoint: Endpoint, name: impl AsRef<[u8]>) -> ServiceBuilder {
        ServiceBuilder::new(endpoint, name.as_ref())
    }

    /// Waits for the next request.
    ///
    /// # Errors
    ///
    /// Why there will be none any more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no request is lost.
    pub async fn recv(&self) -> Result<Request, ServiceError> {
        let mut ears = Ears::default();
        let request = poll_fn(|cx| {
            ready!(self.0.dealer.poll_turn(cx));
            self.0.poll_recv(cx, &mut ears)
        });
        let request = request.await;
        if let Err(ServiceError::Drained) = &request {
            // Its last replies may still be on their way out.
            self.0.dealer.close().await;
        }
        request
    }

    /// Waits until no more requests come, and returns why: of one that [drains](Self::drain),
    /// [`ServiceError::Drained`], when its last replies are written. It takes no requests: those
    /// that come have to be [received](Self::recv), or the end does not. Nor does a service that does
    /// not drain learn of its connection by this.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no request is lost.
    pub async fn ended(&self) -> ServiceError {
        let mut ears = Ears::default();
        let end = poll_fn(|cx| self.0.poll_ended(cx, &mut ears)).await;
        if let ServiceError::Drained = end {
            self.0.dealer.close().await;
        }
        end
    }

    /// Returns the next request if it is there.
    ///
    /// # Errors
    ///
    /// Why there will be none any more.
    pub fn try_recv(&self) -> Result<Option<Request>, ServiceError> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.0.poll_recv(&mut cx, &mut Ears::default()) {
            Poll::Ready(request) => request.map(Some),
            Poll::Pending => Ok(None),
        }
    }

    /// Returns the requests as a stream. Others who wait for requests get some of them.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests { service: self.clone(), ears: Ears::default() }
    }

    /// Returns which holder of a name this is, on the connection that stands: it rises with each.
    /// `None` while there is none. It is as new as what [`recv`](Self::recv) has seen.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        self.0.lock().link.map(|link| link.generation)
    }

    /// Returns what the service has done and met.
    #[must_use]
    pub fn counters(&self) -> ServiceCounters {
        self.0.lock().core.counters()
    }

    /// Takes nothing new from here on, and says so to the MUX, which gives new requests back to their
    /// clients, as DRAINING. What waits already still comes; when that is answered or dropped, the
    /// connection is closed, and [`recv`](Self::recv) says [`ServiceError::Drained`]. So go on
    /// receiving until then. Where nothing is left to receive, it is enough to wait for
    /// [`ended`](Self::ended). A MUX gives a service its [`drain_time`](crate::MuxLimits::drain_time)
    /// for it, a minute; then it closes the connection, what the service has is in doubt, and what still
    /// waits is returned. Without a window it has all.
    ///
    /// Without a connection the service has drained at once, and dials no more.
    pub fn drain(&self) {
        let mut state = self.0.lock();
        state.core.begin_drain();
        // Where there is no room now, whoever receives says it later.
        let mut cx = Context::from_waker(Waker::noop());
        state.speak(&self.0.dealer, &mut cx, &mut Ear::default());
        drop(state);
        self.0.stir();
    }

    /// Closes the service at once: requests that were not answered are in doubt for their clients;
    /// replies are still written.
    ///
    /// # Cancel safety
    ///
    /// Can be called again after it was dropped; the service is closed all the same.
    pub async fn close(&self) {
        self.0.lock().end.get_or_insert(ServiceError::Closed);
        self.0.stir();
        self.0.dealer.close().await;
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those who wait for requests, or for the end.
    fn stir(&self) {
        self.dealer.ring();
        self.ending.ring();
    }

    fn poll_recv(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        ears: &mut Ears,
    ) -> Poll<Result<Request, ServiceError>> {
        // Events are taken and taken in under one lock, so that several tasks may wait.
        let mut state = self.lock();
        loop {
            if let Err(end) = ready!(state.poll_request(&self.dealer, cx, ears)) {
                self.ending.ring();
                return Poll::Ready(Err(end));
            }
            if let Some((message, lead)) = state.take_request()
                && let Some(link) = state.link
            {
                if state.core.drains() {
                    // Something else may be next now.
                    self.ending.ring();
                }
                let (service, generation) = (Arc::clone(self), link.generation);
                let request = Request::new(service, link.token, generation, message, lead);
                return Poll::Ready(Ok(request));
            }
        }
    }

    /// Goes on to the end, as far as there are no requests before it.
    fn poll_ended(&self, cx: &mut Context<'_>, ears: &mut Ears) -> Poll<ServiceError> {
        // Before the look: it may end since.
        ears.end.listen(&self.ending, cx.waker());
        let mut state = self.lock();
        if let Some(end) = &state.end {
            return Poll::Ready(end.clone());
        }
        // While it serves, those who receive have all that to do.
        if !state.core.drains() {
            return Poll::Pending;
        }
        match ready!(state.poll_request(&self.dealer, cx, ears)) {
            Ok(()) => Poll::Pending,
            Err(end) => {
                drop(state);
                self.stir();
                Poll::Ready(end)
            }
        }
    }
}

impl Stream for Requests {
    type Item = Request;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        let Self { service, ears } = self.get_mut();
        ready!(service.0.dealer.poll_turn(cx));
        service.0.poll_recv(cx, ears).map(Result::ok)
    }
}
