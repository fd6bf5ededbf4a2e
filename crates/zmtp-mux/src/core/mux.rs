//! The core of a MUX: plain data that is told what happens, and says what follows.
//!
//! | told                                  | says                                        |
//! |---------------------------------------|---------------------------------------------|
//! | [`handle_introduction`]               | whether the peer is in, waits, or must go   |
//! | [`handle_message`], [`handle_ping`]   | what became of it; whose writers to wake    |
//! | [`poll_transmit`]                     | what to write to a peer                     |
//! | [`handle_transmitted`]                |                                             |
//! | [`handle_closed`]                     | who is in now that a name fell free         |
//! | [`poll_pause`]                        | whether a client is read                    |
//!
//! **After every `handle_*`, wake whom [`poll_wake`] names, until `None`.**
//!
//! [`handle_introduction`]: MuxCore::handle_introduction
//! [`handle_message`]: MuxCore::handle_message
//! [`handle_ping`]: MuxCore::handle_ping
//! [`poll_transmit`]: MuxCore::poll_transmit
//! [`handle_transmitted`]: MuxCore::handle_transmitted
//! [`handle_closed`]: MuxCore::handle_closed
//! [`poll_wake`]: MuxCore::poll_wake
//! [`poll_pause`]: MuxCore::poll_pause

use std::sync::Arc;
use std::time::{Duration, Instant};

use slotmap::SlotMap;
use zmtp_proto::{Ping, Pong, SocketType};

use crate::core::address::{Name, NodeId, Shown, Token, binding_address};
use crate::core::authority::{AllowAll, Authorizer};
use crate::core::binding::{Binding, BindingKey, Link, Notices, Stage};
use crate::core::counters::{Counters, bump};
use crate::core::directory::{Directory, HashKey, TokenUse};
use crate::core::flight::Flight;
use crate::core::limits::{MuxLimits, PoolLimits};
use crate::core::outbound::{Outbound, Wake};
use crate::core::policy::{CoreConfig, Rule, Rules};
use crate::core::pool::Used;
use crate::core::principal::Principal;
use crate::core::record::What;
use crate::core::role::{ListenerRole, Refusal, Role, announced};
use crate::core::source::{Share, Sources};
use crate::core::spares::Spares;
use crate::core::tokens::Tokens;

/// The names, bindings and queues of one MUX.
#[derive(Debug)]
pub struct MuxCore {
    pub(super) node: NodeId,
    pub(super) limits: MuxLimits,
    pub(super) phase: Phase,
    pub(super) bindings: SlotMap<BindingKey, Binding>,
    pub(super) directory: Directory,
    pub(super) used: Used,
    /// The part of it that waits for clients.
    pub(super) used_by_clients: Used,
    pub(super) sources: Sources,
    pub(super) rules: Rules,
    /// The time as it was told last.
    pub(super) now: Instant,
    pub(super) spares: Spares,
    pub(super) counters: Counters,
    pub(super) wakes: Vec<BindingKey>,
    pub(super) authorizer: Arc<dyn Authorizer>,
}

/// How far the life of the MUX has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// No new requests; what is queued, and replies, still pass.
    Draining,
    /// Every connection ends.
    Ended,
}

/// A peer that asks to be let in.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// What its listener takes it for.
    pub listener: ListenerRole,
    /// The type that it announced.
    pub socket_type: SocketType,
    /// The name that it announced or, if it announced none, was given by its listener.
    pub name: Option<Name>,
    /// Whom it acts for.
    pub principal: Principal,
    /// Fresh octets from a CSPRNG.
    pub token: Token,
    /// Whose share of the queues its messages are of.
    pub share: Share,
    /// Whether it takes notices, as its metadata says.
    pub notices: Notices,
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
        /// Whether it may send.
        standing: Standing,
    },
    /// Its name is held. Keep it inside its handshake until [`MuxCore::poll_held`] lets it in, or
    /// the time is over; then close it without a word, so that it tries again later.
    Held {
        /// Its binding.
        key: BindingKey,
        /// What the MUX will announce to it.
        announced: SocketType,
        /// When to give up.
        until: Instant,
    },
    /// It cannot be served: tell it so with ERROR, so that it does not come again.
    Refused(Refusal),
    /// There is no place for it now: close it without a word, so that it tries again later.
    Dismissed,
}

/// Whether a peer that is in may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Full,
    /// A service without a name: it may not, and is closed when the time for its handshake ends.
    Nameless,
}

/// What a held peer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Held {
    /// Wait.
    Waiting,
    /// Complete its handshake: the name is its own.
    Admitted,
    /// Go: the MUX ends.
    End,
}

/// What a writer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Transmit {
    /// Write what is in the flight.
    Write,
    /// Sleep until woken.
    Sleep,
    /// Close the connection: the MUX ends, or the binding is gone.
    End,
}

impl MuxCore {
    /// Makes a MUX without peers. `node` and `hash_key` are drawn at random.
    #[must_use]
    pub fn new(
        node: NodeId,
        hash_key: HashKey,
        config: impl Into<CoreConfig>,
        now: Instant,
    ) -> Self {
        let CoreConfig { limits, rules } = config.into();
        Self {
            node,
            limits,
            phase: Phase::Serving,
            bindings: SlotMap::with_key(),
            directory: Directory::new(hash_key),
            used: Used::default(),
            used_by_clients: Used::default(),
            sources: Sources::new(hash_key.hasher()),
            rules,
            now,
            spares: Spares::default(),
            counters: Counters::default(),
            wakes: Vec::new(),
            authorizer: Arc::new(AllowAll),
        }
    }

    /// Decides on a peer that introduced itself.
    pub fn handle_introduction(&mut self, mut peer: Introduction, now: Instant) -> Admission {
        let role = match self.authorize(&mut peer) {
            Ok(role) => role,
            Err(refusal) => return Admission::Refused(refusal),
        };
        let holder = peer.name.as_ref().and_then(|name| self.directory.holder(name.as_octets()));
        let held_by_service = holder.filter(|&key| self.role(key) == Some(Role::Service));
        // spec: mux:duplicate:places-limited
        if role == Role::Service && held_by_service.is_some() {
            bump(&mut self.counters.duplicates);
            if self.directory.waiting() >= self.limits.duplicates {
                bump(&mut self.counters.duplicates_full);
                return Admission::Dismissed;
            }
        }
        let Some(key) = self.insert(&peer, role) else { return Admission::Dismissed };
        let announced = announced(peer.socket_type);
        match (role, peer.name) {
            // spec: mux:duplicate:holder-keeps, mux:duplicate:held-then-closed
            (Role::Service, Some(name)) if held_by_service.is_some() => {
                self.make_wait(key, name);
                let until = now.checked_add(self.limits.duplicate_hold).unwrap_or(now);
                return Admission::Held { key, announced, until };
            }
            // spec: mux:alias:never-waits
            (Role::Client, Some(_)) if holder.is_some() => bump(&mut self.counters.aliases_denied),
            (Role::Service | Role::Client, Some(name)) => self.give_name(key, name),
            (Role::Client, None) => {}
            // spec: mux:role:nameless-service
            (Role::Service, None) => {
                return Admission::Admitted { key, announced, standing: Standing::Nameless };
            }
        }
        Admission::Admitted { key, announced, standing: Standing::Full }
    }

    /// Tells what a held peer is to do.
    pub fn poll_held(&self, key: BindingKey) -> Held {
        match self.bindings.get(key) {
            Some(_) if self.phase == Phase::Ended => Held::End,
            Some(Binding { stage: Stage::Held(_), .. }) => Held::Waiting,
            Some(Binding { stage: Stage::Live, .. }) => Held::Admitted,
            None => Held::End,
        }
    }

    /// Answers a PING.
    pub fn handle_ping(&mut self, key: BindingKey, pong: &Pong) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        if binding.outbound.push_pong(pong, &mut self.spares) == Wake::Needed {
            self.wakes.push(key);
        }
    }

    /// Asks a silent peer whether it lives.
    pub fn send_ping(&mut self, key: BindingKey, ping: Ping) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        if binding.outbound.push_ping(ping, &mut self.spares) == Wake::Needed {
            self.wakes.push(key);
        }
    }

    /// Notes that octets came from a peer.
    #[inline]
    pub fn handle_octets(&mut self, key: BindingKey) {
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.outbound.hear();
        }
    }

    /// Returns how long a peer may be silent beyond the usual, because it is busy: a libzmq peer
    /// whose receive queue is full answers no PING.
    // spec: mux:liveness:busy-service, mux:liveness:busy-client
    #[must_use]
    pub fn patience(&self, key: BindingKey) -> Duration {
        match self.bindings.get(key) {
            Some(binding) if binding.outbound.is_busy() => match binding.role {
                Role::Service => self.limits.busy_service,
                Role::Client => self.limits.busy_client,
            },
            _ => Duration::ZERO,
        }
    }

    /// Notes that the kernel accepted `written` octets, and hands the writer what comes next.
    #[inline]
    pub fn poll_transmit(
        &mut self,
        key: BindingKey,
        written: usize,
        flight: &mut Flight,
    ) -> Transmit {
        flight.recycle(&mut self.spares);
        self.handle_transmitted(key, written);
        let Some(binding) = self.bindings.get_mut(key) else { return Transmit::End };
        if self.phase == Phase::Ended {
            return Transmit::End;
        }
        if flight.is_empty() {
            binding.outbound.take(flight, &mut self.spares);
        }
        if flight.is_empty() { Transmit::Sleep } else { Transmit::Write }
    }

    /// Notes that the kernel accepted `written` octets of what is in flight.
    // spec: mux:conservation:handed-over, mux:queue:used-until-handed-over
    #[inline]
    pub fn handle_transmitted(&mut self, key: BindingKey, written: usize) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        let (role, source) = (binding.role, binding.source);
        binding.outbound.accepted(written, |record| {
            let source = match record.what {
                What::Message(sent) => {
                    bump(&mut self.counters.handed_over);
                    sent.source
                }
                What::Return => source,
                What::Notice { reserved } => {
                    self.used.give_back_octets(reserved);
                    return self.sources.give_back_octets(source, reserved);
                }
                What::Hello | What::Sign(_) => return,
            };
            self.used.give_back(record.len);
            self.sources.give_back(source, record.len);
            if role == Role::Client {
                self.used_by_clients.give_back(record.len);
            }
        });
        if binding.stalled.is_some_and(|mark| binding.outbound.used().octets() <= mark) {
            binding.stalled = None;
        }
        if binding.ties.as_ref().is_some_and(|ties| !ties.waiters.is_empty()) {
            self.retry_waiters(key);
        }
    }

    /// Takes no new requests from here on; replies and what is queued still pass.
    pub fn handle_drain(&mut self) {
        if self.phase == Phase::Serving {
            self.phase = Phase::Draining;
        }
    }

    /// Ends every connection.
    pub fn handle_end(&mut self) {
        self.phase = Phase::Ended;
        self.wakes.extend(self.bindings.keys());
    }

    /// Returns a binding whose task has something to do, until there is none.
    #[inline]
    pub fn poll_wake(&mut self) -> Option<BindingKey> {
        self.wakes.pop()
    }

    /// Makes a binding without a name; `None` if its token is not unique.
    fn insert(&mut self, peer: &Introduction, role: Role) -> Option<BindingKey> {
        let shown = match (role, &peer.name) {
            // spec: mux:address:service-shown-by-name
            (Role::Service, Some(name)) => Arc::new(Shown::new(name.as_octets())),
            // spec: mux:address:client-shown-by-binding
            _ => Arc::new(Shown::new(&binding_address(self.node, peer.token))),
        };
        let link = Link::to(peer.socket_type);
        let treated = self.rules.of(role, peer.name.as_ref().map(Name::as_octets));
        let source = self.sources.join(peer.share.clone());
        let key = self.bindings.insert(Binding {
            role,
            outbound: Outbound::new(self.soft_mark(&link, &treated)),
            link,
            stage: Stage::Live,
            token: peer.token,
            principal: peer.principal.clone(),
            name: None,
            generation: 0,
            shown,
            source,
            // spec: mux:notice:never-to-rep
            notices: if peer.socket_type == SocketType::Rep {
                Notices::NotTaken
            } else {
                peer.notices
            },
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
                None
            }
        }
    }

    /// Returns how much may wait for a destination before messages queue by their sources.
    fn soft_mark(&self, link: &Link, rule: &Rule) -> PoolLimits {
        match link {
            // One answer at a time: there is nobody to share with.
            Link::Req(_) => PoolLimits { octets: usize::MAX, messages: usize::MAX },
            Link::Rep | Link::Other => PoolLimits {
                octets: self.limits.soft_mark.min(rule.pool.octets / 4),
                messages: rule.pool.messages / 4,
            },
        }
    }

    fn make_wait(&mut self, key: BindingKey, name: Name) {
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.stage = Stage::Held(name.clone());
        }
        self.directory.wait(name, key);
    }

    /// Makes `key` the holder of `name`; a client that had it as its alias yields.
    // spec: mux:alias:yields-to-service, mux:name:one-per-binding
    fn give_name(&mut self, key: BindingKey, name: Name) {
        if let Some(former) = self.directory.hold(name.clone(), key)
            && let Some(client) = self.bindings.get_mut(former)
        {
            debug_assert_eq!(client.role, Role::Client, "a service never yields");
            client.name = None;
            bump(&mut self.counters.aliases_yielded);
        }
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.name = Some(name);
            binding.stage = Stage::Live;
        }
    }

    // spec: mux:duplicate:longest-waiting-gets-it
    pub(super) fn free_name(&mut self, name: &Name) {
        if let Some(next) = self.directory.free(name) {
            self.give_name(next, name.clone());
            bump(&mut self.counters.duplicates_granted);
            self.wakes.push(next);
        }
    }
}
