//! The lobby: how many connections there may be, in all, from one address, and unfinished.
//!
//! Silent connections never keep out a peer that speaks: when all places for handshakes are
//! taken, the oldest one of the address that has most of them makes way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

use slotmap::{SlotMap, new_key_type};

use crate::core::counters::bump;
use crate::core::limits::MuxLimits;

new_key_type! {
    /// What the lobby calls a connection.
    pub struct Ticket;
}

/// Where a connection comes from, as far as limits are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A process on this machine.
    Ipc,
    /// An IPv4 address, or a /64 of IPv6.
    Ip(IpAddr),
}

impl Origin {
    /// Returns the origin of a peer with this address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self::Ip(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
        })
    }

    /// Tells whether the limit per address holds for it.
    // spec: mux:limit:exempt-addresses
    pub(crate) fn is_limited(self) -> bool {
        match self {
            Self::Ipc => false,
            // ::1 has become :: with the rest of its /64, in which there is nothing else.
            Self::Ip(address) => !address.is_loopback() && !address.is_unspecified(),
        }
    }
}

/// All connections of a MUX, from their first octet to their last.
#[derive(Debug)]
pub struct Lobby {
    limits: MuxLimits,
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

/// What the lobby has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LobbyCounters {
    /// Connections that got a place.
    pub accepted: u64,
    /// Connections refused since there were too many.
    pub refused_connections: u64,
    /// Connections refused since there were too many from their address.
    pub refused_per_ip: u64,
    /// Handshakes that made way for newer ones.
    pub handshakes_evicted: u64,
}

impl LobbyCounters {
    /// Returns every counter by its name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("connections_accepted", self.accepted),
            ("connections_refused", self.refused_connections),
            ("connections_refused_per_ip", self.refused_per_ip),
            ("handshakes_evicted", self.handshakes_evicted),
        ]
        .into_iter()
    }
}

impl Lobby {
    /// Makes an empty lobby.
    #[must_use]
    pub fn new(limits: MuxLimits) -> Self {
        Self {
            limits,
            guests: SlotMap::with_key(),
            crowds: BTreeMap::new(),
            ranks: BTreeSet::new(),
            handshakes: 0,
            counters: LobbyCounters::default(),
        }
    }

    /// Finds a place for a new connection, whose handshake begins.
    // spec: mux:limit:connections, mux:limit:connections-per-ip, mux:limit:handshake-eviction
    pub fn enter(&mut self, origin: Origin) -> Entry {
        if self.guests.len() >= self.limits.connections {
            bump(&mut self.counters.refused_connections);
            return Entry::Refused;
        }
        let present = self.crowds.get(&origin).map_or(0, |crowd| crowd.connections);
        if origin.is_limited() && present >= self.limits.connections_per_ip {
            bump(&mut self.counters.refused_per_ip);
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
mod tests {
    use super::*;

    fn ip(last: u8) -> Origin {
        Origin::of(IpAddr::from([192, 0, 2, last]))
    }

    fn lobby() -> Lobby {
        Lobby::new(MuxLimits {
            connections: 6,
            connections_per_ip: 4,
            handshakes: 3,
            ..MuxLimits::default()
        })
    }

    fn enter(lobby: &mut Lobby, origin: Origin) -> (Ticket, Option<Ticket>) {
        match lobby.enter(origin) {
            Entry::Entered { ticket, evicted } => (ticket, evicted),
            Entry::Refused => panic!("refused"),
        }
    }

    /// mux:limit:connections, mux:limit:connections-per-ip.
    #[test]
    fn refuses_what_is_too_many_in_all_or_from_one_address() {
        let mut lobby = lobby();
        let tickets: Vec<_> = (0..4).map(|_| enter(&mut lobby, ip(1)).0).collect();
        assert_eq!(lobby.enter(ip(1)), Entry::Refused);
        enter(&mut lobby, ip(2));
        enter(&mut lobby, ip(2));
        assert_eq!(lobby.enter(ip(3)), Entry::Refused);
        lobby.leave(tickets[0]);
        enter(&mut lobby, ip(1));
        let counters = lobby.counters();
        assert_eq!((counters.refused_per_ip, counters.refused_connections), (1, 1));
    }

    /// mux:limit:exempt-addresses.
    #[test]
    fn loopback_and_ipc_know_no_limit_per_address() {
        for origin in [
            Origin::Ipc,
            Origin::of(IpAddr::from([127, 0, 0, 9])),
            Origin::of(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            Origin::of("::ffff:127.0.0.1".parse().unwrap()),
        ] {
            let mut lobby = lobby();
            for _ in 0..6 {
                enter(&mut lobby, origin);
            }
        }
        let one: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        let other: IpAddr = "2001:db8:0:1:ffff::2".parse().unwrap();
        assert_eq!(Origin::of(one), Origin::of(other));
        assert_ne!(Origin::of(one), Origin::of("2001:db8:0:2::1".parse().unwrap()));
    }

    /// mux:limit:handshake-eviction.
    #[test]
    fn the_oldest_handshake_of_the_largest_crowd_makes_way() {
        let mut lobby = lobby();
        let (first, _) = enter(&mut lobby, ip(1));
        let (second, _) = enter(&mut lobby, ip(2));
        let (third, none) = enter(&mut lobby, ip(2));
        assert_eq!(none, None);
        let (_, evicted) = enter(&mut lobby, ip(3));
        assert_eq!(evicted, Some(second));
        assert_eq!(lobby.introduce(second), Err(Evicted));
        assert_eq!(lobby.introduce(third), Ok(()));
        assert_eq!(lobby.count(), (4, 2));
        lobby.leave(second);
        lobby.leave(first);
        assert_eq!(lobby.count(), (2, 1));
        assert_eq!(lobby.ranks.len(), 1, "only the last address has an unfinished handshake");
        assert_eq!(lobby.counters().handshakes_evicted, 1);
    }

    #[test]
    fn ten_thousand_silent_connections_leave_the_newest_places() {
        let mut lobby = Lobby::new(MuxLimits::default());
        for _ in 0..10_000 {
            enter(&mut lobby, Origin::of(IpAddr::from([127, 0, 0, 1])));
        }
        assert_eq!(lobby.count(), (10_000, 1024));
        let (speaks, _) = enter(&mut lobby, Origin::of(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(lobby.introduce(speaks), Ok(()));
    }
}
