//! The path of a message through the core: address, permission, room, queue.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::core::address::{Address, Shown};
use crate::core::binding::{Binding, BindingKey, Link, Notices, OpenRequest, Said, Stage};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::{
    Delimited, Envelope, NoAddress, Outgoing, Rest, as_answer, open, open_req,
};
use crate::core::mux::{MuxCore, Phase};
use crate::core::outbound::Wake;
use crate::core::record::{By, Sent};
use crate::core::role::Role;
use crate::core::room::Short;
use crate::core::source::SourceKey;
use crate::core::tokens::Spent;

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
    /// It was given back to its source, and counted.
    Returned(DropReason),
    /// It waits for room. Until [`MuxCore::poll_pause`] says so, give the core no more from this
    /// source.
    Parked,
    /// It was for the MUX itself, and heard.
    Heard,
    /// It had a single frame; counted.
    SingleFrame,
    /// Its source is not bound, or not yet.
    NotBound,
}

/// Why a message is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It would not be, however much room there was.
    For(DropReason),
    /// There is no room for it.
    NoRoom { to: BindingKey, short: Short },
}

impl From<DropReason> for Refused {
    fn from(reason: DropReason) -> Self {
        Self::For(reason)
    }
}

/// Who sends a message, and to whom.
struct Sender {
    role: Role,
    /// The address under which the destination sees it.
    shown: Arc<Shown>,
    source: SourceKey,
    notices: Notices,
    last: Option<BindingKey>,
    tokens: Spent,
    to: BindingKey,
}

impl<'m> Encoded<'m> {
    pub(crate) fn octets(self) -> &'m [u8] {
        match self {
            Self::Borrowed(octets) => octets,
            Self::Shared(octets) => octets,
        }
    }

    pub(crate) fn whole(self) -> Option<&'m Bytes> {
        match self {
            Self::Borrowed(_) => None,
            Self::Shared(octets) => Some(octets),
        }
    }
}

impl MuxCore {
    /// Routes a message that arrived from `source`.
    ///
    /// Never blocks. What does not fit is returned, dropped, or parked, which holds up a client
    /// that takes no notices.
    // spec: mux:queue:service-never-paused, 28:router:never-blocks
    #[inline]
    pub fn handle_message(
        &mut self,
        source: BindingKey,
        message: Encoded<'_>,
        now: Instant,
    ) -> Outcome {
        self.now = now;
        let Some(Binding { stage: Stage::Live, link, .. }) = self.bindings.get(source) else {
            return Outcome::NotBound;
        };
        if let Some(local) = self.terminal() {
            return self.handle_inbound(local, source, message);
        }
        let is_req = matches!(link, Link::Req(_));
        let envelope =
            match if is_req { open_req(message.octets()) } else { open(message.octets()) } {
                Ok(envelope) => envelope,
                Err(NoAddress::SingleFrame) => {
                    bump(&mut self.counters.single_frame);
                    return Outcome::SingleFrame;
                }
                Err(NoAddress::Malformed) => {
                    bump(&mut self.counters.received);
                    self.spend_token(source);
                    return self.drop_message(DropReason::Malformed);
                }
            };
        if is_req {
            self.replace_request(source);
        }
        let address = Address::parse(envelope.address, self.node);
        // spec: mux:address:mux-unclaimable, mux:envelope:to-mux
        if address == Address::Mux {
            bump(&mut self.counters.to_mux);
            self.handle_control(source, envelope.rest);
            return Outcome::Heard;
        }
        // spec: mux:conservation:received-once
        bump(&mut self.counters.received);
        self.note_said(source);
        match self.admit(source, address, &envelope, message.whole()) {
            Ok(()) => Outcome::Admitted,
            Err(refused) => self.refuse(source, &envelope, message, refused),
        }
    }

    #[inline]
    fn note_said(&mut self, source: BindingKey) {
        if let Some(binding) = self.bindings.get_mut(source) {
            binding.said = Said::Something;
        }
    }

    /// Queues a message for its destination, or says why not.
    #[inline]
    pub(super) fn admit(
        &mut self,
        from: BindingKey,
        address: Address<'_>,
        envelope: &Envelope<'_>,
        whole: Option<&Bytes>,
    ) -> Result<(), Refused> {
        let sender = self.resolve(from, address)?;
        let Sender { role, shown, source, to: key, .. } = &sender;
        let (role, source, key) = (*role, *source, *key);
        let to = self.bindings.get(key).ok_or(DropReason::Unknown)?;
        let by = if matches!(address, Address::Name(_)) { By::Name } else { By::Binding };
        // spec: mux:alias:services-only
        if !matches!(to.stage, Stage::Live)
            || (by == By::Name && to.role == Role::Client && role == Role::Client)
        {
            return Err(DropReason::Unknown.into());
        }
        if to.role == Role::Service && (self.phase != Phase::Serving || to.drains()) {
            return Err(DropReason::Draining.into());
        }
        let outgoing = match &to.link {
            Link::Other | Link::Rep => Outgoing::new(shown, envelope.rest),
            Link::Req(open) => {
                let answer = answer(open.as_ref(), from, envelope.rest);
                Outgoing::answer(shown, answer.ok_or(DropReason::Malformed)?)
            }
        };
        let len = outgoing.len();
        self.room(role, source, to, len).map_err(|short| Refused::NoRoom { to: key, short })?;
        if sender.last != Some(key) {
            self.note_destination(from, key, sender.notices, by)?;
        }
        let Some(to) = self.bindings.get_mut(key) else { return Err(DropReason::Unknown.into()) };
        let sent = Sent { source, from, by };
        if to.outbound.push(sent, &outgoing, whole, &mut self.spares, self.now) == Wake::Needed {
            self.wakes.push(key);
        }
        // spec: mux:req:answer-closes
        if let Link::Req(open) = &mut to.link {
            *open = None;
        }
        if to.role == Role::Client {
            self.used_by_clients.take(len);
        }
        self.used.take(len);
        self.sources.take(source, len);
        if sender.tokens == Spent::Some
            && let Some(from) = self.bindings.get_mut(from)
        {
            from.tokens.earn();
        }
        if let Rest::Delimited(request) = envelope.rest {
            self.note_request(from, key, request);
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
        let to = match address {
            Address::Name(name) => match from.last {
                // Most messages go where the last one went: no hash then, and no question.
                Some(last) if self.is_named(last, name) => Some(last),
                _ if !self.may_send(source, name) => return Err(DropReason::Denied),
                _ => self.directory.holder(name),
            },
            // spec: mux:address:binding-is-capability, mux:address:service-binding
            Address::Binding(token) => {
                let to = self.directory.binding(token);
                if to.is_some_and(|to| !self.may_address(source, to)) {
                    return Err(DropReason::Denied);
                }
                to
            }
            Address::Mux | Address::Nobody => None,
        }
        .ok_or(DropReason::Unknown)?;
        Ok(Sender {
            role: from.role,
            shown: Arc::clone(&from.shown),
            source: from.source,
            notices: from.notices,
            last: from.last,
            tokens: from.tokens.are_spent(),
            to,
        })
    }

    #[inline]
    fn is_named(&self, key: BindingKey, name: &[u8]) -> bool {
        let held = self.bindings.get(key).and_then(|binding| binding.name.as_ref());
        held.is_some_and(|held| held.as_octets() == name)
    }

    /// Remembers where a message went, and that its source is to hear of that one's end.
    fn note_destination(
        &mut self,
        from: BindingKey,
        to: BindingKey,
        notices: Notices,
        by: By,
    ) -> Result<(), DropReason> {
        if notices == Notices::Taken {
            self.track(from, to)?;
        }
        if by == By::Name
            && let Some(from) = self.bindings.get_mut(from)
        {
            from.last = Some(to);
        }
        Ok(())
    }

    /// Forgets the open request of a REQ that sends another, and the answer to it that waits.
    // spec: mux:req:new-replaces, mux:req:stale-answer-dropped
    fn replace_request(&mut self, source: BindingKey) {
        let Some(from) = self.bindings.get_mut(source) else { return };
        from.link = Link::Req(None);
        if let Some(record) = from.outbound.withdraw() {
            self.release(source, &record);
            if record.is_message() {
                let _: Outcome = self.drop_message(DropReason::Replaced);
            }
        }
    }

    /// Remembers where a REQ's request went, since only from there an answer is taken.
    fn note_request(&mut self, source: BindingKey, to: BindingKey, request: Delimited<'_>) {
        if let Some(from) = self.bindings.get_mut(source) {
            let id = request.id.map(Bytes::copy_from_slice);
            from.link = Link::Req(Some(OpenRequest { to, id }));
        }
    }

    pub(super) fn drop_message(&mut self, reason: DropReason) -> Outcome {
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
