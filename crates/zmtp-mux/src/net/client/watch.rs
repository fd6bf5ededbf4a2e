//! Watching which services there are.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::Client;
use crate::client::{WatchError, WatchEvent, WatchId};

/// Tells which services there are, and how that changes.
///
/// At first it tells [`Up`](WatchEvent::Up) of each that is there, then
/// [`Synced`](WatchEvent::Synced), and from then on each change. Whoever reads slowly is told the
/// newest state of each name. After a reconnect it tells what has changed meanwhile, and
/// [`Synced`](WatchEvent::Synced) again.
///
/// It is a [`Stream`], too; that ends after an error. The watch ends when it is dropped.
///
/// ```
/// use zmtp_mux::{Client, WatchEvent};
/// # use zmtp_mux::{Listen, ListenerRole, Mux, MuxConfig, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mux = Mux::new(MuxConfig::default())?;
/// # let endpoint = mux.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
/// # let _service = Service::connect(&endpoint, "engine.7").await?;
/// let client = Client::connect(&endpoint).await?;
/// let mut watch = client.watch("engine.*".parse()?);
/// loop {
///     match watch.recv().await? {
///         WatchEvent::Up { name, generation } => println!("{name} is there, {generation}"),
///         WatchEvent::Gone { name, reason, .. } => println!("{name} is gone: {reason:?}"),
///         WatchEvent::Synced => break, // that was all
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Watch {
    client: Client,
    id: WatchId,
}

impl Watch {
    pub(super) fn new(client: Client, id: WatchId) -> Self {
        Self { client, id }
    }

    /// Waits for what is to be told next.
    ///
    /// # Errors
    ///
    /// Why the watch is over; from then on [`WatchError::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn recv(&mut self) -> Result<WatchEvent, WatchError> {
        let waits = Waits(self);
        poll_fn(|cx| waits.0.poll(cx)).await.unwrap_or(Err(WatchError::Closed))
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<WatchEvent, WatchError>>> {
        self.client.shared.with_state(|state| match state.core.poll_watch(self.id) {
            Some(told) => Poll::Ready(Some(told)),
            None if state.core.is_watch_over(self.id) => Poll::Ready(None),
            None => {
                state.watchers.insert(self.id, cx.waker().clone());
                Poll::Pending
            }
        })
    }
}

impl Stream for Watch {
    type Item = Result<WatchEvent, WatchError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

/// A call that waits: when it is dropped, nobody is woken for it any more.
struct Waits<'w>(&'w Watch);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let Watch { client, id } = self.0;
        client.shared.with_state(|state| state.watchers.remove(id));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.client.shared.with_state(|state| {
            state.core.unwatch(self.id);
            state.watchers.remove(&self.id);
        });
        self.client.shared.stir.notify_one();
    }
}
