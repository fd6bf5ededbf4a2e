//! What waits to be written to one peer.
//!
//! ```text
//!   push ──► chunks ──take──► Flight, in the writer's hands ──write──► kernel
//!   records: one for each message, until its last octet was accepted by the kernel
//! ```
//!
//! Small messages are copied one behind the other into buffers, so that a batch of them is one
//! write; large bodies are passed on as the slices they arrived in.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;
use zmtp_proto::{Ping, Pong};

use crate::core::envelope::Outgoing;
use crate::core::pool::Used;
use crate::core::spares::Spares;

/// The queue of one destination. `used` counts what is not handed over, in flight or not.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    /// Octets that the writer has not taken yet.
    chunks: VecDeque<Chunk>,
    /// All messages that are not handed over, and the signs of life among them, in order.
    records: VecDeque<Record>,
    /// Octets of the first record that the kernel has accepted.
    accepted: usize,
    /// Octets in the writer's hands.
    in_flight: usize,
    used: Used,
    signs: Signs,
    writer: Writer,
    /// Messages handed over since the peer was last heard.
    unheard: usize,
}

/// Octets to write.
#[derive(Debug)]
enum Chunk {
    /// Small messages and the heads of large ones.
    Buffer(Vec<u8>),
    /// A large body, where it arrived.
    Shared(Bytes),
}

/// Whose octets come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    Message { len: usize },
    Sign { sign: Sign, len: usize },
}

/// A command by which the peer knows that we live, or we that it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Ping,
    Pong,
}

/// Which signs are among the records. A queue may be long, and PINGs many: nobody looks for them
/// there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signs {
    ping: Place,
    pong: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Free,
    Taken,
}

impl Signs {
    fn place(&mut self, sign: Sign) -> &mut Place {
        match sign {
            Sign::Ping => &mut self.ping,
            Sign::Pong => &mut self.pong,
        }
    }
}

/// Whether the writer knows that there is something to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Asleep,
    Awake,
}

/// Whether a destination's writer has to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Wake {
    /// It sleeps.
    Needed,
    /// It knows already.
    NotNeeded,
}

impl Outbound {
    /// Queues a message whose encoding is, but for its lead, a part of `whole` if that is given.
    // spec: mux:order:pair-fifo
    #[inline]
    pub(crate) fn push(
        &mut self,
        outgoing: &Outgoing<'_>,
        whole: Option<&Bytes>,
        spares: &mut Spares,
    ) -> Wake {
        let len = outgoing.len();
        self.used.take(len);
        self.records.push_back(Record::Message { len });
        let tail = outgoing.tail();
        match whole {
            Some(whole) if tail.len() >= SHARED_LEN_MIN => {
                outgoing.put_lead(self.buffer(len.saturating_sub(tail.len()), spares));
                self.chunks.push_back(Chunk::Shared(outgoing.shared_tail(whole)));
            }
            _ => {
                let buffer = self.buffer(len, spares);
                outgoing.put_lead(buffer);
                buffer.extend_from_slice(tail);
            }
        }
        self.wake()
    }

    /// Queues the answer to a PING, unless one is waiting: one is enough of a sign of life.
    pub(crate) fn push_pong(&mut self, pong: &Pong, spares: &mut Spares) -> Wake {
        self.push_sign(Sign::Pong, |buffer| pong.put(buffer), spares)
    }

    /// Queues a PING, unless one is waiting.
    // spec: 37:heartbeat:few-outstanding
    pub(crate) fn push_ping(&mut self, ping: Ping, spares: &mut Spares) -> Wake {
        self.push_sign(Sign::Ping, |buffer| ping.put(buffer), spares)
    }

    fn push_sign(
        &mut self,
        sign: Sign,
        put: impl FnOnce(&mut Vec<u8>),
        spares: &mut Spares,
    ) -> Wake {
        if std::mem::replace(self.signs.place(sign), Place::Taken) == Place::Taken {
            return Wake::NotNeeded;
        }
        let buffer = self.buffer(Pong::LEN_MAX.max(Ping::LEN), spares);
        let before = buffer.len();
        put(buffer);
        let len = buffer.len().saturating_sub(before);
        self.records.push_back(Record::Sign { sign, len });
        self.wake()
    }

    /// Notes that the peer was heard.
    pub(crate) fn hear(&mut self) {
        self.unheard = 0;
    }

    /// Tells whether the peer may be silent because it has something to read: messages were handed
    /// over to it since it was last heard, or wait because it takes none.
    pub(crate) fn is_busy(&self) -> bool {
        self.unheard > 0 || self.used.messages() > 0
    }

    /// Moves all that waits into `flight`, which is empty. Without anything, the writer sleeps.
    #[inline]
    pub(crate) fn take(&mut self, flight: &mut Flight) {
        debug_assert!(flight.is_empty());
        if self.chunks.is_empty() {
            self.writer = Writer::Asleep;
        } else {
            std::mem::swap(&mut self.chunks, &mut flight.chunks);
            self.in_flight = flight.len();
        }
    }

    /// Notes that the kernel has accepted `octets` of what is in flight, and returns how many
    /// messages it has now whole, and their octets.
    // spec: mux:conservation:handed-over, mux:delivery:at-most-once
    #[inline]
    pub(crate) fn accepted(&mut self, octets: usize, mut handed_over: impl FnMut(usize)) {
        self.in_flight = self.in_flight.saturating_sub(octets);
        self.accepted = self.accepted.saturating_add(octets);
        while let Some(len) = self.records.front().map(Record::len) {
            let Some(left) = self.accepted.checked_sub(len) else { return };
            self.accepted = left;
            match self.records.pop_front() {
                Some(Record::Message { len }) => {
                    self.used.give_back(len);
                    self.unheard = self.unheard.saturating_add(1);
                    handed_over(len);
                }
                Some(Record::Sign { sign, .. }) => *self.signs.place(sign) = Place::Free,
                None => {}
            }
        }
    }

    /// Takes back the message that the writer has not taken, and returns its octets.
    ///
    /// For links to a REQ, where at most one answer waits. A PONG beside it stays.
    pub(crate) fn withdraw(&mut self) -> Option<usize> {
        let taken = self.accepted.saturating_add(self.in_flight);
        let mut before: usize = 0;
        let place = self.records.iter().position(|record| {
            let found = before >= taken && matches!(record, Record::Message { .. });
            if !found {
                before = before.saturating_add(record.len());
            }
            found
        })?;
        let len = self.records.remove(place)?.len();
        self.cut(before.saturating_sub(taken), len);
        self.used.give_back(len);
        Some(len)
    }

    /// Removes `len` octets, the first of them `start` octets into what the writer has not taken.
    fn cut(&mut self, start: usize, len: usize) {
        let (mut from, mut to) = (start, start.saturating_add(len));
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

    /// Returns the octets of each message that is not handed over, in order.
    pub(crate) fn messages(&self) -> impl Iterator<Item = usize> {
        self.records.iter().filter_map(|record| match record {
            Record::Message { len } => Some(*len),
            Record::Sign { .. } => None,
        })
    }

    pub(crate) fn used(&self) -> &Used {
        &self.used
    }

    fn wake(&mut self) -> Wake {
        match std::mem::replace(&mut self.writer, Writer::Awake) {
            Writer::Asleep => Wake::Needed,
            Writer::Awake => Wake::NotNeeded,
        }
    }

    /// Returns a buffer at the end of the queue with room for `len` octets, or the first of them.
    #[inline]
    fn buffer(&mut self, len: usize, spares: &mut Spares) -> &mut Vec<u8> {
        let fits = match self.chunks.back() {
            Some(Chunk::Buffer(buffer)) => buffer.len().saturating_add(len) <= BUFFER_LEN_MAX,
            Some(Chunk::Shared(_)) | None => false,
        };
        if !fits {
            self.chunks.push_back(Chunk::Buffer(spares.take()));
        }
        match self.chunks.back_mut() {
            Some(Chunk::Buffer(buffer)) => buffer,
            Some(Chunk::Shared(_)) | None => unreachable!("a buffer was just put there"),
        }
    }
}

impl Record {
    fn len(&self) -> usize {
        match self {
            Self::Message { len } | Self::Sign { len, .. } => *len,
        }
    }
}

/// Octets on their way to one peer, in the hands of its writer.
#[derive(Debug, Default)]
pub struct Flight {
    chunks: VecDeque<Chunk>,
    /// Octets of the first chunk that are written already.
    written: usize,
    /// An empty buffer to be used again.
    spent: Option<Vec<u8>>,
}

impl Flight {
    /// Tells whether all is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Fills `slices` with what comes next, for a vectored write, and returns how many are used.
    #[inline]
    pub fn slices<'f>(&'f self, slices: &mut [IoSlice<'f>]) -> usize {
        let mut skip = self.written;
        let mut count: usize = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk.octets().get(skip..).unwrap_or_default());
            skip = 0;
            count = count.saturating_add(1);
        }
        count
    }

    /// Returns what comes next, as far as it lies in one piece: whole frames, if whole ones were
    /// taken so far. Empty when all is written.
    #[must_use]
    pub fn next(&self) -> &[u8] {
        let chunk = self.chunks.front().map(Chunk::octets).unwrap_or_default();
        chunk.get(self.written..).unwrap_or_default()
    }

    /// Notes that `octets` more are written.
    #[inline]
    pub fn advance(&mut self, octets: usize) {
        self.written = self.written.saturating_add(octets);
        while let Some(left) =
            self.chunks.front().and_then(|chunk| self.written.checked_sub(chunk.octets().len()))
        {
            self.written = left;
            if let Some(Chunk::Buffer(buffer)) = self.chunks.pop_front() {
                self.spent = Some(buffer);
            }
        }
    }

    /// Returns the octets that are not written.
    fn len(&self) -> usize {
        let whole: usize = self.chunks.iter().map(|chunk| chunk.octets().len()).sum();
        whole.saturating_sub(self.written)
    }

    /// Gives the last buffer that was written back for further use.
    pub(crate) fn recycle(&mut self, spares: &mut Spares) {
        if let Some(buffer) = self.spent.take() {
            spares.give(buffer);
        }
    }
}

impl Chunk {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Buffer(octets) => octets,
            Self::Shared(octets) => octets,
        }
    }
}

/// From this many octets on a body is passed on as a slice instead of copied. A copy of this size
/// costs less than the extra slice in the write and the allocation that the slice keeps alive.
const SHARED_LEN_MIN: usize = 16 * 1024;

/// Octets after which a new buffer is begun, so that none is copied again and again in growing.
const BUFFER_LEN_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
