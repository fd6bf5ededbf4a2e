//! Introductions: who is let in, and as what.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use zmtp_proto::{Metadata, SocketType, Version};

use crate::core::address::{Name, Shown, Token, binding_address};
use crate::core::binding::{Binding, BindingKey, Link, Notices, Said, Stage};
use crate::core::counters::bump;
use crate::core::directory::TokenUse;
use crate::core::event::{Event, Limit};
use crate::core::limits::{MuxLimits, PoolLimits};
use crate::core::local::Mode;
use crate::core::mux::{MuxCore, Phase};
use crate::core::names::Contest;
use crate::core::outbound::{Outbound, Sharing};
use crate::core::policy::Rule;
use crate::core::principal::Principal;
use crate::core::role::{ListenerRole, Refusal, Role, announced};
use crate::core::source::Share;
use crate::core::tenure::{Tenure, Wall};
use crate::core::tokens::Tokens;

/// A peer that asks to be let in.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// What its listener takes it for.
    pub listener: ListenerRole,
    /// The type that it announced.
    pub socket_type: SocketType,
    /// The version that is spoken with it: one of 3.0 is not asked whether it lives.
    pub version: Version,
    /// Whom it acts for.
    pub principal: Principal,
    /// The name that it announced or, if it announced none, was given by its listener.
    pub name: Option<Name>,
    /// Fresh octets from a CSPRNG.
    pub token: Token,
    /// Whose share of the queues its messages are of.
    pub share: Share,
    /// Whether it takes notices, as its metadata says.
    pub notices: Notices,
    /// The properties that it announced, for an application that hears of it.
    pub metadata: Metadata,
}

/// What becomes of a peer that asked to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// It is in: complete its handshake.
    Admitted {
        /// Its binding.
        key: BindingKey,
        /// What the MUX announces to it.
        announced: SocketType,
        /// What it is in as.
        standing: Standing,
    },
    /// Its name is held. Keep it inside its handshake until [`MuxCore::poll_held`] lets it in, or
    /// sends it away.
    Held {
        /// Its binding.
        key: BindingKey,
        /// What the MUX will announce to it.
        announced: SocketType,
        /// When to ask at the latest.
        until: Instant,
    },
    /// It cannot be served: tell it so with ERROR, so that it does not come again.
    Refused(Refusal),
    /// There is no place for it now: close it without a word, so that it tries again later.
    Dismissed,
}

/// What a peer is in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A client.
    Client,
    /// A service.
    Service {
        /// Which holder of a name it is, as is announced to it.
        generation: u64,
    },
    /// A service without a name: it may not send, and is closed when the time for its handshake
    /// ends.
    Nameless,
}

impl Standing {
    /// Returns which holder of a name it is, as a service.
    #[must_use]
    pub fn generation(self) -> Option<u64> {
        match self {
            Self::Service { generation } => Some(generation),
            Self::Client | Self::Nameless => None,
        }
    }
}

impl MuxCore {
    /// Decides on a peer that introduced itself at `now`, with the clock on the wall at `wall`.
    pub fn handle_introduction(
        &mut self,
        mut peer: Introduction,
        now: Instant,
        wall: Wall,
    ) -> Admission {
        self.now = now;
        self.generations.see(wall);
        let role = match self.authorize(&mut peer) {
            Ok(role) => role,
            Err(refusal) => {
                self.tell(Event::Refused { reason: refusal, times: 1 }, None, 0);
                return Admission::Refused(refusal);
            }
        };
        let contest = match &peer.name {
            Some(name) if role == Role::Service => self.contest(name, &peer.principal, now),
            _ => Contest::Free,
        };
        // spec: mux:duplicate:places-limited
        if matches!(contest, Contest::Waits { .. })
            && self.directory.waiting() >= self.limits.duplicates
        {
            bump(&mut self.counters.duplicates_full);
            self.note_limit(Limit::Duplicates);
            return Admission::Dismissed;
        }
        let Some(key) = self.insert(&peer, role) else { return Admission::Dismissed };
        self.keep_metadata(key, peer.metadata);
        let announced = announced(peer.socket_type);
        match (role, peer.name) {
            (Role::Service, Some(name)) => match contest {
                Contest::Free => self.give_name(key, name),
                Contest::Won { loser } => self.take_over(loser, key, name, now),
                // spec: mux:duplicate:held-then-closed
                Contest::Waits { probe } => {
                    let hold = now.checked_add(self.limits.duplicate_hold).unwrap_or(now);
                    let until = probe.map_or(hold, |probe| probe.max(hold));
                    let look = self.look_again(&name, until);
                    self.make_wait(key, name, until);
                    return Admission::Held { key, announced, until: look };
                }
            },
            // spec: mux:alias:never-waits
            (Role::Client, Some(name)) if self.directory.holder(name.as_octets()).is_some() => {
                bump(&mut self.counters.aliases_denied);
            }
            (Role::Client, Some(name)) => self.give_name(key, name),
            (Role::Client | Role::Service, None) => {}
        }
        self.tell_admitted(key);
        let standing = match (role, self.generation(key)) {
            (Role::Client, _) => Standing::Client,
            // spec: mux:role:nameless-service
            (Role::Service, 0) => Standing::Nameless,
            (Role::Service, generation) => Standing::Service { generation },
        };
        Admission::Admitted { key, announced, standing }
    }

    /// Lets in a peer that the application of a terminal has dialled. It gets no name: who is dialled
    /// does not choose what it is called here.
    // spec: mux:terminal:dialled
    pub fn handle_dialled(&mut self, peer: Introduction, now: Instant) -> Option<BindingKey> {
        self.now = now;
        if self.phase != Phase::Serving {
            return None;
        }
        let peer = Introduction { name: None, ..peer };
        let key = self.insert(&peer, Role::Service)?;
        self.keep_metadata(key, peer.metadata);
        self.tell_admitted(key);
        Some(key)
    }

    /// Makes a binding without a name; `None` if its token is not unique, or the application has too
    /// much to hear already.
    fn insert(&mut self, peer: &Introduction, role: Role) -> Option<BindingKey> {
        if let Err(limit) = self.reserve_events(&peer.metadata) {
            self.note_limit(limit);
            return None;
        }
        let at_terminal = self.mode == Mode::Terminal;
        let shown = match (role, &peer.name) {
            // spec: mux:address:service-shown-by-name
            (Role::Service, Some(name)) if !at_terminal => Arc::new(Shown::new(name.as_octets())),
            // spec: mux:address:client-shown-by-binding
            _ => Arc::new(Shown::new(&binding_address(self.node, peer.token))),
        };
        let named_role = match (peer.listener, peer.socket_type) {
            (ListenerRole::Any, SocketType::Dealer | SocketType::Router) => Role::Service,
            _ => role,
        };
        let link = if at_terminal { Link::Other } else { Link::to(peer.socket_type) };
        let treated = self.rules.of(role, peer.name.as_ref().map(Name::as_octets));
        // spec: mux:terminal:one-source
        let sharing = if at_terminal && treated.lets_all_wait() {
            None
        } else {
            sharing(&self.limits, role, &link, &treated)
        };
        let source = self.sources.join(peer.share.clone());
        let key = self.bindings.insert(Binding {
            role,
            named_role,
            outbound: Outbound::new(sharing),
            link,
            socket_type: peer.socket_type,
            version: peer.version,
            principal: peer.principal.clone(),
            stage: Stage::Live,
            token: peer.token,
            name: None,
            generation: 0,
            tenure: Tenure::default(),
            shown,
            source,
            // spec: mux:notice:never-to-rep
            notices: if at_terminal || peer.socket_type == SocketType::Rep {
                Notices::NotTaken
            } else {
                peer.notices
            },
            said: Said::Nothing,
            last: None,
            rule: treated,
            stalled: None,
            tokens: Tokens::default(),
            ties: None,
        });
        match self.directory.note_binding(peer.token, key) {
            TokenUse::New => Some(key),
            TokenUse::Taken => {
                self.bindings.remove(key);
                self.sources.leave(source);
                self.unreserve_events(&peer.metadata);
                None
            }
        }
    }
}

/// Returns when messages for a destination queue by their sources.
pub(super) fn sharing(
    limits: &MuxLimits,
    role: Role,
    link: &Link,
    treated: &Rule,
) -> Option<Sharing> {
    let soft_mark = PoolLimits {
        octets: limits.soft_mark.min(treated.pool.octets / 4),
        messages: treated.pool.messages / 4,
    };
    let window = match role {
        Role::Service => treated.window.map_or(usize::MAX, NonZeroUsize::get),
        Role::Client => usize::MAX,
    };
    match link {
        // One answer at a time: there is nobody to share with.
        Link::Req(_) => None,
        Link::Rep | Link::Other => {
            Some(Sharing { soft_mark, refill_len_min: limits.unsent_mark, window })
        }
    }
}
