//! A handle in two halves: what it sends, as a [`Sink`], and what it is told, as a [`Stream`].

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;
use zmtp_proto::Message;

use crate::net::bell::Ear;
use crate::net::dealer::{Dealer, DealerError, LinkEvent, is_passing};
use crate::net::socket::{MuxSocket, NotSent, NotSentReason, SocketEvent, To};

/// The sending half of a [`MuxSocket`] or a [`Dealer`], as a [`Sink`].
///
/// Ready is the half that holds no message. One for which there is no room stays in it until there
/// is; so does one for a dealer without a connection. What is dropped with the half is not sent:
/// flush it before.
///
/// To flush is to wait until all is handed over to the system, for every peer of a routing socket:
/// `feed` many and flush once. To close is to flush; the connections are not closed, for the other
/// half and clones of the handle go on. [`MuxSocket::close`] closes them, or the drop of the last
/// handle.
///
/// After an error, which has its message, the half can be used on.
///
/// # Cancel safety
///
/// `feed` of `futures::SinkExt` has sent nothing when it is dropped; its message is gone with it.
/// `send` is a `feed` and then a `flush`: one that is dropped in the flush has sent its message, so to
/// send that again doubles it. Nothing tells from outside which of the two it was. So under `select!`
/// `feed`, and then `flush`, which only waits.
#[derive(Debug)]
pub struct SendHalf<H>(Slot<H>);

/// The receiving half of a [`MuxSocket`] or a [`Dealer`], as a [`Stream`] that ends with it.
#[derive(Clone, Debug)]
pub struct RecvHalf<H> {
    handle: H,
    ear: Ear,
}

/// A handle, and the message that waits for it.
struct Slot<H> {
    handle: H,
    to: To,
    /// What there was no room for.
    waiting: Option<Message>,
    ear: Ear,
    flushing: Option<Flushing>,
}

type Flushing = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl MuxSocket {
    /// Returns a [`Sink`] of messages for peers, and a [`Stream`] of whatever comes. Since handles
    /// are clones, this is for those who want these traits: sending and receiving at once needs no
    /// halves.
    ///
    /// ```
    /// use futures::{SinkExt, StreamExt};
    /// use zmtp_mux::{
    ///     Dealer, Listen, ListenerRole, Message, MuxSocket, SocketConfig, SocketEvent, To,
    /// };
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = MuxSocket::new(SocketConfig::default())?;
    /// let endpoint = socket.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
    /// let worker = Dealer::connect(&endpoint, "worker.1").await?;
    ///
    /// let (mut sink, mut events) = socket.split();
    /// let Some(SocketEvent::Up(peer)) = events.next().await else { panic!("nobody came") };
    /// sink.feed((To::from(&peer), Message::single(b"one"))).await?;
    /// sink.feed((To::from("worker.1"), Message::single(b"two"))).await?;
    /// sink.flush().await?;
    /// assert_eq!(worker.recv().await?, Message::single(b"one"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn split(self) -> (SendHalf<Self>, RecvHalf<Self>) {
        (SendHalf::new(self.clone()), RecvHalf::new(self))
    }
}

impl Dealer {
    /// Returns a [`Sink`] of messages, and a [`Stream`] of whatever comes. The stream says why it
    /// ends, unless the dealer was closed. Since handles are clones, this is for those who want
    /// these traits: sending and receiving at once needs no halves.
    #[must_use]
    pub fn split(self) -> (SendHalf<Self>, RecvHalf<Self>) {
        (SendHalf::new(self.clone()), RecvHalf::new(self))
    }
}

impl<H> SendHalf<H> {
    fn new(handle: H) -> Self {
        Self(Slot { handle, to: To::Any, waiting: None, ear: Ear::default(), flushing: None })
    }

    /// Returns the handle that this is a half of.
    #[must_use]
    pub fn handle(&self) -> &H {
        &self.0.handle
    }
}

impl<H> RecvHalf<H> {
    fn new(handle: H) -> Self {
        Self { handle, ear: Ear::default() }
    }

    /// Returns the handle that this is a half of.
    #[must_use]
    pub fn handle(&self) -> &H {
        &self.handle
    }
}

/// A handle that sends.
trait Sends: Clone + Send + Sync + 'static {
    fn try_once(&self, to: &To, message: &Message) -> Result<(), NotSentReason>;

    fn poll_once(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        to: &To,
        message: &Message,
    ) -> Poll<Result<(), NotSentReason>>;

    /// Tells whether a message that was refused for this reason is kept until it is sent.
    fn waits(reason: NotSentReason) -> bool;

    fn flushed(self) -> Flushing;
}

impl Sends for MuxSocket {
    fn try_once(&self, to: &To, message: &Message) -> Result<(), NotSentReason> {
        self.try_send_parcel(to, message.into())
    }

    fn poll_once(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        to: &To,
        message: &Message,
    ) -> Poll<Result<(), NotSentReason>> {
        self.poll_send(cx, ear, to, message.into())
    }

    fn waits(reason: NotSentReason) -> bool {
        reason == NotSentReason::Full
    }

    fn flushed(self) -> Flushing {
        Box::pin(async move { self.flush().await })
    }
}

impl Sends for Dealer {
    fn try_once(&self, _: &To, message: &Message) -> Result<(), NotSentReason> {
        self.try_send_kept(message)
    }

    fn poll_once(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        _: &To,
        message: &Message,
    ) -> Poll<Result<(), NotSentReason>> {
        self.poll_send(cx, ear, message)
    }

    fn waits(reason: NotSentReason) -> bool {
        is_passing(reason)
    }

    fn flushed(self) -> Flushing {
        Box::pin(async move { self.flush().await })
    }
}

impl<H: Sends> Slot<H> {
    // spec: mux:half:one-waits
    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        let Some(message) = &self.waiting else { return Poll::Ready(Ok(())) };
        let sent = ready!(self.handle.poll_once(cx, &mut self.ear, &self.to, message));
        Poll::Ready(match (sent, self.waiting.take()) {
            (Err(reason), Some(message)) => Err(NotSent { message, reason }),
            _ => Ok(()),
        })
    }

    // spec: mux:half:one-waits
    fn start(&mut self, to: To, message: Message) -> Result<(), NotSent> {
        if self.waiting.is_some() {
            return Err(NotSent { message, reason: NotSentReason::Full });
        }
        match self.handle.try_once(&to, &message) {
            Ok(()) => Ok(()),
            Err(reason) if H::waits(reason) => {
                (self.to, self.waiting) = (to, Some(message));
                Ok(())
            }
            Err(reason) => Err(NotSent { message, reason }),
        }
    }

    // spec: mux:half:flush
    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        if self.waiting.is_some() {
            // What waited is not flushed by what began before it.
            self.flushing = None;
            ready!(self.poll_empty(cx))?;
        }
        let handle = &self.handle;
        let flushing = self.flushing.get_or_insert_with(|| handle.clone().flushed());
        ready!(flushing.as_mut().poll(cx));
        self.flushing = None;
        Poll::Ready(Ok(()))
    }
}

/// Messages, each for whom it says.
impl Sink<(To, Message)> for SendHalf<MuxSocket> {
    type Error = NotSent;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        self.get_mut().0.poll_empty(cx)
    }

    fn start_send(self: Pin<&mut Self>, (to, message): (To, Message)) -> Result<(), NotSent> {
        self.get_mut().0.start(to, message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        self.get_mut().0.poll_flushed(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        self.get_mut().0.poll_flushed(cx)
    }
}

impl Sink<Message> for SendHalf<Dealer> {
    type Error = NotSent;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        self.get_mut().0.poll_empty(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), NotSent> {
        self.get_mut().0.start(To::Any, message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        self.get_mut().0.poll_flushed(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        self.get_mut().0.poll_flushed(cx)
    }
}

// spec: mux:half:stream-ends
impl Stream for RecvHalf<MuxSocket> {
    type Item = SocketEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
        let Self { handle, ear } = self.get_mut();
        handle.poll_event(cx, ear).map(Result::ok)
    }
}

// spec: mux:half:stream-ends
impl Stream for RecvHalf<Dealer> {
    type Item = Result<LinkEvent, DealerError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { handle, ear } = self.get_mut();
        handle.poll_event(cx, ear).map(|event| match event {
            // The reason was told, or there is none.
            Err(DealerError::GivenUp) => None,
            event => Some(event),
        })
    }
}

impl<H: fmt::Debug> fmt::Debug for Slot<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("handle", &self.handle)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}
