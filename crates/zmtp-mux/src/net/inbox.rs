//! What waits for the application: messages and events, in order.
//!
//! Several tasks may take from one inbox, each thing goes to one of them. What is taken counts as
//! handed over when the call returns it, and its room is free then.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use zmtp_proto::Message;

use crate::core::{
    BindingKey, Delivery, Event, Flight, MuxCore, PeerInfo, Rule, Takes, Token, Transmit,
};
use crate::net::bell::{Bell, Ear};
use crate::net::clock::now;
use crate::net::mark::wake_last;
use crate::net::shared::Shared;

/// The application's end of a MUX.
#[derive(Debug)]
pub(crate) struct Inbox {
    shared: Arc<Shared>,
    key: BindingKey,
    pub(crate) bell: Arc<Bell>,
    state: Mutex<State>,
    /// How often the bell had rung when the core had nothing, if it had not: until it rings again, there
    /// is nothing.
    empty_at: AtomicU64,
    /// How often somebody has looked since one waited, or gave way.
    in_a_row: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    flight: Flight,
    /// Peers whose coming was taken, and whose going was not.
    peers: HashMap<Token, Arc<PeerInfo>>,
    /// Whose the last message was: mostly the next one's, too.
    last: Option<Arc<PeerInfo>>,
}

/// Something that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken<'p> {
    Message {
        from: &'p Arc<PeerInfo>,
        message: Message,
    },
    /// A peer has ended, of which this was known.
    Gone {
        peer: Arc<PeerInfo>,
        event: Event,
    },
    Event(Event),
}

impl Taken<'_> {
    /// Returns the message that was taken, if it is one.
    #[inline]
    pub(crate) fn message(taken: Taken<'_>) -> Option<Message> {
        match taken {
            Taken::Message { message, .. } => Some(message),
            Taken::Gone { .. } | Taken::Event(_) => None,
        }
    }
}

/// There is nothing, and will be nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

impl Inbox {
    /// Makes the application's end of a MUX; `None` if there is one.
    pub(crate) fn open(shared: &Arc<Shared>, takes: Takes, rule: Rule) -> Option<Self> {
        let key = shared.with_core(|core| core.open_local(takes, rule, now()))?;
        let bell = Arc::<Bell>::default();
        shared.note_waker(key, Arc::clone(&bell).into());
        let (shared, state) = (Arc::clone(shared), Mutex::default());
        let (empty_at, in_a_row) = (AtomicU64::new(NEVER), AtomicU32::new(0));
        Some(Self { shared, key, bell, state, empty_at, in_a_row })
    }

    /// Takes up to `max` things, and returns how many; at least one if `max` is. When it waits there is
    /// nothing.
    ///
    /// Cancel safe as a future: nothing is taken before it is ready.
    // spec: mux:cancel:each-point
    pub(crate) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        max: usize,
        mut each: impl FnMut(Taken<'_>),
    ) -> Poll<Result<usize, Ended>> {
        match self.take(max, &mut each) {
            Ok(0) if max > 0 => {}
            outcome => return Poll::Ready(outcome),
        }
        self.in_a_row.store(0, Ordering::Relaxed);
        ear.listen(&self.bell, cx.waker());
        match self.take(max, &mut each) {
            Ok(0) => Poll::Pending,
            outcome => Poll::Ready(outcome),
        }
    }

    /// Counts a look, and has the others' turn come first if there were too many without a wait: where
    /// there is always more, other tasks of the runtime would have none, those that write the answers among
    /// them. To be polled before all else, by those who wait: this waits though there may be something.
    #[inline]
    pub(crate) fn poll_turn(&self, cx: &Context<'_>) -> Poll<()> {
        // As a hint: looks at the same time may count as one.
        let in_a_row = self.in_a_row.load(Ordering::Relaxed);
        if in_a_row < IN_A_ROW_MAX {
            self.in_a_row.store(in_a_row.saturating_add(1), Ordering::Relaxed);
            return Poll::Ready(());
        }
        self.in_a_row.store(0, Ordering::Relaxed);
        wake_last(cx.waker());
        Poll::Pending
    }

    /// Takes what is there, up to `max` things, and returns how many.
    pub(crate) fn take(
        &self,
        max: usize,
        each: &mut impl FnMut(Taken<'_>),
    ) -> Result<usize, Ended> {
        let rings = self.bell.rings();
        if self.empty_at.load(Ordering::Acquire) == rings {
            return Ok(0);
        }
        let mut state = lock(&self.state);
        let mut count: usize = 0;
        loop {
            let most = max.saturating_sub(count).min(TAKEN_AT_ONCE_MAX);
            let (taken, next) =
                self.shared.with_core(|core| state.take(core, self.key, most, each));
            count = count.saturating_add(taken);
            match next {
                Transmit::Write if count < max => {}
                Transmit::Write => return Ok(count),
                Transmit::Sleep => {
                    self.empty_at.store(rings, Ordering::Release);
                    return Ok(count);
                }
                Transmit::End(_) if count > 0 => return Ok(count),
                Transmit::End(_) => return Err(Ended),
            }
        }
    }

    /// Returns the peers whose coming was taken, and whose going was not.
    pub(crate) fn peers(&self) -> Vec<Arc<PeerInfo>> {
        lock(&self.state).peers.values().cloned().collect()
    }
}

impl State {
    /// Takes up to `max` things, and returns how many and whether there is more.
    fn take(
        &mut self,
        core: &mut MuxCore,
        key: BindingKey,
        max: usize,
        each: &mut impl FnMut(Taken<'_>),
    ) -> (usize, Transmit) {
        if max > 0
            && self.flight.is_empty()
            && let Some((token, message)) = core.take_lone(key)
        {
            self.turn_to(token);
            let Some(from) = &self.last else { return (0, Transmit::Sleep) };
            each(Taken::Message { from, message });
            return (1, Transmit::Sleep);
        }
        let mut count: usize = 0;
        loop {
            while count < max {
                match self.flight.take_delivery() {
                    Some(Delivery::Message(message)) => {
                        let Some(from) = &self.last else { continue };
                        each(Taken::Message { from, message });
                    }
                    Some(Delivery::From(token)) => {
                        self.turn_to(token);
                        continue;
                    }
                    Some(Delivery::Event(number)) => {
                        let Some(event) = core.take_event(number) else { continue };
                        // What is known of it may change.
                        self.last = None;
                        each(note(&mut self.peers, event));
                    }
                    None => break,
                }
                count = count.saturating_add(1);
            }
            if count >= max {
                return (count, core.handle_delivered(key, &mut self.flight));
            }
            match core.poll_transmit(key, 0, &mut self.flight) {
                Transmit::Write => {}
                next @ (Transmit::Sleep | Transmit::End(_)) => return (count, next),
            }
        }
    }

    /// Notes whose the next messages are.
    #[inline]
    fn turn_to(&mut self, token: Token) {
        self.last.take_if(|last| last.token != token);
        if self.last.is_none() {
            self.last = self.peers.get(&token).cloned();
        }
    }
}

/// Notes who comes and goes.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others change nothing here")]
fn note(peers: &mut HashMap<Token, Arc<PeerInfo>>, event: Event) -> Taken<'static> {
    match &event {
        Event::Bound(info) => {
            peers.insert(info.token, Arc::clone(info));
        }
        Event::Named { peer, name, generation } => {
            if let Some(info) = peers.get_mut(peer) {
                let info = Arc::make_mut(info);
                (info.name, info.generation) = (Some(name.clone()), *generation);
            }
        }
        Event::Unbound { peer, .. } => {
            if let Some(peer) = peers.remove(peer) {
                return Taken::Gone { peer, event };
            }
        }
        _ => {}
    }
    Taken::Event(event)
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shared.forget_waker(self.key);
        self.shared.with_core(MuxCore::close_local);
    }
}

/// Things that are taken under one lock.
const TAKEN_AT_ONCE_MAX: usize = 256;

/// Looks in a row before the others' turn.
const IN_A_ROW_MAX: u32 = 256;

/// A bell does not ring so often.
const NEVER: u64 = u64::MAX;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
