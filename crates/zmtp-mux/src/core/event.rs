//! Events: what happens in a MUX, told to the application in order with the messages.
//!
//! An event waits in the table until the application takes it; where it stands among the messages
//! is a marker in the queue of the [local end](crate::core::local). The table is bounded by those
//! who make it grow: each binding pays for its coming and its going before it is let in, whatever
//! else can happen to a binding waits once at a time, and what has no binding is counted together.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use zmtp_proto::{Metadata, SocketType, Version};

use crate::core::address::{Name, Token};
use crate::core::counters::DropReason;
use crate::core::notice::GoneReason;
use crate::core::principal::Principal;
use crate::core::role::{Refusal, Role};

/// Something that happened.
///
/// Those about one peer come in order with its messages: [`Bound`](Self::Bound) before all,
/// [`Unbound`](Self::Unbound) behind all.
// spec: mux:event:kinds
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A peer is in.
    Bound(Arc<PeerInfo>),
    /// A peer has ended.
    Unbound {
        /// Which.
        peer: Token,
        /// The name that it held.
        name: Option<Name>,
        /// Which holder of a name it was; 0 if it never had one.
        generation: u64,
        /// How it ended.
        reason: GoneReason,
    },
    /// A peer that was let in without a name has one now.
    Named {
        /// Which.
        peer: Token,
        /// The name.
        name: Name,
        /// Which holder of a name it is.
        generation: u64,
    },
    /// A message that the application sent was certainly not processed.
    Returned {
        /// For whom it was.
        peer: Token,
        /// The message, as it stands on the wire; empty if a part of it was written.
        octets: Bytes,
        /// Why it comes back.
        reason: DropReason,
    },
    /// A service took over a name from another, which has ended.
    TakenOver {
        /// The name.
        name: Name,
        /// Which holder of it lost it.
        from: u64,
    },
    /// A name was taken over too often: its holder keeps it from now on.
    Fought {
        /// The name.
        name: Name,
    },
    /// A peer took so little that somebody was held up for as long as that may be.
    Stalled {
        /// Which.
        peer: Token,
        /// The name that it holds.
        name: Option<Name>,
    },
    /// A service wants no new requests.
    Drains {
        /// Which.
        peer: Token,
        /// The name that it holds.
        name: Option<Name>,
    },
    /// Peers were refused for good, after a handshake that was in order.
    Refused {
        /// Why.
        reason: Refusal,
        /// How many since that was told last.
        times: u64,
    },
    /// A limit was reached.
    Limited {
        /// Which.
        limit: Limit,
        /// How often since that was told last.
        times: u64,
    },
}

/// What is known of a peer when it is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerInfo {
    /// What tells it apart from all others; no other ever has it.
    pub token: Token,
    /// What it is. Whom we dialled stands as a service, without a name.
    pub role: Role,
    /// The name that it holds.
    pub name: Option<Name>,
    /// Which holder of a name it is; 0 without one.
    pub generation: u64,
    /// Whom it acts for.
    pub principal: Principal,
    /// The socket type that it announced.
    pub socket_type: SocketType,
    /// The version of ZMTP that is spoken with it.
    pub version: Version,
    /// The properties that it announced.
    pub metadata: Metadata,
}

/// A limit that peers run into.
// spec: mux:event:limits
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Connections at once, in all or from one address, or new ones in a second.
    Connections,
    /// Handshakes at once: the oldest made way.
    Handshakes,
    /// Services that wait for a held name.
    Duplicates,
    /// Room for messages, at their destination or in the MUX.
    Room,
    /// Services that a client is told the end of.
    Tracked,
    /// Refusals of one client.
    Refusals,
    /// Events that the application has not taken.
    Events,
}

/// Events that the application has not taken, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Events {
    next: u64,
    waiting: BTreeMap<u64, Event>,
    /// The numbers of those that are counted together. As many as there are kinds of them.
    counted: Vec<u64>,
}

impl Events {
    /// Keeps an event, and returns its number; `None` if it was counted with one that waits.
    pub(crate) fn push(&mut self, event: Event) -> Option<u64> {
        let number = self.next;
        if event.is_counted() {
            for number in &self.counted {
                if self.waiting.get_mut(number).is_some_and(|waiting| waiting.count(&event)) {
                    return None;
                }
            }
            self.counted.push(number);
        }
        self.next = self.next.wrapping_add(1);
        self.waiting.insert(number, event);
        Some(number)
    }

    /// Takes an event out.
    pub(crate) fn take(&mut self, number: u64) -> Option<Event> {
        let event = self.waiting.remove(&number)?;
        self.counted.retain(|counted| *counted != number);
        Some(event)
    }

    /// Returns the number of the next event.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Tells whether the event of this number still waits.
    pub(crate) fn waits(&self, number: u64) -> bool {
        self.waiting.contains_key(&number)
    }
}

impl Event {
    fn is_counted(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Limited { .. })
    }

    /// Counts `other` with this one, if they are of a kind.
    // spec: mux:event:counted-together
    fn count(&mut self, other: &Self) -> bool {
        let (times, more) = match (self, other) {
            (Self::Refused { reason, times }, Self::Refused { reason: other, times: more })
                if reason == other =>
            {
                (times, more)
            }
            (Self::Limited { limit, times }, Self::Limited { limit: other, times: more })
                if limit == other =>
            {
                (times, more)
            }
            _ => return false,
        };
        *times = times.saturating_add(*more);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:event:counted-together.
    #[test]
    fn what_has_no_binding_is_counted_together_until_it_is_taken() {
        let mut events = Events::default();
        let limited = |limit, times| Event::Limited { limit, times };
        assert_eq!(events.push(limited(Limit::Room, 1)), Some(0));
        assert_eq!(events.push(limited(Limit::Refusals, 1)), Some(1));
        assert_eq!(events.push(limited(Limit::Room, 1)), None);
        let refused = |reason| Event::Refused { reason, times: 1 };
        assert_eq!(events.push(refused(Refusal::SocketType)), Some(2));
        assert_eq!(events.push(refused(Refusal::NotAdmitted)), Some(3));
        assert_eq!(events.push(refused(Refusal::NotAdmitted)), None);
        assert_eq!(events.take(0), Some(limited(Limit::Room, 2)));
        assert_eq!(events.take(0), None);
        assert!(!events.waits(0) && events.waits(1));
        assert_eq!(events.push(limited(Limit::Room, 1)), Some(4), "counted anew");
        assert_eq!(events.take(3), Some(Event::Refused { reason: Refusal::NotAdmitted, times: 2 }));
        for number in [1, 2, 4] {
            assert!(events.take(number).is_some());
        }
        assert!(events.counted.is_empty() && events.waiting.is_empty());
    }
}
