//! The routing socket: any message to any peer in any order, and word of who comes and goes.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use zmtp_proto::SocketType;

use crate::core::{Authorizer, PeerInfo, Rule, RuleError, Takes, Token};
use crate::net::bell::{Bell, Ear};
use crate::net::dealer::{DealerError, DealerOptions};
use crate::net::endpoint::Endpoint;
use crate::net::figures::{Figure, Figures};
use crate::net::inbox::{Ended, Inbox, Taken};
use crate::net::mux::{BindError, Listen, Mux, MuxConfig};
use crate::net::outward::{Line, Outward, Shaken};
use crate::net::shared::{Kind, Shared};

pub use self::address::To;
pub use self::event::{Incoming, SocketEvent};
pub(crate) use self::send::Parcel;
pub use self::send::{NotSent, NotSentReason};

mod address;
mod event;
mod send;

/// A routing socket, in place of libzmq's ROUTER.
///
/// It listens on endpoints and dials others. All that its peers send comes in one stream, with who
/// sent it; what the application sends goes to the peer that it names. Nothing is added to a
/// message or taken away, so that an unmodified DEALER, REQ, REP or ROUTER talks to it as to
/// libzmq's ROUTER. A peer that comes, and one that goes, is told of in the same stream: before its
/// first message, and behind its last.
///
/// Handles are clones of one socket and may be used at once from any task. When the last is
/// dropped the socket [closes](Self::close) in the background.
///
/// # Limits
///
/// Those of [`MuxConfig`]. What waits for the application has the room of [`SocketConfig::inbound`],
/// which all peers share fairly; a peer for whose messages there is none is not read until the
/// application has taken some. What waits for a peer has the room of its [`Rule`].
///
/// ```
/// use zmtp_mux::{Dealer, Listen, ListenerRole, Message, MuxSocket, SocketConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = MuxSocket::new(SocketConfig::default())?;
/// let endpoint = socket.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
///
/// let worker = Dealer::connect(&endpoint, "worker.1").await?;
/// worker.send(Message::single(b"ready")).await?;
///
/// let ready = socket.recv().await?;
/// assert_eq!(ready.message, Message::single(b"ready"));
/// socket.send(&ready.from, Message::single(b"by who sent it")).await?;
/// socket.send("worker.1", Message::single(b"by its name")).await?;
///
/// assert_eq!(worker.recv().await?, Message::single(b"by who sent it"));
/// assert_eq!(worker.recv().await?, Message::single(b"by its name"));
/// socket.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MuxSocket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mux: Mux,
    inbox: Inbox,
    dials: Mutex<Vec<AbortHandle>>,
}

/// How a routing socket is set up: begin with the [default](Self::default), and change what is to be
/// otherwise.
///
/// Whatever the rules for what waits for peers, what the application sends and what has no room
/// comes back to it: see [`Policy`](crate::Policy).
#[derive(Clone, Debug)]
pub struct SocketConfig {
    /// Limits, rules for what waits for peers, and who may do what.
    pub mux: MuxConfig,
    /// How much may wait for the application, and what becomes of what does not fit. A message that
    /// is larger than all of that comes alone. `max_age` counts for nothing here, and a window is
    /// refused.
    pub inbound: Rule,
}

impl SocketConfig {
    /// Allows what `authorizer` does: see [`MuxConfig::with_authorizer`].
    #[must_use]
    pub fn with_authorizer(self, authorizer: impl Authorizer + 'static) -> Self {
        Self { mux: self.mux.with_authorizer(authorizer), ..self }
    }
}

impl Default for SocketConfig {
    /// Nothing is ever dropped for want of room: a peer waits until the application takes its
    /// messages, and a message for a peer comes back.
    // spec: mux:terminal:own-limits
    fn default() -> Self {
        let rule = Rule { block_timeout: std::time::Duration::ZERO, ..Rule::SERVICE };
        let mut mux = MuxConfig::default();
        (mux.rules.service, mux.rules.client) = (rule, rule);
        Self { mux, inbound: rule }
    }
}

/// The socket is closed: there is nothing more to come. Not to be tried again.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the socket is closed")]
pub struct Closed;

impl MuxSocket {
    /// Makes a socket that neither listens nor dials yet.
    ///
    /// # Errors
    ///
    /// The system has no random octets to give, or a [`RuleError`](crate::RuleError) as
    /// [`InvalidInput`](io::ErrorKind::InvalidInput).
    pub fn new(config: SocketConfig) -> io::Result<Self> {
        Self::of_kind(config, Kind::Router)
    }

    pub(crate) fn of_kind(config: SocketConfig, kind: Kind) -> io::Result<Self> {
        // spec: mux:overload:window-of-services
        if let Some(window) = config.inbound.window {
            let error = RuleError::InboundWindow(window);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        let mux = Mux::of_kind(config.mux, kind)?;
        let inbox = Inbox::open(mux.shared(), Takes::Messages, config.inbound);
        let inbox = inbox.ok_or(io::ErrorKind::AlreadyExists)?;
        Ok(Self(Arc::new(Inner { mux, inbox, dials: Mutex::default() })))
    }

    /// Listens, on the runtime that this is called on, and returns where: with the port that was
    /// found if any would do. On [`ListenerRole::Any`](crate::ListenerRole::Any) a peer with a name
    /// has it for itself alone.
    ///
    /// Blocks while the system resolves a name.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be listened on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one [without what it takes](crate#runtimes).
    pub fn bind(&self, listen: Listen) -> Result<Endpoint, BindError> {
        self.0.mux.bind(listen)
    }

    /// Dials in the background, on the runtime that this is called on, and again after an end that
    /// is temporary, as [`DealerOptions::reconnect`] says. [`SocketEvent::Up`] tells when there is a
    /// connection. A peer that is dialled has no name here.
    ///
    /// # Errors
    ///
    /// [`DealerError::Security`]: the mechanism cannot work as it is set.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one [without what it takes](crate#runtimes).
    pub fn connect(&self, endpoint: Endpoint, options: DealerOptions) -> Result<(), DealerError> {
        let line = Arc::new(Line::new(Arc::clone(&self.0.inbox.bell)));
        self.dial(self.outward(endpoint, options, SocketType::Router, line)?, None);
        Ok(())
    }

    /// Waits for the next message, and skips all else.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&self) -> Result<Incoming, Closed> {
        let (mut ear, mut first) = (Ear::default(), None);
        poll_fn(|cx| {
            ready!(self.poll_turn(cx));
            while first.is_none() {
                ready!(self.poll_take(cx, &mut ear, 1, |taken| first = Incoming::of(taken)))?;
            }
            Poll::Ready(first.take().ok_or(Closed))
        })
        .await
    }

    /// Waits for whatever comes next.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn event(&self) -> Result<SocketEvent, Closed> {
        let mut ear = Ear::default();
        poll_fn(|cx| self.poll_event(cx, &mut ear)).await
    }

    /// Returns what comes next if it is there.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    pub fn try_event(&self) -> Result<Option<SocketEvent>, Closed> {
        let mut event = None;
        self.take(1, |taken| event = Some(taken.into()))?;
        Ok(event)
    }

    /// Waits until there is something, appends up to `max` of what comes next, and returns how many
    /// that are. Cheaper than one at a time.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken before it is appended.
    pub async fn recv_many(
        &self,
        into: &mut Vec<SocketEvent>,
        max: usize,
    ) -> Result<usize, Closed> {
        let mut ear = Ear::default();
        poll_fn(|cx| {
            ready!(self.poll_turn(cx));
            self.poll_take(cx, &mut ear, max, |taken| into.push(taken.into()))
        })
        .await
    }

    /// As [`event`](Self::event), to be polled with the same ear. Any number of tasks may.
    pub(crate) fn poll_event(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
    ) -> Poll<Result<SocketEvent, Closed>> {
        ready!(self.poll_turn(cx));
        let mut event = None;
        match self.poll_take(cx, ear, 1, |taken| event = Some(taken.into())) {
            Poll::Ready(Ok(_)) => Poll::Ready(event.ok_or(Closed)),
            Poll::Ready(Err(closed)) => Poll::Ready(Err(closed)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Waits for the others' turn, if they had none for long.
    #[inline]
    pub(crate) fn poll_turn(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.inbox.poll_turn(cx)
    }

    /// Takes up to `max` of what comes next, and returns how many that are.
    #[inline]
    pub(crate) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        max: usize,
        each: impl FnMut(Taken<'_>),
    ) -> Poll<Result<usize, Closed>> {
        let taken = self.0.inbox.poll_take(cx, ear, max, each);
        taken.map(|outcome| outcome.map_err(|Ended| Closed))
    }

    /// The same, without waiting.
    pub(crate) fn take(
        &self,
        max: usize,
        mut each: impl FnMut(Taken<'_>),
    ) -> Result<usize, Closed> {
        self.0.inbox.take(max, &mut each).map_err(|Ended| Closed)
    }

    /// Returns the peers that are in, as far as the application has taken their events.
    #[must_use]
    pub fn peers(&self) -> Vec<Arc<PeerInfo>> {
        self.0.inbox.peers()
    }

    /// Ends the connection of a peer, of whom a message or an event has told, as it stands there or by
    /// its token. What waits for it comes back, all but what the system has taken, and then
    /// [`SocketEvent::Gone`], as [`Evicted`](crate::GoneReason::Evicted). It may come again; a peer that we dialled is dialled no more.
    ///
    /// # Errors
    ///
    /// [`NotSentReason::NotConnected`] if it has ended already.
    pub fn disconnect(&self, peer: impl Into<Token>) -> Result<(), NotSentReason> {
        let peer = peer.into();
        self.shared().with_core(|core| core.disconnect(peer)).map_err(NotSentReason::from)
    }

    /// Closes the socket in order: nothing more is taken or dialled; what is queued is written out,
    /// for as long as [`MuxLimits::end_flush`](crate::MuxLimits::end_flush); then every connection
    /// is closed. What has come by then can still be taken, and behind it the end of each peer, as
    /// [`LinkLost`](crate::GoneReason::LinkLost); then the socket says [`Closed`].
    ///
    /// # Cancel safety
    ///
    /// Can be called again after it was dropped; what was stopped stays stopped.
    pub async fn close(&self) {
        self.0.mux.end().await;
        self.0.stop_dialling();
        self.0.inbox.bell.ring();
        self.shared().room.ring();
    }

    /// Makes what dials for this socket.
    pub(crate) fn outward(
        &self,
        endpoint: Endpoint,
        options: DealerOptions,
        socket_type: SocketType,
        line: Arc<Line>,
    ) -> Result<Outward, DealerError> {
        options.security.validate()?;
        Ok(Outward { shared: Arc::clone(self.shared()), endpoint, options, socket_type, line })
    }

    /// Serves a connection in the background, and dials again when it ends.
    pub(crate) fn dial(&self, outward: Outward, first: Option<Shaken>) {
        let task = tokio::spawn(outward.run(first));
        let mut dials = self.0.dials.lock().unwrap_or_else(PoisonError::into_inner);
        dials.retain(|dial| !dial.is_finished());
        dials.push(task.abort_handle());
    }

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.0.inbox.bell
    }

    fn shared(&self) -> &Arc<Shared> {
        self.0.mux.shared()
    }
}

/// As those of a [`Mux`].
impl Figures for MuxSocket {
    fn each(&self, see: &mut dyn FnMut(Figure)) {
        self.0.mux.each(see);
    }
}

impl Inner {
    fn stop_dialling(&self) {
        let dials = std::mem::take(&mut *self.dials.lock().unwrap_or_else(PoisonError::into_inner));
        dials.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let dials = std::mem::take(&mut *self.dials.lock().unwrap_or_else(PoisonError::into_inner));
        let mux = self.mux.clone();
        let end = async move {
            mux.end().await;
            dials.iter().for_each(AbortHandle::abort);
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(end)),
            // Without a runtime nothing can be written any more.
            Err(_) => self.mux.end_at_once(),
        }
    }
}
