//! Messages that have begun to arrive: charged before they are read.

use crate::core::binding::BindingKey;
use crate::core::local::Mode;
use crate::core::mux::MuxCore;
use crate::core::role::Role;

/// Whether there is room for the octets of an unfinished message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Charge {
    /// Read on.
    Taken,
    /// Do not read on; ask again soon.
    NoRoom,
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

impl MuxCore {
    /// Charges an unfinished message of a peer, of which `octets` have arrived or are about to be
    /// read. The first 8 KiB are free, a part of what a connection takes.
    ///
    /// There is always room for a service: nobody holds up its replies. There is none for one that has no
    /// name yet.
    // spec: mux:overload:partial-charged, mux:queue:service-never-paused
    pub fn handle_partial(&mut self, key: BindingKey, octets: usize) -> Charge {
        let Some(binding) = self.bindings.get(key) else { return Charge::Taken };
        let (role, source) = (binding.role, binding.source);
        // It may say HELLO, which is short, and nothing else is taken from it.
        // spec: mux:role:nameless-service
        let is_nameless =
            self.mode == Mode::Relay && role == Role::Service && binding.name.is_none();
        let charged = binding.ties.as_ref().map_or(0, |ties| ties.partial);
        let wanted = octets.saturating_sub(FREE_LEN);
        if let Some(more) = wanted.checked_sub(charged).filter(|more| *more > 0) {
            if is_nameless {
                return Charge::NoRoom;
            }
            match self.reserve(role, source, more) {
                Ok(()) => {}
                Err(_) if role == Role::Client => return Charge::NoRoom,
                Err(_) => self.force_reserve(source, more),
            }
        } else {
            self.unreserve(source, charged.saturating_sub(wanted));
        }
        self.note_partial(key, wanted);
        Charge::Taken
    }

    /// Charges what is kept of a peer's octets that are not routed, whether there is room or not: they
    /// have been read. The first 8 KiB are free.
    // spec: mux:overload:kept-charged
    pub fn handle_kept(&mut self, key: BindingKey, octets: usize) {
        if self.handle_partial(key, octets) == Charge::NoRoom {
            let Some(binding) = self.bindings.get(key) else { return };
            let (source, wanted) = (binding.source, octets.saturating_sub(FREE_LEN));
            let charged = binding.ties.as_ref().map_or(0, |ties| ties.partial);
            self.force_reserve(source, wanted.saturating_sub(charged));
            self.note_partial(key, wanted);
        }
    }

    fn note_partial(&mut self, key: BindingKey, charged: usize) {
        if let Some(binding) = self.bindings.get_mut(key)
            && binding.ties.as_ref().map_or(0, |ties| ties.partial) != charged
        {
            binding.ties().partial = charged;
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
