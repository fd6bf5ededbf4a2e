//! What waits for a congested destination: a queue for each source, served by deficit round robin.
//!
//! A source with huge messages has no more octets served than one with small ones. The messages of
//! a source stay in their order, so those of each of its connections do, too.
//!
//! ```text
//!                push                        served up to a quantum, or empty
//!   (nothing) ─────────► new, beside the round ────────────┐
//!       ▲                                                  ▼
//!       └──── nothing waits when its turn comes ──── round, in turn ◄─┐
//!                                                          └──────────┘ a quantum more
//! ```
//!
//! Messages under one name stay in their order as well, though another source may have the name by now:
//! its messages wait behind those of the holder before, in the queue of that one's source, as long as there
//! are any.
//!
//! So who asks seldom waits for others who do, and for little of a source that floods. After four messages
//! of new ones the round has one: however many come anew, as over connections that they make for one
//! message, the round gets a fifth.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::core::address::Shown;
use crate::core::binding::{BindingKey, KeyHash};
use crate::core::pool::Used;
use crate::core::record::{Record, What};
use crate::core::source::SourceKey;

/// The queues of one destination.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    queues: HashMap<SourceKey, Queue, KeyHash>,
    /// Sources that had nothing here before: each is served a quantum before the others.
    new: VecDeque<SourceKey>,
    /// All the others, also such as have nothing left until their turn comes.
    round: VecDeque<SourceKey>,
    /// What each source has here, in whichever queue.
    used: HashMap<SourceKey, Used, KeyHash>,
    /// Names under which something waits, and where.
    names: BTreeMap<Arc<Shown>, Place>,
    /// Messages of new ones since the last of the round.
    new_served: u8,
    /// How many messages and notices wait.
    waiting: usize,
}

/// In which queue something waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'l> {
    /// That of this source,
    source: SourceKey,
    /// unless something under this address, a name, waits in another.
    shown: Option<&'l Arc<Shown>>,
}

impl<'l> Line<'l> {
    /// What is under no name.
    #[inline]
    pub(crate) fn of(source: SourceKey) -> Self {
        Self { source, shown: None }
    }

    /// What comes from this address, or is said of it.
    #[inline]
    pub(crate) fn under(source: SourceKey, shown: &'l Arc<Shown>) -> Self {
        Self { source, shown: Some(shown) }
    }

    fn name(&self) -> Option<&'l Arc<Shown>> {
        self.shown.filter(|shown| shown.is_name())
    }
}

/// Where what is under a name waits, and how much of it.
#[derive(Debug)]
struct Place {
    queue: SourceKey,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<(Item, Option<Arc<Shown>>)>,
    deficit: usize,
}

/// Whether a source had its first turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    New,
    Known,
}

/// A message that waits, or a notice.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) record: Record,
    /// Its octets, or those in front of the tail.
    pub(crate) head: Vec<u8>,
    /// A large body, where it arrived.
    pub(crate) tail: Option<Bytes>,
    pub(crate) since: Instant,
}

impl Pairs {
    // spec: mux:overload:congested-pairs, mux:order:pair-fifo
    pub(crate) fn push(&mut self, line: Line<'_>, item: Item) {
        let source = self.queue_of(line);
        if let Some(name) = line.name() {
            let new = Place { queue: source, waiting: 0 };
            let place = self.names.entry(Arc::clone(name)).or_insert(new);
            place.waiting = place.waiting.saturating_add(1);
        }
        let queue = self.queues.entry(source).or_insert_with(|| {
            self.new.push_back(source);
            Queue { deficit: QUANTUM, ..Queue::default() }
        });
        if let What::Message(sent) = item.record.what {
            self.used.entry(sent.source).or_default().take(item.record.len);
        }
        queue.items.push_back((item, line.name().cloned()));
        self.waiting = self.waiting.saturating_add(1);
    }

    /// Takes what is served next.
    // spec: mux:overload:round-robin, mux:overload:new-first
    pub(crate) fn pop(&mut self) -> Option<Item> {
        while self.waiting > 0 {
            let new_come_first = self.new_served < NEW_RUN && !self.new.is_empty();
            let (turn, age) = if new_come_first || self.round.is_empty() {
                (&mut self.new, Age::New)
            } else {
                (&mut self.round, Age::Known)
            };
            let key = *turn.front()?;
            let queue = self.queues.get_mut(&key)?;
            let len = queue.items.front().map(|(item, _)| item.record.len);
            if let Some(left) = len.and_then(|len| queue.deficit.checked_sub(len)) {
                queue.deficit = left;
                self.new_served = match age {
                    Age::New => self.new_served.saturating_add(1),
                    Age::Known => 0,
                };
                return self.take(key, 0);
            }
            turn.pop_front();
            match (len, age) {
                (Some(_), _) => {
                    queue.deficit = queue.deficit.saturating_add(QUANTUM);
                    self.round.push_back(key);
                }
                // It has to wait for its turn all the same, or its next message would be first again.
                (None, Age::New) => self.round.push_back(key),
                (None, Age::Known) => drop(self.queues.remove(&key)),
            }
        }
        None
    }

    /// Takes the oldest message that `from`, which sends in this line, has here.
    pub(crate) fn pop_oldest(&mut self, line: Line<'_>, from: BindingKey) -> Option<Item> {
        let source = self.queue_of(line);
        let queue = self.queues.get(&source)?;
        let place = queue.items.iter().position(
            |(item, _)| matches!(item.record.what, What::Message(sent) if sent.from == from),
        )?;
        self.take(source, place)
    }

    /// Takes all messages that have waited longer than `age`.
    pub(crate) fn pop_expired(&mut self, age: Duration, now: Instant) -> Vec<Item> {
        let old = |queue: &Queue| {
            queue.items.front().is_some_and(|(item, _)| {
                item.record.is_message() && now.saturating_duration_since(item.since) > age
            })
        };
        let keys: Vec<_> =
            self.queues.iter().filter_map(|(key, queue)| old(queue).then_some(*key)).collect();
        let mut expired = Vec::new();
        for key in keys {
            while self.queues.get(&key).is_some_and(old)
                && let Some(item) = self.take(key, 0)
            {
                expired.push(item);
            }
        }
        // Whose turn may not come for long, or ever, must not keep a place meanwhile.
        if !expired.is_empty() {
            self.queues.retain(|_, queue| !queue.items.is_empty());
            for turn in [&mut self.new, &mut self.round] {
                turn.retain(|key| self.queues.contains_key(key));
            }
        }
        expired
    }

    /// Returns what a source has here.
    pub(crate) fn used(&self, source: SourceKey) -> Used {
        self.used.get(&source).copied().unwrap_or_default()
    }

    fn queue_of(&self, line: Line<'_>) -> SourceKey {
        let place = line.name().and_then(|name| self.names.get(name));
        place.map_or(line.source, |place| place.queue)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Returns how many messages there are, by walking them.
    pub(crate) fn messages(&self) -> usize {
        let items = self.queues.values().flat_map(|queue| &queue.items);
        items.map(|(item, _)| item.record.messages()).sum()
    }

    fn take(&mut self, source: SourceKey, place: usize) -> Option<Item> {
        let queue = self.queues.get_mut(&source)?;
        let (item, name) = queue.items.remove(place)?;
        if queue.items.is_empty() {
            // What was saved for a large message that is gone is no credit for others.
            queue.deficit = queue.deficit.min(QUANTUM);
        }
        self.waiting = self.waiting.saturating_sub(1);
        if let What::Message(sent) = item.record.what
            && let Some(used) = self.used.get_mut(&sent.source)
        {
            used.give_back(item.record.len);
            if *used == Used::default() {
                self.used.remove(&sent.source);
            }
        }
        if let Some(name) = name
            && let Some(place) = self.names.get_mut(&name)
        {
            place.waiting = place.waiting.saturating_sub(1);
            if place.waiting == 0 {
                self.names.remove(&name);
            }
        }
        Some(item)
    }
}

/// Octets that a source is served before the next one's turn. One or two small messages, for which one
/// that has just come may well wait; a large one takes several turns, at an addition each.
const QUANTUM: usize = 256;

/// Messages of new sources before one of the round.
const NEW_RUN: u8 = 4;

#[cfg(test)]
mod tests;
