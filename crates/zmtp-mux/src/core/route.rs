//! The path of a message through the core: address, permission, room, queue.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::address::{Address, Shown};
use crate::core::binding::{Binding, BindingKey, Link, OpenRequest, Stage};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::{
    Delimited, Envelope, NoAddress, Outgoing, Rest, as_answer, open, open_req,
};
use crate::core::mux::{MuxCore, Phase};
use crate::core::outbound::Wake;
use crate::core::role::Role;

/// A whole, well-formed message as it stands on the wire.
#[derive(Clone, Copy, Debug)]
pub enum Encoded<'m> {
    /// In a buffer that will be used again: what is kept of it is copied.
    Borrowed(&'m [u8]),
    /// On its own: a large body is kept as a slice of it.
    Shared(&'m Bytes),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is queued for its destination.
    Admitted,
    /// It was dropped, and counted.
    Dropped(DropReason),
    /// It was for the MUX itself, which does not listen yet; counted.
    ToMux,
    /// It had a single frame; counted.
    SingleFrame,
    /// Its source is not bound, or not yet.
    NotBound,
}

/// Who sends a message, and to whom.
struct Sender {
    role: Role,
    /// The address under which the destination sees it.
    shown: Arc<Shown>,
    to: BindingKey,
}

impl<'m> Encoded<'m> {
    fn octets(self) -> &'m [u8] {
        match self {
            Self::Borrowed(octets) => octets,
            Self::Shared(octets) => octets,
        }
    }

    fn whole(self) -> Option<&'m Bytes> {
        match self {
            Self::Borrowed(_) => None,
            Self::Shared(octets) => Some(octets),
        }
    }
}

impl MuxCore {
    /// Routes a message that arrived from `source`.
    ///
    /// Never blocks and never pauses the source: what does not fit is dropped and counted.
    // spec: mux:queue:service-never-paused, 28:router:never-blocks
    #[inline]
    pub fn handle_message(&mut self, source: BindingKey, message: Encoded<'_>) -> Outcome {
        let Some(Binding { stage: Stage::Live, link, .. }) = self.bindings.get(source) else {
            return Outcome::NotBound;
        };
        let envelope = match link {
            Link::Other => open(message.octets()),
            Link::Req(_) => open_req(message.octets()),
        };
        let envelope = match envelope {
            Ok(envelope) => envelope,
            Err(NoAddress::SingleFrame) => {
                bump(&mut self.counters.single_frame);
                return Outcome::SingleFrame;
            }
            Err(NoAddress::Malformed) => {
                bump(&mut self.counters.received);
                return self.drop_message(DropReason::Malformed);
            }
        };
        if let Link::Req(_) = link {
            self.replace_request(source);
        }
        let address = Address::parse(envelope.address, self.node);
        // spec: mux:address:mux-unclaimable, mux:envelope:to-mux
        if address == Address::Mux {
            bump(&mut self.counters.to_mux);
            return Outcome::ToMux;
        }
        // spec: mux:conservation:received-once
        bump(&mut self.counters.received);
        match self.admit(source, address, &envelope, message.whole()) {
            Ok(()) => Outcome::Admitted,
            Err(reason) => self.drop_message(reason),
        }
    }

    /// Queues a message for its destination, or says why not.
    #[inline]
    fn admit(
        &mut self,
        source: BindingKey,
        address: Address<'_>,
        envelope: &Envelope<'_>,
        whole: Option<&Bytes>,
    ) -> Result<(), DropReason> {
        let Sender { role, shown, to: key } = self.resolve(source, address)?;
        let to = self.bindings.get_mut(key).ok_or(DropReason::Unknown)?;
        let by_alias = matches!(address, Address::Name(_)) && to.role == Role::Client;
        // spec: mux:alias:services-only
        if !matches!(to.stage, Stage::Live) || (by_alias && role == Role::Client) {
            return Err(DropReason::Unknown);
        }
        if self.phase != Phase::Serving && to.role == Role::Service {
            return Err(DropReason::Draining);
        }
        let outgoing = match &to.link {
            Link::Other => Outgoing::new(&shown, envelope.rest),
            Link::Req(open) => {
                let answer = answer(open.as_ref(), source, envelope.rest);
                Outgoing::answer(&shown, answer.ok_or(DropReason::Malformed)?)
            }
        };
        // spec: mux:queue:per-destination, mux:queue:global-pool, mux:queue:overflow-dropped
        let len = outgoing.len();
        if !to.outbound.used().has_room(len, self.limits.destination_pool)
            || !self.used.has_room(len, self.limits.global_pool)
        {
            return Err(DropReason::Busy);
        }
        self.used.take(len);
        if to.outbound.push(&outgoing, whole, &mut self.spares) == Wake::Needed {
            self.wakes.push(key);
        }
        // spec: mux:req:answer-closes
        if let Link::Req(open) = &mut to.link {
            *open = None;
        }
        if let Rest::Delimited(request) = envelope.rest {
            self.note_request(source, key, request);
        }
        Ok(())
    }

    /// Finds the binding that an address means, if `source` may send. A peer may mean itself.
    // spec: mux:address:unknown, 28:router:no-route-drops, mux:envelope:to-self
    #[inline]
    fn resolve(&mut self, source: BindingKey, address: Address<'_>) -> Result<Sender, DropReason> {
        let from = self.bindings.get(source).ok_or(DropReason::Unknown)?;
        // spec: mux:role:nameless-service
        if from.role == Role::Service && from.name.is_none() {
            return Err(DropReason::Denied);
        }
        let (role, last, shown) = (from.role, from.last, Arc::clone(&from.shown));
        let to = match address {
            Address::Name(name) => match last {
                // Most messages go where the last one went: no hash then.
                Some(last) if self.is_named(last, name) => Some(last),
                _ => self.directory.holder(name),
            },
            // spec: mux:address:binding-is-capability, mux:address:service-binding
            Address::Binding(token) => self.directory.binding(token),
            Address::Mux | Address::Nobody => None,
        }
        .ok_or(DropReason::Unknown)?;
        if last != Some(to)
            && let Some(from) = self.bindings.get_mut(source)
        {
            from.last = Some(to);
        }
        Ok(Sender { role, shown, to })
    }

    #[inline]
    fn is_named(&self, key: BindingKey, name: &[u8]) -> bool {
        let held = self.bindings.get(key).and_then(|binding| binding.name.as_ref());
        held.is_some_and(|held| held.as_octets() == name)
    }

    /// Forgets the open request of a REQ that sends another, and the answer to it that waits.
    // spec: mux:req:new-replaces, mux:req:stale-answer-dropped
    fn replace_request(&mut self, source: BindingKey) {
        let Some(from) = self.bindings.get_mut(source) else { return };
        from.link = Link::Req(None);
        if let Some(len) = from.outbound.withdraw() {
            self.used.give_back(len);
            let _: Outcome = self.drop_message(DropReason::Replaced);
        }
    }

    /// Remembers where a REQ's request went, since only from there an answer is taken.
    fn note_request(&mut self, source: BindingKey, to: BindingKey, request: Delimited<'_>) {
        if let Some(from) = self.bindings.get_mut(source) {
            let id = request.id.map(Bytes::copy_from_slice);
            from.link = Link::Req(Some(OpenRequest { to, id }));
        }
    }

    fn drop_message(&mut self, reason: DropReason) -> Outcome {
        self.counters.drop_message(reason);
        Outcome::Dropped(reason)
    }
}

/// Reads `rest` as the answer that a REQ waits for, if it is.
// spec: mux:req:lock-step-open, mux:req:lock-step-binding, 28:req:only-asked-peer-answers
fn answer<'m>(
    open: Option<&OpenRequest>,
    source: BindingKey,
    rest: Rest<'m>,
) -> Option<Delimited<'m>> {
    let request = open.filter(|request| request.to == source)?;
    as_answer(rest, request.id.as_deref())
}
