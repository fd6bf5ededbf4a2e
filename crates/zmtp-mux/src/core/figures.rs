//! What the core tells of itself: counters, gauges, and who is there.

use crate::core::address::Name;
use crate::core::binding::BindingKey;
use crate::core::counters::Counters;
use crate::core::mux::MuxCore;
use crate::core::role::Role;

impl MuxCore {
    /// Returns what was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns how many messages are queued now, by walking the queues.
    #[must_use]
    pub fn queued(&self) -> u64 {
        let queued: usize = self
            .bindings
            .values()
            .map(|binding| {
                let parked = usize::from(binding.parked().is_some());
                binding.outbound.messages().saturating_add(parked)
            })
            .sum();
        queued as u64
    }

    /// Returns the octets of all messages that are queued now, or have begun to arrive.
    #[must_use]
    pub fn queued_octets(&self) -> usize {
        self.used.octets().saturating_add(self.lent)
    }

    /// Returns how many bindings there are, held ones included.
    #[must_use]
    pub fn bindings(&self) -> usize {
        self.bindings.len().saturating_sub(usize::from(self.local.is_some()))
    }

    /// Tells whether there is such a binding, live or held.
    #[must_use]
    pub fn is_bound(&self, key: BindingKey) -> bool {
        self.bindings.contains_key(key)
    }

    /// Returns the name that a binding holds now.
    #[must_use]
    pub fn name(&self, key: BindingKey) -> Option<&Name> {
        self.bindings.get(key)?.name.as_ref()
    }

    pub(crate) fn role(&self, key: BindingKey) -> Option<Role> {
        self.bindings.get(key).map(|binding| binding.role)
    }
}
