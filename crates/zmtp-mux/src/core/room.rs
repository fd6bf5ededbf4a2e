//! Room: whether a message is admitted, and who is charged for it.
//!
//! A message is admitted when it fits, and when nobody concerned holds more than is still free:
//!
//! ```text
//! len(S, D) < free(D)      used(D) < free(global)      held_by(S) < free(global)
//! ```
//!
//! So a lone source may take half of a pool, two a third each, and there is always room for one
//! that has nothing yet. What waits for clients is shared by these, in their half of the global pool:
//! all connections of one source may have less waiting than is free there, and there is no bound for the
//! service that it comes from. Or those who do not read would keep its replies from those who do.

use crate::core::binding::{Binding, BindingKey};
use crate::core::counters::DropReason;
use crate::core::limits::PoolLimits;
use crate::core::mux::MuxCore;
use crate::core::pool::Used;
use crate::core::record::{Record, What};
use crate::core::role::Role;
use crate::core::source::SourceKey;

/// Whose doing it is that there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// The destination has too much waiting.
    Destination,
    /// The source does, there or in all.
    Share,
}

impl MuxCore {
    /// Tells whether there is room for a message of `len` octets from `source`, which has the role `from`.
    // spec: mux:overload:threshold, mux:queue:per-destination, mux:queue:global-pool
    #[inline]
    pub(super) fn room(
        &self,
        from: Role,
        source: SourceKey,
        to: &Binding,
        len: usize,
    ) -> Result<(), Short> {
        // While all holds less than half of what clients may have, nobody holds more than what is free
        // of anything.
        if to.outbound.used().leaves_half(len, to.rule.pool)
            && self.used.leaves_half(len, self.half())
        {
            return Ok(());
        }
        self.scarce_room(from, source, to, len)
    }

    /// As [`room`](Self::room), when it is not plain that there is enough.
    #[cold]
    fn scarce_room(
        &self,
        from: Role,
        source: SourceKey,
        to: &Binding,
        len: usize,
    ) -> Result<(), Short> {
        let global = self.global_for(from);
        let (used, pool) = (to.outbound.used(), to.rule.pool);
        if to.role == Role::Client && !self.has_room_for_clients(to.source, len) {
            return Err(Short::Destination);
        }
        if !used.has_room(len, pool) || !used.is_less_than_free(&self.used, global) {
            return Err(Short::Destination);
        }
        let held = match (from, to.role) {
            (Role::Service, Role::Client) => Used::default(),
            (Role::Client, _) | (_, Role::Service) => self.held_by(source),
        };
        if !self.used.has_room(len, global)
            || !to.outbound.used_by(source).is_less_than_free(used, pool)
            || !held.is_less_than_free(&self.used, global)
        {
            return Err(Short::Share);
        }
        Ok(())
    }

    /// Tells whether a message of `len` octets for a client of the source `own` has room in the half that is
    /// for clients: one that has something waiting may have no more with it than is free then.
    // spec: mux:overload:clients-half, mux:overload:clients-share
    pub(super) fn has_room_for_clients(&self, own: SourceKey, len: usize) -> bool {
        let (one, half) = (Used::of(1, len), self.half());
        let waiting = self.sources.get(own).map(|source| source.waiting).unwrap_or_default();
        self.used_by_clients.has_room(len, half)
            && (waiting == Used::default()
                || waiting.with(one).is_within_free(self.used_by_clients.with(one), half))
    }

    pub(super) fn held_by(&self, source: SourceKey) -> Used {
        self.sources.get(source).map(|source| source.held).unwrap_or_default()
    }

    /// Charges a message to what waits for clients, of which one is of the source `own`.
    #[inline]
    pub(super) fn charge_clients(&mut self, own: SourceKey, len: usize) {
        self.used_by_clients.take(len);
        self.sources.take_waiting(own, len);
    }

    /// Gives back what [`charge_clients`](Self::charge_clients) took.
    #[inline]
    pub(super) fn release_clients(&mut self, own: SourceKey, freed: Used) {
        self.used_by_clients.give_back_all(freed);
        self.sources.give_back_waiting(own, freed);
    }

    /// Returns what sources of this role may fill of the global pool: an eighth is for services
    /// alone, so that replies get through.
    // spec: mux:overload:services-eighth
    #[inline]
    pub(super) fn global_for(&self, source: Role) -> PoolLimits {
        let all = self.limits.global_pool;
        match source {
            Role::Service => all,
            Role::Client => PoolLimits {
                octets: all.octets.saturating_sub(all.octets / 8),
                messages: all.messages.saturating_sub(all.messages / 8),
            },
        }
    }

    /// Returns what all clients together may have waiting for them.
    // spec: mux:overload:clients-half
    #[inline]
    pub(super) fn half(&self) -> PoolLimits {
        self.limits.global_pool.half()
    }

    /// Gives back the room of what is no longer queued for `to`.
    #[inline]
    pub(super) fn release(&mut self, to: BindingKey, record: &Record) {
        let Some(binding) = self.bindings.get(to) else { return };
        let (role, source) = (binding.role, binding.source);
        self.release_of(role, source, record);
    }

    /// As [`release`](Self::release), for a destination of this role and source.
    #[inline]
    pub(super) fn release_of(&mut self, role: Role, own: SourceKey, record: &Record) {
        let (source, room) = match record.what {
            What::Message(sent) => (sent.source, record.room()),
            What::Return => (own, Used::of(1, record.len)),
            What::Notice { reserved } => {
                self.used.give_back_octets(reserved);
                return self.sources.give_back_octets(own, reserved);
            }
            What::Hello | What::Sign(_) => return,
        };
        self.used.give_back_all(room);
        self.sources.give_back_all(source, room);
        if role == Role::Client {
            self.release_clients(own, room);
        }
    }

    /// Charges octets that are no message to a source and the global pool, if there is room.
    pub(super) fn reserve(
        &mut self,
        role: Role,
        source: SourceKey,
        octets: usize,
    ) -> Result<(), DropReason> {
        self.reserve_of(self.global_for(role), source, octets)
    }

    /// As [`reserve`](Self::reserve), of a part of the pool.
    pub(super) fn reserve_of(
        &mut self,
        most: PoolLimits,
        source: SourceKey,
        octets: usize,
    ) -> Result<(), DropReason> {
        let held = self.held_by(source);
        if self.used.octets().saturating_add(octets) > most.octets
            || !held.is_less_than_free(&self.used, most)
        {
            return Err(DropReason::Limit);
        }
        self.force_reserve(source, octets);
        Ok(())
    }

    /// Charges octets that are no message, whether there is room or not.
    pub(super) fn force_reserve(&mut self, source: SourceKey, octets: usize) {
        self.used.take_octets(octets);
        self.sources.take_octets(source, octets);
    }

    /// Gives back what [`reserve`](Self::reserve) took.
    pub(super) fn unreserve(&mut self, source: SourceKey, octets: usize) {
        self.used.give_back_octets(octets);
        self.sources.give_back_octets(source, octets);
    }
}
