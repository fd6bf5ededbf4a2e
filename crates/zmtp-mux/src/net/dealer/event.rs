//! What a dealer has for its application.

use std::sync::Arc;

use zmtp_proto::Message;

use crate::core::{GoneReason, PeerInfo};
use crate::net::inbox::Taken;
use crate::net::socket::{Incoming, SocketEvent};

/// What a dealer has for its application, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// There is a connection.
    Up(Arc<PeerInfo>),
    /// A message.
    Message(Message),
    /// A message that was sent never reached its peer, certainly.
    Returned {
        /// The message; `None` if a part of it was written, which is no more at hand.
        message: Option<Message>,
    },
    /// A connection ended. Whether what was sent over it and not returned was processed is in
    /// doubt.
    Down {
        /// How. Our own [`close`](crate::Dealer::close) shows as [`LinkLost`](GoneReason::LinkLost).
        reason: GoneReason,
    },
}

impl LinkEvent {
    #[inline]
    pub(super) fn of(taken: Taken<'_>) -> Option<Self> {
        if let Taken::Message { message, .. } = taken {
            return Some(Self::Message(message));
        }
        match taken.into() {
            SocketEvent::Up(peer) => Some(Self::Up(peer)),
            SocketEvent::Message(Incoming { message, .. }) => Some(Self::Message(message)),
            SocketEvent::Returned { message, .. } => Some(Self::Returned { message }),
            SocketEvent::Gone { reason, .. } => Some(Self::Down { reason }),
            SocketEvent::Other(_) => None,
        }
    }
}
