//! Guards: what a connection holds in the shared state is given back when it ends, however that
//! comes about.

use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::thread;

use crate::core::{BindingKey, GoneReason, Ticket};
use crate::net::end::End;
use crate::net::mark::Mark;
use crate::net::shared::Shared;

/// A connection's place in the lobby.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ticket: Ticket,
    /// Set when the end of the connection has been counted. Each has one.
    counted: OnceLock<()>,
}

impl Guest {
    pub(crate) fn new(shared: Arc<Shared>, ticket: Ticket) -> Self {
        Self { shared, ticket, counted: OnceLock::new() }
    }

    /// Counts how the connection ended, the first time.
    // spec: mux:limit:counted
    pub(crate) fn note_end(&self, end: &End) {
        if self.counted.set(()).is_ok() {
            self.shared.note_end(end);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.counted.get().is_none() {
            // A task that did not get to say how its connection ended panicked, or was aborted.
            let panicked = thread::panicking().then_some(End::Panicked);
            self.note_end(&panicked.unwrap_or_else(|| self.shared.aborted(self.ticket)));
        }
        self.shared.leave(self.ticket);
    }
}

/// A connection's binding in the core.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: BindingKey,
    /// Set when the core has something for this connection.
    pub(crate) mark: Arc<Mark>,
    /// How the connection ended, once it has.
    why: OnceLock<GoneReason>,
}

impl Seat {
    /// Takes the binding into the care of the task that this is called in.
    pub(crate) async fn take(guest: &Guest, key: BindingKey) -> Self {
        Self::of(&guest.shared, key).await
    }

    /// As [`take`](Self::take), of a connection that needs no place in the lobby.
    pub(crate) async fn of(shared: &Arc<Shared>, key: BindingKey) -> Self {
        let mark = poll_fn(|cx| Poll::Ready(Mark::new(cx))).await;
        shared.note_task(key, Arc::clone(&mark));
        Self { shared: Arc::clone(shared), key, mark, why: OnceLock::new() }
    }
}

impl Seat {
    /// Notes how the connection ended, for those who are to hear of it.
    pub(crate) fn note_end(&self, end: &End) {
        // The first end is the one.
        let _ = self.why.set(end.gone());
    }

    /// Tells whether the core has ended the binding while its connection lived.
    pub(crate) fn is_lost(&self) -> bool {
        self.shared.with_core(|core| core.poll_end(self.key)).is_some()
    }

    /// Returns why the core wants the connection to end.
    pub(crate) fn end(&self) -> End {
        self.shared.with_core(|core| core.poll_end(self.key)).map_or(End::MuxEnds, End::from)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.close(self.key, self.why.get().copied().unwrap_or(GoneReason::Lost));
    }
}
