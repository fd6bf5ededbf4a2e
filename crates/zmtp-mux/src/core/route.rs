//! The path of a message through the core: address, permission, room, queue.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::core::address::Address;
use crate::core::binding::{Binding, BindingKey, Link, Notices, OpenRequest, Said, Stage};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::{
    Delimited, Envelope, NoAddress, Outgoing, Rest, as_answer, open, open_req,
};
use crate::core::local::Mode;
use crate::core::mux::{MuxCore, Phase};
use crate::core::outbound::Wake;
use crate::core::record::{By, Sent};
use crate::core::role::Role;
use crate::core::room::Short;
use crate::core::terminal::Sender;
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
    /// So it was, and cost more than one token: others should have their turn before the next.
    HeardAtLength,
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
        let from = self.bindings.get_mut(source).filter(|from| matches!(from.stage, Stage::Live));
        let Some(from) = from else { return Outcome::NotBound };
        if self.mode == Mode::Terminal {
            if from.outbound.note_answer() == Wake::Needed {
                self.wakes.push(source);
            }
            let sender = Sender::of(source, from);
            return self.handle_inbound(sender, message);
        }
        let is_req = matches!(from.link, Link::Req(_));
        let envelope =
            match if is_req { open_req(message.octets()) } else { open(message.octets()) } {
                Ok(envelope) => envelope,
                Err(why) => return self.handle_unaddressed(source, why),
            };
        let to_mux = envelope.address.is_empty();
        if !to_mux {
            from.said = Said::Something;
            if from.outbound.note_answer() == Wake::Needed {
                self.wakes.push(source);
            }
        }
        if is_req {
            self.replace_request(source);
        }
        // spec: mux:address:mux-unclaimable, mux:envelope:to-mux
        if to_mux {
            bump(&mut self.counters.to_mux);
            return self.handle_control(source, envelope.rest);
        }
        // spec: mux:conservation:received-once
        bump(&mut self.counters.received);
        match self.admit(source, &envelope, message.whole()) {
            Ok(()) => Outcome::Admitted,
            Err(refused) => self.refuse(source, &envelope, message, refused),
        }
    }

    /// Drops a message that is for nobody. It is an answer all the same.
    // spec: mux:overload:window
    #[cold]
    fn handle_unaddressed(&mut self, source: BindingKey, why: NoAddress) -> Outcome {
        if let Some(from) = self.bindings.get_mut(source)
            && from.outbound.note_answer() == Wake::Needed
        {
            self.wakes.push(source);
        }
        match why {
            NoAddress::SingleFrame => {
                bump(&mut self.counters.single_frame);
                Outcome::SingleFrame
            }
            NoAddress::Malformed => {
                bump(&mut self.counters.received);
                self.spend_token(source);
                self.drop_message(DropReason::Malformed)
            }
        }
    }

    /// Queues a message for its destination, or says why not.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of each message")]
    pub(super) fn admit(
        &mut self,
        source: BindingKey,
        envelope: &Envelope<'_>,
        whole: Option<&Bytes>,
    ) -> Result<(), Refused> {
        let from = self.bindings.get(source).ok_or(DropReason::Unknown)?;
        let address = Address::parse(envelope.address, self.node);
        let (by, key, to) = self.resolve(from, address)?;
        // spec: mux:alias:services-only
        if !matches!(to.stage, Stage::Live)
            || (by == By::Name && to.role == Role::Client && from.role == Role::Client)
        {
            return Err(DropReason::Unknown.into());
        }
        if to.role == Role::Service && (self.phase != Phase::Serving || to.drains()) {
            return Err(DropReason::Draining.into());
        }
        let shown = Arc::clone(&from.shown);
        let outgoing = match &to.link {
            // spec: mux:rep:delimiter
            Link::Rep if !envelope.rest.is_delimited() => {
                return Err(DropReason::Malformed.into());
            }
            Link::Other | Link::Rep => Outgoing::new(&shown, envelope.rest),
            Link::Req(open) => {
                let answer = answer(open.as_ref(), source, envelope.rest);
                Outgoing::answer(&shown, answer.ok_or(DropReason::Malformed)?)
            }
        };
        let len = outgoing.len();
        // spec: mux:limit:message-grown
        if len > self.message_len_max && to.role == Role::Service {
            return Err(DropReason::Malformed.into());
        }
        self.room(from.role, from.source, to, len)
            .map_err(|short| Refused::NoRoom { to: key, short })?;
        let sent = Sent { source: from.source, from: source, by, messages: 1 };
        let is_new = from.last != Some(key);
        let moves = is_new && by == By::Name;
        let earns = from.tokens.are_spent() == Spent::Some;
        if is_new && from.notices == Notices::Taken && to.role == Role::Service {
            self.track(source, key)?;
        }
        if (moves || earns)
            && let Some(from) = self.bindings.get_mut(source)
        {
            from.last = if moves { Some(key) } else { from.last };
            from.tokens.earn();
        }
        let Some(to) = self.bindings.get_mut(key) else { return Err(DropReason::Unknown.into()) };
        if to.outbound.push(sent, &outgoing, whole, &mut self.spares, self.now) == Wake::Needed {
            self.wakes.push(key);
        }
        // spec: mux:req:answer-closes
        if let Link::Req(open) = &mut to.link {
            *open = None;
        }
        if to.role == Role::Client {
            let own = to.source;
            self.charge_clients(own, len);
        }
        self.used.take(len);
        self.sources.take(sent.source, len);
        if let Rest::Delimited(request) = envelope.rest {
            self.note_request(source, key, request);
        }
        Ok(())
    }

    /// Finds the binding that an address means, if `from` may send. A peer may mean itself.
    // spec: mux:address:unknown, 28:router:no-route-drops, mux:envelope:to-self
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of each message")]
    fn resolve(
        &self,
        from: &Binding,
        address: Address<'_>,
    ) -> Result<(By, BindingKey, &Binding), DropReason> {
        // spec: mux:role:nameless-service
        if from.role == Role::Service && from.name.is_none() {
            return Err(DropReason::Denied);
        }
        let (by, key) = match address {
            Address::Name(name) => {
                // Most messages go where the last one went: no hash then, and no question.
                if let Some(key) = from.last
                    && let Some(to) = self.bindings.get(key)
                    && to.name.as_ref().is_some_and(|held| held.as_octets() == name)
                {
                    return Ok((By::Name, key, to));
                }
                if !self.may_send(from, name) {
                    return Err(DropReason::Denied);
                }
                (By::Name, self.directory.holder(name))
            }
            // spec: mux:address:binding-is-capability
            Address::Binding(token) => (By::Binding, self.directory.binding(token)),
            Address::Mux | Address::Nobody => return Err(DropReason::Unknown),
        };
        let key = key.ok_or(DropReason::Unknown)?;
        let to = self.bindings.get(key).ok_or(DropReason::Unknown)?;
        // spec: mux:address:service-binding
        if by == By::Binding && !self.may_address(from, to) {
            return Err(DropReason::Denied);
        }
        Ok((by, key, to))
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
