//! The local end: the application, as a binding without a connection.
//!
//! | the MUX is    | its application takes                  | and sends                  |
//! |---------------|----------------------------------------|----------------------------|
//! | a relay       | events, if it wants them               | nothing                    |
//! | a terminal    | every message of every peer, and events | to any peer               |
//!
//! What waits for the application is a queue like that of any destination, with the same limits and
//! the same fair shares. In it a message stands behind the token of its source, and an event is a
//! number ([`Delivery`](crate::core::Delivery)).

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use zmtp_proto::{Metadata, SocketType, Version};

use crate::core::address::{Shown, Token};
use crate::core::binding::{Binding, BindingKey, KeyHash, Link, Notices, Said, Stage};
use crate::core::counters::bump;
use crate::core::delivery::Mark;
use crate::core::event::{Event, Events, Limit, PeerInfo};
use crate::core::introduction::sharing;
use crate::core::mux::MuxCore;
use crate::core::names::Cause;
use crate::core::notice::GoneReason;
use crate::core::outbound::Outbound;
use crate::core::pairs::Line;
use crate::core::policy::Rule;
use crate::core::principal::Principal;
use crate::core::record::Own;
use crate::core::role::Role;
use crate::core::source::{Share, SourceKey};
use crate::core::tenure::Tenure;
use crate::core::terminal::Unsent;
use crate::core::tokens::Tokens;

/// What an application takes of its MUX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// What happens. The MUX is a relay: messages pass from peer to peer.
    Events,
    /// Messages too, all of them. The MUX is a terminal: nothing passes from peer to peer.
    Messages,
}

/// Where the messages of peers go: to whom they name, or to the application. Once it is a terminal a
/// MUX stays one, whether its application is there or not.
// spec: mux:terminal:all-to-application
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Relay,
    Terminal,
}

/// The application's end.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) key: BindingKey,
    pub(super) source: SourceKey,
    events: Events,
    /// Peers in whose queues it waits for room.
    pub(super) awaited: HashSet<BindingKey, KeyHash>,
    pub(super) lacks: Lacks,
    /// All peers, and the last that was sent to what is for any of them; or else the only one.
    pub(super) ring: BTreeSet<BindingKey>,
    pub(super) turn: BindingKey,
    pub(super) room: Room,
}

/// Whether any room that falls free, or any peer that comes, may be what the application lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lacks {
    #[default]
    Nothing,
    /// Its share of all queues, or a peer.
    Any,
}

/// Whether room fell free that the application waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Room {
    #[default]
    Unchanged,
    Freed,
}

impl MuxCore {
    /// Makes an end for the application, and returns its binding: what it takes is had by
    /// [`poll_transmit`](Self::poll_transmit). There is one at most; `None` if it is there already.
    ///
    /// `rule` says how much may wait for it, and what becomes of messages that do not fit.
    /// Peers that are in already are told of at once.
    // spec: mux:event:from-the-start, mux:terminal:own-limits
    pub fn open_local(&mut self, takes: Takes, rule: Rule, now: Instant) -> Option<BindingKey> {
        if self.local.is_some() {
            return None;
        }
        self.now = now;
        let live: Vec<_> = self.peers().map(|(key, _)| key).collect();
        let source = self.sources.join(Share::Own);
        let key = self.bindings.insert(Binding {
            role: Role::Service,
            named_role: Role::Service,
            outbound: Outbound::new(sharing(&self.limits, Role::Client, &Link::Other, &rule)),
            link: Link::Other,
            socket_type: SocketType::Router,
            version: Version::V3_1,
            principal: Principal::None,
            stage: Stage::Live,
            // It is in no directory: nobody can address it.
            token: Token([0; 8]),
            name: None,
            generation: 0,
            tenure: Tenure::default(),
            shown: Arc::new(Shown::new(b"")),
            source,
            notices: Notices::NotTaken,
            said: Said::Nothing,
            last: None,
            rule,
            stalled: None,
            tokens: Tokens::default(),
            ties: None,
        });
        if takes == Takes::Messages {
            self.mode = Mode::Terminal;
        }
        self.local = Some(Local {
            key,
            source,
            events: Events::default(),
            awaited: HashSet::default(),
            lacks: Lacks::default(),
            ring: BTreeSet::new(),
            turn: BindingKey::default(),
            room: Room::default(),
        });
        for key in live {
            self.force_reserve(source, BOUND_COST.saturating_add(UNBOUND_COST));
            self.tell_bound(key, Metadata::default());
        }
        Some(key)
    }

    /// Takes the application's end away. What waits for it is dropped and counted.
    pub fn close_local(&mut self) {
        let told = self.peers().count();
        let Some(local) = self.local.take() else { return };
        self.unreserve(local.source, told.saturating_mul(UNBOUND_COST));
        let _ = self.unbind(local.key, GoneReason::Left);
    }

    /// Ends the connection of a peer. What waits for it comes back.
    ///
    /// # Errors
    ///
    /// [`Unsent::NoPeer`] if there is none.
    pub fn disconnect(&mut self, peer: Token) -> Result<(), Unsent> {
        let key = self.directory.binding(peer).ok_or(Unsent::NoPeer)?;
        if let Some(name) = self.cast_out(key, Cause::Disconnected, GoneReason::Evicted) {
            self.free_name(&name);
        }
        Ok(())
    }

    /// Takes the event that a marker stands for.
    pub fn take_event(&mut self, number: u64) -> Option<Event> {
        self.local.as_mut()?.events.take(number)
    }

    /// Tells whether room fell free that [`send_local`](Self::send_local) found missing, once.
    pub fn poll_room(&mut self) -> bool {
        let Some(local) = &mut self.local else { return false };
        std::mem::take(&mut local.room) == Room::Freed
    }

    /// Returns all that have a connection and are in.
    pub(super) fn peers(&self) -> impl Iterator<Item = (BindingKey, &Binding)> {
        let local = self.local.as_ref().map(|local| local.key);
        let live = |binding: &Binding| matches!(binding.stage, Stage::Live);
        self.bindings.iter().filter(move |(key, peer)| Some(*key) != local && live(peer))
    }

    pub(super) fn is_local(&self, key: BindingKey) -> bool {
        self.local.as_ref().is_some_and(|local| local.key == key)
    }

    /// Returns the end that takes messages, if this is a terminal.
    #[inline]
    pub(super) fn terminal(&self) -> Option<BindingKey> {
        self.local.as_ref().filter(|_| self.mode == Mode::Terminal).map(|local| local.key)
    }

    /// Makes room for the events of a peer that is about to be let in, if there is some.
    // spec: mux:event:bounded
    pub(super) fn reserve_events(&mut self, metadata: &Metadata) -> Result<(), Limit> {
        let Some(source) = self.local.as_ref().map(|local| local.source) else { return Ok(()) };
        let cost = bound_cost(metadata).saturating_add(UNBOUND_COST);
        self.reserve(Role::Service, source, cost).map_err(|_| {
            bump(&mut self.counters.events_full);
            Limit::Events
        })
    }

    /// Gives back what [`reserve_events`](Self::reserve_events) took for a peer that is not let in.
    pub(super) fn unreserve_events(&mut self, metadata: &Metadata) {
        if let Some(source) = self.local.as_ref().map(|local| local.source) {
            self.unreserve(source, bound_cost(metadata).saturating_add(UNBOUND_COST));
        }
    }

    /// Keeps what a peer announced until it is in, if somebody will hear of it.
    pub(super) fn keep_metadata(&mut self, key: BindingKey, metadata: Metadata) {
        if self.local.is_some()
            && let Some(binding) = self.bindings.get_mut(key)
        {
            binding.ties().metadata = Some(metadata.detach());
        }
    }

    /// Tells the application that a peer which waited is in.
    pub(super) fn tell_admitted(&mut self, key: BindingKey) {
        let ties = self.bindings.get_mut(key).and_then(|binding| binding.ties.as_mut());
        if let Some(metadata) = ties.and_then(|ties| ties.metadata.take()) {
            self.tell_bound(key, metadata);
        }
    }

    /// Tells the application that a peer is in.
    // spec: mux:event:bound-first
    pub(super) fn tell_bound(&mut self, key: BindingKey, metadata: Metadata) {
        let Some(local) = &mut self.local else { return };
        local.ring.insert(key);
        local.turn_to_only();
        if std::mem::take(&mut local.lacks) == Lacks::Any {
            local.room = Room::Freed;
        }
        let Some(binding) = self.bindings.get(key) else { return };
        let cost = bound_cost(&metadata);
        let (info, source) = (binding.info(metadata), binding.source);
        self.tell(Event::Bound(Arc::new(info)), Some(source), cost);
    }

    /// Tells the application that a peer has got a name after it was let in.
    pub(super) fn tell_named(&mut self, key: BindingKey) {
        let Some(binding) = self.bindings.get(key) else { return };
        let (peer, generation, behind) = (binding.token, binding.generation, binding.source);
        if let Some(name) = binding.name.clone() {
            self.tell(Event::Named { peer, name, generation }, Some(behind), 0);
        }
    }

    /// Tells the application that a peer has ended, behind all that came from it. One that never was
    /// in still has its metadata.
    // spec: mux:event:unbound-last
    pub(super) fn tell_unbound(
        &mut self,
        key: BindingKey,
        binding: &Binding,
        metadata: Option<&Metadata>,
        reason: GoneReason,
    ) {
        let Some(local) = &mut self.local else { return };
        local.ring.remove(&key);
        local.turn_to_only();
        if local.awaited.remove(&key) {
            local.room = Room::Freed;
        }
        if local.key == key {
            return;
        }
        if let Some(metadata) = metadata {
            return self.unreserve_events(metadata);
        }
        let (name, generation) = (binding.name.clone(), binding.generation);
        let event = Event::Unbound { peer: binding.token, name, generation, reason };
        self.tell(event, Some(binding.source), UNBOUND_COST);
    }

    /// Tells the application that a limit was reached.
    pub fn note_limit(&mut self, limit: Limit) {
        self.tell(Event::Limited { limit, times: 1 }, None, 0);
    }

    /// Tells the application of an event, behind all that `behind` has waiting for it. `reserved`
    /// octets were reserved for it.
    pub(super) fn tell(&mut self, event: Event, behind: Option<SourceKey>, reserved: usize) {
        let Some(local) = &mut self.local else { return };
        let (key, own) = (local.key, local.source);
        let Some(number) = local.events.push(event) else { return };
        let mark = Mark::Event(number).to_octets();
        self.push_own(key, Own::Notice { reserved }, &mark, Line::of(behind.unwrap_or(own)));
    }

    /// Tells the application that a peer holds others up, unless it has not heard that yet.
    // spec: mux:event:once-at-a-time
    pub(super) fn tell_stalled(&mut self, key: BindingKey) {
        let Some(local) = &self.local else { return };
        let Some(binding) = self.bindings.get(key).filter(|_| local.key != key) else { return };
        let told = binding.ties.as_ref().and_then(|ties| ties.stall_told);
        if told.is_some_and(|number| local.events.waits(number)) {
            return;
        }
        let number = local.events.next();
        let event = Event::Stalled { peer: binding.token, name: binding.name.clone() };
        self.tell(event, None, 0);
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.ties().stall_told = Some(number);
        }
    }
}

impl Local {
    /// Makes it the turn of the only peer, so that nobody has to look who that is.
    fn turn_to_only(&mut self) {
        if self.ring.len() == 1
            && let Some(only) = self.ring.first()
        {
            self.turn = *only;
        }
    }
}

impl Binding {
    /// Returns what is known of a peer.
    pub(super) fn info(&self, metadata: Metadata) -> PeerInfo {
        PeerInfo {
            token: self.token,
            role: self.role,
            name: self.name.clone(),
            generation: self.generation,
            principal: self.principal.clone(),
            socket_type: self.socket_type,
            version: self.version,
            metadata,
        }
    }
}

fn bound_cost(metadata: &Metadata) -> usize {
    BOUND_COST.saturating_add(metadata.len())
}

/// Octets that the coming of a peer is charged with, beside its metadata: the event, and all that
/// can be told of it later but its end.
const BOUND_COST: usize = 1024;

/// Octets that the end of a peer is charged with.
const UNBOUND_COST: usize = 512;
