//! What waits for the application: messages and events, in order.
//!
//! Several tasks may take from one inbox, each thing goes to one of them. What is taken counts as
//! handed over when the call returns it, and its room is free then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::core::{BindingKey, Delivery, Event, Flight, PeerInfo, Rule, Takes, Token, Transmit};
use crate::net::bell::{Bell, Ear};
use crate::net::clock::now;
use crate::net::shared::Shared;
use crate::net::socket::Incoming;

/// The application's end of a MUX.
#[derive(Debug)]
pub(crate) struct Inbox {
    shared: Arc<Shared>,
    key: BindingKey,
    pub(crate) bell: Arc<Bell>,
    state: Mutex<State>,
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
pub(crate) enum Taken {
    Message(Incoming),
    /// A peer has ended, of which this was known.
    Gone {
        peer: Arc<PeerInfo>,
        event: Event,
    },
    Event(Event),
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
        Some(Self { shared: Arc::clone(shared), key, bell, state: Mutex::default() })
    }

    /// Takes up to `max` things, and returns how many; at least one if `max` is.
    ///
    /// Cancel safe as a future: nothing is taken before it is ready.
    // spec: mux:cancel:each-point
    pub(crate) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        max: usize,
        mut each: impl FnMut(Taken),
    ) -> Poll<Result<usize, Ended>> {
        match self.take(max, &mut each) {
            Ok(0) if max > 0 => {}
            outcome => return Poll::Ready(outcome),
        }
        ear.listen(&self.bell, cx.waker());
        match self.take(max, &mut each) {
            Ok(0) => Poll::Pending,
            outcome => Poll::Ready(outcome),
        }
    }

    /// Takes what is there, up to `max` things, and returns how many.
    pub(crate) fn take(&self, max: usize, each: &mut impl FnMut(Taken)) -> Result<usize, Ended> {
        let mut state = lock(&self.state);
        let (mut count, mut octets): (usize, usize) = (0, 0);
        loop {
            while count < max
                && let Some((delivery, len)) = state.flight.take_delivery()
            {
                octets = octets.saturating_add(len);
                if let Some(taken) = self.resolve(&mut state, delivery) {
                    each(taken);
                    count = count.saturating_add(1);
                }
            }
            if count >= max {
                self.shared.with_core(|core| core.handle_transmitted(self.key, octets));
                return Ok(count);
            }
            let octets = std::mem::take(&mut octets);
            match self.shared.transmit(self.key, octets, &mut state.flight) {
                Transmit::Write => {}
                Transmit::Sleep => return Ok(count),
                Transmit::End(_) if count > 0 => return Ok(count),
                Transmit::End(_) => return Err(Ended),
            }
        }
    }

    /// Returns the peers whose coming was taken, and whose going was not.
    pub(crate) fn peers(&self) -> Vec<Arc<PeerInfo>> {
        lock(&self.state).peers.values().cloned().collect()
    }

    fn resolve(&self, state: &mut State, delivery: Delivery) -> Option<Taken> {
        match delivery {
            Delivery::Message { from, message } => {
                if state.last.as_ref().is_none_or(|last| last.token != from) {
                    state.last = Some(Arc::clone(state.peers.get(&from)?));
                }
                let from = Arc::clone(state.last.as_ref()?);
                Some(Taken::Message(Incoming { from, message }))
            }
            Delivery::Event(number) => {
                let event = self.shared.with_core(|core| core.take_event(number))?;
                Some(state.note(event))
            }
        }
    }
}

impl State {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others change nothing here")]
    fn note(&mut self, event: Event) -> Taken {
        match &event {
            Event::Bound(info) => {
                self.peers.insert(info.token, Arc::clone(info));
            }
            Event::Named { peer, name, generation } => {
                self.last = None;
                if let Some(info) = self.peers.get_mut(peer) {
                    let info = Arc::make_mut(info);
                    (info.name, info.generation) = (Some(name.clone()), *generation);
                }
            }
            Event::Unbound { peer, .. } => {
                self.last = None;
                if let Some(peer) = self.peers.remove(peer) {
                    return Taken::Gone { peer, event };
                }
            }
            _ => {}
        }
        Taken::Event(event)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shared.forget_waker(self.key);
        self.shared.with_core(crate::core::MuxCore::close_local);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
