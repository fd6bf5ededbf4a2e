//! A watcher: what it watches, and what it has not been told yet.
//!
//! ```text
//!                        service up                  told: UP
//!      no slot ─────────────────────► due, up ─────────────────────► shown
//!         ▲                             │  ▲                           │
//!         │      service gone, and the  │  │ service up                │ service gone
//!         ├─────────────────────────────┘  │                           │
//!         │      name was never told       └──────────── due, gone ◄───┘
//!         └──────────────────────────────────────────────────┘
//!                           told: GONE
//! ```
//!
//! A slot holds the newest state of a name and nothing of what was before, so that what waits for
//! a watcher never grows with the number of changes.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::register::matching;
use crate::core::cover::{Change, Cover};
use crate::core::notice::{Form, GoneReason, Header, NoticeKind, ReturnReason, put_notice};
use crate::core::pattern::Pattern;

/// What a peer watches.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    watches: BTreeMap<Pattern, Watch>,
    /// Of those that are live, the ones in the register.
    cover: Cover,
    /// Names that the peer is shown, or was and is not told yet that they are gone.
    slots: BTreeMap<Bytes, Slot>,
    /// What is to be told, in the order in which it fell due.
    due: BTreeMap<u64, Due>,
    /// The next place there.
    next: u64,
}

/// One watch.
#[derive(Debug)]
struct Watch {
    stage: Stage,
    /// Where it stands among what is due: to be told that it is in step, or over.
    place: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Live,
    /// It covers nothing any more, and the peer is to be told why.
    Over(ReturnReason),
}

/// A name that the peer is shown.
#[derive(Debug)]
struct Slot {
    state: State,
    told: Told,
    /// Where it stands among what is due, if it does.
    place: Option<u64>,
}

/// How it stands with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Up { generation: u64 },
    Gone { generation: u64, why: GoneReason },
}

/// Whether the peer has heard of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Never,
    Once,
}

#[derive(Debug)]
enum Due {
    Name(Bytes),
    Watch(Pattern),
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Noted {
    /// The peer will be told.
    Due,
    /// It was never told of that name and need not be: so many octets are free.
    Forgotten(usize),
    /// There is no slot for it.
    NoSlot,
}

/// What a round of telling comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Octets of slots and watches that are no more.
    pub(super) freed: usize,
    /// UPs and GONEs.
    pub(super) shown: u64,
}

impl Watcher {
    /// Begins a watch, or repeats it: all that matches is told, and then that this was all. While
    /// that is still due, there is nothing to repeat.
    // spec: mux:watch:up-then-synced, mux:watch:again
    pub(super) fn begin(&mut self, pattern: &Pattern, matches: Vec<(Bytes, u64)>) -> Vec<Change> {
        let mut changes = Vec::new();
        if !self.is_live(pattern) {
            self.cover.add(pattern, &mut changes);
        } else if self.watches.get(pattern).is_some_and(|watch| watch.place.is_some()) {
            return changes;
        }
        for (name, generation) in matches {
            let state = State::Up { generation };
            if self.note(&name, state) == Noted::NoSlot {
                self.open(&name, state);
            }
        }
        if let Some(Watch { place: Some(place), .. }) = self.watches.remove(pattern) {
            self.due.remove(&place);
        }
        let place = self.put(Due::Watch(pattern.clone()));
        self.watches.insert(pattern.clone(), Watch { stage: Stage::Live, place: Some(place) });
        changes
    }

    /// Ends a watch that the peer wants no more. Returns how many octets are free.
    // spec: mux:watch:unwatch
    pub(super) fn end(&mut self, pattern: &Pattern, changes: &mut Vec<Change>) -> usize {
        let Some(watch) = self.watches.remove(pattern) else { return 0 };
        if let Some(place) = watch.place {
            self.due.remove(&place);
        }
        let freed = match watch.stage {
            Stage::Live => self.uncover(pattern, changes),
            Stage::Over(_) => 0,
        };
        freed.saturating_add(watch_cost(pattern))
    }

    /// Ends a watch that the peer is to be told is over. Returns how many octets are free.
    pub(super) fn end_for(
        &mut self,
        pattern: &Pattern,
        why: ReturnReason,
        changes: &mut Vec<Change>,
    ) -> usize {
        if !self.is_live(pattern) {
            return 0;
        }
        let place = self.put(Due::Watch(pattern.clone()));
        if let Some(watch) = self.watches.get_mut(pattern) {
            watch.stage = Stage::Over(why);
            if let Some(former) = watch.place.replace(place) {
                self.due.remove(&former);
            }
        }
        self.uncover(pattern, changes)
    }

    /// Notes the newest state of a name.
    // spec: mux:watch:newest-state
    pub(super) fn note(&mut self, name: &Bytes, state: State) -> Noted {
        let Some(slot) = self.slots.get_mut(name) else { return Noted::NoSlot };
        slot.state = state;
        if slot.told == Told::Never && matches!(state, State::Gone { .. }) {
            return Noted::Forgotten(self.close(name));
        }
        // What is due keeps its place, so that no name has to wait for ever for busier ones.
        if slot.place.is_none() {
            slot.place = Some(self.next);
            self.put(Due::Name(name.clone()));
        }
        Noted::Due
    }

    /// Makes a slot for a name.
    pub(super) fn open(&mut self, name: &Bytes, state: State) {
        let place = Some(self.put(Due::Name(name.clone())));
        self.slots.insert(name.clone(), Slot { state, told: Told::Never, place });
    }

    /// Appends what is due, until there are `max` octets or more.
    // spec: mux:watch:told-when-read, mux:watch:flagged
    pub(super) fn tell(&mut self, max: usize, out: &mut Vec<u8>) -> Round {
        let mut round = Round::default();
        while out.len() < max
            && let Some((_, due)) = self.due.pop_first()
        {
            round.freed = round.freed.saturating_add(match due {
                Due::Name(name) => {
                    round.shown = round.shown.saturating_add(1);
                    self.tell_name(&name, out)
                }
                Due::Watch(pattern) => self.tell_watch(&pattern, out),
            });
        }
        round
    }

    fn tell_name(&mut self, name: &Bytes, out: &mut Vec<u8>) -> usize {
        let Some(slot) = self.slots.get_mut(name) else { return 0 };
        (slot.place, slot.told) = (None, Told::Once);
        let (kind, reason, generation) = match slot.state {
            State::Up { generation } => (NoticeKind::Up, 0, generation),
            State::Gone { generation, why } => (NoticeKind::Gone, why.number(), generation),
        };
        let header = Header { reason, flags: Header::WATCHED, generation, ..Header::new(kind) };
        put_notice(Form::Plain, header, &[name], &[], out);
        if kind == NoticeKind::Gone { self.close(name) } else { 0 }
    }

    fn tell_watch(&mut self, pattern: &Pattern, out: &mut Vec<u8>) -> usize {
        let Some(watch) = self.watches.get_mut(pattern) else { return 0 };
        watch.place = None;
        let (header, freed) = match watch.stage {
            Stage::Live => (Header::new(NoticeKind::Synced), 0),
            // spec: mux:watch:limit-ends
            Stage::Over(why) => {
                self.watches.remove(pattern);
                let header = Header { reason: why.number(), ..Header::new(NoticeKind::Return) };
                (header, watch_cost(pattern))
            }
        };
        put_notice(Form::Plain, header, &[pattern.as_octets()], &[], out);
        freed
    }

    /// Closes the slots of all names that `pattern` was about, and no live watch is now. Returns how many
    /// octets are free.
    fn uncover(&mut self, pattern: &Pattern, changes: &mut Vec<Change>) -> usize {
        let Self { watches, cover, .. } = self;
        cover.remove(pattern, live(watches), changes);
        let mut freed: usize = 0;
        for name in self.covered_by(pattern) {
            if !self.cover.is_about(&name) {
                freed = freed.saturating_add(self.close(&name));
            }
        }
        freed
    }

    fn close(&mut self, name: &Bytes) -> usize {
        let Some(slot) = self.slots.remove(name) else { return 0 };
        if let Some(place) = slot.place {
            self.due.remove(&place);
        }
        slot_cost(name)
    }

    fn put(&mut self, due: Due) -> u64 {
        let place = self.next;
        self.next = self.next.saturating_add(1);
        self.due.insert(place, due);
        place
    }

    fn covered_by(&self, pattern: &Pattern) -> Vec<Bytes> {
        matching(&self.slots, pattern).map(|(name, _)| name.clone()).collect()
    }

    fn is_live(&self, pattern: &Pattern) -> bool {
        self.watches.get(pattern).is_some_and(|watch| watch.stage == Stage::Live)
    }

    /// Tells whether a watch is over and the peer is not told so yet.
    pub(super) fn is_over(&self, pattern: &[u8]) -> bool {
        let watch = self.watches.get(pattern);
        watch.is_some_and(|watch| watch.stage != Stage::Live)
    }

    /// Tells whether there is something to tell.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        !self.due.is_empty()
    }

    pub(super) fn has_slot(&self, name: &[u8]) -> bool {
        self.slots.contains_key(name)
    }

    pub(super) fn has_watch(&self, pattern: &Pattern) -> bool {
        self.watches.contains_key(pattern)
    }

    /// Returns the patterns of its watches that are not over.
    pub(super) fn live(&self) -> impl Iterator<Item = &Pattern> {
        live(&self.watches)
    }

    /// Returns those of them that are in the register.
    pub(super) fn registered(&self) -> impl Iterator<Item = &Pattern> {
        self.cover.patterns()
    }

    /// Returns how many watches there are, with those that are over and not told so.
    pub(crate) fn watches(&self) -> usize {
        self.watches.len()
    }

    /// Returns how many names it is shown.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Returns how many octets it is charged with.
    pub(super) fn charged(&self) -> usize {
        let slots = self.slots.keys().map(|name| slot_cost(name));
        let watches = self.watches.keys().map(watch_cost);
        slots.chain(watches).fold(0, usize::saturating_add)
    }
}

fn live(watches: &BTreeMap<Pattern, Watch>) -> impl Iterator<Item = &Pattern> {
    let live = watches.iter().filter(|(_, watch)| watch.stage == Stage::Live);
    live.map(|(pattern, _)| pattern)
}

/// Returns the octets that a slot is charged with: two entries, and the name.
// spec: mux:watch:charged
pub(super) fn slot_cost(name: &[u8]) -> usize {
    name.len().saturating_add(256)
}

/// Returns the octets that a watch is charged with: three entries, and the pattern.
pub(super) fn watch_cost(pattern: &Pattern) -> usize {
    pattern.as_octets().len().saturating_mul(2).saturating_add(512)
}
