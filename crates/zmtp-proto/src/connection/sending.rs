//! What a connection sends: what its owner queues, and its own heartbeats.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::{Connection, State};
use crate::error::ConnectionError;
use crate::message::Message;
use crate::outlet::Outlet;
use crate::pairing::{Pairing, TellError};
use crate::subscription::{Membership, Subscription};

/// The connection is not established; here is the message back.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the connection is not established")]
pub struct SendError(
    /// What was not sent.
    pub Message,
);

impl Connection {
    /// Queues a message.
    ///
    /// The queue has no bound of its own, and the limits of messages are for what arrives: look at
    /// [`queued`](Self::queued), and wait for the transport while that is too much.
    ///
    /// # Errors
    ///
    /// Returns the message if the connection is not, or no longer, established.
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        self.settle();
        match &mut self.state {
            // spec: 37:null:messages-after-ready, 24:plain:messages-after-ready,
            //       26:curve:messages-after-ready
            State::Traffic(traffic) => {
                let (_, outlet) = &mut **traffic;
                let sent = outlet.put(message.as_octets(), &mut self.outbox);
                // spec: 26:curve:nonce-never-wraps
                sent.map_err(|_| {
                    self.state = State::Closed;
                    SendError(message)
                })
            }
            State::Handshake { .. } | State::Refused | State::Closed => Err(SendError(message)),
        }
    }

    /// Queues a subscription, as SUB or XSUB: a command for a 3.1 peer, a message for a 3.0 peer.
    /// [`Subscriptions`](crate::Subscriptions) says which to send, on a new connection too.
    ///
    /// # Errors
    ///
    /// Our socket is none that subscribes, or the connection is not established.
    pub fn send_subscription(&mut self, subscription: &Subscription) -> Result<(), TellError> {
        self.tell(|outlet, pairing, out| outlet.put_subscription(subscription, pairing, out))
    }

    /// Queues a membership, as DISH.
    ///
    /// # Errors
    ///
    /// Our socket is no DISH, the peer's version has no groups, or the connection is not
    /// established.
    pub fn send_membership(&mut self, membership: &Membership) -> Result<(), TellError> {
        self.tell(|outlet, pairing, out| outlet.put_membership(membership, pairing, out))
    }

    /// Returns how many octets wait for [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub fn queued(&self) -> usize {
        self.outbox.len()
    }

    /// Returns octets to send, until there are none left.
    // spec: 37:heartbeat:one-pong-waits, 37:message:no-command-inside
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        // The outbox first: a PONG must not overtake our READY.
        if !self.outbox.is_empty() {
            return Some(self.outbox.split().freeze());
        }
        let mut clear = BytesMut::new();
        if let Some(pong) = self.pong.take() {
            pong.put(&mut clear);
        }
        if let Some(ping) = self.ping.take() {
            ping.put(&mut clear);
        }
        self.settle();
        match &mut self.state {
            State::Traffic(traffic) if !clear.is_empty() => {
                let (_, outlet) = &mut **traffic;
                let mut out = BytesMut::new();
                if outlet.put(&clear, &mut out).is_err() {
                    // Without a nonce there is no sign of life, and no message either.
                    self.state = State::Closed;
                    return None;
                }
                Some(out.freeze())
            }
            State::Traffic(_) | State::Handshake { .. } | State::Refused | State::Closed => None,
        }
    }

    fn tell(
        &mut self,
        put: impl FnOnce(&mut Outlet, Pairing, &mut BytesMut) -> Result<(), TellError>,
    ) -> Result<(), TellError> {
        self.settle();
        let State::Traffic(traffic) = &mut self.state else {
            return Err(ConnectionError::Closed.into());
        };
        let (traffic, outlet) = &mut **traffic;
        let told = put(outlet, traffic.pairing(), &mut self.outbox);
        if let Err(TellError::Connection(_)) = told {
            self.state = State::Closed;
        }
        told
    }
}
