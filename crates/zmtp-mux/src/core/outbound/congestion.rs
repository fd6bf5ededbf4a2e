//! Congestion: when what waits for a peer is shared by its sources, and how it is handed on.

use std::time::Instant;

use bytes::Bytes;

use super::{Outbound, Wake};
use crate::core::envelope::Outgoing;
use crate::core::flight::Chunk;
use crate::core::limits::PoolLimits;
use crate::core::pairs::Item;
use crate::core::record::Record;
use crate::core::source::SourceKey;
use crate::core::spares::Spares;

/// When the sources of a destination share it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sharing {
    /// From more than this on.
    pub(crate) soft_mark: PoolLimits,
    /// Octets that are moved among the chunks at once after the kernel was full: what comes later
    /// waits behind them, whoever sends it.
    pub(crate) refill_len_min: usize,
    /// Also while so many messages are unanswered.
    pub(crate) window: usize,
}

/// Whether the kernel takes what is in the writer's hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kernel {
    #[default]
    Takes,
    Full,
}

impl Outbound {
    /// Notes that the kernel takes no more of what is in the writer's hands. What comes now would wait
    /// behind that, so it waits by its source.
    pub(crate) fn note_full(&mut self) {
        self.kernel = Kernel::Full;
        self.refill_len = 0;
    }

    /// Notes that the peer has answered a message, or something like it, and tells whether its writer
    /// has more to write for that.
    // spec: mux:overload:window
    #[inline]
    pub(crate) fn note_answer(&mut self) -> Wake {
        self.note_answers(1)
    }

    /// As [`note_answer`](Self::note_answer), of several at once.
    #[inline]
    pub(crate) fn note_answers(&mut self, answers: usize) -> Wake {
        self.unanswered = self.unanswered.saturating_sub(answers);
        if self.waits() { self.wake() } else { Wake::NotNeeded }
    }

    /// Notes that the peer will answer nothing that it has.
    // spec: mux:overload:window-hello
    pub(crate) fn note_none_unanswered(&mut self) -> Wake {
        self.unanswered = 0;
        self.note_answer()
    }

    /// Tells whether the peer has answered all that it was given, as far as a window tells.
    pub(crate) fn is_answered(&self) -> bool {
        self.unanswered == 0 || self.sharing.is_none_or(|sharing| sharing.window == usize::MAX)
    }

    /// Tells whether messages wait by their sources now.
    pub(crate) fn waits_by_sources(&self) -> bool {
        self.pairs.is_some()
    }

    /// Has messages wait by their sources from other marks on.
    pub(crate) fn share(&mut self, sharing: Option<Sharing>) {
        self.sharing = sharing;
    }

    /// Tells whether messages wait by their sources: from the soft mark on, or since the kernel is
    /// full or the window is, until none waits so.
    // spec: mux:overload:congested-pairs
    #[inline]
    pub(super) fn is_congested(&self) -> bool {
        self.pairs.is_some()
            || self.sharing.is_some_and(|Sharing { soft_mark, window, .. }| {
                self.kernel == Kernel::Full
                    || self.unanswered >= window
                    || self.used.octets() > soft_mark.octets
                    || self.used.messages() > soft_mark.messages
            })
    }

    #[cold]
    pub(super) fn push_pair(
        &mut self,
        record: Record,
        source: SourceKey,
        outgoing: &Outgoing<'_>,
        shared: Option<&Bytes>,
        now: Instant,
    ) {
        let mut head = Vec::new();
        outgoing.put_lead(&mut head);
        let tail = shared.map(|whole| outgoing.shared_tail(whole));
        if tail.is_none() {
            head.extend_from_slice(outgoing.tail());
        }
        let item = Item { record, head, tail, since: now };
        self.pairs.get_or_insert_default().push(outgoing.line(source), item);
    }

    /// Moves the next of what waits by its sources among the chunks: the more, the longer the kernel
    /// takes all.
    #[cold]
    pub(super) fn refill(&mut self, spares: &mut Spares) {
        let Some(mut pairs) = self.pairs.take() else { return self.release_last(spares) };
        let mut octets: usize = 0;
        let least = self.sharing.map_or(0, |sharing| sharing.refill_len_min);
        let window = self.sharing.map_or(usize::MAX, |sharing| sharing.window);
        // Something in any case, or the writer would sleep; but not beyond the window: then it does.
        let enough = self.refill_len.max(least).max(1);
        self.refill_len = enough.saturating_mul(2).min(REFILL_LEN_MAX);
        while octets < enough
            && self.unanswered < window
            && let Some(Item { record, head, tail, .. }) = pairs.pop()
        {
            octets = octets.saturating_add(record.len);
            self.unanswered = self.unanswered.saturating_add(usize::from(record.is_message()));
            self.records.push_back(record);
            self.buffer(head.len(), spares).extend_from_slice(&head);
            if let Some(tail) = tail {
                self.seal();
                self.chunks.push_back(Chunk::Shared(tail));
            }
        }
        if pairs.is_empty() {
            self.release_last(spares);
        } else {
            self.pairs = Some(pairs);
        }
    }
}

/// Octets that are moved among the chunks at once at most: a write of so many costs hardly more than
/// its octets.
const REFILL_LEN_MAX: usize = 64 * 1024;
