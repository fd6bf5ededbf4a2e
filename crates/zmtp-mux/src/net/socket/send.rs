//! Sending, with and without waiting for room.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use thiserror::Error;
use zmtp_proto::Message;

use super::{MuxSocket, To};
use crate::core::{MuxCore, Unsent};
use crate::net::bell::Ear;
use crate::net::clock::now;
use crate::net::permit::Permit;

/// A message to be sent, and what stands before it: whole frames, encoded, each with MORE.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parcel<'m> {
    pub(crate) lead: &'m [u8],
    pub(crate) message: &'m Message,
}

impl<'m> From<&'m Message> for Parcel<'m> {
    fn from(message: &'m Message) -> Self {
        Self { lead: &[], message }
    }
}

/// A message that was not sent, and why.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("not sent: {reason}")]
pub struct NotSent {
    /// The message.
    pub message: Message,
    /// Why not.
    pub reason: NotSentReason,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSentReason {
    /// There is no room for it: try again when there is.
    #[error("there is no room for it")]
    Full,
    /// It is larger than the queue of its peer, or the room that was reserved for it: never.
    #[error("it is larger than the room there is at most")]
    TooLarge,
    /// Its peer is not connected: try again when it is.
    #[error("the peer is not connected")]
    NotConnected,
    /// The socket is closed, or dials no more: never.
    #[error("the socket is closed")]
    Closed,
}

impl MuxSocket {
    /// Queues a message without waiting. It is written in the background, with all that is queued
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// Returns the message: there is no room, no such peer, or the socket is closed.
    pub fn try_send(&self, to: impl Into<To>, message: impl Into<Message>) -> Result<(), NotSent> {
        let message = message.into();
        let sent = self.try_send_parcel(&to.into(), Parcel::from(&message));
        sent.map_err(|reason| NotSent { message, reason })
    }

    pub(crate) fn try_send_parcel(&self, to: &To, parcel: Parcel<'_>) -> Result<(), NotSentReason> {
        self.try_send_parcel_at(to, parcel, self.shared().queued_at())
    }

    /// The same, for whoever knows what time it is.
    pub(crate) fn try_send_parcel_at(
        &self,
        to: &To,
        Parcel { lead, message }: Parcel<'_>,
        now: Instant,
    ) -> Result<(), NotSentReason> {
        let send = |core: &mut MuxCore| core.send_local(to.target(), lead, message, now);
        self.shared().with_core(send).map_err(NotSentReason::from)
    }

    /// Queues a message, and waits for room if need be. It is written in the background, with all
    /// that is queued meanwhile.
    ///
    /// # Errors
    ///
    /// Returns the message: there is no such peer, or the socket is closed.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the message is not sent, and gone with the future. Whoever wants to keep it
    /// waits with [`writable`](Self::writable) or [`reserve`](Self::reserve), and sends then.
    pub async fn send(
        &self,
        to: impl Into<To>,
        message: impl Into<Message>,
    ) -> Result<(), NotSent> {
        let (to, message) = (to.into(), message.into());
        let sent = match self.try_send_parcel(&to, Parcel::from(&message)) {
            Err(NotSentReason::Full) => {
                let mut ear = Ear::default();
                poll_fn(|cx| self.poll_send(cx, &mut ear, &to, Parcel::from(&message))).await
            }
            sent => sent,
        };
        sent.map_err(|reason| NotSent { message, reason })
    }

    /// Sends a message as soon as there is room.
    // spec: mux:cancel:each-point
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        to: &To,
        parcel: Parcel<'_>,
    ) -> Poll<Result<(), NotSentReason>> {
        self.poll_send_while(|reason| reason == NotSentReason::Full, cx, ear, to, parcel)
    }

    /// The same, as long as it waits for a reason that is `passing`.
    pub(crate) fn poll_send_while(
        &self,
        passing: impl Fn(NotSentReason) -> bool,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        to: &To,
        parcel: Parcel<'_>,
    ) -> Poll<Result<(), NotSentReason>> {
        match self.try_send_parcel(to, parcel) {
            Err(reason) if passing(reason) => {}
            outcome => return Poll::Ready(outcome),
        }
        // Only who has to wait is noted: most never have to, and may be tasks for one message each.
        // There may be room since.
        ear.listen(&self.shared().room, cx.waker());
        match self.try_send_parcel(to, parcel) {
            Err(reason) if passing(reason) => Poll::Pending,
            outcome => Poll::Ready(outcome),
        }
    }

    /// Waits until a message of `len` octets would be taken, its frames' headers among them.
    ///
    /// # Errors
    ///
    /// Why that will not be.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only ever waits.
    pub async fn writable(&self, to: impl Into<To>, len: usize) -> Result<(), NotSentReason> {
        self.reserve(to, len).await.map(drop)
    }

    /// Tells whether a message of `len` octets would be taken now.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn is_writable(&self, to: impl Into<To>, len: usize) -> Result<(), NotSentReason> {
        let to = to.into();
        let writable = self.shared().with_core(|core| core.is_writable(to.target(), len));
        writable.map_err(NotSentReason::from)
    }

    /// Waits for room for a message of up to `len` octets, its frames' headers among them, and
    /// keeps it until the permit is used or dropped.
    ///
    /// # Errors
    ///
    /// Why there will be no room.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no room is kept.
    pub async fn reserve(&self, to: impl Into<To>, len: usize) -> Result<Permit, NotSentReason> {
        let (mut ear, to) = (Ear::default(), to.into());
        poll_fn(|cx| match self.try_reserve(&to, len) {
            Err(NotSentReason::Full) => {
                // As in `poll_send_while`.
                ear.listen(&self.shared().room, cx.waker());
                match self.try_reserve(&to, len) {
                    Err(NotSentReason::Full) => Poll::Pending,
                    outcome => Poll::Ready(outcome),
                }
            }
            outcome => Poll::Ready(outcome),
        })
        .await
    }

    fn try_reserve(&self, to: &To, len: usize) -> Result<Permit, NotSentReason> {
        let reserved = self.shared().with_core(|core| core.reserve_local(to.target(), len, now()));
        Ok(Permit::new(Arc::clone(self.shared()), reserved?))
    }

    /// Waits until all that is queued was handed over to the system, or came back.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only ever waits.
    pub async fn flush(&self) {
        self.0.mux.flush().await;
    }
}

impl From<Unsent> for NotSentReason {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::NoRoom => Self::Full,
            Unsent::TooLarge => Self::TooLarge,
            Unsent::NoPeer => Self::NotConnected,
            Unsent::Ends => Self::Closed,
        }
    }
}
