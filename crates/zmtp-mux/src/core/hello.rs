//! Names that are claimed by a peer that is in already.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::address::{Name, Shown};
use crate::core::binding::{Binding, BindingKey, Said, Stage};
use crate::core::counters::bump;
use crate::core::introduction::sharing;
use crate::core::mux::MuxCore;
use crate::core::names::Contest;
use crate::core::role::Role;

/// What becomes of a name that a peer claims after its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum NameClaim {
    /// It is the peer's, which is a service now if it could become one.
    Granted {
        /// Which holder of a name it is.
        generation: u64,
    },
    /// A service holds it. Whether that lives is known by the time to try again.
    Busy {
        /// How long to wait before that.
        retry_after: Duration,
    },
    /// The authorizer does not grant it.
    Denied,
    /// Somebody holds it, or it is not granted, and the peer is a client: it goes on without.
    Unnamed,
    /// The peer has another name, or has sent messages without one.
    Malformed,
    /// The peer is not in.
    NotBound,
}

impl MuxCore {
    /// Decides at once on a name that a peer claims which is in and has none.
    // spec: mux:name:claimed-later
    pub fn claim_name(&mut self, key: BindingKey, name: Name, now: Instant) -> NameClaim {
        let Some(binding) = self.bindings.get(key) else { return NameClaim::NotBound };
        match binding {
            Binding { stage: Stage::Held(_), .. } => return NameClaim::NotBound,
            Binding { name: Some(own), generation, .. } if *own == name => {
                return NameClaim::Granted { generation: *generation };
            }
            // spec: mux:name:one-per-binding
            Binding { name: Some(_), .. } | Binding { said: Said::Something, .. } => {
                return NameClaim::Malformed;
            }
            Binding { named_role: Role::Client, .. } => return self.claim_alias(key, name),
            Binding { named_role: Role::Service, .. } => {}
        }
        let principal = binding.principal.clone();
        let contest = self.contest(&name, &principal, now);
        if let Contest::Waits { probe } = contest {
            let left = match probe {
                Some(until) => until.saturating_duration_since(now),
                None => self.limits.probe_timeout,
            };
            return NameClaim::Busy { retry_after: left.saturating_add(RETRY_LATER) };
        }
        let rule = self.rules.of(Role::Service, Some(name.as_octets()));
        // spec: mux:overload:policies
        if let Some(binding) = self.bindings.get_mut(key) {
            let sharing = sharing(&self.limits, Role::Service, &binding.link, &rule);
            if std::mem::replace(&mut binding.role, Role::Service) == Role::Client {
                // What waits for it waits for a client no more.
                self.used_by_clients.give_back_all(*binding.outbound.used());
                self.sources.give_back_waiting(binding.source, *binding.outbound.used());
            }
            binding.rule = rule;
            binding.outbound.share(sharing);
            binding.shown = Arc::new(Shown::new(name.as_octets()));
        }
        match contest {
            Contest::Won { loser } => self.take_over(loser, key, name, now),
            Contest::Free | Contest::Waits { .. } => self.give_name(key, name),
        }
        self.tell_named(key);
        NameClaim::Granted { generation: self.generation(key) }
    }

    // spec: mux:alias:never-waits
    fn claim_alias(&mut self, key: BindingKey, name: Name) -> NameClaim {
        if self.directory.holder(name.as_octets()).is_some() {
            bump(&mut self.counters.aliases_denied);
            return NameClaim::Unnamed;
        }
        self.give_name(key, name);
        self.tell_named(key);
        NameClaim::Granted { generation: self.generation(key) }
    }
}

/// Added to what is left of a probe, so that who comes again then finds it decided.
const RETRY_LATER: Duration = Duration::from_millis(100);
