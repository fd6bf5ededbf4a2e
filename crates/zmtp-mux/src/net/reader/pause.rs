//! The pauses of the reading half: until the core wants more of the peer, or has room for the rest of
//! a message.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::task::unconstrained;
use tokio::time::{sleep, sleep_until};

use super::Reader;
use crate::core::{Charge, Pause};
use crate::net::clock::{after, now};
use crate::net::end::End;
use crate::net::mark::wake_last;
use crate::net::stream::Half;

impl<R: AsyncRead + Half + Unpin> Reader<'_, R> {
    /// Waits until the core wants more of this peer, and gives it what has arrived before. One that
    /// has closed has a while for what it said last.
    // spec: mux:liveness:withheld-shows-fin
    pub(super) fn poll_resume(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        while let Some(since) = self.withheld {
            let now = now();
            let pause = self.seat.shared.with_core(|core| core.poll_pause(self.seat.key, now));
            let Pause::Wait { mut until } = pause else {
                self.traffic.resume(since, now);
                (self.withheld, self.look) = (None, None);
                // What has arrived before may bring a deadline nearer, without an octet more.
                self.alarm = None;
                if let Err(error) = self.route_inbox() {
                    return Poll::Ready(Err(error.into()));
                }
                // The others' turn comes first, be it to wait or to go on.
                if self.withheld.is_some() {
                    wake_last(cx.waker());
                    return Poll::Pending;
                }
                continue;
            };
            if self.read.has_closed(cx) {
                let leaves = *self.leaves.get_or_insert_with(|| after(LAST_WORDS).into_std());
                if leaves <= now {
                    return Poll::Ready(Err(End::PeerLeft));
                }
                until = until.min(leaves);
            }
            let look = self.look.get_or_insert_with(|| Box::pin(sleep_until(until.into())));
            look.as_mut().reset(until.into());
            ready!(pin!(unconstrained(look.as_mut())).poll(cx));
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until there is room for this much of an unfinished message. Its clock runs on, and
    /// those of the peer's silence do not.
    // spec: mux:overload:partial-charged, 37:heartbeat:withheld-reads
    pub(super) fn poll_room(
        &mut self,
        cx: &mut Context<'_>,
        octets: usize,
    ) -> Poll<Result<(), End>> {
        let (key, shared) = (self.seat.key, &self.seat.shared);
        while let Charge::NoRoom { look } =
            shared.with_core(|core| core.handle_partial(key, octets))
        {
            self.traffic.withhold(now());
            if self.read.has_closed(cx) {
                return Poll::Ready(Err(End::PeerLeft));
            }
            let look = self.look.get_or_insert_with(|| Box::pin(sleep(look)));
            ready!(look.as_mut().poll(cx));
            self.look = None;
        }
        self.look = None;
        Poll::Ready(Ok(()))
    }
}

/// How long a peer that has closed is read, if it is to be read little by little.
const LAST_WORDS: Duration = Duration::from_secs(1);
