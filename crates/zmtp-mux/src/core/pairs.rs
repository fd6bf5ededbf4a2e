//! What waits for a congested destination: a queue for each source, served by deficit round robin.
//!
//! A source with huge messages has no more octets served than one with small ones. The messages of
//! a source stay in their order, so those of each of its connections do, too.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::core::binding::{BindingKey, KeyHash};
use crate::core::pool::Used;
use crate::core::record::{Record, What};
use crate::core::source::SourceKey;

/// The queues of one destination.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    shares: HashMap<SourceKey, Queue, KeyHash>,
    /// Sources that have something here; the first is served next.
    ring: VecDeque<SourceKey>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    used: Used,
    deficit: usize,
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
    // spec: mux:overload:congested-pairs
    pub(crate) fn push(&mut self, source: SourceKey, item: Item) {
        let queue = self.shares.entry(source).or_default();
        if queue.items.is_empty() {
            queue.deficit = 0;
            self.ring.push_back(source);
        }
        if item.record.is_message() {
            queue.used.take(item.record.len);
        }
        queue.items.push_back(item);
    }

    /// Takes what is served next.
    // spec: mux:overload:round-robin
    pub(crate) fn pop(&mut self) -> Option<Item> {
        loop {
            let key = *self.ring.front()?;
            let queue = self.shares.get_mut(&key)?;
            let len = queue.items.front().map(|item| item.record.len);
            let Some(left) = len.and_then(|len| queue.deficit.checked_sub(len)) else {
                queue.deficit = queue.deficit.saturating_add(QUANTUM);
                self.ring.rotate_left(1);
                continue;
            };
            queue.deficit = left;
            return self.take(key, 0);
        }
    }

    /// Takes the oldest message that `from`, a connection of `source`, has here.
    pub(crate) fn pop_oldest(&mut self, source: SourceKey, from: BindingKey) -> Option<Item> {
        let queue = self.shares.get(&source)?;
        let place = queue.items.iter().position(
            |item| matches!(item.record.what, What::Message(sent) if sent.from == from),
        )?;
        self.take(source, place)
    }

    /// Takes a message that has waited longer than `age`.
    pub(crate) fn pop_expired(&mut self, age: Duration, now: Instant) -> Option<Item> {
        let old = |item: &Item| {
            item.record.is_message() && now.saturating_duration_since(item.since) > age
        };
        let expired = |(key, queue): (&SourceKey, &Queue)| {
            queue.items.front().is_some_and(old).then_some(*key)
        };
        let key = self.shares.iter().find_map(expired)?;
        self.take(key, 0)
    }

    /// Returns what a source has here.
    pub(crate) fn used(&self, source: SourceKey) -> Used {
        self.shares.get(&source).map(|queue| queue.used).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Returns the octets of each message, in no order.
    pub(crate) fn messages(&self) -> impl Iterator<Item = usize> {
        let items = self.shares.values().flat_map(|queue| &queue.items);
        items.filter(|item| item.record.is_message()).map(|item| item.record.len)
    }

    fn take(&mut self, source: SourceKey, place: usize) -> Option<Item> {
        let queue = self.shares.get_mut(&source)?;
        let item = queue.items.remove(place)?;
        if item.record.is_message() {
            queue.used.give_back(item.record.len);
        }
        if queue.items.is_empty() {
            self.shares.remove(&source);
            // Nearly always the one whose turn it is: no look at all the others then.
            if self.ring.front() == Some(&source) {
                self.ring.pop_front();
            } else {
                self.ring.retain(|&other| other != source);
            }
        }
        Some(item)
    }
}

/// Octets that a source is served before the next one's turn. One or two small messages, for which one
/// that has just come may well wait; a large one takes several turns, at an addition each.
const QUANTUM: usize = 256;

#[cfg(test)]
mod tests {
    use slotmap::SlotMap;

    use super::*;
    use crate::core::record::{By, Sent};

    fn keys<K: slotmap::Key>(count: usize) -> Vec<K> {
        let mut map: SlotMap<K, ()> = SlotMap::with_key();
        (0..count).map(|_| map.insert(())).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn item(source: SourceKey, from: BindingKey, len: usize) -> Item {
        let what = What::Message(Sent { source, from, by: By::Name });
        let since = Instant::now();
        Item { record: Record { len, what }, head: vec![0; len.min(8)], tail: None, since }
    }

    fn from(item: &Item) -> BindingKey {
        match item.record.what {
            What::Message(sent) => sent.from,
            What::Return | What::Notice { .. } | What::Hello | What::Sign(_) => panic!("a message"),
        }
    }

    /// mux:overload:round-robin.
    #[test]
    fn huge_messages_get_no_more_octets_served_than_small_ones() {
        let (sources, peers) = (keys::<SourceKey>(2), keys::<BindingKey>(2));
        let mut pairs = Pairs::default();
        for _ in 0..64 {
            pairs.push(sources[0], item(sources[0], peers[0], 1 << 20));
        }
        for _ in 0..64 * 1024 {
            pairs.push(sources[1], item(sources[1], peers[1], 1024));
        }
        let mut octets = [0_usize; 2];
        while octets.iter().sum::<usize>() < 100 << 20 {
            let next = pairs.pop().unwrap();
            let who = peers.iter().position(|&peer| peer == from(&next)).unwrap();
            octets[who] += next.record.len;
            let apart = octets[0].abs_diff(octets[1]);
            assert!(apart <= (1 << 20) + 2 * QUANTUM, "{octets:?}");
        }
    }

    /// mux:overload:congested-pairs.
    #[test]
    fn what_a_source_sent_stays_in_its_order() {
        let (sources, peers) = (keys::<SourceKey>(3), keys::<BindingKey>(3));
        let mut pairs = Pairs::default();
        for round in 1..200_usize {
            for who in 0..3 {
                pairs.push(sources[who], item(sources[who], peers[who], round * (who + 1) * 100));
            }
        }
        let (mut last, mut count) = ([0; 3], 0);
        while let Some(next) = pairs.pop() {
            let who = peers.iter().position(|&peer| peer == from(&next)).unwrap();
            assert!(next.record.len > last[who]);
            last[who] = next.record.len;
            count += 1;
        }
        assert_eq!(count, 3 * 199);
        assert!(pairs.is_empty() && pairs.shares.is_empty());
        assert_eq!(pairs.used(sources[0]), Used::default());
    }

    /// mux:overload:policies.
    #[test]
    fn the_oldest_of_a_connection_is_its_own() {
        let (sources, peers) = (keys::<SourceKey>(1), keys::<BindingKey>(2));
        let mut pairs = Pairs::default();
        for (peer, len) in [(1, 10), (0, 20), (1, 30), (0, 40)] {
            pairs.push(sources[0], item(sources[0], peers[peer], len));
        }
        let mut oldest =
            |peer: usize| pairs.pop_oldest(sources[0], peers[peer]).map(|item| item.record.len);
        assert_eq!((oldest(0), oldest(0), oldest(0)), (Some(20), Some(40), None));
        assert_eq!((oldest(1), oldest(1), oldest(1)), (Some(10), Some(30), None));
        assert!(pairs.is_empty());
    }
}
