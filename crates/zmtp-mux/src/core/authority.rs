//! Authority: who may be what, have which name, and send where.
//!
//! | asked                          | when                                             | if not                        |
//! |--------------------------------|--------------------------------------------------|-------------------------------|
//! | [`admit`](Authorizer::admit)   | a peer has introduced itself                     | refused for good              |
//! | [`may_claim`]                  | before it is seen whether its name is held; and  | a service is refused for good |
//! |                                | again when the authorizer is replaced            | or closed, an alias ignored   |
//! | [`may_send`]                   | before it is seen whether the destination exists | the message is dropped        |
//! | [`may_watch`]                  | before names are told                            | nothing is told               |
//!
//! [`may_claim`]: Authorizer::may_claim
//! [`may_send`]: Authorizer::may_send
//! [`may_watch`]: Authorizer::may_watch

use std::fmt;
use std::sync::Arc;

use zmtp_proto::SocketType;

use crate::core::address::Name;
use crate::core::binding::{Binding, BindingKey, Stage};
use crate::core::counters::bump;
use crate::core::introduction::Introduction;
use crate::core::local::Mode;
use crate::core::mux::MuxCore;
use crate::core::names::Cause;
use crate::core::notice::GoneReason;
use crate::core::pattern::Pattern;
use crate::core::principal::Principal;
use crate::core::role::{ListenerRole, Refusal, Role, decide};

/// Says what peers may do, once it is known for whom they act.
///
/// It is asked under the lock of the MUX: an answer must be quick, and wait for nothing. Whether a
/// name exists must not change it, or a denial would tell.
// spec: mux:authority:asked
pub trait Authorizer: fmt::Debug + Send + Sync {
    /// Chooses what a peer is; unless told otherwise, [what its listener, type and name
    /// say](Applicant::usual).
    ///
    /// A choice of role counts for DEALER and ROUTER peers on [`ListenerRole::Any`] only. A name
    /// goes before the one that the peer has announced, and must be granted like that.
    fn admit(&self, applicant: &Applicant<'_>) -> Admit {
        applicant.usual()
    }

    /// Tells whether a peer may have `name`: a service as its own, a client as its alias.
    fn may_claim(&self, principal: &Principal, role: Role, name: &[u8]) -> bool;

    /// Tells whether a peer may send to `name`. The binding address of a client is never asked
    /// for: to know it is the permission.
    fn may_send(&self, principal: &Principal, name: &[u8]) -> bool;

    /// Tells whether a peer may be told of all names that `pattern` is about.
    fn may_watch(&self, principal: &Principal, pattern: &Pattern) -> bool;
}

/// A peer that asks to be let in, as an [`Authorizer`] sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Applicant<'a> {
    /// Whom it acts for.
    pub principal: &'a Principal,
    /// What its listener takes it for.
    pub listener: ListenerRole,
    /// The type that it announced.
    pub socket_type: SocketType,
    /// The name that it announced or, if it announced none, was given by its listener.
    pub name: Option<&'a Name>,
}

/// What an [`Authorizer`] makes of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admit {
    /// It is refused for good.
    Refuse,
    /// It is this, with this name instead of its own if one is given.
    Role(Role, Option<Name>),
}

/// Allows everything: the authorizer of a MUX that is told of no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowAll;

impl Applicant<'_> {
    /// Returns what a peer is by its listener, its type and its name.
    pub fn usual(&self) -> Admit {
        match decide(self.listener, self.socket_type, self.name) {
            Ok(role) => Admit::Role(role, None),
            Err(_) => Admit::Refuse,
        }
    }

    /// Returns what a peer is, and its name, after an authorizer has chosen.
    // spec: mux:authority:admit, mux:authority:name-given
    fn settle(&self, choice: Admit) -> Result<(Role, Option<Name>), Refusal> {
        match choice {
            // What can never be served says so, whoever refuses it.
            Admit::Refuse => Err(decide(self.listener, self.socket_type, self.name)
                .err()
                .unwrap_or(Refusal::NotAdmitted)),
            Admit::Role(chosen, given) => {
                let name = given.or_else(|| self.name.cloned());
                let usual = decide(self.listener, self.socket_type, name.as_ref())?;
                let is_free = self.listener == ListenerRole::Any
                    && matches!(self.socket_type, SocketType::Dealer | SocketType::Router);
                Ok((if is_free { chosen } else { usual }, name))
            }
        }
    }
}

impl Authorizer for AllowAll {
    fn may_claim(&self, _: &Principal, _: Role, _: &[u8]) -> bool {
        true
    }

    fn may_send(&self, _: &Principal, _: &[u8]) -> bool {
        true
    }

    fn may_watch(&self, _: &Principal, _: &Pattern) -> bool {
        true
    }
}

impl MuxCore {
    /// Replaces the authorizer. From here on nothing is allowed that this one does not: services
    /// whose name it does not grant are closed, clients lose such aliases. Returns the former one,
    /// which may take a while to drop.
    // spec: mux:authority:replaced, mux:authority:withdrawn
    pub fn set_authorizer(&mut self, authorizer: Arc<dyn Authorizer>) -> Arc<dyn Authorizer> {
        let former = std::mem::replace(&mut self.authorizer, authorizer);
        // It stands for a permission.
        for binding in self.bindings.values_mut() {
            binding.last = None;
        }
        // Who waits goes before who holds: a name that falls free must not fall to it.
        for key in self.unauthorized(|binding| matches!(binding.stage, Stage::Held(_))) {
            self.evict(key);
        }
        for key in self.unauthorized(|binding| binding.role == Role::Service) {
            self.evict(key);
        }
        for key in self.unauthorized(|binding| binding.role == Role::Client) {
            let alias = self.bindings.get_mut(key).and_then(|client| client.name.take());
            if let Some(alias) = alias {
                self.free_name(&alias);
                self.lost.note("aliases_withdrawn", alias.as_octets());
                bump(&mut self.counters.aliases_withdrawn);
            }
        }
        self.review_watches();
        former
    }

    /// Decides what a peer is; its name is afterwards the one that it may claim, if any.
    // spec: mux:authority:before-existence
    pub(super) fn authorize(&mut self, peer: &mut Introduction) -> Result<Role, Refusal> {
        // Who sends without envelopes does not need a name to be answered.
        // spec: mux:terminal:any-peer
        let is_nobodys_service = peer.socket_type == SocketType::Rep && self.mode == Mode::Terminal;
        let socket_type = if is_nobodys_service { SocketType::Dealer } else { peer.socket_type };
        let applicant = Applicant {
            principal: &peer.principal,
            listener: peer.listener,
            socket_type,
            name: peer.name.as_ref(),
        };
        let (role, name) = applicant.settle(self.authorizer.admit(&applicant))?;
        let may_claim =
            |name: &Name| self.authorizer.may_claim(&peer.principal, role, name.as_octets());
        let denied = name.as_ref().filter(|name| !may_claim(name)).cloned();
        peer.name = name.filter(|_| denied.is_none());
        match (role, denied) {
            (_, None) => {}
            // spec: mux:authority:claim-denied
            (Role::Service, Some(name)) => {
                self.deny_claim(&name);
                return Err(Refusal::NameNotGranted);
            }
            // spec: mux:authority:alias-ignored
            (Role::Client, Some(_)) => bump(&mut self.counters.aliases_not_granted),
        }
        Ok(role)
    }

    /// Counts a service that may not have its name.
    pub(super) fn deny_claim(&mut self, name: &Name) {
        self.lost.note("claims_denied", name.as_octets());
        bump(&mut self.counters.claims_denied);
    }

    /// Tells whether `from` may send to this name, held or not.
    // spec: mux:authority:send, mux:authority:before-existence
    pub(super) fn may_send(&self, from: &Binding, name: &[u8]) -> bool {
        self.authorizer.may_send(&from.principal, name)
    }

    /// Tells whether `from` may send to a binding whose address it knows.
    // spec: mux:authority:binding
    #[inline]
    pub(super) fn may_address(&self, from: &Binding, to: &Binding) -> bool {
        match to {
            Binding { role: Role::Service, name: Some(name), .. } => {
                self.may_send(from, name.as_octets())
            }
            _ => true,
        }
    }

    /// Returns those of some bindings whose name, or the one they wait for, is not granted.
    fn unauthorized(&self, of: impl Fn(&Binding) -> bool) -> Vec<BindingKey> {
        let denied = |binding: &Binding| {
            let name = match &binding.stage {
                Stage::Held(wait) => Some(&wait.name),
                Stage::Live => binding.name.as_ref(),
            };
            name.is_some_and(|name| {
                !self.authorizer.may_claim(&binding.principal, binding.role, name.as_octets())
            })
        };
        let all = self.bindings.iter().filter(|(_, binding)| of(binding) && denied(binding));
        all.map(|(key, _)| key).collect()
    }

    /// Ends a binding from this side: its task is woken, and finds it gone.
    fn evict(&mut self, key: BindingKey) {
        if let Some(name) = self.cast_out(key, Cause::Evicted, GoneReason::Evicted) {
            self.lost.note("evicted", name.as_octets());
            self.free_name(&name);
        }
        bump(&mut self.counters.evicted);
    }
}
