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

/// Whether the connection of a request is the one that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Stands,
    Over,
}

impl ServiceCore {
    pub(crate) fn new(envelopes: Envelopes) -> Self {
        let counters = ServiceCounters::default();
        Self { envelopes, drain: Drain::Serving, open: 0, counters }
    }

    /// A connection stands. Requests of those before are nobody's any more.
    pub(crate) fn handle_up(&mut self) {
        count(&mut self.counters.links);
        self.open = 0;
    }

    /// The connection ended.
    pub(crate) fn handle_down(&mut self) {
        self.open = 0;
        self.drain = self.drain.handle_down();
    }

    /// Takes in a message.
    pub(crate) fn handle_message(&mut self, message: &Message) -> Heed {
        let mut frames = message.frames();
        if frames.next().is_some_and(<[u8]>::is_empty) {
            return self.handle_notice(Heard::parse(frames.rest()));
        }
        let Some(lead) = Lead::find(message, self.envelopes) else {
            count(&mut self.counters.unreadable);
            return Heed::None;
        };
        count(&mut self.counters.requests);
        self.open = self.open.saturating_add(1);
        self.drain = self.drain.handle_request();
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
        }
    }

    /// The application wants to end.
    pub(crate) fn begin_drain(&mut self) {
        self.drain = self.drain.begin();
    }

    /// Returns what is to be said now, again and again until it is told that it was.
    pub(crate) fn poll_transmit(&self) -> Option<Message> {
        match self.drain {
            Drain::Begun => Some(control(NoticeKind::Drain, None)),
            Drain::Told => Some(control(NoticeKind::Hello, None)),
            Drain::Serving | Drain::Asked | Drain::AskAgain | Drain::Served => None,
        }
    }

    /// Notes that the link has taken that.
    pub(crate) fn handle_sent(&mut self) {
        self.drain = self.drain.handle_sent();
    }

    /// Tells whether nothing waits any more, neither for us nor for an answer of ours.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain == Drain::Served && self.open == 0
    }

    pub(crate) fn counters(&self) -> ServiceCounters {
        self.counters
    }
}

fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}
