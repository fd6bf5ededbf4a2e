//! The deadlines of the reading half: the peer's silence, an unfinished message, a name that does not
//! come, a drain.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until};
use zmtp_proto::{ConnectionError, Deadline, Excuse};

use super::Reader;
use crate::net::end::End;

impl<R> Reader<'_, R> {
    /// Tells whether an alarm will wake this task, which is always the same.
    pub(super) fn is_alarm_set(&self) -> bool {
        self.alarm.as_ref().is_some_and(|alarm| !alarm.is_elapsed())
    }

    /// Ends the connection when a deadline has passed.
    pub(super) fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let deadline = self.traffic.poll_timeout().map(Instant::from_std);
            let drains_until = self.treatment.drains_until.map(Instant::from_std);
            let deadline = deadline.into_iter().chain(self.nameless_until).chain(drains_until);
            let Some(deadline) = deadline.min() else {
                return Poll::Pending;
            };
            // An alarm set too early is cheaper than one set anew for each message, and one that is
            // set need only be looked at.
            match &mut self.alarm {
                Some(alarm) if alarm.deadline() <= deadline => {
                    if !alarm.is_elapsed() {
                        return Poll::Pending;
                    }
                }
                alarm => {
                    let alarm = alarm.insert(Box::pin(sleep_until(deadline)));
                    // Set it even if this task has had its share of polls.
                    ready!(pin!(unconstrained(alarm.as_mut())).poll(cx));
                }
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
            self.alarm = None;
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
