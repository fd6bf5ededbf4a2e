//! A service: a name, requests to it, and a reply for each.

mod builder;
mod request;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use thiserror::Error;
use tokio::sync::Notify;
use tracing::{debug, info, warn};
use zmtp_proto::Message;

pub use self::builder::ServiceBuilder;
pub use self::request::{ReplyError, ReplyErrorReason, Request, TryReplyError};
use crate::core::{PeerInfo, Token};
use crate::net::bell::Ear;
use crate::net::dealer::{Dealer, DealerError, LinkEvent};
use crate::net::endpoint::Endpoint;
use crate::net::ends::{ConnectError, generation, is_mux};
use crate::net::socket::Parcel;
use crate::service::{Heed, ServiceCore, ServiceCounters};

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
}

/// Why no more requests come.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The service has drained: all that came was answered or dropped.
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
}

/// What the handles and the requests share.
#[derive(Debug)]
struct Shared {
    dealer: Dealer,
    state: Mutex<State>,
    /// Told when no more requests come.
    ended: Notify,
}

#[derive(Debug)]
struct State {
    core: ServiceCore,
    /// Taken, and not taken in: nothing of it was looked at.
    events: VecDeque<LinkEvent>,
    link: Option<Link>,
    end: Option<ServiceError>,
}

/// The connection that stands.
#[derive(Clone, Copy, Debug)]
struct Link {
    token: Token,
    generation: Option<u64>,
}

impl Service {
    /// Dials the MUX at `endpoint` once and claims this name, without security. When it returns, the
    /// service has the name, and requests to it are on their way; from then on it comes back by
    /// itself. [`builder`](Self::builder) has the rest.
    ///
    /// # Errors
    ///
    /// It cannot be reached, is no MUX, or does not let the service in: the name is held by another
    /// service that lives ([`ConnectError::LetGo`]), or is not allowed.
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
        let request = poll_fn(|cx| self.0.poll_recv(cx, &mut ears)).await;
        if let Err(ServiceError::Drained) = &request {
            // Its last replies may still be on their way out.
            self.0.dealer.close().await;
        }
        request
    }

    /// Waits until no more requests come, and returns why: of one that [drains](Self::drain),
    /// [`ServiceError::Drained`], when its last replies are written. Somebody has to receive
    /// meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only ever waits.
    pub async fn ended(&self) -> ServiceError {
        let end = loop {
            let mut told = pin!(self.0.ended.notified());
            // It may end between the look and the wait.
            told.as_mut().enable();
            if let Some(end) = self.0.lock().end.clone() {
                break end;
            }
            told.await;
        };
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
        let mut cx = Context::from_waker(std::task::Waker::noop());
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
        self.0.lock().link.and_then(|link| link.generation)
    }

    /// Returns what the service has done and met.
    #[must_use]
    pub fn counters(&self) -> ServiceCounters {
        self.0.lock().core.counters()
    }

    /// Takes nothing new from here on: the MUX gives new requests back to their clients, as
    /// DRAINING. What waits already still comes; when that is answered or dropped, the connection
    /// is closed and [`recv`](Self::recv) says [`ServiceError::Drained`]. So go on receiving until
    /// then; whoever does not can wait for it with [`ended`](Self::ended). A MUX gives a service a minute for it.
    pub fn drain(&self) {
        self.0.lock().core.begin_drain();
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
        self.0.ended.notify_waiters();
        self.0.stir();
        self.0.dealer.close().await;
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those who wait for requests.
    fn stir(&self) {
        self.dealer.ring();
    }

    fn poll_recv(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        ears: &mut Ears,
    ) -> Poll<Result<Request, ServiceError>> {
        // Events are taken and taken in under one lock, so that several tasks may wait.
        let mut state = self.lock();
        loop {
            if let Some(end) = &state.end {
                self.ended.notify_waiters();
                return Poll::Ready(Err(end.clone()));
            }
            state.speak(&self.dealer, cx, &mut ears.room);
            let Some(event) = state.events.pop_front() else {
                match state.take(&self.dealer, cx, &mut ears.event) {
                    Poll::Ready(()) => continue,
                    Poll::Pending => return Poll::Pending,
                }
            };
            if let Some((message, lead)) = state.hear(event, &self.dealer)
                && let Some(link) = state.link
            {
                let (service, generation) = (Arc::clone(self), link.generation);
                let request = Request::new(service, link.token, generation, message, lead);
                return Poll::Ready(Ok(request));
            }
        }
    }
}

impl State {
    /// Says to the MUX what is to be said.
    #[inline]
    fn speak(&mut self, dealer: &Dealer, cx: &mut Context<'_>, ear: &mut Ear) {
        while let Some(link) = self.link
            && let Some(message) = self.core.poll_transmit()
        {
            match dealer.poll_send_over(cx, ear, link.token, Parcel::from(&message)) {
                Poll::Ready(Ok(())) => self.core.handle_sent(),
                // Its end is on its way to us, or room is.
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }

    /// Takes what has come, or learns that there will be nothing more.
    fn take(&mut self, dealer: &Dealer, cx: &mut Context<'_>, ear: &mut Ear) -> Poll<()> {
        // Also has us woken when the service is stirred, so the look at that comes behind it.
        match dealer.poll_events(cx, ear, BATCH, |event| self.events.push_back(event)) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                debug!(%error, "the service is over");
                self.end = Some(ServiceError::Link(Arc::new(error)));
            }
            Poll::Pending if self.core.is_drained() => self.end = Some(ServiceError::Drained),
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// Takes in an event, and returns a request if it is one.
    fn hear(
        &mut self,
        event: LinkEvent,
        dealer: &Dealer,
    ) -> Option<(Message, crate::service::Lead)> {
        match event {
            LinkEvent::Message(message) => match self.core.handle_message(&message) {
                Heed::Request(lead) => return Some((message, lead)),
                Heed::ComeBack(retry_after) => dealer.hold_off(retry_after),
                Heed::None => {}
            },
            LinkEvent::Up(peer) if is_mux(&peer) => self.handle_up(&peer),
            LinkEvent::Up(_) => {
                warn!("what answers is no MUX any more: the service is over");
                self.end = Some(ServiceError::NotAMux);
            }
            LinkEvent::Down { reason } => {
                debug!(?reason, "the connection to the MUX ended");
                self.link = None;
                self.core.handle_down();
            }
            // The end of the connection says as much.
            LinkEvent::Returned { .. } => {}
        }
        None
    }

    fn handle_up(&mut self, mux: &PeerInfo) {
        let generation = generation(mux);
        info!(generation, "the service has its name");
        self.link = Some(Link { token: mux.token, generation });
        self.core.handle_up();
    }
}

impl Stream for Requests {
    type Item = Request;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        let Self { service, ears } = self.get_mut();
        service.0.poll_recv(cx, ears).map(Result::ok)
    }
}

/// Events that are taken at once: what is held beyond the room of the dealer.
const BATCH: usize = 64;
