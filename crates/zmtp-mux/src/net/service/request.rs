//! A request in the hands of the application.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use thiserror::Error;
use tracing::debug;
use zmtp_proto::Message;

use super::Shared;
use crate::core::Token;
use crate::net::bell::Ear;
use crate::net::clock::now;
use crate::net::socket::{NotSentReason, Parcel};
use crate::service::{Lead, Settled, Standing};

/// A request, and the way back to its client.
///
/// Dropped without a reply it is not answered; that is counted.
pub struct Request {
    service: Arc<Shared>,
    link: Token,
    generation: u64,
    message: Message,
    lead: Lead,
    /// What it will have come to.
    settled: Settled,
}

/// A reply that was not sent, and why.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("not replied: {reason}")]
pub struct ReplyError {
    /// The reply.
    pub message: Message,
    /// Why not.
    pub reason: ReplyErrorReason,
}

/// Why a reply was not sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyErrorReason {
    /// The connection over which the request had come is over, and its client was told that it is
    /// in doubt. It may ask again.
    #[error("its connection is over")]
    Stale,
    /// The service is closed, or its connection over for good.
    #[error("the service is closed")]
    Closed,
    /// The reply is larger than all that may wait. The caller's fault.
    #[error("the reply is too large")]
    TooLarge,
}

/// Why a reply was not sent at once.
#[derive(Debug, Error)]
pub enum TryReplyError {
    /// There is no room for it now. The request can still be answered.
    #[error("there is no room for it")]
    Full {
        /// The request.
        request: Request,
        /// The reply.
        message: Message,
    },
    /// It cannot be sent at all.
    #[error(transparent)]
    Failed(#[from] ReplyError),
}

impl Request {
    pub(super) fn new(
        service: Arc<Shared>,
        link: Token,
        generation: u64,
        message: Message,
        lead: Lead,
    ) -> Self {
        Self { service, link, generation, message, lead, settled: Settled::Unanswered }
    }

    /// Returns the address of its client: of this connection of it, and of no other.
    #[must_use]
    pub fn client(&self) -> &[u8] {
        self.message.frames().next().unwrap_or_default()
    }

    /// Returns what the client asks, without its envelope. Not copied.
    #[must_use]
    pub fn message(&self) -> Message {
        self.lead.body(&self.message)
    }

    /// Returns which holder of the name it has reached.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Replies, and waits for room if need be.
    ///
    /// # Errors
    ///
    /// Why the client will not get it from us.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the reply is not sent, and the request not answered.
    // spec: mux:service:stale-refused
    pub async fn reply(mut self, message: impl Into<Message>) -> Result<(), ReplyError> {
        let message = message.into();
        let (dealer, link, mut ear) = (&self.service.dealer, self.link, Ear::default());
        let answer = Parcel { lead: self.lead.octets(&self.message), message: &message };
        let sent = poll_fn(|cx| dealer.poll_send_over(cx, &mut ear, link, answer)).await;
        match sent {
            Ok(()) => {
                self.settled = Settled::Replied;
                Ok(())
            }
            Err(reason) => Err(self.failed(message, reason)),
        }
    }

    /// Replies without waiting.
    ///
    /// # Errors
    ///
    /// There is no room now, and both come back; or the client will not get it from us.
    pub fn try_reply(mut self, message: impl Into<Message>) -> Result<(), TryReplyError> {
        let message = message.into();
        let answer = Parcel { lead: self.lead.octets(&self.message), message: &message };
        match self.service.dealer.try_send_over(self.link, answer, now()) {
            Ok(()) => {
                self.settled = Settled::Replied;
                Ok(())
            }
            Err(NotSentReason::Full) => Err(TryReplyError::Full { request: self, message }),
            Err(reason) => Err(self.failed(message, reason).into()),
        }
    }

    fn failed(&mut self, message: Message, reason: NotSentReason) -> ReplyError {
        let reason = match reason {
            NotSentReason::NotConnected | NotSentReason::Full => {
                self.settled = Settled::Stale;
                ReplyErrorReason::Stale
            }
            NotSentReason::Closed => ReplyErrorReason::Closed,
            NotSentReason::TooLarge => ReplyErrorReason::TooLarge,
        };
        ReplyError { message, reason }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("client", &format_args!("{}", self.client().escape_ascii()))
            .field("message", &self.message())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

// spec: mux:service:unanswered-counted
impl Drop for Request {
    fn drop(&mut self) {
        if self.settled == Settled::Unanswered {
            debug!(client = %self.client().escape_ascii(), "a request was not answered");
        }
        let mut state = self.service.lock();
        let stands = state.link.is_some_and(|link| link.token == self.link);
        let of = if stands { Standing::Stands } else { Standing::Over };
        state.core.handle_settled(self.settled, of);
        let drains = state.core.drains();
        drop(state);
        // It may have something to say now, or be at its end.
        if drains {
            self.service.stir();
        }
    }
}
