//! Pauses: when a client is not read, and for how long.
//!
//! | it has                                   | it is not read until                            |
//! |------------------------------------------|-------------------------------------------------|
//! | a message that waits for room            | there is room, or its time is over: dropped     |
//! | a message that cannot even be returned   | it can                                          |
//! | no token, having been refused too often  | it has one again                                |
//! | too many RETURNs that it does not read   | it reads                                        |
//! | an unfinished message without room       | there is room; the clock of that one runs on    |
//!
//! A service is never paused, but at a [terminal](crate::core::terminal).

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::core::binding::{Binding, BindingKey, Link};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::{Envelope, open, open_req};
use crate::core::local::Mode;
use crate::core::mux::MuxCore;
use crate::core::returns::Returned;
use crate::core::role::Role;
use crate::core::room::Short;
use crate::core::route::{Encoded, Outcome, Refused};

/// A message that is neither admitted nor refused yet. It counts as queued.
#[derive(Debug)]
pub(crate) struct Parked {
    /// As it came.
    pub(crate) message: Bytes,
    /// Its destination, if there is one.
    pub(crate) to: Option<BindingKey>,
    pub(crate) short: Short,
    pub(crate) waits: Waits,
    /// When it is dropped.
    pub(crate) until: Option<Instant>,
}

/// What a parked message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Room at its destination.
    ForRoom,
    /// Room for its RETURN.
    ToReturn(DropReason),
}

/// Whether a peer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pause {
    /// It is.
    Read,
    /// It is not. Ask again when its task is woken, and at this time.
    Wait {
        /// When to ask again.
        until: Instant,
    },
}

impl MuxCore {
    /// Tells whether a peer is read now.
    // spec: mux:overload:pauses-clients-only
    pub fn poll_pause(&mut self, key: BindingKey, now: Instant) -> Pause {
        self.now = now;
        self.retry(key);
        let refusals = self.limits.refusals;
        let soon = look_among(self.used_by_parked.messages());
        let Some(binding) = self.bindings.get_mut(key) else { return Pause::Read };
        let wait = if let Some(parked) = binding.parked() {
            // What frees the room for a share is told to nobody, so that one looks now and then.
            let look = match parked.short {
                Short::Destination => LOOK_LATER,
                Short::Share => soon,
            };
            let left = parked.until.map(|until| until.saturating_duration_since(now));
            left.map_or(look, |left| left.min(look))
        } else if binding.role == Role::Service {
            return Pause::Read;
        } else if binding.outbound.returns() > self.limits.returns_unread {
            // spec: mux:overload:unread-returns
            LOOK_LATER
        } else {
            binding.tokens.wait(refusals, now).min(LOOK_LATER)
        };
        if wait.is_zero() {
            return Pause::Read;
        }
        Pause::Wait { until: now.checked_add(wait).unwrap_or(now) }
    }

    pub(super) fn park_message(&mut self, from: BindingKey, parked: Parked) {
        let len = parked.message.len();
        if let Some(to) = parked.to.and_then(|to| self.bindings.get_mut(to)) {
            to.ties().waiters.push(from);
        }
        let Some(binding) = self.bindings.get_mut(from) else { return };
        let source = binding.source;
        binding.ties().parked = Some(parked);
        self.used.take(len);
        self.used_by_parked.take(len);
        self.sources.take(source, len);
    }

    /// Tries again to admit or to return what a client has parked.
    pub(super) fn retry(&mut self, from: BindingKey) {
        let Some(parked) = self.unpark(from) else { return };
        if self.mode == Mode::Terminal {
            return self.retry_inbound(from, parked);
        }
        let over = parked.until.is_some_and(|until| until <= self.now);
        let message = Encoded::Shared(&parked.message);
        let outcome = match (parked.waits, self.reopen(from, &parked.message)) {
            (_, None) => self.drop_message(DropReason::Malformed),
            (Waits::ForRoom, Some(envelope)) => {
                match self.admit(from, &envelope, message.whole()) {
                    Ok(()) => Outcome::Admitted,
                    Err(Refused::NoRoom { to, short }) if over => {
                        self.note_stall(from, to, short);
                        bump(&mut self.counters.stalls);
                        self.lose(envelope.address, DropReason::Busy)
                    }
                    Err(Refused::NoRoom { to, short }) => {
                        let again = Parked { to: Some(to), short, ..parked.again() };
                        self.park_again(from, again)
                    }
                    Err(refused) => self.refuse(from, &envelope, message, refused),
                }
            }
            (Waits::ToReturn(reason), Some(envelope)) => {
                self.refuse_again(from, &envelope, &parked, reason)
            }
        };
        if outcome != Outcome::Parked {
            self.wakes.push(from);
        }
    }

    fn refuse_again(
        &mut self,
        from: BindingKey,
        envelope: &Envelope<'_>,
        parked: &Parked,
        reason: DropReason,
    ) -> Outcome {
        match self.offer_back(from, envelope, reason) {
            Returned::Queued => {
                self.counters.return_message(reason);
                Outcome::Returned(reason)
            }
            Returned::NoRoom => self.park_again(from, parked.again()),
            Returned::NotTaken => self.drop_message(reason),
        }
    }

    fn park_again(&mut self, from: BindingKey, parked: Parked) -> Outcome {
        self.park_message(from, parked);
        Outcome::Parked
    }

    /// Retries those who wait for room at `to`, in their order, until there is none again; and not
    /// many at once, since it is a destination that trickles which has most of them.
    pub(super) fn retry_waiters(&mut self, to: BindingKey) {
        let Some(ties) = self.bindings.get_mut(to).and_then(|to| to.ties.as_mut()) else { return };
        let mut waiters = std::mem::take(&mut ties.waiters).into_iter();
        let mut full = None;
        for from in waiters.by_ref().take(RETRIES_MAX) {
            self.retry(from);
            let parked = self.bindings.get(from).and_then(Binding::parked);
            if parked.is_some_and(|parked| parked.short == Short::Destination) {
                full = Some(from);
                break;
            }
        }
        let Some(ties) = self.bindings.get_mut(to).and_then(|to| to.ties.as_mut()) else { return };
        // Whose own share is short comes behind those who were not tried.
        let (first, last): (Vec<_>, Vec<_>) =
            std::mem::take(&mut ties.waiters).into_iter().partition(|key| full == Some(*key));
        ties.waiters = first.into_iter().chain(waiters).chain(last).collect();
    }

    /// Takes out what a client has parked, and gives back its room.
    pub(super) fn unpark(&mut self, from: BindingKey) -> Option<Parked> {
        let binding = self.bindings.get_mut(from)?;
        let parked = binding.ties.as_mut()?.parked.take()?;
        let source = binding.source;
        self.used.give_back(parked.message.len());
        self.used_by_parked.give_back(parked.message.len());
        self.sources.give_back(source, parked.message.len());
        if let Some(ties) = parked.to.and_then(|to| self.bindings.get_mut(to)?.ties.as_mut()) {
            ties.waiters.retain(|&other| other != from);
        }
        Some(parked)
    }

    /// Notes that somebody was held up for as long as that may be.
    // spec: mux:overload:stall
    fn note_stall(&mut self, from: BindingKey, to: BindingKey, short: Short) {
        match short {
            Short::Destination => {
                if let Some(to) = self.bindings.get_mut(to) {
                    to.stalled = Some(to.outbound.used().octets() / 2);
                }
                self.tell_stalled(to);
            }
            Short::Share => {
                let source = self.bindings.get(from).map(|from| from.source);
                if let Some(source) = source.and_then(|source| self.sources.get_mut(source)) {
                    source.stalled = Some(source.held.octets() / 2);
                }
            }
        }
    }

    fn reopen<'m>(&self, from: BindingKey, message: &'m [u8]) -> Option<Envelope<'m>> {
        match self.bindings.get(from)? {
            Binding { link: Link::Req(_), .. } => open_req(message).ok(),
            Binding { .. } => open(message).ok(),
        }
    }
}

impl Parked {
    fn again(&self) -> Self {
        Self { message: self.message.clone(), ..*self }
    }
}

/// Parked messages that are tried again each time room falls free.
const RETRIES_MAX: usize = 64;

/// Returns how soon one looks again who waits, as `count` do, for what is told to nobody. Many look less
/// often each, so that they look no more often in all.
pub(super) fn look_among(count: usize) -> Duration {
    let crowd = u32::try_from(count / RETRIES_MAX).unwrap_or(u32::MAX);
    LOOK_SOON.saturating_mul(crowd.saturating_add(1)).min(LOOK_LATER)
}

/// How soon one looks again if it is alone.
const LOOK_SOON: Duration = Duration::from_millis(20);

/// How late at most one looks again who is woken when it is time.
const LOOK_LATER: Duration = Duration::from_secs(1);
