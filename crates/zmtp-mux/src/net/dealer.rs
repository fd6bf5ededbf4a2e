//! A DEALER: whole messages to and from a ROUTER, as client, as service, or without a MUX at all.

mod over;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use zmtp_proto::{Message, SocketType};

use crate::core::{PeerInfo, PoolLimits, Rule};
use crate::net::bell::Ear;
use crate::net::endpoint::Endpoint;
use crate::net::inbox::Taken;
use crate::net::mux::{BindError, Listen};
use crate::net::outward::Line;
use crate::net::shared::Kind;
use crate::net::socket::{Closed, MuxSocket, NotSent, NotSentReason, SocketConfig, To};

pub use self::error::DealerError;
pub use self::event::LinkEvent;
pub use self::options::DealerOptions;

mod error;
mod event;
mod options;

/// A DEALER, connected to a MUX or any ROUTER, REP or DEALER.
///
/// Handles are clones of one dealer and may be used at once from any task, also of other runtimes.
/// The one on which it was made reads and writes, and has to run for that: before a program leaves
/// it, [`flush`](Self::flush) or [`close`](Self::close) waits until all is written. When the last
/// handle is dropped, what is queued is still written, in the background.
///
/// [`connect`](Self::connect) dials once: when the connection ends the dealer is over, and says why.
/// With [`DealerOptions::reconnect`] it dials again, as far as that makes sense. [`bind`](Self::bind)
/// makes one that is dialled; with several peers what is sent goes to each in turn.
///
/// # Limits
///
/// [`QUEUE_MAX`](Self::QUEUE_MAX) octets wait to be written, and as many to be taken; a peer that
/// sends more is not read until the application has taken some.
#[derive(Clone, Debug)]
pub struct Dealer {
    socket: MuxSocket,
    line: Option<Arc<Line>>,
}

impl Dealer {
    /// Octets that may wait to be written, and that may wait to be taken: 16 MiB.
    pub const QUEUE_MAX: usize = 16 * 1024 * 1024;

    /// Dials `endpoint` once and shakes hands without security, announcing `identity`: a service's
    /// name, or nothing.
    ///
    /// When it returns, the peer is in: what is sent is queued for it, unless the connection has
    /// ended since, of which [`event`](Self::event) tells, behind the coming of the peer.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be reached, or the peer is none, or refused.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect(
        endpoint: &Endpoint,
        identity: impl AsRef<[u8]>,
    ) -> Result<Self, DealerError> {
        Self::connect_with(endpoint, &DealerOptions::new(identity)?).await
    }

    /// Dials `endpoint` and shakes hands, as `options` say. What they say of coming back holds once
    /// there was a connection. When it returns, the peer is in, as with [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// The endpoint cannot be reached, or the peer is none, or refused.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect_with(
        endpoint: &Endpoint,
        options: &DealerOptions,
    ) -> Result<Self, DealerError> {
        let (socket, line) = Self::parts()?;
        let outward = socket.outward(
            endpoint.clone(),
            options.clone(),
            SocketType::Dealer,
            Arc::clone(&line),
        )?;
        // In a box: a handshake is large, and soon over.
        let shaken = Box::pin(outward.shake()).await?;
        socket.dial(outward, Some(shaken));
        let dealer = Self { socket, line: Some(line) };
        Ok(dealer)
    }

    /// Dials `endpoint` in the background until there is a connection, as far as `options` say that
    /// it comes back, and returns at once.
    ///
    /// # Errors
    ///
    /// [`DealerError::Security`], or the system has no random octets to give.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one [without what it takes](crate#runtimes).
    pub fn start(endpoint: Endpoint, options: DealerOptions) -> Result<Self, DealerError> {
        let (socket, line) = Self::parts()?;
        let outward = socket.outward(endpoint, options, SocketType::Dealer, Arc::clone(&line))?;
        socket.dial(outward, None);
        Ok(Self { socket, line: Some(line) })
    }

    /// Listens for ROUTERs, REPs and DEALERs, and returns where: with the port that was found if any
    /// would do. Until one has come [`try_send`](Self::try_send) finds nobody, and
    /// [`send`](Self::send) waits.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be listened on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one [without what it takes](crate#runtimes).
    pub fn bind(listen: Listen) -> Result<(Self, Endpoint), BindError> {
        let socket = MuxSocket::of_kind(config(), Kind::Dealer)
            .map_err(|error| BindError { endpoint: listen.endpoint.clone(), error })?;
        let endpoint = socket.bind(listen)?;
        Ok((Self { socket, line: None }, endpoint))
    }

    fn parts() -> Result<(MuxSocket, Arc<Line>), DealerError> {
        let socket = MuxSocket::of_kind(config(), Kind::Dealer)?;
        let line = Arc::new(Line::new(Arc::clone(socket.bell())));
        Ok((socket, line))
    }

    /// Returns the peer, as far as its coming was taken: any, if there are several.
    #[must_use]
    pub fn peer(&self) -> Option<Arc<PeerInfo>> {
        self.socket.peers().into_iter().next()
    }

    /// Queues a message without waiting. It is written in the background, with all that is queued
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// Returns the message: too much waits already, or there is no connection.
    // spec: 28:dealer:room-limited, 28:dealer:nothing-discarded
    // spec: 28:dealer:independent-directions
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), NotSent> {
        let message = message.into();
        let sent = self.try_send_kept(&message);
        sent.map_err(|reason| NotSent { message, reason })
    }

    /// The same. The message stays with the caller.
    pub(crate) fn try_send_kept(&self, message: &Message) -> Result<(), NotSentReason> {
        self.closed_if_over(self.socket.try_send_parcel(&To::Any, message.into()))
    }

    /// Queues a message, and waits for a connection and for room if need be. It is written in the
    /// background, with all that is queued meanwhile.
    ///
    /// # Errors
    ///
    /// Returns the message: there will be no connection any more.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the message is not sent, and gone with the future.
    // spec: 28:dealer:waits-or-errors, 28:dealer:unaltered
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), NotSent> {
        let message = message.into();
        let sent = match self.try_send_kept(&message) {
            Err(reason) if is_passing(reason) => {
                let mut ear = Ear::default();
                poll_fn(|cx| self.poll_send(cx, &mut ear, &message)).await
            }
            sent => sent,
        };
        sent.map_err(|reason| NotSent { message, reason })
    }

    /// Sends a message as soon as there is a connection with room.
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        message: &Message,
    ) -> Poll<Result<(), NotSentReason>> {
        let sent = self.socket.poll_send_while(is_passing, cx, ear, &To::Any, message.into());
        if sent.is_pending() && self.is_over() {
            return Poll::Ready(Err(NotSentReason::Closed));
        }
        sent
    }

    /// Waits until all that is queued was handed over to the system, or came back.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only ever waits.
    pub async fn flush(&self) {
        self.socket.flush().await;
    }

    /// Waits for the next message, and skips all else.
    ///
    /// # Errors
    ///
    /// Why there will be none any more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&self) -> Result<Message, DealerError> {
        let (mut ear, mut first) = (Ear::default(), None);
        poll_fn(|cx| {
            ready!(self.poll_turn(cx));
            ready!(
                self.poll_some(cx, &mut ear, 1, Taken::message, |message| first = Some(message))
            )?;
            Poll::Ready(first.take().ok_or(DealerError::GivenUp))
        })
        .await
    }

    /// Returns the next message if it is there, and skips all else.
    ///
    /// # Errors
    ///
    /// Why there will be none any more.
    pub fn try_recv(&self) -> Result<Option<Message>, DealerError> {
        loop {
            match self.try_event()? {
                Some(LinkEvent::Message(message)) => return Ok(Some(message)),
                Some(LinkEvent::Up(_) | LinkEvent::Returned { .. } | LinkEvent::Down { .. }) => {}
                None => return Ok(None),
            }
        }
    }

    /// Waits for whatever comes next.
    ///
    /// # Errors
    ///
    /// Why there will be nothing any more; behind all else, and after that
    /// [`DealerError::GivenUp`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn event(&self) -> Result<LinkEvent, DealerError> {
        let mut ear = Ear::default();
        poll_fn(|cx| self.poll_event(cx, &mut ear)).await
    }

    /// As [`event`](Self::event), to be polled with the same ear. Any number of tasks may.
    pub(crate) fn poll_event(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
    ) -> Poll<Result<LinkEvent, DealerError>> {
        ready!(self.poll_turn(cx));
        let mut event = None;
        ready!(self.poll_events(cx, ear, 1, |taken| event = Some(taken)))?;
        Poll::Ready(event.ok_or(DealerError::GivenUp))
    }

    /// Returns what comes next if it is there.
    ///
    /// # Errors
    ///
    /// As [`event`](Self::event).
    pub fn try_event(&self) -> Result<Option<LinkEvent>, DealerError> {
        let mut event = None;
        while event.is_none() {
            let look = || match self.socket.take(1, |taken| event = LinkEvent::of(taken)) {
                Ok(0) => Poll::Pending,
                taken => Poll::Ready(taken),
            };
            match self.poll_unless_over(look) {
                Poll::Ready(taken) => drop(taken?),
                Poll::Pending => break,
            }
        }
        Ok(event)
    }

    /// Waits until there is something, appends up to `max` messages, skips all else, and returns how
    /// many that are. Cheaper than one at a time.
    ///
    /// # Errors
    ///
    /// Why there will be none any more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken before it is appended.
    pub async fn recv_many(
        &self,
        into: &mut Vec<Message>,
        max: usize,
    ) -> Result<usize, DealerError> {
        let (mut ear, before) = (Ear::default(), into.len());
        poll_fn(|cx| {
            ready!(self.poll_turn(cx));
            ready!(
                self.poll_some(cx, &mut ear, max, Taken::message, |message| into.push(message))
            )?;
            Poll::Ready(Ok(into.len().saturating_sub(before)))
        })
        .await
    }

    /// Closes the dealer in order: what is queued is written out, for as long as
    /// [`MuxLimits::end_flush`](crate::MuxLimits::end_flush), then the connection is closed. What has
    /// come by then can still be taken, and behind it the end of the connection.
    ///
    /// # Cancel safety
    ///
    /// Can be called again after it was dropped.
    pub async fn close(&self) {
        self.socket.close().await;
    }

    /// Looks at what is there, and says why there will be nothing any more if that is so.
    fn poll_unless_over<T>(
        &self,
        mut look: impl FnMut() -> Poll<Result<T, Closed>>,
    ) -> Poll<Result<T, DealerError>> {
        loop {
            // Before the look: what the last connection brought comes first.
            let was_over = self.is_over();
            match look() {
                Poll::Ready(Ok(found)) => return Poll::Ready(Ok(found)),
                Poll::Ready(Err(Closed)) => return Poll::Ready(Err(DealerError::GivenUp)),
                Poll::Pending if was_over => return Poll::Ready(Err(self.why_over())),
                // Its end may have rung before anybody listened.
                Poll::Pending if self.is_over() => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.is_over())
    }

    fn why_over(&self) -> DealerError {
        self.line.as_ref().and_then(|line| line.over()).unwrap_or(DealerError::GivenUp)
    }

    fn closed_if_over(&self, sent: Result<(), NotSentReason>) -> Result<(), NotSentReason> {
        match sent {
            Err(NotSentReason::NotConnected) if self.is_over() => Err(NotSentReason::Closed),
            sent => sent,
        }
    }
}

/// Tells whether a message that was refused for this reason is sent once there is a connection with
/// room.
pub(crate) fn is_passing(reason: NotSentReason) -> bool {
    matches!(reason, NotSentReason::Full | NotSentReason::NotConnected)
}

fn config() -> SocketConfig {
    let pool = PoolLimits { octets: Dealer::QUEUE_MAX, messages: 65_536 };
    let rule = Rule { pool, block_timeout: Duration::ZERO, ..Rule::SERVICE };
    let mut config = SocketConfig { inbound: rule, ..SocketConfig::default() };
    config.mux.limits.destination_pool = pool;
    (config.mux.rules.service, config.mux.rules.client) = (rule, rule);
    config
}
