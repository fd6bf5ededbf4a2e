//! How a connection is treated: what its task has to know of the rules for its peer.

use std::time::{Duration, Instant};

use crate::core::binding::BindingKey;
use crate::core::mux::MuxCore;
use crate::core::role::Role;

// spec: mux:overload:treatment-follows
/// How a peer is treated. It may be another after each message of the peer's that was not
/// [`Admitted`](crate::core::Outcome::Admitted): with a name a peer gets another rule, and may become a
/// service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// What it is.
    pub role: Role,
    /// How long it may accept no octet while something waits for it; `None` for a service, which
    /// has its time to be busy.
    // spec: mux:overload:write-stall
    pub write_stall: Option<Duration>,
    /// How long messages may wait for it, if that is limited: how often to call
    /// [`handle_expiry`](MuxCore::handle_expiry) at least while it accepts nothing, or its window is full.
    pub max_age: Option<Duration>,
    /// When it is closed at the latest, if it drains.
    pub drains_until: Option<Instant>,
}

impl MuxCore {
    /// Returns how a peer is treated. One that is gone is treated as a client, until its task hears of it.
    #[must_use]
    pub fn treatment(&self, key: BindingKey) -> Treatment {
        let binding = self.bindings.get(key);
        let role = binding.map_or(Role::Client, |binding| binding.role);
        Treatment {
            role,
            write_stall: match role {
                Role::Client => Some(self.limits.write_stall),
                Role::Service => None,
            },
            max_age: binding.and_then(|binding| binding.rule.max_age),
            drains_until: binding.and_then(|binding| binding.ties.as_ref()?.drains),
        }
    }
}
