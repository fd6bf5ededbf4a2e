//! Messages that have begun to arrive: charged before they are read.
//!
//! | room                                       | for a client | for a service with a name        |
//! |--------------------------------------------|--------------|----------------------------------|
//! | three quarters of the global pool, shared  | charged      | charged                          |
//! | an eighth beside the pool                  |              | lent, when there is no more here |
//! | none                                       | not read     | not read                         |
//! | has been read all the same                 | charged      | lent                             |
//!
//! A service is lent what its message wants, however much that is, as long as nobody else is lent
//! anything: so it never waits for what clients have done, and only for other services when these send
//! more at once than there is memory for.

use std::time::Duration;

use crate::core::binding::BindingKey;
use crate::core::counters::bump;
use crate::core::event::Limit;
use crate::core::limits::PoolLimits;
use crate::core::local::Mode;
use crate::core::mux::MuxCore;
use crate::core::park::look_among;
use crate::core::role::Role;
use crate::core::source::SourceKey;

/// Whether there is room for the octets of an unfinished message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Charge {
    /// Read on.
    Taken,
    /// Do not read on.
    NoRoom {
        /// When to ask again. The more peers ask, the later each.
        look: Duration,
    },
}

/// How much of the global pool is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supply {
    /// Half of it or more.
    #[default]
    Ample,
    /// Less: read of a client no more at once than what is free of charge.
    Short,
}

/// What an unfinished message takes beyond what is free of charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partial {
    /// Octets of the pool.
    charged: usize,
    /// Octets beside it.
    lent: usize,
    /// Octets for which there was no room when that was asked last.
    short: usize,
}

impl Partial {
    /// Tells whether its peer is left unread meanwhile.
    pub(crate) fn is_held_up(self) -> bool {
        self.short > 0
    }

    fn octets(self) -> usize {
        self.charged.saturating_add(self.lent)
    }
}

impl MuxCore {
    /// Charges an unfinished message of a peer, of which `octets` have arrived or are about to be
    /// read. The first 8 KiB are free, a part of what a connection takes.
    ///
    /// There is no room for a service that has no name yet.
    // spec: mux:overload:partial-charged
    pub fn handle_partial(&mut self, key: BindingKey, octets: usize) -> Charge {
        match self.take_partial(key, octets) {
            Ok(()) => Charge::Taken,
            Err(short) => self.hold_up(key, short),
        }
    }

    /// Charges an unfinished message, or returns for how many octets there is no room.
    fn take_partial(&mut self, key: BindingKey, octets: usize) -> Result<(), usize> {
        let Some(binding) = self.bindings.get(key) else { return Ok(()) };
        let (role, source) = (binding.role, binding.source);
        // It may say HELLO, which is short, and nothing else is taken from it.
        // spec: mux:role:nameless-service
        let is_nameless =
            self.mode == Mode::Relay && role == Role::Service && binding.name.is_none();
        let mut partial = self.partial(key);
        let wanted = octets.saturating_sub(FREE_LEN);
        match wanted.checked_sub(partial.octets()) {
            Some(0) => {}
            Some(more) if is_nameless => return Err(more),
            Some(more) if self.charge_partial(source, more) => {
                partial.charged = partial.charged.saturating_add(more);
            }
            Some(more) if role == Role::Service && self.lend(partial, more) => {
                partial.lent = partial.lent.saturating_add(more);
            }
            Some(more) => return Err(more),
            None => {
                // What is lent is given back first.
                let charged = partial.charged.min(wanted);
                let lent = partial.lent.min(wanted.saturating_sub(charged));
                self.unreserve(source, partial.charged.saturating_sub(charged));
                self.lent = self.lent.saturating_sub(partial.lent.saturating_sub(lent));
                partial = Partial { charged, lent, ..partial };
            }
        }
        self.note_partial(key, Partial { short: 0, ..partial });
        Ok(())
    }

    /// Leaves a peer unread that has no room for `short` octets more.
    fn hold_up(&mut self, key: BindingKey, short: usize) -> Charge {
        let partial = self.partial(key);
        if partial.short == 0 {
            bump(&mut self.counters.partials_held_up);
            self.note_limit(Limit::Room);
        }
        self.note_partial(key, Partial { short, ..partial });
        Charge::NoRoom { look: look_among(self.held_up) }
    }

    /// Charges what is kept of a peer's octets that are not routed, whether there is room or not: they
    /// have been read. The first 8 KiB are free.
    // spec: mux:overload:kept-charged
    pub fn handle_kept(&mut self, key: BindingKey, octets: usize) {
        if let Err(more) = self.take_partial(key, octets) {
            let Some(binding) = self.bindings.get(key) else { return };
            let (role, source) = (binding.role, binding.source);
            let mut partial = self.partial(key);
            match role {
                Role::Client => {
                    self.force_reserve(source, more);
                    partial.charged = partial.charged.saturating_add(more);
                }
                // Clients do not pay for that.
                Role::Service => {
                    self.lent = self.lent.saturating_add(more);
                    partial.lent = partial.lent.saturating_add(more);
                }
            }
            self.note_partial(key, Partial { short: 0, ..partial });
        }
    }

    /// Charges octets to the part of the pool that unfinished messages may fill, if there is room, so that
    /// clients have an eighth for whole ones, however many begin a long one and stop.
    // spec: mux:overload:partial-quarter
    fn charge_partial(&mut self, source: SourceKey, octets: usize) -> bool {
        let all = self.limits.global_pool;
        let most = PoolLimits { octets: all.octets.saturating_sub(all.octets / 4), ..all };
        self.reserve_of(most, source, octets).is_ok()
    }

    /// Lends octets to a service whose unfinished message takes what `partial` says.
    // spec: mux:overload:partial-lent, mux:queue:service-never-paused
    fn lend(&mut self, partial: Partial, octets: usize) -> bool {
        let lent = self.lent.saturating_add(octets);
        let granted = self.lent == partial.lent || lent <= self.limits.global_pool.octets / 8;
        if granted {
            self.lent = lent;
        }
        granted
    }

    /// Gives back what an unfinished message took.
    pub(super) fn release_partial(&mut self, source: SourceKey, partial: Partial) {
        self.unreserve(source, partial.charged);
        self.lent = self.lent.saturating_sub(partial.lent);
        self.held_up = self.held_up.saturating_sub(usize::from(partial.short > 0));
    }

    fn partial(&self, key: BindingKey) -> Partial {
        let ties = self.bindings.get(key).and_then(|binding| binding.ties.as_ref());
        ties.map(|ties| ties.partial).unwrap_or_default()
    }

    fn note_partial(&mut self, key: BindingKey, partial: Partial) {
        let was = self.partial(key);
        match (was.short, partial.short) {
            (0, 1..) => self.held_up = self.held_up.saturating_add(1),
            (1.., 0) => self.held_up = self.held_up.saturating_sub(1),
            (0, 0) | (1.., 1..) => {}
        }
        if was != partial
            && let Some(binding) = self.bindings.get_mut(key)
        {
            binding.ties().partial = partial;
        }
    }

    /// Tells how much is free.
    #[inline]
    #[must_use]
    pub fn supply(&self) -> Supply {
        if self.used.octets() > self.limits.global_pool.octets / 2 {
            Supply::Short
        } else {
            Supply::Ample
        }
    }
}

/// Octets of an unfinished message that are not charged.
pub const FREE_LEN: usize = 8 * 1024;
