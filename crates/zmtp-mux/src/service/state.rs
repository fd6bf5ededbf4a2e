//! The whole of a service as plain data.

use std::time::Duration;

use zmtp_proto::Message;

use crate::core::notice::{Heard, NoticeKind, control};
use crate::service::counters::ServiceCounters;
use crate::service::drain::Drain;
use crate::service::envelope::{Envelopes, Lead};

/// A service over all its connections.
#[derive(Debug)]
pub(crate) struct ServiceCore {
    envelopes: Envelopes,
    /// Whether there is a connection.
    link: Standing,
    drain: Drain,
    /// Requests that the application has not settled, of the connection that stands.
    open: usize,
    counters: ServiceCounters,
}

/// What a message was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Heed {
    /// A request, and where its body begins.
    Request(Lead),
    /// The MUX goes away; come back then.
    ComeBack(Duration),
    /// Nothing for the application.
    None,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Replied,
    Unanswered,
    /// Its connection is over.
    Stale,
}

/// Whether a connection stands; that of a request, if it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Stands,
    Over,
}

impl ServiceCore {
    pub(crate) fn new(envelopes: Envelopes) -> Self {
        let counters = ServiceCounters::default();
        Self { envelopes, link: Standing::Over, drain: Drain::Serving, open: 0, counters }
    }

    /// A connection stands. Requests of those before are nobody's any more.
    pub(crate) fn handle_up(&mut self) {
        count(&mut self.counters.links);
        self.link = Standing::Stands;
        self.open = 0;
        self.drain = self.drain.handle_up();
    }

    /// The connection ended.
    pub(crate) fn handle_down(&mut self) {
        self.link = Standing::Over;
        self.open = 0;
        self.drain = self.drain.handle_down();
    }

    /// Takes in a message.
    pub(crate) fn handle_message(&mut self, message: &Message) -> Heed {
        if is_notice(message) {
            let mut frames = message.frames();
            frames.next();
            return self.handle_notice(Heard::parse(frames.rest()));
        }
        let Some(lead) = Lead::find(message, self.envelopes) else {
            count(&mut self.counters.unreadable);
            return Heed::None;
        };
        count(&mut self.counters.requests);
        self.open = self.open.saturating_add(1);
        Heed::Request(lead)
    }

    fn handle_notice(&mut self, heard: Option<Heard<'_>>) -> Heed {
        match heard {
            None => count(&mut self.counters.unreadable),
            Some(Heard::Hello) => self.drain = self.drain.handle_hello(),
            Some(Heard::Return { .. }) => count(&mut self.counters.replies_returned),
            Some(Heard::Drain { retry_after }) => return Heed::ComeBack(retry_after),
            // Of those to whom a service itself has sent.
            Some(
                Heard::Refused { .. }
                | Heard::Gone { .. }
                | Heard::WatchedUp { .. }
                | Heard::WatchedGone { .. }
                | Heard::Synced { .. },
            ) => {}
        }
        Heed::None
    }

    /// A request has left the application's hands. `of` is its connection.
    // spec: mux:service:unanswered-counted, mux:service:stale-refused
    pub(crate) fn handle_settled(&mut self, settled: Settled, of: Standing) {
        count(match settled {
            Settled::Replied => &mut self.counters.replies,
            Settled::Stale => &mut self.counters.stale,
            Settled::Unanswered => &mut self.counters.unanswered,
        });
        if of == Standing::Stands {
            self.open = self.open.saturating_sub(1);
            if settled == Settled::Unanswered {
                self.drain = self.drain.handle_unanswered();
            }
        }
    }

    /// The application wants to end.
    pub(crate) fn begin_drain(&mut self) {
        self.drain = self.drain.begin(self.link);
    }

    /// Returns what is to be said now, again and again until it is told that it was.
    pub(crate) fn poll_transmit(&self) -> Option<Message> {
        match self.drain {
            Drain::Begun => Some(control(NoticeKind::Drain, None)),
            // spec: mux:overload:window-hello
            Drain::Told if self.open == 0 => Some(control(NoticeKind::Hello, None)),
            Drain::Serving | Drain::Told | Drain::Asked | Drain::Served => None,
        }
    }

    /// Notes that the link has taken that.
    pub(crate) fn handle_sent(&mut self) {
        self.drain = self.drain.handle_sent();
    }

    /// Tells whether the application wants to end.
    pub(crate) fn drains(&self) -> bool {
        self.drain != Drain::Serving
    }

    /// Tells whether nothing waits any more, neither for us nor for an answer of ours.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain == Drain::Served && self.open == 0
    }

    pub(crate) fn counters(&self) -> ServiceCounters {
        self.counters
    }
}

/// Tells whether the MUX itself says this.
pub(crate) fn is_notice(message: &Message) -> bool {
    message.frames().next().is_some_and(<[u8]>::is_empty)
}

fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}
