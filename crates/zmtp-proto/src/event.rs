//! What a connection tells its owner.

use crate::decoder::Octets;
use crate::handshake::Peer;
use crate::plain::PlainCredentials;
use crate::subscription::{Membership, Subscription};

/// What a connection tells its owner.
#[derive(Debug)]
pub struct Progress<'i> {
    /// Octets to drop from the front of the input before the next call. Never 0.
    pub consumed: usize,
    /// What happened; `None` if it concerns nobody but the connection: a step of the handshake, a
    /// PING, which is answered by [`poll_transmit`](crate::Connection::poll_transmit), a part of an
    /// encrypted message, a command that is not for a socket of our type.
    pub event: Option<Event<'i>>,
}

/// Something that the owner of a connection has to know.
#[derive(Debug)]
pub enum Event<'i> {
    /// As acceptor under PLAIN only: the peer says who it is. Answer with
    /// [`welcome`](crate::Connection::welcome) or [`refuse`](crate::Connection::refuse), or close to have it come
    /// again; until then no input is taken.
    Credentials(PlainCredentials),
    /// As acceptor only: the peer has introduced itself, and shown what its security lets it
    /// show. Answer with [`accept`](crate::Connection::accept) or [`refuse`](crate::Connection::refuse), or
    /// close to have it come again; until then no input is taken.
    // spec: 37:auth:sees-client-identity
    Introduced(Peer),
    /// As connector only: the peer let us in, and messages may be sent.
    Established(Peer),
    /// A message arrived.
    Message(Octets<'i>),
    /// As PUB or XPUB only: the peer subscribes to a topic, or no longer does, in whichever form.
    /// Keep what it has in a [`Subscriptions`](crate::Subscriptions), which has limits.
    Subscription(Subscription),
    /// As RADIO only: the peer joins a group, or leaves one. How many it may join is for the
    /// caller to limit.
    Membership(Membership),
}
