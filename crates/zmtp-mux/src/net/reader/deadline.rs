//! The deadlines of the reading half: the peer's silence, an unfinished message, a name that does not
//! come, a drain.

use std::task::{Context, Poll, ready};

use tokio::time::Instant;
use zmtp_proto::{ConnectionError, Deadline, Excuse};

use super::Reader;
use crate::net::alarm::Alarm;
use crate::net::end::End;
use crate::net::mark::wake_last;

impl<R> Reader<'_, R> {
    /// Tells whether an alarm will wake this task, which is always the same.
    pub(super) fn is_alarm_set(&self) -> bool {
        self.alarm.as_ref().is_some_and(|alarm| !alarm.has_rung())
    }

    /// Ends the connection when a deadline has passed.
    ///
    /// A process that was stopped, and goes on, may hear its alarms before it is told which sockets
    /// have octets. So behind each alarm the sockets come first, and only then is it too late.
    // spec: 37:heartbeat:withheld-reads
    pub(super) fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let deadline = self.traffic.poll_timeout().map(Instant::from_std);
            let drains_until = self.treatment.drains_until.map(Instant::from_std);
            let deadline = deadline.into_iter().chain(self.nameless_until).chain(drains_until);
            let Some(deadline) = deadline.min() else {
                return Poll::Pending;
            };
            if self.passed != Some(deadline) {
                ready!(Alarm::poll_by(&mut self.alarm, deadline, cx));
                if deadline <= Instant::now() {
                    self.passed = Some(deadline);
                    wake_last(cx.waker());
                    return Poll::Pending;
                }
                continue;
            }
            let now = Instant::now();
            if let Err(error) = self.look_at_the_clock(now.into_std()) {
                return Poll::Ready(error.into());
            }
            if drains_until.is_some_and(|until| until <= now) {
                return Poll::Ready(End::Drained);
            }
            // spec: mux:role:nameless-service
            if self.nameless_until.take_if(|until| *until <= now).is_some()
                && !self.seat.shared.with_core(|core| core.name(self.seat.key).is_some())
            {
                return Poll::Ready(End::Nameless);
            }
        }
    }

    /// Asks a silent peer whether it lives, and ends with one that took too long.
    // spec: mux:liveness:busy-service, mux:liveness:busy-client
    fn look_at_the_clock(&mut self, now: std::time::Instant) -> Result<(), ConnectionError> {
        let key = self.seat.key;
        match self.traffic.handle_timeout(now) {
            Ok(Some(ping)) => self.seat.shared.with_core(|core| core.send_ping(key, ping)),
            Ok(None) => {}
            Err(error @ ConnectionError::Timeout { what: Deadline::Silence, .. }) => {
                let patience = self.seat.shared.with_core(|core| core.patience(key));
                if self.traffic.excuse(patience, now) == Excuse::TooLate {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
