//! Taking back what was not handed over.

use std::time::{Duration, Instant};

use super::Outbound;
use super::signs::Place;
use crate::core::binding::BindingKey;
use crate::core::flight::{Chunk, Flight};
use crate::core::pairs::{Item, Line};
use crate::core::record::{Record, What};

impl Outbound {
    /// Takes back the message or notice that the writer has not taken.
    ///
    /// For links to a REQ, where at most one answer waits. A PONG beside it stays.
    pub(crate) fn withdraw(&mut self) -> Option<Record> {
        let taken = self.accepted.saturating_add(self.in_flight);
        let mut before: usize = 0;
        let place = self.records.iter().position(|record| {
            let found = before >= taken && !matches!(record.what, What::Sign(_));
            if !found {
                before = before.saturating_add(record.len);
            }
            found
        })?;
        let record = self.records.remove(place)?;
        self.cut(before.saturating_sub(taken), record.len);
        match record.what {
            What::Message(_) => self.used.give_back(record.len),
            What::Return => {
                self.used.give_back(record.len);
                self.returns = self.returns.saturating_sub(1);
            }
            What::Hello => self.signs.hello = Place::Free,
            What::Notice { .. } | What::Sign(_) => {}
        }
        Some(record)
    }

    /// Takes the oldest message that `from`, which sends in this line, has waiting by its source.
    pub(crate) fn withdraw_oldest(&mut self, line: Line<'_>, from: BindingKey) -> Option<Item> {
        let oldest = self.pairs.as_mut()?.pop_oldest(line, from)?;
        self.note_withdrawn(std::slice::from_ref(&oldest));
        Some(oldest)
    }

    /// Takes all messages that have waited by their sources for longer than `age`.
    pub(crate) fn withdraw_expired(&mut self, age: Duration, now: Instant) -> Vec<Item> {
        let expired = self.pairs.as_mut().map(|pairs| pairs.pop_expired(age, now));
        let expired = expired.unwrap_or_default();
        self.note_withdrawn(&expired);
        expired
    }

    fn note_withdrawn(&mut self, items: &[Item]) {
        for item in items {
            self.used.give_back(item.record.len);
        }
        if self.pairs.as_ref().is_some_and(|pairs| pairs.is_empty()) {
            self.pairs = None;
        }
    }

    /// Removes `len` octets, the first of them `start` octets into what the writer has not taken.
    fn cut(&mut self, start: usize, len: usize) {
        let (mut from, mut to) = (start, start.saturating_add(len));
        self.seal();
        for chunk in std::mem::take(&mut self.chunks) {
            let octets = chunk.octets();
            let end = octets.len();
            let (before, after) = (octets.get(..from), octets.get(to.min(end)..));
            (from, to) = (from.saturating_sub(end), to.saturating_sub(end));
            match (before, after) {
                (Some(before), Some(after)) if before.len() < end && after.len() < end => {
                    let kept = [before, after].concat();
                    if !kept.is_empty() {
                        self.chunks.push_back(Chunk::Buffer(kept));
                    }
                }
                _ => self.chunks.push_back(chunk),
            }
        }
    }

    /// Takes back what a writer that has ended did not write.
    pub(crate) fn give_back(&mut self, flight: Flight) {
        // What was sealed and not written is nowhere any more, but certainly not with the peer.
        self.sealed = self.in_flight.saturating_sub(flight.len());
        self.in_flight = 0;
        let mut chunks = flight.into_rest();
        chunks.append(&mut self.chunks);
        self.chunks = chunks;
    }

    /// Ends the queue, and tells of each record that is not handed over, in order.
    ///
    /// Of messages from `whole` there is all at hand, of others no more than a RETURN can carry.
    pub(crate) fn into_rest(
        mut self,
        whole: Option<BindingKey>,
        mut each: impl FnMut(&Record, Rest<'_>),
    ) {
        self.seal();
        let (mut doubtful, mut sealed) = (self.in_flight, self.sealed);
        let mut chunks = self.chunks.into_iter();
        let mut chunk = chunks.next();
        let (mut at, mut start): (usize, Vec<u8>) = (0, Vec::new());
        for record in std::mem::take(&mut self.records) {
            let mut left = record.len.saturating_sub(self.accepted);
            let mut headless = std::mem::take(&mut self.accepted) > 0;
            if doubtful > 0 {
                doubtful = doubtful.saturating_sub(left);
                each(&record, Rest::Doubtful);
                continue;
            }
            let gone = left.min(sealed);
            (left, sealed) = (left.saturating_sub(gone), sealed.saturating_sub(gone));
            headless |= gone > 0;
            start.clear();
            let start_len = record.start_len(whole);
            while left > 0
                && let Some(octets) = chunk.as_ref().map(Chunk::octets)
            {
                let rest = octets.get(at..).unwrap_or_default();
                let len = left.min(rest.len());
                let wanted = start_len.saturating_sub(start.len()).min(len);
                start.extend_from_slice(rest.get(..wanted).unwrap_or_default());
                (left, at) = (left.saturating_sub(len), at.saturating_add(len));
                if at >= octets.len() {
                    (chunk, at) = (chunks.next(), 0);
                }
            }
            each(&record, Rest::Start(if headless { &[] } else { &start }));
        }
        while let Some(item) = self.pairs.as_mut().and_then(|pairs| pairs.pop()) {
            each(&item.record, Rest::Start(&item.start(item.record.start_len(whole))));
        }
    }
}

/// What is left of a message that is not handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rest<'m> {
    /// Its first octets; none if a part of it is written, or they are no more at hand.
    Start(&'m [u8]),
    /// It is in the hands of a writer that has not ended: perhaps the peer has it.
    Doubtful,
}

impl Record {
    /// Returns how many of its first octets are looked at when it is taken back.
    fn start_len(&self, whole: Option<BindingKey>) -> usize {
        match self.what {
            What::Message(sent) if Some(sent.from) == whole => usize::MAX,
            What::Message(_) | What::Return | What::Notice { .. } | What::Hello | What::Sign(_) => {
                START_LEN
            }
        }
    }
}

impl Item {
    /// Returns its octets.
    pub(crate) fn whole(&self) -> Vec<u8> {
        self.start(usize::MAX)
    }

    /// Returns its first octets, or all.
    pub(crate) fn start(&self, len_max: usize) -> Vec<u8> {
        let mut start = self.head.get(..len_max).unwrap_or(&self.head).to_vec();
        let tail = self.tail.as_deref().unwrap_or_default();
        let wanted = len_max.saturating_sub(start.len()).min(tail.len());
        start.extend_from_slice(tail.get(..wanted).unwrap_or_default());
        start
    }
}

/// Octets of a message that are looked at when it is returned: an address, a request id, and the
/// frames that a RETURN may carry, with their headers.
pub(crate) const START_LEN: usize = 2048;
