//! The requests of a client that are open, each until it has its one outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zmtp_proto::Message;

use crate::client::barrier::BarrierId;
use crate::client::error::{Doubt, RequestError, UnsentReason};
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
    open: BTreeMap<RequestId, Open<T>>,
    by_name: BTreeSet<(Bytes, RequestId)>,
    by_deadline: BTreeSet<(Instant, RequestId)>,
    suspects: BTreeSet<(BarrierId, RequestId)>,
    next: RequestId,
    /// Those from here on are unsent, and no others: they are sent in the order of their ids.
    unsent: RequestId,
}

#[derive(Debug)]
struct Open<T> {
    name: Bytes,
    deadline: Instant,
    stage: Stage,
    ticket: T,
}

/// How far a request has come.
#[derive(Debug)]
enum Stage {
    /// This waits to be sent.
    Unsent(Message),
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

    fn after(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl Outcome {
    /// Makes it the result of a request, which was this message.
    pub(crate) fn into_result(self, message: Message) -> Result<Message, RequestError> {
        match self {
            Self::Reply(reply) => Ok(reply),
            Self::Returned { reason, retry_after } => {
                Err(RequestError::Returned { reason, retry_after, message })
            }
            Self::NotSent(reason) => Err(RequestError::NotSent { reason, message }),
            Self::InDoubt(reason) => Err(RequestError::InDoubt { reason }),
        }
    }
}

impl<T> Requests<T> {
    pub(super) fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            by_name: BTreeSet::new(),
            by_deadline: BTreeSet::new(),
            suspects: BTreeSet::new(),
            next: RequestId(0),
            unsent: RequestId(0),
        }
    }

    /// Opens a request, unsent.
    pub(super) fn begin(
        &mut self,
        name: Bytes,
        body: Message,
        ticket: T,
        deadline: Instant,
    ) -> RequestId {
        let id = self.next;
        self.next = id.after();
        self.by_name.insert((name.clone(), id));
        self.by_deadline.insert((deadline, id));
        let stage = Stage::Unsent(body);
        self.open.insert(id, Open { name, deadline, stage, ticket });
        id
    }

    /// Returns the request that is to be sent next, its name, and its body.
    pub(super) fn first_unsent(&self) -> Option<(RequestId, &Bytes, &Message)> {
        let (id, open) = self.open.range(self.unsent..).next()?;
        match &open.stage {
            Stage::Unsent(body) => Some((*id, &open.name, body)),
            Stage::Sent | Stage::Suspect { .. } => None,
        }
    }

    /// Notes that the link has taken a request, which was the first that was unsent.
    pub(super) fn handle_sent(&mut self, id: RequestId) {
        self.unsent = self.unsent.max(id.after());
        if let Some(open) = self.open.get_mut(&id) {
            open.stage = Stage::Sent;
        }
    }

    /// Closes a request, whatever became of it.
    pub(super) fn close(&mut self, id: RequestId) -> Option<(T, Way)> {
        let Open { name, deadline, stage, ticket } = self.open.remove(&id)?;
        self.by_name.remove(&(name, id));
        self.by_deadline.remove(&(deadline, id));
        if let Stage::Suspect { until, .. } = stage {
            self.suspects.remove(&(until, id));
        }
        let way = match stage {
            Stage::Unsent(_) => Way::Unsent,
            Stage::Sent | Stage::Suspect { .. } => Way::Sent,
        };
        Some((ticket, way))
    }

    /// Closes a request to this name, if it has been sent.
    pub(super) fn answer(&mut self, id: RequestId, name: &[u8]) -> Option<T> {
        let open = self.open.get(&id)?;
        if matches!(open.stage, Stage::Unsent(_)) || open.name != name {
            return None;
        }
        self.close(id).map(|(ticket, _)| ticket)
    }

    /// Returns the one request that has been sent to this name and is open; `None` if there are
    /// more, or there is none.
    pub(super) fn only_sent_to(&self, name: &[u8]) -> Option<RequestId> {
        let mut sent = self.sent_to(name);
        let only = sent.next();
        only.filter(|_| sent.next().is_none())
    }

    /// Makes suspect what has been sent to this name and is not yet.
    pub(super) fn suspect(
        &mut self,
        name: &[u8],
        why: GoneReason,
        mut until: impl FnMut() -> BarrierId,
    ) {
        let ids: Vec<_> = self.sent_to(name).collect();
        for id in ids {
            let Some(open) = self.open.get_mut(&id) else { continue };
            if matches!(open.stage, Stage::Sent) {
                let until = until();
                open.stage = Stage::Suspect { until, why };
                self.suspects.insert((until, id));
            }
        }
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
        match self.open.get(&id)?.stage {
            Stage::Suspect { why, .. } => Some(why),
            Stage::Unsent(_) | Stage::Sent => None,
        }
    }

    /// Returns when the first of them has no time left.
    pub(super) fn next_deadline(&self) -> Option<(Instant, RequestId)> {
        self.by_deadline.first().copied()
    }

    /// Returns the first that has been sent.
    pub(super) fn first_sent(&self) -> Option<RequestId> {
        self.open.range(..self.unsent).next().map(|(id, _)| *id)
    }

    /// Returns the first of all.
    pub(super) fn first(&self) -> Option<RequestId> {
        self.open.keys().next().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    fn sent_to<'r>(&'r self, name: &'r [u8]) -> impl Iterator<Item = RequestId> + 'r {
        // The key is copied once for each notice, not for each request.
        let from = Bound::Included((Bytes::copy_from_slice(name), RequestId(0)));
        let from_name = self.by_name.range((from, Bound::Unbounded));
        let of_name = from_name.take_while(move |(of, _)| of == name).map(|(_, id)| *id);
        of_name.take_while(|id| *id < self.unsent)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
            && self.by_name.is_empty()
            && self.by_deadline.is_empty()
            && self.suspects.is_empty()
    }
}
