//! The lobby: how many connections there may be, in all, from one address, and unfinished.
//!
//! Silent connections never keep out a peer that speaks: when all places for handshakes are
//! taken, the oldest one of the address that has most of them makes way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use slotmap::{SlotMap, new_key_type};

use crate::core::counters::bump;
use crate::core::exempt::Prefix;
use crate::core::limits::MuxLimits;
use crate::core::lobby::arrivals::Arrivals;
use crate::core::role::ListenerRole;

pub use self::counters::LobbyCounters;
pub use self::origin::{HandshakeCost, Newcomer, Origin};

mod arrivals;
mod counters;
mod origin;

new_key_type! {
    /// What the lobby calls a connection.
    pub struct Ticket;
}

/// All connections of a MUX, from their first octet to their last.
#[derive(Debug)]
pub struct Lobby {
    limits: MuxLimits,
    /// Addresses for which no limit per address holds.
    exempt: Vec<Prefix>,
    arrivals: Arrivals,
    guests: SlotMap<Ticket, Guest>,
    crowds: BTreeMap<Origin, Crowd>,
    /// The origins with unfinished handshakes, by how many they have; the largest crowd is last,
    /// and of equals the first in order. So that to find it does not hang on how many there are.
    ranks: BTreeSet<(usize, Reverse<Origin>)>,
    handshakes: usize,
    counters: LobbyCounters,
}

#[derive(Debug)]
struct Guest {
    origin: Origin,
    stage: GuestStage,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestStage {
    /// Its handshake is not finished.
    Shaking,
    /// It lost its place to a newer one, and must end.
    Evicted,
    /// Its peer has introduced itself.
    Through,
}

/// The connections of one origin.
#[derive(Debug, Default)]
struct Crowd {
    connections: usize,
    /// Those whose handshake is not finished, the oldest first.
    shaking: VecDeque<Ticket>,
}

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Entry {
    /// It has a place.
    Entered {
        /// Its ticket; give it back with [`Lobby::leave`].
        ticket: Ticket,
        /// A handshake that has to make way for it: close that connection.
        evicted: Option<Ticket>,
    },
    /// There is no place for it: close it.
    Refused,
}

impl Lobby {
    /// Makes an empty lobby. No limit per address holds for the `exempt` ones.
    #[must_use]
    pub fn new(limits: MuxLimits, exempt: Vec<Prefix>) -> Self {
        Self {
            arrivals: Arrivals::new(limits.handshakes_per_ip, limits.connections),
            limits,
            exempt,
            guests: SlotMap::with_key(),
            crowds: BTreeMap::new(),
            ranks: BTreeSet::new(),
            handshakes: 0,
            counters: LobbyCounters::default(),
        }
    }

    /// Finds a place for a new connection, whose handshake begins.
    // spec: mux:limit:handshake-eviction
    pub fn enter(&mut self, newcomer: Newcomer, now: Instant) -> Entry {
        let origin = Origin::of(newcomer.address);
        if let Some(counter) = self.refusal(newcomer, origin, now) {
            bump(counter);
            return Entry::Refused;
        }
        let evicted =
            if self.handshakes >= self.limits.handshakes { self.evict_oldest() } else { None };
        let ticket = self.guests.insert(Guest { origin, stage: GuestStage::Shaking });
        let crowd = self.crowds.entry(origin).or_default();
        crowd.connections = crowd.connections.saturating_add(1);
        self.ranks.remove(&(crowd.shaking.len(), Reverse(origin)));
        crowd.shaking.push_back(ticket);
        self.ranks.insert((crowd.shaking.len(), Reverse(origin)));
        self.handshakes = self.handshakes.saturating_add(1);
        bump(&mut self.counters.accepted);
        Entry::Entered { ticket, evicted }
    }

    /// Tells whether the limits per address hold for one.
    // spec: mux:limit:exempt-addresses
    #[must_use]
    pub fn is_limited(&self, address: IpAddr) -> bool {
        !self.exempt.iter().any(|prefix| prefix.contains(address))
    }

    /// Frees the place of a handshake whose peer has introduced itself.
    ///
    /// # Errors
    ///
    /// [`Evicted`] if it has lost its place already; the connection must end.
    pub fn introduce(&mut self, ticket: Ticket) -> Result<(), Evicted> {
        self.finish(ticket, GuestStage::Through);
        match self.guests.get(ticket) {
            Some(Guest { stage: GuestStage::Through, .. }) => Ok(()),
            _ => Err(Evicted),
        }
    }

    /// Frees the place of a connection that has ended.
    pub fn leave(&mut self, ticket: Ticket) {
        self.finish(ticket, GuestStage::Through);
        let Some(guest) = self.guests.remove(ticket) else { return };
        let Some(crowd) = self.crowds.get_mut(&guest.origin) else { return };
        crowd.connections = crowd.connections.saturating_sub(1);
        if crowd.connections == 0 {
            self.crowds.remove(&guest.origin);
        }
    }

    /// Returns how far a connection has come; `None` if it has left.
    #[must_use]
    pub fn stage(&self, ticket: Ticket) -> Option<GuestStage> {
        self.guests.get(ticket).map(|guest| guest.stage)
    }

    /// Returns how many connections there are, and how many of them have an unfinished handshake.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        (self.guests.len(), self.handshakes)
    }

    /// Returns what was counted.
    #[must_use]
    pub fn counters(&self) -> &LobbyCounters {
        &self.counters
    }

    /// Finds out whether a newcomer must be refused, and returns what counts that.
    // spec: mux:limit:connections, mux:limit:service-places, mux:limit:connections-per-ip
    // spec: mux:limit:handshakes-per-ip
    fn refusal(&mut self, newcomer: Newcomer, origin: Origin, now: Instant) -> Option<&mut u64> {
        let limits = &self.limits;
        let left = limits.connections.saturating_sub(self.guests.len());
        let reserved = limits.connections.checked_div(limits.service_places_part).unwrap_or(0);
        let is_limited = newcomer.address.is_some_and(|address| self.is_limited(address));
        let counters = &mut self.counters;
        if left == 0 {
            return Some(&mut counters.refused_connections);
        }
        if left <= reserved && newcomer.listener != ListenerRole::Services {
            return Some(&mut counters.refused_reserved);
        }
        if !is_limited {
            return None;
        }
        let present = self.crowds.get(&origin).map_or(0, |crowd| crowd.connections);
        if present >= limits.connections_per_ip {
            return Some(&mut counters.refused_per_ip);
        }
        let comes_too_often =
            newcomer.cost == HandshakeCost::PublicKeys && !self.arrivals.take(origin, now);
        comes_too_often.then_some(&mut counters.refused_rate)
    }

    fn evict_oldest(&mut self) -> Option<Ticket> {
        let (_, Reverse(origin)) = self.ranks.last()?;
        let ticket = *self.crowds.get(origin)?.shaking.front()?;
        self.finish(ticket, GuestStage::Evicted);
        bump(&mut self.counters.handshakes_evicted);
        Some(ticket)
    }

    /// Ends the handshake stage of a connection, if it is in that.
    fn finish(&mut self, ticket: Ticket, stage: GuestStage) {
        let Some(guest) = self.guests.get_mut(ticket) else { return };
        if guest.stage != GuestStage::Shaking {
            return;
        }
        guest.stage = stage;
        self.handshakes = self.handshakes.saturating_sub(1);
        if let Some(crowd) = self.crowds.get_mut(&guest.origin) {
            self.ranks.remove(&(crowd.shaking.len(), Reverse(guest.origin)));
            crowd.shaking.retain(|&other| other != ticket);
            if !crowd.shaking.is_empty() {
                self.ranks.insert((crowd.shaking.len(), Reverse(guest.origin)));
            }
        }
    }
}

/// A handshake has lost its place to a newer connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("made way for a newer connection")]
pub struct Evicted;

#[cfg(test)]
mod tests;
