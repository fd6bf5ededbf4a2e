//! What a routing socket has for its application.

use std::sync::Arc;

use zmtp_proto::Message;

use crate::core::{DropReason, Event, GoneReason, PeerInfo, Token};
use crate::net::inbox::Taken;

/// What a routing socket has for its application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketEvent {
    /// A peer is in.
    Up(Arc<PeerInfo>),
    /// A message of a peer.
    Message(Incoming),
    /// A peer has ended. Nothing of it follows.
    Gone {
        /// Which.
        peer: Arc<PeerInfo>,
        /// How it ended. What this socket did itself shows as well:
        /// [`disconnect`](crate::MuxSocket::disconnect) as [`Evicted`](GoneReason::Evicted),
        /// [`close`](crate::MuxSocket::close) as [`LinkLost`](GoneReason::LinkLost).
        reason: GoneReason,
    },
    /// A message that was sent did not reach its peer, certainly.
    Returned {
        /// For whom it was.
        to: Token,
        /// The message; `None` if a part of it was written, which is no more at hand.
        message: Option<Message>,
        /// Why it comes back.
        reason: DropReason,
    },
    /// Anything else that happened.
    Other(Event),
}

/// A message, and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Who.
    pub from: Arc<PeerInfo>,
    /// What.
    pub message: Message,
}

impl Incoming {
    /// Returns the message that was taken, if it was one.
    #[inline]
    pub(super) fn of(taken: Taken<'_>) -> Option<Self> {
        match taken {
            Taken::Message { from, message } => Some(Self { from: Arc::clone(from), message }),
            Taken::Gone { .. } | Taken::Event(_) => None,
        }
    }
}

impl From<Taken<'_>> for SocketEvent {
    #[inline]
    fn from(taken: Taken<'_>) -> Self {
        match taken {
            Taken::Message { from, message } => {
                Self::Message(Incoming { from: Arc::clone(from), message })
            }
            Taken::Gone { peer, event: Event::Unbound { reason, .. } } => {
                Self::Gone { peer, reason }
            }
            Taken::Event(Event::Bound(peer)) => Self::Up(peer),
            Taken::Event(Event::Returned { peer, octets, reason }) => {
                Self::Returned { to: peer, message: Message::from_octets(octets).ok(), reason }
            }
            Taken::Gone { event, .. } | Taken::Event(event) => Self::Other(event),
        }
    }
}
