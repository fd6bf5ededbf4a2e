//! The reading half of a connection: octets off the socket, messages into the core.
//!
//! An idle connection holds no read buffer: octets arrive in one that the connections of a thread
//! share, and only what is left of an unfinished message is kept. A message that does not fit
//! there is read into a buffer of its own, which large bodies are then slices of.

mod deadline;
mod pause;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::{Instant, Sleep};
use zmtp_proto::{ConnectionError, Octets, Received, Traffic};

use crate::core::{Charge, Encoded, FREE_LEN, Role, Runs, Supply, Treatment};
use crate::net::alarm::Alarm;
use crate::net::clock::now;
use crate::net::end::End;
use crate::net::flow::Flow;
use crate::net::guest::Seat;
use crate::net::link::keep_alive;
use crate::net::mark::wake_last;
use crate::net::shared::Kind;
use crate::net::stream::Half;

/// What a handshake leaves for the reader.
pub(crate) struct Opening {
    pub(crate) traffic: Traffic,
    /// Octets that came behind the handshake.
    pub(crate) inbox: BytesMut,
    /// When to close a service that has no name, and may do nothing until then.
    pub(crate) nameless_until: Option<Instant>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Read,
    /// A look whether the socket has more.
    Look,
}

/// Reads from one peer.
pub(crate) struct Reader<'s, R> {
    read: &'s mut R,
    seat: &'s Seat,
    treatment: Treatment,
    traffic: Traffic,
    /// The beginning of a message whose end has not arrived.
    inbox: BytesMut,
    nameless_until: Option<Instant>,
    next: Next,
    alarm: Option<Alarm>,
    /// The deadline that has passed, if the sockets are looked at before it counts.
    passed: Option<Instant>,
    /// Since when the core wants no more of this peer.
    withheld: Option<std::time::Instant>,
    /// Until when a peer that has closed is read as far as the core wants it.
    leaves: Option<std::time::Instant>,
    /// When to ask the core again whether it wants more, or has room for the rest of a message.
    look: Option<Pin<Box<Sleep>>>,
}

impl<'s, R: AsyncRead + Half + Unpin> Reader<'s, R> {
    pub(crate) fn new(read: &'s mut R, seat: &'s Seat, opening: Opening) -> Self {
        let Opening { traffic, inbox, nameless_until } = opening;
        let treatment = seat.shared.with_core(|core| core.treatment(seat.key));
        R::open_keeper();
        Self {
            read,
            seat,
            treatment,
            traffic,
            inbox,
            nameless_until,
            next: Next::Read,
            alarm: None,
            passed: None,
            withheld: None,
            leaves: None,
            look: None,
        }
    }

    /// Reads until the socket has no more, or the connection ends: then it says why.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        SCRATCH.with_borrow_mut(|scratch| self.poll_reads(cx, scratch))
    }

    fn poll_reads(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<End> {
        let next = std::mem::replace(&mut self.next, Next::Read);
        if next == Next::Look && self.read.poll_more(cx).is_pending() {
            return self.poll_alarm(cx);
        }
        let mut octets: usize = 0;
        for _ in 0..TURN_READS_MAX {
            if self.withheld.is_some()
                && let Err(end) = ready!(self.poll_resume(cx))
            {
                return Poll::Ready(end);
            }
            let turn = if self.fits_scratch() {
                self.poll_scratch(cx, scratch)
            } else {
                self.poll_inbox(cx)
            };
            match turn {
                Poll::Ready(Ok(read)) => octets = octets.saturating_add(read),
                Poll::Ready(Err(end)) => return Poll::Ready(end),
                // Without an octet no deadline has come nearer.
                Poll::Pending if octets == 0 && self.is_alarm_set() => return Poll::Pending,
                Poll::Pending => return self.poll_alarm(cx),
            }
            if self.withheld.is_none() {
                let is_short = octets <= SHORT_LEN && self.seat.shared.kind != Kind::Relay;
                if is_short && next == Next::Read {
                    // What is so short may be all that its sender waits with. The application comes
                    // first, and what it answers, and only then the look at what else there is, and at
                    // the clock: but not twice, or who always has a little more has no deadline.
                    self.next = Next::Look;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if self.read.poll_more(cx).is_pending() {
                    return self.poll_alarm(cx);
                }
            }
            if octets >= TURN_OCTETS_MAX {
                break;
            }
        }
        // There is more, but the others' turn comes first, and the look at which sockets have
        // octets now: a task that merely wakes itself runs dozens of times before that.
        wake_last(cx.waker());
        // A busy peer has its deadlines as well.
        self.poll_alarm(cx)
    }

    /// Returns how the core wants this peer treated.
    pub(crate) fn treatment(&self) -> &Treatment {
        &self.treatment
    }

    /// Tells whether the core wants no more of this peer.
    pub(crate) fn is_withheld(&self) -> bool {
        self.withheld.is_some()
    }

    /// Reads into the thread's buffer, behind what is kept of an unfinished message, and returns how
    /// many octets that were.
    fn poll_scratch(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<Result<usize, End>> {
        let kept = self.inbox.len().saturating_add(self.traffic.held());
        let supply = self.seat.shared.supply();
        // spec: mux:overload:kept-charged
        let (most, is_scarce) = match (supply, self.nameless_until) {
            (Supply::Ample, None) => (CHUNK_LEN, false),
            (Supply::Short, _) | (_, Some(_)) => (FREE_LEN, true),
        };
        // While there is plenty, there is for this as well.
        if self.traffic.held() > 0 || kept > 0 && is_scarce {
            ready!(self.poll_room(cx, kept.saturating_add(most)))?;
        }
        let (kept, free) = scratch.split_at_mut(self.inbox.len());
        let most = most.min(free.len());
        let mut buffer = ReadBuf::new(free.get_mut(..most).unwrap_or_default());
        let outcome = ready!(Pin::new(&mut *self.read).poll_read(cx, &mut buffer));
        let octets = buffer.filled().len();
        if let Err(error) = outcome {
            return Poll::Ready(Err(End::Failed(error.kind())));
        }
        if octets == 0 {
            return Poll::Ready(Err(End::PeerLeft));
        }
        kept.copy_from_slice(&self.inbox);
        let input_len = kept.len().saturating_add(octets);
        let input = scratch.get(..input_len).unwrap_or_default();
        let consumed = match self.route(input) {
            Ok(consumed) => consumed,
            Err(error) => return Poll::Ready(Err(error.into())),
        };
        self.keep(input.get(consumed..).unwrap_or_default());
        Poll::Ready(Ok(octets))
    }

    /// Reads into the connection's own buffer, behind the beginning of a large message, and returns
    /// how many octets that were.
    fn poll_inbox(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, End>> {
        let missing = self.traffic.wanted().saturating_sub(self.inbox.len());
        // Room follows what has arrived, so that a header alone buys no more than a chunk; and it
        // ends with the message, so that a slice of the buffer keeps no stranger's octets alive.
        let room = match missing {
            0 => CHUNK_LEN,
            _ => missing.min(self.inbox.len().max(CHUNK_LEN)),
        };
        let held = self.inbox.len().saturating_add(self.traffic.held());
        ready!(self.poll_room(cx, held.saturating_add(room)))?;
        self.inbox.reserve(room);
        let mut limited = (&mut self.inbox).limit(room);
        let outcome = ready!(pin!(self.read.read_buf(&mut limited)).poll(cx));
        Poll::Ready(match outcome {
            Ok(0) => Err(End::PeerLeft),
            Ok(octets) => self.route_inbox().map(|()| octets).map_err(End::from),
            Err(error) => Err(End::Failed(error.kind())),
        })
    }

    /// Routes all whole messages at the front of `input`, under one lock, and returns the octets
    /// that they were.
    fn route(&mut self, input: &[u8]) -> Result<usize, ConnectionError> {
        let now = now();
        let (key, traffic, withheld) = (self.seat.key, &mut self.traffic, &mut self.withheld);
        let treatment = &mut self.treatment;
        let kept = self.inbox.len().saturating_add(traffic.held());
        let was = treatment.role;
        let consumed = self.seat.shared.with_core(|core| {
            if kept > 0 {
                let _: Charge = core.handle_partial(key, 0);
            }
            let mut consumed: usize = 0;
            let (mut flow, mut runs) = (Flow::default(), core.runs());
            // The clock of an unfinished message is set by a look behind it.
            while consumed < input.len() || traffic.held() > 0 {
                let rest = input.get(consumed..).unwrap_or_default();
                if runs == Runs::Queued
                    && let Some(run) =
                        traffic.handle_run(rest.get(..RUN_LEN_MAX).unwrap_or(rest), now)
                {
                    runs = core.handle_run(key, &run, now);
                    if runs == Runs::Queued {
                        consumed = consumed.saturating_add(run.octets.len());
                        continue;
                    }
                }
                let Some(arrival) = traffic.handle_input(rest, now)? else { break };
                consumed = consumed.saturating_add(arrival.consumed);
                let whole;
                // One place where messages enter the core, so that its path can be inlined there.
                let message = match arrival.received {
                    Received::Message(Octets::InPlace(octets) | Octets::Opened(octets)) => {
                        Encoded::Borrowed(octets)
                    }
                    Received::Message(Octets::Reassembled(octets)) => {
                        whole = octets;
                        Encoded::Shared(&whole)
                    }
                    Received::Ping(pong) => {
                        core.handle_ping(key, &pong);
                        continue;
                    }
                    // Meant for publishers, of which there is none here.
                    Received::Subscription(_) | Received::Membership(_) | Received::Nothing => {
                        continue;
                    }
                };
                flow.route(core, key, message, now);
                if flow.has_stopped() {
                    break;
                }
            }
            core.handle_octets(key);
            *withheld = flow.withheld(now);
            if flow != Flow::Smooth {
                *treatment = core.treatment(key);
            }
            let left = input.len().saturating_sub(consumed).saturating_add(traffic.held());
            if left > 0 {
                core.handle_kept(key, left);
            }
            Ok::<usize, ConnectionError>(consumed)
        })?;
        self.note_role(was);
        Ok(consumed)
    }

    /// Routes all whole messages in the connection's own buffer; a large one leaves it whole.
    pub(crate) fn route_inbox(&mut self) -> Result<(), ConnectionError> {
        let now = now();
        let (key, traffic, inbox) = (self.seat.key, &mut self.traffic, &mut self.inbox);
        let (withheld, treatment) = (&mut self.withheld, &mut self.treatment);
        let (buffered, was) = (inbox.len(), treatment.role);
        self.seat.shared.with_core(|core| {
            let mut flow = Flow::default();
            while !flow.has_stopped()
                && let Some(arrival) = traffic.handle_input(inbox, now)?
            {
                let consumed = arrival.consumed;
                if let Received::Message(_) = arrival.received {
                    // It is whole, and takes room as such.
                    let _: Charge = core.handle_partial(key, 0);
                }
                match arrival.received {
                    // One that is the smaller part of the buffer must not keep all of it alive.
                    Received::Message(Octets::InPlace(octets)) if consumed < buffered / 2 => {
                        flow.route(core, key, Encoded::Borrowed(octets), now);
                    }
                    Received::Message(Octets::InPlace(_)) => {
                        let whole = inbox.split_to(consumed).freeze();
                        flow.route(core, key, Encoded::Shared(&whole), now);
                        continue;
                    }
                    Received::Message(Octets::Opened(octets)) => {
                        flow.route(core, key, Encoded::Borrowed(octets), now);
                    }
                    Received::Message(Octets::Reassembled(octets)) => {
                        flow.route(core, key, Encoded::Shared(&octets), now);
                    }
                    Received::Ping(pong) => core.handle_ping(key, &pong),
                    // Meant for publishers, of which there is none here.
                    Received::Subscription(_) | Received::Membership(_) | Received::Nothing => {}
                }
                inbox.advance(consumed);
            }
            // A look into an empty buffer is no sign of life: the peer may be asked for one.
            if buffered > 0 {
                core.handle_octets(key);
            }
            *withheld = flow.withheld(now);
            if flow != Flow::Smooth {
                *treatment = core.treatment(key);
            }
            if buffered > 0 {
                core.handle_kept(key, inbox.len().saturating_add(traffic.held()));
            }
            Ok::<(), ConnectionError>(())
        })?;
        self.note_role(was);
        // What is left moves, so that it does not keep alive what stood before it, be it the
        // handshake.
        if self.inbox.is_empty() || self.inbox.len() < buffered {
            self.inbox = BytesMut::from(self.inbox.as_ref());
        }
        Ok(())
    }

    /// Has the system treat a peer as what it is, if it was something else before.
    fn note_role(&self, was: Role) {
        if self.treatment.role != was {
            keep_alive(self.read, self.seat, self.traffic.pairing().version);
        }
    }

    /// Keeps the beginning of an unfinished message.
    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            if self.inbox.capacity() > 0 {
                self.inbox = BytesMut::new();
            }
        } else {
            self.inbox.clear();
            self.inbox.extend_from_slice(rest);
        }
    }

    /// Tells whether the unfinished message is small enough for the thread's buffer.
    fn fits_scratch(&self) -> bool {
        self.inbox.len() <= KEPT_LEN_MAX && self.traffic.wanted() <= CHUNK_LEN
    }
}

/// Octets read from one connection before the others' turn.
// spec: 28:router:fair-turns
const TURN_OCTETS_MAX: usize = CHUNK_LEN;

/// Reads from one connection before the others' turn, however short.
const TURN_READS_MAX: usize = 4;

/// Octets up to which a read is a short one: those of a small message or two, and of no batch.
const SHORT_LEN: usize = 256;

/// Octets of a run of messages: what is copied at once is copied fast, and soon cold.
const RUN_LEN_MAX: usize = 2 * 1024;

/// Octets read at once.
const CHUNK_LEN: usize = 64 * 1024;

/// Octets of an unfinished message that go through the thread's buffer again. A copy of so much
/// costs less than a buffer of its own for each connection.
const KEPT_LEN_MAX: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> =
        RefCell::new(vec![0; CHUNK_LEN + KEPT_LEN_MAX].into_boxed_slice());
}
