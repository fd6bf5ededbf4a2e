//! What waits to be written to one peer.
//!
//! ```text
//!   push ─┬─ uncongested ──────────► chunks ──take──► Flight, in the writer's hands ──► kernel
//!         └─ congested ──► pairs ──────┘
//!   records: one for each message, until its last octet was accepted by the kernel
//! ```
//!
//! Small messages are copied one behind the other into buffers, so that a batch of them is one
//! write; large bodies are passed on as the slices they arrived in.

mod accepted;
mod back;
mod congestion;
mod last;
mod reserved;
mod run;
mod signs;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use zmtp_proto::{Ping, Pong};

pub(crate) use self::back::{Rest, START_LEN};
use self::congestion::Kernel;
pub(crate) use self::congestion::Sharing;
use self::signs::{Place, Signs};
use crate::core::envelope::Outgoing;
use crate::core::flight::{Chunk, Flight};
use crate::core::pairs::{Item, Line, Pairs};
use crate::core::pool::Used;
use crate::core::record::{Own, Record, Sent, Sign, What};
use crate::core::source::SourceKey;
use crate::core::spares::Spares;

/// The queue of one destination. `used` counts what is not handed over, in flight or not.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// Octets that the writer has not taken yet.
    chunks: VecDeque<Chunk>,
    /// Those behind the chunks, to which more are appended.
    open: Vec<u8>,
    /// All messages among them and in flight, and all else that is, in order.
    records: VecDeque<Record>,
    /// Octets of the first record that the kernel has accepted.
    accepted: usize,
    /// Octets in the writer's hands.
    in_flight: usize,
    /// Octets that a writer which has ended had in its hands, and lost.
    sealed: usize,
    /// What waits behind the chunks, while there is any.
    pairs: Option<Box<Pairs>>,
    /// What stands behind all of that.
    last: Option<Box<[u8]>>,
    /// When messages wait by their sources; never, if there is none.
    sharing: Option<Sharing>,
    kernel: Kernel,
    /// Octets that are moved among the chunks at once.
    refill_len: usize,
    /// Messages that were put among the chunks, less those that came from the peer since.
    unanswered: usize,
    used: Used,
    /// RETURNs that the peer has not been given yet.
    returns: usize,
    signs: Signs,
    writer: Writer,
    /// Messages and notices handed over since the peer was last heard.
    unheard: usize,
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

/// Whether a writer sleeps now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Rested {
    /// It does, and is woken when there is something.
    Yes,
    /// There is something.
    No,
}

impl Outbound {
    /// Makes an empty queue.
    pub(crate) fn new(sharing: Option<Sharing>) -> Self {
        Self {
            chunks: VecDeque::new(),
            open: Vec::new(),
            records: VecDeque::new(),
            accepted: 0,
            in_flight: 0,
            sealed: 0,
            pairs: None,
            last: None,
            sharing,
            kernel: Kernel::default(),
            refill_len: 0,
            unanswered: 0,
            used: Used::default(),
            returns: 0,
            signs: Signs::default(),
            writer: Writer::default(),
            unheard: 0,
        }
    }

    /// Queues a message whose encoding is, but for its lead, a part of `whole` if that is given.
    // spec: mux:order:pair-fifo
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of each message")]
    pub(crate) fn push(
        &mut self,
        sent: Sent,
        outgoing: &Outgoing<'_>,
        whole: Option<&Bytes>,
        spares: &mut Spares,
        now: Instant,
    ) -> Wake {
        let len = outgoing.len();
        let record = Record { len, what: What::Message(sent) };
        let shared = whole.filter(|_| outgoing.is_worth_a_slice());
        if shared.is_some() || self.is_congested() {
            self.push_otherwise(record, sent.source, outgoing, shared, spares, now);
        } else {
            self.used.take(len);
            self.records.push_back(record);
            self.unanswered = self.unanswered.saturating_add(1);
            let buffer = self.buffer(len, spares);
            outgoing.put_lead(buffer);
            buffer.extend_from_slice(outgoing.tail());
        }
        self.wake()
    }

    /// As [`push`](Self::push), for a large body or a congested peer. Apart, so that what most messages
    /// need is small.
    #[inline(never)]
    fn push_otherwise(
        &mut self,
        record: Record,
        source: SourceKey,
        outgoing: &Outgoing<'_>,
        shared: Option<&Bytes>,
        spares: &mut Spares,
        now: Instant,
    ) {
        let congested = self.is_congested();
        self.used.take(record.len);
        if congested {
            return self.push_pair(record, source, outgoing, shared, now);
        }
        self.records.push_back(record);
        self.unanswered = self.unanswered.saturating_add(1);
        let head_len = record.len.saturating_sub(outgoing.tail().len());
        outgoing.put_lead(self.buffer(head_len, spares));
        if let Some(whole) = shared {
            self.seal();
            self.chunks.push_back(Chunk::Shared(outgoing.shared_tail(whole)));
        }
    }

    /// Queues what the MUX says of its own, behind all that is in this line.
    pub(crate) fn push_own(
        &mut self,
        own: Own,
        octets: &[u8],
        line: Line<'_>,
        spares: &mut Spares,
        now: Instant,
    ) -> Wake {
        let len = octets.len();
        let congested = self.is_congested();
        let what = match own {
            Own::Return => {
                self.used.take(len);
                self.returns = self.returns.saturating_add(1);
                What::Return
            }
            Own::Notice { reserved } => What::Notice { reserved },
            Own::Hello => {
                if std::mem::replace(&mut self.signs.hello, Place::Taken) == Place::Taken {
                    return Wake::NotNeeded;
                }
                What::Hello
            }
        };
        let record = Record { len, what };
        if congested {
            let item = Item { record, head: octets.to_vec(), tail: None, since: now };
            self.pairs.get_or_insert_default().push(line, item);
        } else {
            self.records.push_back(record);
            self.buffer(len, spares).extend_from_slice(octets);
        }
        self.wake()
    }

    /// Queues what the MUX tells of services, to be taken at once. What waits by its sources is not
    /// held up by it.
    pub(crate) fn push_news(&mut self, octets: &[u8], spares: &mut Spares) {
        if self.pairs.is_some() && self.has_taken_all() {
            self.refill(spares);
        }
        let len = octets.len();
        if len > 0 {
            self.records.push_back(Record { len, what: What::Notice { reserved: len } });
            self.buffer(len, spares).extend_from_slice(octets);
        }
    }

    /// Wakes the writer for something that is not queued here.
    pub(crate) fn rouse(&mut self) -> Wake {
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
        self.records.push_back(Record { len, what: What::Sign(sign) });
        self.wake()
    }

    /// Notes that the peer was heard.
    pub(crate) fn hear(&mut self) {
        self.unheard = 0;
    }

    /// Tells whether the peer may be silent because it has something to read: messages or notices were
    /// handed over to it since it was last heard, or wait because it takes none.
    pub(crate) fn is_busy(&self) -> bool {
        self.unheard > 0
            || self.used.messages() > 0
            || self.records.iter().any(|record| matches!(record.what, What::Notice { .. }))
    }

    /// Tells whether a PING is not with the kernel yet.
    pub(crate) fn ping_waits(&self) -> bool {
        self.signs.ping == Place::Taken
    }

    /// Moves what waits into `flight`, which is empty, up to a bound and at least one chunk. Without
    /// anything, the writer sleeps.
    // spec: mux:return:in-doubt
    #[inline]
    pub(crate) fn take(&mut self, flight: &mut Flight, spares: &mut Spares) {
        debug_assert!(flight.is_empty());
        if self.waits() && self.has_taken_all() {
            self.refill(spares);
        }
        self.kernel = Kernel::Takes;
        if self.chunks.is_empty() {
            // All that waits is small, as it is for most.
            self.in_flight = self.open.len();
            if self.open.is_empty() {
                self.writer = Writer::Asleep;
            } else {
                flight.chunks.push_back(Chunk::Buffer(std::mem::take(&mut self.open)));
            }
            return;
        }
        self.seal();
        if self.used.octets() <= FLIGHT_LEN {
            std::mem::swap(&mut self.chunks, &mut flight.chunks);
            self.in_flight = flight.len();
        } else {
            // What a writer has in its hands is in doubt if it does not get to give it back.
            self.in_flight = 0;
            while self.in_flight < FLIGHT_LEN
                && let Some(chunk) = self.chunks.pop_front()
            {
                self.in_flight = self.in_flight.saturating_add(chunk.octets().len());
                flight.chunks.push_back(chunk);
            }
        }
    }

    /// Has the writer sleep if nothing waits for it: it has taken all.
    #[inline]
    pub(crate) fn rest(&mut self) -> Rested {
        if self.waits() || !self.has_taken_all() {
            return Rested::No;
        }
        self.writer = Writer::Asleep;
        Rested::Yes
    }

    /// Returns how many messages are not handed over, by walking them.
    pub(crate) fn messages(&self) -> usize {
        let far = self.pairs.as_ref().map_or(0, |pairs| pairs.messages());
        self.records.iter().map(Record::messages).sum::<usize>().saturating_add(far)
    }

    /// Tells whether nothing waits, not even a notice.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && !self.waits()
    }

    pub(crate) fn used(&self) -> &Used {
        &self.used
    }

    /// Returns what of a source waits here, but for what is on its way already.
    pub(crate) fn used_by(&self, source: SourceKey) -> Used {
        self.pairs.as_ref().map(|pairs| pairs.used(source)).unwrap_or_default()
    }

    /// Returns how many RETURNs the peer has not been given yet.
    pub(crate) fn returns(&self) -> usize {
        self.returns
    }

    fn wake(&mut self) -> Wake {
        match std::mem::replace(&mut self.writer, Writer::Awake) {
            Writer::Asleep => Wake::Needed,
            Writer::Awake => Wake::NotNeeded,
        }
    }

    /// Tells whether the writer has taken all but what waits by its sources.
    fn has_taken_all(&self) -> bool {
        self.chunks.is_empty() && self.open.is_empty()
    }

    /// Returns the buffer at the end of the queue, with room for `len` octets or empty.
    #[inline]
    fn buffer(&mut self, len: usize, spares: &mut Spares) -> &mut Vec<u8> {
        if self.open.len().saturating_add(len) > BUFFER_LEN_MAX || self.open.capacity() == 0 {
            self.begin_buffer(spares);
        }
        &mut self.open
    }

    // Apart, so that the rest is small enough to be inlined for each message.
    #[inline(never)]
    fn begin_buffer(&mut self, spares: &mut Spares) {
        self.seal();
        self.open = spares.take();
    }

    /// Makes the octets at the end of the queue a chunk.
    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.chunks.push_back(Chunk::Buffer(std::mem::take(&mut self.open)));
        }
    }
}

/// Octets after which a new buffer is begun, so that none is copied again and again in growing.
const BUFFER_LEN_MAX: usize = 64 * 1024;

/// Octets from which on a writer is given no more at once: as much as may wait for a peer that is not
/// congested, by default.
const FLIGHT_LEN: usize = 256 * 1024;

#[cfg(test)]
mod tests;
