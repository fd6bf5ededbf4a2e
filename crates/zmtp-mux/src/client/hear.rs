//! What a client makes of what the MUX and the services say.

use std::time::Duration;

use zmtp_proto::Message;

use crate::client::core::{ClientCore, History, Link, count};
use crate::client::envelope::{Enclosed, body_of, id_of};
use crate::client::error::Doubt;
use crate::client::requests::Outcome;
use crate::core::notice::Heard;
use crate::core::{GoneReason, ReturnReason};

impl<T: Copy> ClientCore<T> {
    /// Takes in a message. Returns when to come back, if the MUX says that it goes away.
    pub(crate) fn handle_message(&mut self, message: Message) -> Option<Duration> {
        let mut frames = message.frames();
        if frames.next().is_some_and(<[u8]>::is_empty) {
            match Heard::parse(frames.rest()) {
                Some(heard) => return self.handle_notice(heard),
                None => count(&mut self.counters.unreadable),
            }
            return None;
        }
        self.handle_reply(message);
        None
    }

    // spec: mux:client:reply-form, mux:client:stray-counted
    fn handle_reply(&mut self, message: Message) {
        let Some(Enclosed { name, id, lead_len }) = Enclosed::parse(&message) else {
            return count(&mut self.counters.unreadable);
        };
        match self.requests.answer(id, name) {
            Some(ticket) => {
                count(&mut self.counters.replies);
                self.settled.push_back((ticket, Outcome::Reply(body_of(message, lead_len))));
            }
            None => count(&mut self.counters.stray_replies),
        }
    }

    fn handle_notice(&mut self, heard: Heard<'_>) -> Option<Duration> {
        match heard {
            Heard::Hello => self.handle_hello(),
            Heard::Return { reason, retry_after, dst, rest } => {
                self.handle_return(reason, retry_after, dst, rest);
            }
            Heard::Refused { reason, about } => {
                if self.presence.handle_refused(about, reason) > 0 {
                    count(&mut self.counters.watches_refused);
                }
            }
            Heard::Gone { name, reason } => self.handle_gone(name, reason),
            Heard::WatchedUp { name, generation } => self.presence.handle_up_of(name, generation),
            Heard::WatchedGone { name, generation, reason } => {
                self.presence.handle_gone_of(name, generation, reason);
            }
            Heard::Synced { pattern } => self.presence.handle_synced(pattern),
            Heard::Drain { retry_after } => {
                if let Link::Up { history } = self.link {
                    self.link = Link::Draining { history };
                }
                return Some(retry_after);
            }
        }
        None
    }

    // spec: mux:client:return-by-id, mux:client:return-without-frames
    fn handle_return(
        &mut self,
        reason: ReturnReason,
        retry_after: Duration,
        dst: &[u8],
        rest: &[u8],
    ) {
        let id = match id_of(rest) {
            Some(id) => Some(id),
            None if rest.is_empty() && self.is_whole() => self.requests.only_sent_to(dst),
            None => None,
        };
        match id.and_then(|id| self.requests.answer(id, dst)) {
            Some(ticket) => {
                count(&mut self.counters.returned);
                self.settled.push_back((ticket, Outcome::Returned { reason, retry_after }));
            }
            None => count(&mut self.counters.stray_returns),
        }
    }

    /// A service has ended. What was sent there is in doubt, but for what went after its end: that
    /// comes back before the answer to a HELLO, if nobody has the name.
    // spec: mux:client:gone-in-doubt, mux:client:gone-barrier
    fn handle_gone(&mut self, name: &[u8], why: GoneReason) {
        let barrier = &mut self.barrier;
        self.requests.suspect(name, why, || barrier.raise());
    }

    fn handle_hello(&mut self) {
        let passed = self.barrier.handle_answer();
        self.presence.handle_barrier();
        while let Some((id, why)) = self.requests.suspect_until(passed) {
            self.settle(id, Outcome::InDoubt(Doubt::Gone(why)));
        }
    }

    fn is_whole(&self) -> bool {
        let (Link::Up { history } | Link::Draining { history }) = self.link else { return false };
        history == History::Whole
    }
}
