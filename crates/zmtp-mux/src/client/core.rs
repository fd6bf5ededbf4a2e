//! The whole of a client as plain data.
//!
//! | told                        | says                                               |
//! |-----------------------------|----------------------------------------------------|
//! | [`begin`], [`forget`]       | whether there is place for it                      |
//! | [`handle_up`]               |                                                    |
//! | [`handle_message`]          |                                                    |
//! | [`handle_returned`]         |                                                    |
//! | [`handle_down`]             |                                                    |
//! | [`handle_timeout`]          | when to come next: [`poll_timeout`]                |
//! | [`handle_sent`]             | what to send: [`poll_transmit`]                    |
//!
//! **After all of these, [`poll_settled`] and [`poll_roused`] until `None`, and
//! [`poll_transmit`].**
//!
//! [`begin`]: ClientCore::begin
//! [`forget`]: ClientCore::forget
//! [`handle_up`]: ClientCore::handle_up
//! [`handle_message`]: ClientCore::handle_message
//! [`handle_returned`]: ClientCore::handle_returned
//! [`handle_down`]: ClientCore::handle_down
//! [`handle_timeout`]: ClientCore::handle_timeout
//! [`handle_sent`]: ClientCore::handle_sent
//! [`poll_timeout`]: ClientCore::poll_timeout
//! [`poll_transmit`]: ClientCore::poll_transmit
//! [`poll_settled`]: ClientCore::poll_settled
//! [`poll_roused`]: ClientCore::poll_roused

use std::collections::VecDeque;
use std::time::Instant;

use zmtp_proto::Message;

use crate::client::barrier::Barrier;
use crate::client::counters::ClientCounters;
use crate::client::envelope::{Enclosed, put_lead};
use crate::client::error::{Doubt, UnsentReason};
use crate::client::presence::{Asked, Presence, WatchId};
use crate::client::requests::{Outcome, RequestId, Requests, Way};
use crate::client::retry::Verdict;
use crate::client::view::{WatchError, WatchEvent};
use crate::core::Pattern;
use crate::core::notice::{NoticeKind, control};

/// What a client allows itself, and its peer.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "bounds come last")]
pub(crate) struct ClientLimits {
    /// Requests that are open at once.
    pub(crate) in_flight_max: usize,
    /// Octets of a request on the wire. A MUX closes the connection for a longer one, so that it
    /// would take all others with it.
    pub(crate) message_len_max: usize,
    /// Names that one watch is shown.
    pub(crate) watch_names_max: usize,
}

/// The requests and watches of one client, over all its connections. `T` is what its owner finds a
/// request by.
#[derive(Debug)]
pub(crate) struct ClientCore<T> {
    limits: ClientLimits,
    pub(super) link: Link,
    pub(super) requests: Requests<T>,
    pub(super) barrier: Barrier,
    pub(super) presence: Presence,
    pub(super) settled: VecDeque<(T, Outcome)>,
    pub(super) counters: ClientCounters,
}

/// How it stands with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Down,
    Up {
        history: History,
    },
    /// The MUX is about to end, and takes no more requests.
    Draining {
        history: History,
    },
    Over(Finish),
}

/// How a client ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The application closed it.
    Closed,
    /// There will be no connection any more.
    Over,
}

/// Whether all requests that this connection has sent are settled or open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    Whole,
    /// One was given up. So a RETURN without frames may be that one's.
    // spec: mux:client:return-without-frames
    GivenUp,
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order<T> {
    Hello,
    Watch(Pattern),
    Unwatch(Pattern),
    /// A request, and by what its owner finds its body.
    Request(RequestId, T),
}

impl<T> Order<T> {
    /// Returns what is said to the MUX itself; `None` for a request.
    pub(crate) fn notice(&self) -> Option<Message> {
        match self {
            Self::Hello => Some(control(NoticeKind::Hello, None)),
            Self::Watch(of) => Some(control(NoticeKind::Watch, Some(of.as_octets()))),
            Self::Unwatch(of) => Some(control(NoticeKind::Unwatch, Some(of.as_octets()))),
            Self::Request(..) => None,
        }
    }
}

impl<T: Copy> ClientCore<T> {
    /// Makes a client that is not connected.
    pub(crate) fn new(limits: ClientLimits) -> Self {
        Self {
            limits,
            link: Link::Down,
            requests: Requests::new(),
            barrier: Barrier::default(),
            presence: Presence::new(limits.watch_names_max),
            settled: VecDeque::new(),
            counters: ClientCounters::default(),
        }
    }

    /// Opens a request with a body of so many octets on the wire, which has its outcome at `deadline`
    /// at the latest. One that is not opened has it at once.
    // spec: mux:client:one-outcome, mux:client:limits
    pub(crate) fn begin(
        &mut self,
        name: &[u8],
        body_len: usize,
        ticket: T,
        deadline: Instant,
    ) -> Result<RequestId, UnsentReason> {
        let len = body_len.saturating_add(name.len()).saturating_add(LEAD_LEN);
        if let Link::Over(how) = self.link {
            return Err(how.into());
        }
        if len > self.limits.message_len_max {
            return Err(UnsentReason::TooLong);
        }
        if self.requests.len() >= self.limits.in_flight_max {
            return Err(UnsentReason::TooMany);
        }
        let id = self.requests.begin(name, ticket, deadline).ok_or(UnsentReason::NoName)?;
        count(&mut self.counters.requests);
        Ok(id)
    }

    /// Forgets a request that nobody waits for any more. Its reply is dropped when it comes.
    // spec: mux:client:dropped-forgotten
    pub(crate) fn forget(&mut self, id: RequestId) {
        if let Some((_, way)) = self.requests.close(id) {
            count(&mut self.counters.forgotten);
            self.give_up(way);
        }
    }

    /// A connection stands.
    pub(crate) fn handle_up(&mut self) {
        self.link = Link::Up { history: History::Whole };
        count(&mut self.counters.links);
        self.barrier = Barrier::default();
        self.presence.handle_up();
    }

    /// The connection has ended, and will come again. What it has given back was told before.
    // spec: mux:client:link-lost
    pub(crate) fn handle_down(&mut self) {
        self.link = Link::Down;
        while let Some(id) = self.requests.first_sent() {
            let gone = self.requests.why_suspect(id);
            self.settle(id, Outcome::InDoubt(gone.map_or(Doubt::LinkLost, Doubt::Gone)));
        }
        self.presence.handle_down();
    }

    /// The client ends: all that is open has its outcome.
    // spec: mux:client:one-outcome, mux:client:says-why-over
    pub(crate) fn handle_close(&mut self, how: Finish) {
        self.link = Link::Over(how);
        while let Some(id) = self.requests.first_sent() {
            self.settle(id, Outcome::InDoubt(Doubt::Closed));
        }
        while let Some(id) = self.requests.first() {
            self.settle(id, Outcome::NotSent(how.into()));
        }
        self.presence.handle_close(how);
    }

    /// The link gives a message back of which the last octet was not written.
    // spec: mux:client:link-gives-back
    pub(crate) fn handle_returned(&mut self, message: &Message) {
        // What we say to the MUX itself belongs to the connection, and ends with it.
        if let Some(Enclosed { id, .. }) = Enclosed::parse(message) {
            self.settle(id, Outcome::NotSent(UnsentReason::LinkLost));
        }
    }

    /// Settles what has no time left.
    // spec: mux:client:deadline
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let unsent = match self.link {
            Link::Up { .. } => UnsentReason::NoRoom,
            Link::Down | Link::Draining { .. } => UnsentReason::NotConnected,
            Link::Over(how) => how.into(),
        };
        while let Some((ticket, way)) = self.requests.expire(now) {
            let outcome = match way {
                Way::Unsent => Outcome::NotSent(unsent),
                Way::Sent => Outcome::InDoubt(Doubt::Timeout),
            };
            self.give_up(way);
            self.note(&outcome);
            self.settled.push_back((ticket, outcome));
        }
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), which may then find nothing to
    /// do. Only that call makes it later.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.requests.next_deadline()
    }

    /// Returns what is to be sent now, again and again until it is told that it was sent, and puts
    /// the frames before it into `lead`, in place of what is there.
    // spec: mux:client:sent-in-order
    pub(crate) fn poll_transmit(&mut self, lead: &mut Vec<u8>) -> Option<Order<T>> {
        lead.clear();
        let takes_requests = match self.link {
            Link::Down | Link::Over(_) => return None,
            Link::Up { .. } => true,
            Link::Draining { .. } => false,
        };
        if self.barrier.is_due() {
            return Some(Order::Hello);
        }
        if let Some(asked) = self.presence.poll_ask(&self.barrier) {
            return Some(match asked {
                Asked::Watch(of) => Order::Watch(of),
                Asked::Unwatch(of) => Order::Unwatch(of),
            });
        }
        let (id, name, ticket) = self.requests.first_unsent().filter(|_| takes_requests)?;
        put_lead(name, id, lead);
        Some(Order::Request(id, *ticket))
    }

    /// Notes that the link has taken what [`poll_transmit`](Self::poll_transmit) has returned.
    pub(crate) fn handle_sent(&mut self, order: &Order<T>) {
        match order {
            Order::Hello => self.barrier.handle_sent(),
            Order::Watch(of) => self.presence.handle_watch_sent(of),
            Order::Unwatch(of) => self.presence.handle_unwatch_sent(of, &mut self.barrier),
            Order::Request(id, _) => self.requests.handle_sent(*id),
        }
    }

    /// Notes that the link will never take a request.
    pub(crate) fn handle_unsent(&mut self, order: &Order<T>, why: UnsentReason) {
        match order {
            Order::Request(id, _) => self.settle(*id, Outcome::NotSent(why)),
            // They are short, and always taken.
            Order::Hello | Order::Watch(_) | Order::Unwatch(_) => self.handle_sent(order),
        }
    }

    /// Tells whether a request is open and waits to be sent.
    pub(crate) fn is_unsent(&self, id: RequestId) -> bool {
        self.requests.is_unsent(id)
    }

    /// Returns a request that has its outcome.
    pub(crate) fn poll_settled(&mut self) -> Option<(T, Outcome)> {
        self.settled.pop_front()
    }

    /// Returns how many of them there are.
    pub(crate) fn settled_count(&self) -> usize {
        self.settled.len()
    }

    /// Begins to watch.
    pub(crate) fn watch(&mut self, pattern: Pattern) -> WatchId {
        let id = self.presence.begin(pattern);
        if let Link::Over(how) = self.link {
            self.presence.handle_close(how);
        }
        id
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&mut self, id: WatchId) {
        self.presence.end(id);
    }

    /// Returns what a watch has to tell.
    pub(crate) fn poll_watch(&mut self, id: WatchId) -> Option<Result<WatchEvent, WatchError>> {
        self.presence.poll(id)
    }

    /// Tells whether nothing more will come of a watch.
    pub(crate) fn is_watch_over(&self, id: WatchId) -> bool {
        self.presence.is_told(id)
    }

    /// Returns a watch that has something to tell.
    pub(crate) fn poll_roused(&mut self) -> Option<WatchId> {
        self.presence.poll_roused()
    }

    /// Counts what the budget has done to a request that has failed.
    pub(crate) fn count_verdict(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::AfterRefill(_) => count(&mut self.counters.retries_delayed),
            Verdict::Spent => count(&mut self.counters.retries_refused),
            Verdict::After(_) | Verdict::Fail => {}
        }
    }

    /// Counts a request that is sent again.
    pub(crate) fn count_retry(&mut self) {
        count(&mut self.counters.retries);
    }

    pub(crate) fn counters(&self) -> ClientCounters {
        self.counters
    }

    /// Returns how many requests are open.
    pub(crate) fn in_flight(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn settle(&mut self, id: RequestId, outcome: Outcome) {
        let Some((ticket, way)) = self.requests.close(id) else { return };
        if matches!(outcome, Outcome::InDoubt(_)) {
            self.give_up(way);
        }
        self.note(&outcome);
        self.settled.push_back((ticket, outcome));
    }

    fn note(&mut self, outcome: &Outcome) {
        count(match outcome {
            Outcome::Reply(_) => &mut self.counters.replies,
            Outcome::Returned { .. } => &mut self.counters.returned,
            Outcome::NotSent(_) => &mut self.counters.not_sent,
            Outcome::InDoubt(_) => &mut self.counters.in_doubt,
        });
    }

    fn give_up(&mut self, way: Way) {
        if let (Link::Up { history } | Link::Draining { history }, Way::Sent) =
            (&mut self.link, way)
        {
            *history = History::GivenUp;
        }
    }

    #[cfg(test)]
    pub(super) fn holds_nothing(&self) -> bool {
        self.requests.is_empty() && self.settled.is_empty() && self.presence.is_empty()
    }
}

impl From<Finish> for UnsentReason {
    fn from(how: Finish) -> Self {
        match how {
            Finish::Closed => Self::Closed,
            Finish::Over => Self::Over,
        }
    }
}

pub(super) fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}

/// Octets of a request beyond its name and body, and the headers of longer frames.
const LEAD_LEN: usize = 32;
