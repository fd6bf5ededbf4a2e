//! The requests of a client that are open, each until it has its one outcome.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use zmtp_proto::Message;

use crate::client::barrier::BarrierId;
use crate::client::deadlines::Deadlines;
use crate::client::destinations::{DestinationKey, Destinations};
use crate::client::error::{Doubt, RequestError, UnsentReason};
use crate::client::window::Window;
use crate::core::{GoneReason, ReturnReason};

/// Which request of a client. Rises with each, and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequestId(pub(super) u64);

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its service answered.
    Reply(Message),
    /// The MUX gave it back.
    Returned { reason: ReturnReason, retry_after: Duration },
    /// It was not sent.
    NotSent(UnsentReason),
    /// It was sent, and nothing more will be heard of it.
    InDoubt(Doubt),
}

/// The open requests. `T` is what the owner finds each by.
#[derive(Debug)]
pub(super) struct Requests<T> {
    open: Window<Open<T>>,
    destinations: Destinations,
    deadlines: Deadlines,
    suspects: BTreeSet<(BarrierId, RequestId)>,
    /// Those from here on are unsent, and no others: they are sent in the order of their ids.
    unsent: RequestId,
}

#[derive(Debug)]
struct Open<T> {
    destination: DestinationKey,
    stage: Stage,
    ticket: T,
}

/// How far a request has come.
#[derive(Debug)]
enum Stage {
    /// It waits to be sent.
    Unsent,
    /// The link has it, or the MUX, or the service.
    Sent,
    /// So it was when its service ended. It is in doubt, unless a RETURN before the answer to this
    /// HELLO tells that it never got there.
    Suspect { until: BarrierId, why: GoneReason },
}

/// Whether a request has left us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Unsent,
    Sent,
}

impl RequestId {
    pub(super) fn octets(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub(super) fn parse(octets: &[u8]) -> Option<Self> {
        Some(Self(u64::from_be_bytes(octets.try_into().ok()?)))
    }

    /// Returns the id of the `count`th request behind this one.
    pub(super) fn plus(self, count: usize) -> Self {
        Self(self.0.wrapping_add(u64::try_from(count).unwrap_or(u64::MAX)))
    }
}

impl Outcome {
    /// Makes it the result of a request, which was this message.
    pub(crate) fn into_result(
        self,
        message: impl FnOnce() -> Message,
    ) -> Result<Message, RequestError> {
        match self {
            Self::Reply(reply) => Ok(reply),
            Self::Returned { reason, retry_after } => {
                Err(RequestError::Returned { reason, retry_after, message: message() })
            }
            Self::NotSent(reason) => Err(RequestError::NotSent { reason, message: message() }),
            Self::InDoubt(reason) => Err(RequestError::InDoubt { reason }),
        }
    }
}

impl<T> Requests<T> {
    pub(super) fn new() -> Self {
        Self {
            open: Window::new(),
            destinations: Destinations::default(),
            deadlines: Deadlines::default(),
            suspects: BTreeSet::new(),
            unsent: RequestId(0),
        }
    }

    /// Opens a request, unsent; `None` if no service can have this name.
    pub(super) fn begin(&mut self, name: &[u8], ticket: T, deadline: Instant) -> Option<RequestId> {
        let id = self.open.next();
        let destination = self.destinations.begin(name, id)?;
        self.deadlines.push(deadline, id);
        self.open.push(Open { destination, stage: Stage::Unsent, ticket });
        Some(id)
    }

    /// Returns the request that is to be sent next, its name, and by what its owner finds it.
    #[inline]
    pub(super) fn first_unsent(&mut self) -> Option<(RequestId, &[u8], &T)> {
        // Mostly the newest is the only one, and then there is none.
        if self.unsent >= self.open.next() {
            return None;
        }
        if self.open.get(self.unsent).is_none() {
            let first = self.open.first_from(self.unsent).map(|(id, _)| id);
            // None of those before it is looked at again.
            self.unsent = first.unwrap_or(self.open.next());
        }
        let open = self.open.get(self.unsent)?;
        Some((self.unsent, self.destinations.name(open.destination), &open.ticket))
    }

    /// Tells whether a request is open and waits to be sent.
    pub(super) fn is_unsent(&self, id: RequestId) -> bool {
        self.open.get(id).is_some_and(|open| matches!(open.stage, Stage::Unsent))
    }

    /// Notes that the link has taken a request, which was the first that was unsent.
    pub(super) fn handle_sent(&mut self, id: RequestId) {
        self.unsent = self.unsent.max(id.plus(1));
        if let Some(open) = self.open.get_mut(id) {
            open.stage = Stage::Sent;
            self.destinations.handle_sent(open.destination);
        }
    }

    /// Closes a request, whatever became of it.
    pub(super) fn close(&mut self, id: RequestId) -> Option<(T, Way)> {
        let Open { destination, stage, ticket } = self.open.remove(id)?;
        if let Stage::Suspect { until, .. } = stage {
            self.suspects.remove(&(until, id));
        }
        let way = match stage {
            Stage::Unsent => Way::Unsent,
            Stage::Sent | Stage::Suspect { .. } => Way::Sent,
        };
        let open = &self.open;
        self.destinations.close(destination, way, |id| open.get(id).is_some());
        self.deadlines.close(open.len(), |id| open.get(id).is_some());
        Some((ticket, way))
    }

    /// Closes a request to this name, if it has been sent.
    pub(super) fn answer(&mut self, id: RequestId, name: &[u8]) -> Option<T> {
        let open = self.open.get(id)?;
        if matches!(open.stage, Stage::Unsent) || self.destinations.name(open.destination) != name {
            return None;
        }
        self.close(id).map(|(ticket, _)| ticket)
    }

    /// Returns the one request that has been sent to this name and is open; `None` if there are
    /// more, or there is none.
    pub(super) fn only_sent_to(&self, name: &[u8]) -> Option<RequestId> {
        self.destinations.only_sent(name)
    }

    /// Makes suspect what has been sent to this name and is not yet.
    pub(super) fn suspect(
        &mut self,
        name: &[u8],
        why: GoneReason,
        mut until: impl FnMut() -> BarrierId,
    ) {
        let (open, suspects) = (&mut self.open, &mut self.suspects);
        self.destinations.suspect(name, self.unsent, |id| {
            let Some(open) = open.get_mut(id) else { return };
            let until = until();
            open.stage = Stage::Suspect { until, why };
            suspects.insert((until, id));
        });
    }

    /// Returns a request that is suspect up to this barrier, and how its service ended.
    pub(super) fn suspect_until(&self, barrier: BarrierId) -> Option<(RequestId, GoneReason)> {
        let (until, id) = self.suspects.first()?;
        if *until > barrier {
            return None;
        }
        self.why_suspect(*id).map(|why| (*id, why))
    }

    /// Returns how the service of a request ended, if the request is suspect.
    pub(super) fn why_suspect(&self, id: RequestId) -> Option<GoneReason> {
        match self.open.get(id)?.stage {
            Stage::Suspect { why, .. } => Some(why),
            Stage::Unsent | Stage::Sent => None,
        }
    }

    /// Returns when the first of them has no time left, or one that is open no more.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first()
    }

    /// Closes one that has no time left.
    pub(super) fn expire(&mut self, now: Instant) -> Option<(T, Way)> {
        while let Some(id) = self.deadlines.pop(now) {
            if let Some(closed) = self.close(id) {
                return Some(closed);
            }
        }
        None
    }

    /// Returns the first that has been sent.
    pub(super) fn first_sent(&self) -> Option<RequestId> {
        self.first().filter(|id| *id < self.unsent)
    }

    /// Returns the first of all.
    pub(super) fn first(&self) -> Option<RequestId> {
        self.open.first_from(RequestId(0)).map(|(id, _)| id)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.open.len() == 0
            && self.destinations.is_empty()
            && self.deadlines.len() == 0
            && self.suspects.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::deadlines::SLACK;

    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    fn start() -> Instant {
        Instant::now()
    }

    /// mux:client:deadline.
    #[test]
    fn deadlines_of_what_is_answered_are_kept_only_until_there_are_too_many() {
        let (now, mut requests) = (start(), Requests::new());
        let deadline = |number: u64| now + Duration::from_millis(number % 1000 + 1);
        let stays = requests.begin(b"a", 0, deadline(999)).unwrap();
        requests.handle_sent(stays);
        for number in 1..10_000 {
            let id = requests.begin(b"a", number, deadline(number)).unwrap();
            requests.handle_sent(id);
            assert_eq!(requests.answer(id, b"a"), Some(number));
            assert!(requests.deadlines.len() <= 2 * requests.len() + SLACK);
        }
        assert_eq!(requests.expire(now + Duration::from_millis(999)), None);
        assert_eq!(requests.expire(now + Duration::from_secs(1)), Some((0, Way::Sent)));
        assert!(requests.is_empty() && requests.close(stays).is_none());
    }
}
