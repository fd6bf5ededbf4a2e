//! The watches of a client, and what the MUX is asked for them.
//!
//! One thing is asked at a time: a WATCH, until it is answered; an UNWATCH, until a HELLO behind it
//! is. So what the MUX shows can always be told from what it was showing before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::client::barrier::{Barrier, BarrierId};
use crate::client::core::Finish;
use crate::client::view::{View, WatchError, WatchEvent};
use crate::core::{GoneReason, Pattern, ReturnReason};

/// Which watch of a client. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WatchId(u64);

/// All watches.
#[derive(Debug)]
pub(super) struct Presence {
    names_max: usize,
    views: BTreeMap<WatchId, View>,
    next: u64,
    /// What this connection shows, or is asked to.
    shown: BTreeSet<Pattern>,
    /// The one of these that has no answer yet.
    asked: Option<Pattern>,
    /// Until when what an UNWATCH has ended may still be shown.
    settles: BarrierId,
    /// Whether there may be something to ask. It is looked at with each request.
    stirred: Stirred,
    roused: VecDeque<WatchId>,
}

/// Whether anything has happened since there was nothing to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stirred {
    No,
    Yes,
}

/// What the MUX is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Watch(Pattern),
    Unwatch(Pattern),
}

impl Presence {
    pub(super) fn new(names_max: usize) -> Self {
        Self {
            names_max,
            views: BTreeMap::new(),
            next: 0,
            shown: BTreeSet::new(),
            asked: None,
            settles: BarrierId::default(),
            stirred: Stirred::No,
            roused: VecDeque::new(),
        }
    }

    pub(super) fn begin(&mut self, pattern: Pattern) -> WatchId {
        let id = WatchId(self.next);
        self.next = self.next.wrapping_add(1);
        self.views.insert(id, View::new(pattern, self.names_max));
        self.stirred = Stirred::Yes;
        id
    }

    pub(super) fn end(&mut self, id: WatchId) {
        self.views.remove(&id);
        self.stirred = Stirred::Yes;
        self.roused.retain(|roused| *roused != id);
    }

    pub(super) fn handle_up(&mut self) {
        self.settles = BarrierId::default();
        self.stirred = Stirred::Yes;
    }

    /// A HELLO is answered.
    pub(super) fn handle_barrier(&mut self) {
        self.stirred = Stirred::Yes;
    }

    pub(super) fn handle_down(&mut self) {
        self.shown.clear();
        self.asked = None;
        self.for_each(|_| true, View::handle_down);
    }

    pub(super) fn handle_close(&mut self, how: Finish) {
        let why = match how {
            Finish::Closed => WatchError::Closed,
            Finish::Over => WatchError::Over,
        };
        self.for_each(|_| true, |view| view.finish(why));
    }

    pub(super) fn handle_up_of(&mut self, name: &[u8], generation: u64) {
        self.for_each(|of| of.matches(name), |view| view.handle_up(name, generation));
    }

    pub(super) fn handle_gone_of(&mut self, name: &[u8], generation: u64, reason: GoneReason) {
        self.for_each(|of| of.matches(name), |view| view.handle_gone(name, generation, reason));
    }

    pub(super) fn handle_synced(&mut self, pattern: &[u8]) {
        self.asked.take_if(|asked| asked.as_octets() == pattern);
        self.for_each(|of| of.as_octets() == pattern, View::handle_synced);
    }

    /// A watch is refused, or over. Returns how many of ours that ends.
    pub(super) fn handle_refused(&mut self, pattern: &[u8], reason: ReturnReason) -> usize {
        self.asked.take_if(|asked| asked.as_octets() == pattern);
        self.shown.remove(pattern);
        let mut ended: usize = 0;
        self.for_each(
            |of| of.as_octets() == pattern,
            |view| ended = ended.saturating_add(view.handle_refused(reason).into()),
        );
        ended
    }

    /// Returns what the MUX is to be asked next.
    // spec: mux:client:watch-one-at-a-time
    pub(super) fn poll_ask(&mut self, barrier: &Barrier) -> Option<Asked> {
        if self.stirred == Stirred::No {
            return None;
        }
        let next = self.next_to_ask(barrier);
        if next.is_none() {
            self.stirred = Stirred::No;
        }
        next
    }

    fn next_to_ask(&self, barrier: &Barrier) -> Option<Asked> {
        if self.asked.is_some() {
            return None;
        }
        let is_wanted = |shown: &&Pattern| {
            self.views.values().any(|view| view.pattern == **shown && !view.is_over())
        };
        if let Some(unwanted) = self.shown.iter().find(|shown| !is_wanted(shown)) {
            return Some(Asked::Unwatch(unwanted.clone()));
        }
        if !barrier.is_passed(self.settles) {
            return None;
        }
        let waiting = self.views.values().find(|view| view.is_waiting())?;
        Some(Asked::Watch(waiting.pattern.clone()))
    }

    pub(super) fn handle_watch_sent(&mut self, pattern: &Pattern) {
        self.shown.insert(pattern.clone());
        self.asked = Some(pattern.clone());
        self.for_each(|of| of == pattern, View::handle_asked);
    }

    pub(super) fn handle_unwatch_sent(&mut self, pattern: &Pattern, barrier: &mut Barrier) {
        self.shown.remove(pattern);
        self.settles = barrier.raise();
    }

    pub(super) fn poll(&mut self, id: WatchId) -> Option<Result<WatchEvent, WatchError>> {
        self.views.get_mut(&id)?.poll()
    }

    /// Tells whether nothing more will come of a watch.
    pub(super) fn is_told(&self, id: WatchId) -> bool {
        self.views.get(&id).is_none_or(View::is_told)
    }

    pub(super) fn poll_roused(&mut self) -> Option<WatchId> {
        self.roused.pop_front()
    }

    /// Does something to the watches of these patterns, and notes which of them have then something
    /// to tell that had not.
    fn for_each(&mut self, of: impl Fn(&Pattern) -> bool, mut act: impl FnMut(&mut View)) {
        self.stirred = Stirred::Yes;
        for (id, view) in self.views.iter_mut().filter(|(_, view)| of(&view.pattern)) {
            let had_news = view.has_news();
            act(view);
            if view.has_news() && !had_news {
                self.roused.push_back(*id);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.views.is_empty() && self.shown.is_empty() && self.roused.is_empty()
    }
}
