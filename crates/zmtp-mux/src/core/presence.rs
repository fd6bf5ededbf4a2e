//! Presence: which services are there, told to those who watch.
//!
//! | a peer says | it is told                                                                  |
//! |-------------|-----------------------------------------------------------------------------|
//! | WATCH       | UP for every service that matches, SYNCED, and from then on every change    |
//! | UNWATCH     | no more of it                                                               |
//!
//! Changes are told when the watcher's writer comes for more, and then as they are: a watcher that
//! reads slowly misses what was in between, and nothing piles up for it.

mod register;
mod watcher;

use std::cmp::Reverse;

use bytes::Bytes;

pub(crate) use self::register::Register;
pub(crate) use self::watcher::Watcher;
use self::watcher::{Noted, State, slot_cost, watch_cost};
use crate::core::binding::{Binding, BindingKey, Link, Notices, Ties};
use crate::core::counters::{DropReason, bump};
use crate::core::cover::Change;
use crate::core::flight::Flight;
use crate::core::mux::{MuxCore, Transmit};
use crate::core::notice::{Form, GoneReason, ReturnReason};
use crate::core::outbound::Wake;
use crate::core::pattern::Pattern;
use crate::core::refuse::Ended;
use crate::core::role::Role;

impl Binding {
    /// Tells whether the peer has to be told of a service.
    #[inline]
    pub(super) fn has_news(&self) -> bool {
        self.watcher().is_some_and(Watcher::has_news)
    }

    pub(super) fn watcher(&self) -> Option<&Watcher> {
        self.ties.as_ref()?.watcher.as_deref()
    }

    fn watcher_mut(&mut self) -> Option<&mut Watcher> {
        self.ties.as_mut()?.watcher.as_deref_mut()
    }
}

impl MuxCore {
    /// A peer wants to see which services are there.
    // spec: mux:watch:who-may, mux:watch:refused
    pub(super) fn handle_watch(&mut self, from: BindingKey, form: Form<'_>, pattern: &[u8]) {
        // It is about to be told that this watch is over, which is this one's answer too.
        if self.is_over(from, pattern) {
            return bump(&mut self.counters.control_refused);
        }
        let verdict = self.watch_pattern(from, pattern).and_then(|of| self.watch(from, &of));
        match verdict {
            Ok(()) => bump(&mut self.counters.watches),
            Err(reason) => self.return_pattern(from, form, pattern, reason),
        }
    }

    /// A peer wants to see no more of a pattern.
    // spec: mux:watch:unwatch
    pub(super) fn handle_unwatch(&mut self, from: BindingKey, form: Form<'_>, pattern: &[u8]) {
        match self.watch_pattern(from, pattern) {
            Ok(of) => self.unwatch(from, &of),
            Err(reason) => self.return_pattern(from, form, pattern, reason),
        }
    }

    /// Reads the pattern of a peer that may speak of one.
    fn watch_pattern(&self, from: BindingKey, octets: &[u8]) -> Result<Pattern, DropReason> {
        let pattern = Some(octets).filter(|octets| octets.len() <= PATTERN_LEN_MAX);
        let pattern = pattern.and_then(|octets| Pattern::new(Bytes::copy_from_slice(octets)));
        match self.bindings.get(from) {
            None | Some(Binding { link: Link::Req(_), .. }) => Err(DropReason::Malformed),
            Some(Binding { role: Role::Service, name: None, .. }) => Err(DropReason::Denied),
            // It is not told why not, and must not be served either.
            Some(Binding { notices: Notices::NotTaken, .. }) => Err(DropReason::Malformed),
            Some(_) => pattern.ok_or(DropReason::Malformed),
        }
    }

    fn return_pattern(
        &mut self,
        from: BindingKey,
        form: Form<'_>,
        pattern: &[u8],
        reason: DropReason,
    ) {
        let dst = Some(pattern).filter(|octets| octets.len() <= PATTERN_LEN_MAX);
        self.return_control(from, form, dst.unwrap_or_default(), reason, std::time::Duration::ZERO);
    }

    // spec: mux:watch:matches-limit, mux:watch:watches-limit, mux:watch:tokens, mux:watch:charged
    fn watch(&mut self, from: BindingKey, pattern: &Pattern) -> Result<(), DropReason> {
        let limit = self.limits.watch_matches;
        let Some(binding) = self.bindings.get_mut(from) else { return Err(DropReason::Denied) };
        if !self.authorizer.may_watch(&binding.principal, pattern) {
            return Err(DropReason::Denied);
        }
        let matches = self.register.matching(pattern).take(limit.saturating_add(1));
        let matches: Vec<_> = matches.map(|(name, of)| (name.clone(), *of)).collect();
        // One is spent already.
        for _ in 1..matches.len().div_ceil(MATCHES_PER_TOKEN) {
            binding.tokens.spend(self.limits.refusals, self.now);
        }
        let (mut cost, mut slots, mut count) = (watch_cost(pattern), 0, 0);
        if let Some(watcher) = binding.watcher() {
            (slots, count) = (watcher.slots(), watcher.watches());
            if watcher.has_watch(pattern) {
                (cost, count) = (0, count.saturating_sub(1));
            }
        }
        for (name, _) in &matches {
            if !binding.watcher().is_some_and(|watcher| watcher.has_slot(name)) {
                cost = cost.saturating_add(slot_cost(name));
                slots = slots.saturating_add(1);
            }
        }
        if slots > limit || count >= self.limits.watches_per_peer {
            return Err(DropReason::Limit);
        }
        let (role, source) = (binding.role, binding.source);
        if cost > 0 {
            self.reserve(role, source, cost)?;
        }
        let Some(binding) = self.bindings.get_mut(from) else { return Ok(()) };
        let watcher = binding.ties().watcher.get_or_insert_default();
        let changes = watcher.begin(pattern, matches);
        self.change_cover(from, changes);
        self.rouse(from);
        Ok(())
    }

    fn is_over(&self, from: BindingKey, pattern: &[u8]) -> bool {
        let watcher = self.bindings.get(from).and_then(Binding::watcher);
        watcher.is_some_and(|watcher| watcher.is_over(pattern))
    }

    fn unwatch(&mut self, from: BindingKey, pattern: &Pattern) {
        let Some(binding) = self.bindings.get_mut(from) else { return };
        let source = binding.source;
        let Some(watcher) = binding.watcher_mut() else { return };
        let mut changes = Vec::new();
        let freed = watcher.end(pattern, &mut changes);
        binding.ties().forget_empty_watcher();
        self.change_cover(from, changes);
        self.unreserve(source, freed);
    }

    /// Takes in what a peer has changed in its cover. That costs tokens as matches do.
    // spec: mux:watch:tokens
    fn change_cover(&mut self, from: BindingKey, changes: Vec<Change>) {
        if let Some(binding) = self.bindings.get_mut(from) {
            for _ in 0..changes.len() / MATCHES_PER_TOKEN {
                binding.tokens.spend(self.limits.refusals, self.now);
            }
        }
        self.register.apply(changes, from);
    }

    /// Shows a service that has got its name.
    // spec: mux:watch:services-only
    pub(super) fn show_up(&mut self, key: BindingKey) {
        let Some(Binding { role: Role::Service, name: Some(name), generation, .. }) =
            self.bindings.get(key)
        else {
            return;
        };
        let generation = *generation;
        let name = self.register.note_up(name.as_octets(), generation);
        self.show(&name, State::Up { generation });
    }

    /// Shows that a service has ended.
    pub(super) fn show_gone(&mut self, ended: &Ended, why: GoneReason) {
        let Some(name) = ended.name.as_ref().filter(|_| ended.role == Role::Service) else {
            return;
        };
        self.register.note_gone(name);
        self.show(name, State::Gone { generation: ended.generation, why });
    }

    fn show(&mut self, name: &Bytes, state: State) {
        for key in self.register.watchers(name) {
            self.show_to(key, name, state);
        }
    }

    /// Notes for one of its watchers how it stands with a service.
    // spec: mux:watch:limit-ends, mux:watch:charged
    fn show_to(&mut self, key: BindingKey, name: &Bytes, state: State) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        let (role, source) = (binding.role, binding.source);
        let Some(watcher) = binding.watcher_mut() else { return };
        let slots = watcher.slots();
        match (watcher.note(name, state), state) {
            (Noted::Due, _) => self.rouse(key),
            (Noted::Forgotten(freed), _) => self.unreserve(source, freed),
            (Noted::NoSlot, State::Gone { .. }) => {}
            (Noted::NoSlot, State::Up { .. }) => {
                if slots >= self.limits.watch_matches
                    || self.reserve(role, source, slot_cost(name)).is_err()
                {
                    return self
                        .end_watches(key, ReturnReason::Limit, |pattern| pattern.matches(name));
                }
                if let Some(watcher) = self.bindings.get_mut(key).and_then(Binding::watcher_mut) {
                    watcher.open(name, state);
                }
                self.rouse(key);
            }
        }
    }

    /// Ends watches that may not go on, and tells so.
    fn end_watches(
        &mut self,
        key: BindingKey,
        why: ReturnReason,
        which: impl Fn(&Pattern) -> bool,
    ) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        let source = binding.source;
        let Some(watcher) = binding.watcher_mut() else { return };
        let mut patterns: Vec<_> =
            watcher.live().filter(|pattern| which(pattern)).cloned().collect();
        if patterns.is_empty() {
            return;
        }
        // The widest last: what it covers needs no place in the register any more.
        patterns.sort_by_key(|pattern| Reverse(pattern.stem().len()));
        let (mut freed, mut changes): (usize, _) = (0, Vec::new());
        for pattern in &patterns {
            freed = freed.saturating_add(watcher.end_for(pattern, why, &mut changes));
            bump(&mut self.counters.watches_ended);
        }
        self.register.apply(changes, key);
        self.unreserve(source, freed);
        self.rouse(key);
    }

    /// Ends the watches that the authorizer does not allow.
    // spec: mux:watch:withdrawn
    pub(super) fn review_watches(&mut self) {
        let watchers = self.bindings.iter().filter(|(_, binding)| binding.watcher().is_some());
        let watchers: Vec<_> = watchers.map(|(key, _)| key).collect();
        let authorizer = std::sync::Arc::clone(&self.authorizer);
        for key in watchers {
            let Some(principal) = self.bindings.get(key).map(|of| of.principal.clone()) else {
                continue;
            };
            self.end_watches(key, ReturnReason::Denied, |pattern| {
                !authorizer.may_watch(&principal, pattern)
            });
        }
    }

    /// Forgets what a peer that has ended has watched.
    // spec: mux:watch:ends-with-watcher
    pub(super) fn forget_watcher(&mut self, ended: &Ended, watcher: Option<Box<Watcher>>) {
        let Some(watcher) = watcher else { return };
        for pattern in watcher.registered() {
            self.register.remove(pattern, ended.key);
        }
        self.unreserve(ended.source, watcher.charged());
    }

    /// Hands a writer what comes next, with what the peer has to be told of services.
    // spec: mux:watch:told-when-read
    #[cold]
    pub(super) fn transmit_news(&mut self, key: BindingKey, flight: &mut Flight) -> Transmit {
        let Some(binding) = self.bindings.get_mut(key) else { return Transmit::Sleep };
        let source = binding.source;
        let mut octets = Vec::new();
        let round = binding.watcher_mut().map(|watcher| watcher.tell(NEWS_LEN, &mut octets));
        let round = round.unwrap_or_default();
        binding.ties().forget_empty_watcher();
        binding.outbound.push_news(&octets, &mut self.spares);
        binding.outbound.take(flight, &mut self.spares);
        self.unreserve(source, round.freed);
        self.force_reserve(source, octets.len());
        self.counters.presence_sent = self.counters.presence_sent.wrapping_add(round.shown);
        if flight.is_empty() { Transmit::Sleep } else { Transmit::Write }
    }

    /// Wakes the writer of a peer that has something to be told.
    fn rouse(&mut self, key: BindingKey) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        if binding.outbound.rouse() == Wake::Needed {
            self.wakes.push(key);
        }
    }
}

impl Ties {
    fn forget_empty_watcher(&mut self) {
        self.watcher.take_if(|watcher| watcher.watches() == 0);
    }
}

/// Matches that a token is good for.
const MATCHES_PER_TOKEN: usize = 64;

/// Octets of notices that a writer is given at once: what a watcher that has stopped reading holds
/// beyond its slots.
const NEWS_LEN: usize = 16 * 1024;

/// Octets of a pattern.
const PATTERN_LEN_MAX: usize = 255;
