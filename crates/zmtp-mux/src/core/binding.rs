//! Bindings: one for each connection that has introduced itself.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use slotmap::new_key_type;
use zmtp_proto::{Metadata, SocketType, Version};

use crate::core::address::{Name, Shown, Token};
use crate::core::outbound::Outbound;
use crate::core::park::Parked;
use crate::core::partial::Partial;
use crate::core::policy::Rule;
use crate::core::presence::Watcher;
use crate::core::principal::Principal;
use crate::core::role::Role;
use crate::core::source::SourceKey;
use crate::core::tenure::Tenure;
use crate::core::tokens::Tokens;

new_key_type! {
    /// What the core and its shell call a binding. Never used again for another.
    pub struct BindingKey;
}

/// A connection that has introduced itself.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) role: Role,
    /// What a name makes it that it claims once it is in.
    pub(crate) named_role: Role,
    pub(crate) link: Link,
    /// The type that it announced.
    pub(crate) socket_type: SocketType,
    pub(crate) version: Version,
    pub(crate) stage: Stage,
    pub(crate) token: Token,
    /// Whom it acts for.
    pub(crate) principal: Principal,
    /// The name that it holds now; a service without one may not send.
    pub(crate) name: Option<Name>,
    /// Which holder of a name it is, of all that this MUX has seen; 0 if it never had one.
    pub(crate) generation: u64,
    /// What is held against it as a holder.
    pub(crate) tenure: Tenure,
    /// The address under which others see it: a service's name, a client's binding address.
    pub(crate) shown: Arc<Shown>,
    /// Whose share of the queues its messages are of.
    pub(crate) source: SourceKey,
    pub(crate) notices: Notices,
    /// Whether it has sent a message: it gets no name after that.
    pub(crate) said: Said,
    /// Where its last message to a name went. It stands for the permission to send there, so it is
    /// forgotten when the authorizer is replaced.
    pub(crate) last: Option<BindingKey>,
    /// How messages to it are treated.
    pub(crate) rule: Rule,
    pub(crate) outbound: Outbound,
    /// Its queue has held somebody up for too long: nobody waits for room in it until it holds no
    /// more octets than this.
    pub(crate) stalled: Option<usize>,
    pub(crate) tokens: Tokens,
    /// What is rarely there.
    pub(crate) ties: Option<Box<Ties>>,
}

/// What binds a binding to others.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// Services that it has sent to, and whose end it is to hear of.
    pub(crate) tracked: Keys,
    /// Who is to hear of its own end.
    pub(crate) trackers: Keys,
    /// A message of its that waits for room, while nothing more is read.
    pub(crate) parked: Option<Parked>,
    /// Whose parked messages wait for room here, in their order.
    pub(crate) waiters: Vec<BindingKey>,
    /// What an unfinished message of its takes.
    pub(crate) partial: Partial,
    /// Until when it drains, if it does.
    pub(crate) drains: Option<Instant>,
    /// What it watches, if it does.
    pub(crate) watcher: Option<Box<Watcher>>,
    /// What it announced, while the application has not been told that it is in.
    pub(crate) metadata: Option<Metadata>,
    /// The event by which the application was told last that it holds others up.
    pub(crate) stall_told: Option<u64>,
}

/// Bindings without order or multiples.
pub(crate) type Keys = HashSet<BindingKey, KeyHash>;

/// Whether a peer has sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Something,
}

/// Whether a peer takes notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notices {
    /// It said so: by its metadata, or by HELLO.
    Taken,
    /// A stock peer, which a notice would surprise.
    NotTaken,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits inside its handshake.
    Held(Held),
    /// It sends and receives.
    Live,
}

/// For what, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) name: Name,
    /// When it goes.
    pub(crate) until: Instant,
}

/// What kind of peer is at the other end.
#[derive(Debug)]
pub(crate) enum Link {
    /// A REQ, in lock-step, with the request that it waits for an answer to.
    Req(Option<OpenRequest>),
    /// A REP, which never gets a notice.
    Rep,
    /// Any other.
    Other,
}

impl Link {
    pub(crate) fn to(socket_type: SocketType) -> Self {
        if socket_type == SocketType::Req {
            Self::Req(None)
        } else if socket_type == SocketType::Rep {
            Self::Rep
        } else {
            Self::Other
        }
    }
}

/// A request of a REQ that was admitted and not answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OpenRequest {
    /// The binding it was admitted to; only that may answer.
    pub(crate) to: BindingKey,
    /// The request id that the answer must repeat, if there was one.
    pub(crate) id: Option<Bytes>,
}

impl Binding {
    pub(crate) fn ties(&mut self) -> &mut Ties {
        self.ties.get_or_insert_default()
    }

    pub(crate) fn drains(&self) -> bool {
        self.ties.as_ref().is_some_and(|ties| ties.drains.is_some())
    }

    /// Tells whether its silence says nothing: it has something to read first, or is not read.
    // spec: mux:probe:busy-is-alive
    pub(crate) fn is_excused(&self) -> bool {
        self.outbound.is_busy() || self.ties.as_ref().is_some_and(|ties| ties.partial.is_held_up())
    }

    pub(crate) fn parked(&self) -> Option<&Parked> {
        self.ties.as_ref()?.parked.as_ref()
    }
}

/// Keys are the MUX's own and no peer's choice, so that a plain hash will do.
pub(crate) type KeyHash = BuildHasherDefault<KeyHasher>;

#[derive(Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u64(u64::from(*octet));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Index and version of a key, spread over all bits.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
