//! What one watch shows: the newest state of each name, and what of it its owner has not read.
//!
//! ```text
//!          up                     read: Up
//!   ──────────────► due, up ───────────────► shown
//!                     │  ▲                     │
//!    gone, never read │  │ up                  │ gone, or not there any more after a reconnect
//!          ◄──────────┘  └───── due, gone ◄────┘
//!          ◄───────────────────────┘
//!                 read: Gone
//! ```

use std::collections::BTreeMap;

use bytes::Bytes;
use thiserror::Error;

use crate::core::{GoneReason, Name, Pattern, ReturnReason};

/// What a watch tells of the services that its pattern is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchEvent {
    /// A service is there. A generation that is not the one before tells that it was away, or
    /// another, meanwhile.
    Up {
        /// Its name.
        name: Name,
        /// Which holder of a name it is.
        generation: u64,
    },
    /// A service that was shown has ended.
    Gone {
        /// Its name.
        name: Name,
        /// Which holder of a name it was.
        generation: u64,
        /// How it ended; [`GoneReason::LinkLost`] if that was while we were not connected.
        reason: GoneReason,
    },
    /// All that is there has been shown. It comes once for each connection.
    Synced,
    /// The connection ended. What was shown may have changed, until the next
    /// [`Synced`](Self::Synced).
    Stale,
}

/// Why a watch is over.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchError {
    /// The MUX does not allow it: it is DENIED, or at a LIMIT.
    #[error("the MUX ended the watch: {0}")]
    Refused(ReturnReason),
    /// It is about more names than a watch may show.
    #[error("too many names")]
    TooManyNames,
    /// The client was closed, or this was told before.
    #[error("the client is closed")]
    Closed,
    /// There will be no connection any more; [`Client::ended`](crate::Client::ended) says why.
    #[error("there will be no connection any more; Client::ended says why")]
    Over,
}

/// One watch.
#[derive(Debug)]
pub(super) struct View {
    pub(super) pattern: Pattern,
    phase: Phase,
    names_max: usize,
    slots: BTreeMap<Bytes, Slot>,
    /// What is to be told, in the order in which it fell due.
    due: BTreeMap<u64, Due>,
    /// The next place there.
    next: u64,
    /// Where it stands there whether all is shown.
    sync_place: Option<u64>,
    end: Option<End>,
}

/// How far the MUX has come with it, on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has not been asked.
    Waiting,
    /// It shows all that is there.
    Asked,
    /// It shows what changes.
    Synced,
}

#[derive(Debug)]
struct Slot {
    state: State,
    told: Told,
    place: Option<u64>,
    seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up { generation: u64 },
    Gone { generation: u64, reason: GoneReason },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Never,
    Once,
}

/// Whether the MUX has shown a name since it was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Before,
    Now,
}

#[derive(Debug)]
enum Due {
    Name(Bytes),
    Synced,
    Stale,
}

/// Whether the end of a watch was told.
#[derive(Clone, Copy, Debug)]
enum End {
    Due(WatchError),
    Told,
}

impl View {
    pub(super) fn new(pattern: Pattern, names_max: usize) -> Self {
        Self {
            pattern,
            phase: Phase::Waiting,
            names_max,
            slots: BTreeMap::new(),
            due: BTreeMap::new(),
            next: 0,
            sync_place: None,
            end: None,
        }
    }

    /// Tells whether the MUX has still to be asked.
    pub(super) fn is_waiting(&self) -> bool {
        self.phase == Phase::Waiting && !self.is_over()
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Tells whether there is something to tell.
    pub(super) fn has_news(&self) -> bool {
        !self.due.is_empty() || matches!(self.end, Some(End::Due(_)))
    }

    /// The MUX is asked.
    pub(super) fn handle_asked(&mut self) {
        if self.is_waiting() {
            self.phase = Phase::Asked;
            for slot in self.slots.values_mut() {
                slot.seen = Seen::Before;
            }
        }
    }

    /// A service is there.
    // spec: mux:client:watch-newest
    pub(super) fn handle_up(&mut self, name: &[u8], generation: u64) {
        if self.phase == Phase::Waiting || self.is_over() {
            return;
        }
        if let Some(slot) = self.slots.get_mut(name) {
            slot.seen = Seen::Now;
        } else if self.slots.len() >= self.names_max {
            // spec: mux:client:watch-limit
            return self.finish(WatchError::TooManyNames);
        }
        self.note(name, State::Up { generation });
    }

    /// A service has ended.
    pub(super) fn handle_gone(&mut self, name: &[u8], generation: u64, reason: GoneReason) {
        if self.phase != Phase::Waiting && !self.is_over() {
            self.note(name, State::Gone { generation, reason });
        }
    }

    /// All that is there has been shown: what was before, and was not shown, is gone.
    // spec: mux:client:watch-again
    pub(super) fn handle_synced(&mut self) {
        if self.phase != Phase::Asked || self.is_over() {
            return;
        }
        self.phase = Phase::Synced;
        let unseen = self.slots.iter().filter_map(|(name, slot)| match (slot.seen, slot.state) {
            (Seen::Before, State::Up { generation }) => Some((name.clone(), generation)),
            (Seen::Now, _) | (_, State::Gone { .. }) => None,
        });
        for (name, generation) in unseen.collect::<Vec<_>>() {
            self.note(&name, State::Gone { generation, reason: GoneReason::LinkLost });
        }
        self.put_sync(Due::Synced);
    }

    /// The connection ended.
    pub(super) fn handle_down(&mut self) {
        if self.phase == Phase::Synced && !self.is_over() {
            self.put_sync(Due::Stale);
        }
        self.phase = Phase::Waiting;
    }

    /// The MUX shows no more.
    pub(super) fn handle_refused(&mut self, reason: ReturnReason) -> bool {
        let concerned = self.phase != Phase::Waiting && !self.is_over();
        if concerned {
            self.finish(WatchError::Refused(reason));
        }
        concerned
    }

    /// Ends it; what was due is still told.
    pub(super) fn finish(&mut self, why: WatchError) {
        if self.end.is_none() {
            self.end = Some(End::Due(why));
        }
    }

    /// Returns what is to be told next.
    pub(super) fn poll(&mut self) -> Option<Result<WatchEvent, WatchError>> {
        let Some((_, due)) = self.due.pop_first() else {
            let Some(End::Due(why)) = self.end else { return None };
            self.end = Some(End::Told);
            return Some(Err(why));
        };
        Some(Ok(match due {
            Due::Name(name) => self.tell(name)?,
            Due::Synced => {
                self.sync_place = None;
                WatchEvent::Synced
            }
            Due::Stale => {
                self.sync_place = None;
                WatchEvent::Stale
            }
        }))
    }

    /// Tells whether nothing more will come of it.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.end, Some(End::Told))
    }

    fn tell(&mut self, octets: Bytes) -> Option<WatchEvent> {
        let slot = self.slots.get_mut(&octets)?;
        (slot.place, slot.told) = (None, Told::Once);
        let state = slot.state;
        if matches!(state, State::Gone { .. }) {
            self.slots.remove(&octets);
        }
        let name = Name::new(octets)?;
        Some(match state {
            State::Up { generation } => WatchEvent::Up { name, generation },
            State::Gone { generation, reason } => WatchEvent::Gone { name, generation, reason },
        })
    }

    fn note(&mut self, name: &[u8], state: State) {
        let next = self.next;
        let Some(slot) = self.slots.get_mut(name) else {
            if matches!(state, State::Up { .. }) {
                let name = Bytes::copy_from_slice(name);
                let place = Some(self.put(Due::Name(name.clone())));
                let slot = Slot { state, told: Told::Never, place, seen: Seen::Now };
                self.slots.insert(name, slot);
            }
            return;
        };
        if slot.state == state {
            return;
        }
        slot.state = state;
        if slot.told == Told::Never && matches!(state, State::Gone { .. }) {
            if let Some(place) = slot.place {
                self.due.remove(&place);
            }
            self.slots.remove(name);
            return;
        }
        // What is due keeps its place, so that no name waits for ever for busier ones.
        if slot.place.is_none() {
            slot.place = Some(next);
            self.put(Due::Name(Bytes::copy_from_slice(name)));
        }
    }

    /// Makes it the last thing to tell whether all is shown; what was due of that says no more.
    fn put_sync(&mut self, due: Due) {
        if let Some(place) = self.sync_place.take() {
            self.due.remove(&place);
        }
        self.sync_place = Some(self.put(due));
    }

    fn put(&mut self, due: Due) -> u64 {
        let place = self.next;
        self.next = self.next.wrapping_add(1);
        self.due.insert(place, due);
        place
    }
}
