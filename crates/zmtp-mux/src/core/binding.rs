//! Bindings: one for each connection that has introduced itself.

use std::sync::Arc;

use bytes::Bytes;
use slotmap::new_key_type;
use zmtp_proto::SocketType;

use crate::core::address::{Name, Shown, Token};
use crate::core::outbound::Outbound;
use crate::core::role::Role;

new_key_type! {
    /// What the core and its shell call a binding. Never used again for another.
    pub struct BindingKey;
}

/// A connection that has introduced itself.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) role: Role,
    pub(crate) link: Link,
    pub(crate) stage: Stage,
    pub(crate) token: Token,
    /// The name that it holds now; a service without one may not send.
    pub(crate) name: Option<Name>,
    /// The address under which others see it: a service's name, a client's binding address.
    pub(crate) shown: Arc<Shown>,
    /// Where its last message went.
    pub(crate) last: Option<BindingKey>,
    pub(crate) outbound: Outbound,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits inside its handshake until this name falls free.
    Held(Name),
    /// It sends and receives.
    Live,
}

/// What kind of peer is at the other end.
#[derive(Debug)]
pub(crate) enum Link {
    /// A REQ, in lock-step, with the request that it waits for an answer to.
    Req(Option<OpenRequest>),
    /// Any other.
    Other,
}

impl Link {
    pub(crate) fn to(socket_type: SocketType) -> Self {
        if socket_type == SocketType::Req { Self::Req(None) } else { Self::Other }
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
