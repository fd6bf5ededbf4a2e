//! Guards: what a connection holds in the shared state is given back when it ends, however that
//! comes about.

use std::future::poll_fn;
use std::ops::Deref;
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

/// A binding in the core, which ends with this.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: BindingKey,
    /// How the connection ended, once it has.
    why: OnceLock<GoneReason>,
}

/// A binding in the care of its connection's task.
#[derive(Debug)]
pub(crate) struct Seat {
    bound: Bound,
    /// Set when the core has something for this connection.
    pub(crate) mark: Arc<Mark>,
}

impl Bound {
    pub(crate) fn new(shared: &Arc<Shared>, key: BindingKey) -> Self {
        Self { shared: Arc::clone(shared), key, why: OnceLock::new() }
    }

    /// Takes the binding into the care of the task that this is called in.
    pub(crate) async fn seat(self) -> Seat {
        // What was queued for it since it is bound, the task finds: its mark is set from the start.
        let mark = poll_fn(|cx| Poll::Ready(Mark::new(cx))).await;
        self.shared.note_task(self.key, Arc::clone(&mark));
        Seat { bound: self, mark }
    }

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

impl Drop for Bound {
    fn drop(&mut self) {
        let why = self.why.get().copied().unwrap_or_else(|| {
            // Its task panicked, or was aborted with the MUX.
            let is_serving = self.shared.with_core(|core| core.is_serving());
            if is_serving { GoneReason::Lost } else { GoneReason::LinkLost }
        });
        self.shared.close(self.key, why);
    }
}

impl Deref for Seat {
    type Target = Bound;

    fn deref(&self) -> &Bound {
        &self.bound
    }
}
