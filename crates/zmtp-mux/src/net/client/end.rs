//! How a client ends, and why.

use std::pin::pin;
use std::sync::Arc;

use thiserror::Error;

use super::{Client, Shared};
use crate::client::Finish;
use crate::net::dealer::DealerError;

/// Why a client has ended.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// There will be no connection any more; [`DealerError::retry`] says whether somebody has to
    /// change something first: a key that is not let in, say, or another mechanism.
    #[error("the connection is over: {0}")]
    Link(#[source] Arc<DealerError>),
    /// What answers is no MUX, or none any more.
    #[error("the peer is no MUX")]
    NotAMux,
}

impl Client {
    /// Waits until the client has ended, and returns why. Requests fail at once from then on, as
    /// [`Closed`](crate::UnsentReason::Closed) or [`Over`](crate::UnsentReason::Over).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only ever waits.
    // spec: mux:client:says-why-over
    pub async fn ended(&self) -> ClientError {
        loop {
            let mut told = pin!(self.shared.ended.notified());
            // It may end between the look and the wait.
            told.as_mut().enable();
            if let Some(end) = self.shared.with_state(|state| state.end.clone()) {
                return end;
            }
            told.await;
        }
    }
}

impl Shared {
    /// Settles all that is open; nothing is begun any more. It ends as it did first.
    pub(super) fn finish(&self, end: ClientError) {
        self.with_state(|state| {
            state.link = None;
            let how = match state.end.get_or_insert(end) {
                ClientError::Closed => Finish::Closed,
                ClientError::Link(_) | ClientError::NotAMux => Finish::Over,
            };
            state.core.handle_close(how);
        });
        self.ended.notify_waiters();
    }
}
