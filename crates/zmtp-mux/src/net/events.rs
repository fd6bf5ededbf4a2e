//! What happens in a relay, for an application that runs one.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::core::Event;
use crate::net::bell::Ear;
use crate::net::inbox::{Ended, Inbox, Taken};
use crate::net::socket::Closed;

/// What happens in a [`Mux`](crate::Mux), in order. None is lost: when the MUX ends, what was not
/// taken still can be, then the end of each peer, and only then it is [`Closed`]. When this is
/// dropped, nobody listens. It is a [`Stream`], too.
///
/// ```
/// use zmtp_mux::{Dealer, Event, Listen, ListenerRole, Mux, MuxConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mux = Mux::new(MuxConfig::default())?;
/// let events = mux.events().expect("nobody else listens");
/// let services = mux.bind(Listen::new(ListenerRole::Services, "tcp://127.0.0.1:0".parse()?))?;
/// let engine = Dealer::connect(&services, "engine.7").await?;
/// let Event::Bound(peer) = events.next().await? else { panic!("something else") };
/// assert_eq!(peer.name.as_ref().map(|name| name.as_octets()), Some(&b"engine.7"[..]));
/// engine.close().await;
/// assert!(matches!(events.next().await?, Event::Unbound { .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Events {
    inbox: Inbox,
    /// Of the stream: calls have their own.
    ear: Ear,
}

impl Events {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { inbox, ear: Ear::default() }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// [`Closed`]: the MUX has ended, and all was taken.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no event is lost.
    pub async fn next(&self) -> Result<Event, Closed> {
        let mut ear = Ear::default();
        poll_fn(|cx| poll_event(&self.inbox, cx, &mut ear)).await
    }

    /// Returns the next event if it is there.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    pub fn try_next(&self) -> Result<Option<Event>, Closed> {
        let mut event = None;
        let outcome = self.inbox.take(1, &mut |taken| event = taken.into_event());
        outcome.map(|_| event).map_err(|Ended| Closed)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let Self { inbox, ear } = self.get_mut();
        poll_event(inbox, cx, ear).map(Result::ok)
    }
}

fn poll_event(inbox: &Inbox, cx: &mut Context<'_>, ear: &mut Ear) -> Poll<Result<Event, Closed>> {
    ready!(inbox.poll_turn(cx));
    let mut event = None;
    match inbox.poll_take(cx, ear, 1, |taken| event = taken.into_event()) {
        Poll::Ready(Ok(_)) => Poll::Ready(event.ok_or(Closed)),
        Poll::Ready(Err(Ended)) => Poll::Ready(Err(Closed)),
        Poll::Pending => Poll::Pending,
    }
}

impl Taken<'_> {
    /// A relay keeps its messages to itself.
    fn into_event(self) -> Option<Event> {
        match self {
            Self::Event(event) | Self::Gone { event, .. } => Some(event),
            Self::Message { .. } => None,
        }
    }
}
