//! What [`Client`](crate::Client) and [`Service`](crate::Service) need of a dealer: one connection
//! told from the next.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::{Dealer, DealerError, LinkEvent};
use crate::core::Token;
use crate::net::bell::Ear;
use crate::net::inbox::Taken;
use crate::net::socket::{NotSentReason, Parcel, To};

impl Dealer {
    /// Queues a message for this connection, and for none that follows it.
    pub(crate) fn try_send_over(
        &self,
        link: Token,
        parcel: Parcel<'_>,
        now: Instant,
    ) -> Result<(), NotSentReason> {
        self.closed_if_over(self.socket.try_send_parcel_at(&To::Peer(link), parcel, now))
    }

    /// The same, once there is room.
    pub(crate) fn poll_send_over(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        link: Token,
        parcel: Parcel<'_>,
    ) -> Poll<Result<(), NotSentReason>> {
        let sent = self.socket.poll_send(cx, ear, &To::Peer(link), parcel);
        sent.map(|sent| self.closed_if_over(sent))
    }

    /// Waits until this connection would take a message of that many octets, or ends.
    pub(crate) async fn writable_over(&self, link: Token, len: usize) {
        // The next look finds out which it is.
        let _: Result<(), NotSentReason> = self.socket.writable(link, len).await;
    }

    /// Waits until there is something, and appends up to `max` events.
    pub(crate) async fn events(
        &self,
        into: &mut Vec<LinkEvent>,
        max: usize,
    ) -> Result<(), DealerError> {
        let mut ear = Ear::default();
        poll_fn(|cx| {
            ready!(self.poll_turn(cx));
            self.poll_events(cx, &mut ear, max, |event| into.push(event))
        })
        .await
    }

    /// Waits for the others' turn, if they had none for long.
    #[inline]
    pub(crate) fn poll_turn(&self, cx: &Context<'_>) -> Poll<()> {
        self.socket.poll_turn(cx)
    }

    /// Waits until there is something, and tells of up to `max` events. When it waits there is nothing.
    pub(crate) fn poll_events(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        max: usize,
        each: impl FnMut(LinkEvent),
    ) -> Poll<Result<(), DealerError>> {
        self.poll_some(cx, ear, max, LinkEvent::of, each)
    }

    /// Takes up to `max` of what `pick` wants, and skips all else; at least one if `max` is.
    pub(super) fn poll_some<T>(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        max: usize,
        pick: impl Fn(Taken<'_>) -> Option<T>,
        mut each: impl FnMut(T),
    ) -> Poll<Result<(), DealerError>> {
        // Where there is nothing else, there may be some behind it.
        let mut none_yet = max > 0;
        loop {
            ready!(self.poll_unless_over(|| {
                self.socket.poll_take(cx, ear, max, |taken| {
                    if let Some(picked) = pick(taken) {
                        each(picked);
                        none_yet = false;
                    }
                })
            }))?;
            if !none_yet {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Wakes all who wait for an event, to look at something else.
    pub(crate) fn ring(&self) {
        self.socket.bell().ring();
    }

    /// Dials no sooner than in so much time.
    pub(crate) fn hold_off(&self, time: Duration) {
        if let Some(line) = &self.line {
            line.hold_off(time);
        }
    }
}
