//! An established connection as `tokio_util` sees it.

use std::time::Instant;

use bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::CodecError;
use crate::command::Pong;
use crate::decoder::Octets;
use crate::heartbeat::Ping;
use crate::message::Message;
use crate::outlet::Outlet;
use crate::subscription::{Membership, Subscription};
use crate::traffic::{Received, Traffic};

/// Messages and heartbeats of an established connection, in the clear or encrypted.
#[derive(Debug)]
pub struct MessageCodec {
    traffic: Traffic,
    outlet: Outlet,
    /// Taken as the time of all that arrives: the codec keeps no clock.
    now: Instant,
}

/// What arrives.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A message.
    Message(Message),
    /// A PING: feed this answer to the sink, or the peer may take us for dead.
    Ping(Pong),
    /// As PUB or XPUB only: the peer subscribes to a topic, or no longer does. Keep what it has in
    /// a [`Subscriptions`](crate::Subscriptions), which has limits.
    Subscription(Subscription),
    /// As RADIO only: the peer joins a group, or leaves one.
    Membership(Membership),
}

/// What is sent: each kind becomes one by `into`, as in `peer.send(message.into())`.
#[derive(Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A message, of any length: the limits are for what arrives.
    Message(Message),
    /// A PING of our own. When to send one, and how long to wait, is for the caller to say.
    Ping(Ping),
    /// The answer to a PING.
    Pong(Pong),
    /// As SUB or XSUB only.
    Subscription(Subscription),
    /// As DISH only, to a peer of 3.1.
    Membership(Membership),
}

impl MessageCodec {
    /// Goes on behind a handshake that was made elsewhere, with what
    /// [`Connection::into_halves`](crate::Connection::into_halves) gave.
    #[must_use]
    pub fn new(traffic: Traffic, outlet: Outlet, now: Instant) -> Self {
        Self { traffic, outlet, now }
    }
}

impl Decoder for MessageCodec {
    type Item = Incoming;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, CodecError> {
        loop {
            let Some(arrival) = self.traffic.handle_input(input, self.now)? else { break };
            let consumed = arrival.consumed;
            let incoming = match arrival.received {
                Received::Message(Octets::InPlace(_)) => {
                    let octets = input.split_to(consumed).freeze();
                    return Ok(Some(Incoming::Message(Message::from_checked(octets))));
                }
                Received::Message(octets) => Some(Incoming::Message(octets.into_message())),
                Received::Ping(pong) => Some(Incoming::Ping(pong)),
                Received::Subscription(told) => Some(Incoming::Subscription(*told)),
                Received::Membership(told) => Some(Incoming::Membership(*told)),
                Received::Nothing => None,
            };
            input.advance(consumed);
            if incoming.is_some() {
                return Ok(incoming);
            }
        }
        input.reserve(self.traffic.wanted().saturating_sub(input.len()).min(READ_AHEAD));
        Ok(None)
    }
}

impl Encoder<Outgoing> for MessageCodec {
    type Error = CodecError;

    fn encode(&mut self, outgoing: Outgoing, out: &mut BytesMut) -> Result<(), CodecError> {
        let (outlet, pairing) = (&mut self.outlet, self.traffic.pairing());
        let mut clear = BytesMut::new();
        match outgoing {
            Outgoing::Message(message) => return Ok(outlet.put(message.as_octets(), out)?),
            Outgoing::Ping(ping) => ping.put(&mut clear),
            Outgoing::Pong(pong) => pong.put(&mut clear),
            Outgoing::Subscription(told) => pairing.put_subscription(&told, &mut clear)?,
            Outgoing::Membership(told) => pairing.put_membership(&told, &mut clear)?,
        }
        Ok(outlet.put(&clear, out)?)
    }
}

impl From<Message> for Outgoing {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl From<Ping> for Outgoing {
    fn from(ping: Ping) -> Self {
        Self::Ping(ping)
    }
}

impl From<Pong> for Outgoing {
    fn from(pong: Pong) -> Self {
        Self::Pong(pong)
    }
}

impl From<Subscription> for Outgoing {
    fn from(subscription: Subscription) -> Self {
        Self::Subscription(subscription)
    }
}

impl From<Membership> for Outgoing {
    fn from(membership: Membership) -> Self {
        Self::Membership(membership)
    }
}

/// Octets reserved at most ahead of their arrival: a header alone must not buy memory.
pub(super) const READ_AHEAD: usize = 64 * 1024;
