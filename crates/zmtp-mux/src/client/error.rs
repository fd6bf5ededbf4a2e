//! How a request fails, and whether it is safe to send it again.

use std::time::Duration;

use thiserror::Error;
use zmtp_proto::Message;

use crate::core::{GoneReason, ReturnReason};

/// Why a request has no reply.
///
/// There are two kinds, and they are never mixed. What comes **with its message** was certainly
/// not processed, and never will be: to send it again is safe. What is [in
/// doubt](Self::InDoubt) comes without: it may have been processed, or may be yet, so to send it
/// again is right only if doing it twice does no harm.
///
/// There may be more variants one day. None of them will be of doubt: whatever is not
/// [`InDoubt`](Self::InDoubt) has its message.
// spec: mux:client:error-with-message
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The MUX gave it back: it was not processed. Safe to send again, with some patience; whether
    /// that helps depends on the reason.
    #[error("returned by the MUX: {reason}")]
    Returned {
        /// Why it could not be delivered.
        reason: ReturnReason,
        /// When to try again at the earliest; mostly said with [`ReturnReason::Busy`].
        retry_after: Duration,
        /// The message.
        message: Message,
    },
    /// It was not sent, or not to its last octet: it was not processed. Safe to send again.
    #[error("not sent: {reason}")]
    NotSent {
        /// Why not.
        reason: UnsentReason,
        /// The message.
        message: Message,
    },
    /// It was sent, and what became of it is not known. Not safe to send again, unless it is
    /// idempotent.
    #[error("in doubt: {reason}")]
    InDoubt {
        /// Why nothing more will be heard of it.
        reason: Doubt,
    },
}

impl RequestError {
    /// Returns the message if it is safe to send it again.
    #[must_use]
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Returned { message, .. } | Self::NotSent { message, .. } => Some(message),
            Self::InDoubt { .. } => None,
        }
    }

    /// Tells whether it is in doubt, and so whether sending it again may do it twice.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt { .. })
    }
}

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsentReason {
    /// The name is none: it has 1 to 255 octets, and the first is not zero. The caller's fault.
    #[error("no service can have this name")]
    NoName,
    /// The message is longer than a MUX takes, and would have cost us the connection. The caller's
    /// fault.
    #[error("the message is too long")]
    TooLong,
    /// As many requests as may be are in flight. Wait for some of them.
    #[error("too many requests are in flight")]
    TooMany,
    /// Its time ended while there was no connection.
    #[error("there was no connection in time")]
    NotConnected,
    /// Its time ended while the MUX took no more.
    #[error("there was no room in time")]
    NoRoom,
    /// The connection ended before it was written to its last octet.
    #[error("the connection ended before it was written")]
    LinkLost,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// There will be no connection any more, as after a refusal that is final.
    /// [`Client::ended`](crate::Client::ended) says why: somebody has to change something first.
    #[error("there will be no connection any more; Client::ended says why")]
    Over,
}

/// Why nothing more will be heard of a request that was sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// The service ended with it in its hands, or on the way there.
    #[error("the service ended: {0}")]
    Gone(GoneReason),
    /// The connection to the MUX ended.
    #[error("the connection ended")]
    LinkLost,
    /// There was no answer in time. The service may still be at it; a late reply is dropped.
    #[error("no answer in time")]
    Timeout,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}
