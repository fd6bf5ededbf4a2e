//! RETURN: giving a message back to its source, which then knows that it was not processed.

use std::time::Duration;

use crate::core::address::binding_address;
use crate::core::binding::{Binding, BindingKey, Link, Notices};
use crate::core::counters::DropReason;
use crate::core::envelope::{Envelope, Rest, body_of_req, rest_for};
use crate::core::mux::MuxCore;
use crate::core::notice::{
    Cut, Form, Header, NoticeKind, RETURN_FRAMES_MAX, ReturnReason, cut_frames, put_notice,
};
use crate::core::outbound::Wake;
use crate::core::pairs::Line;
use crate::core::record::{By, Own, Record, What};
use crate::core::refuse::Ended;
use crate::core::role::Role;

/// A message that is given back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Return<'m> {
    pub(super) reason: DropReason,
    /// The address that it was sent to.
    pub(super) dst: &'m [u8],
    /// The frames after that, as far as they are at hand.
    pub(super) frames: &'m [u8],
    /// Octets of all of them.
    pub(super) len: usize,
    pub(super) generation: u64,
    /// When it may be sent again.
    pub(super) retry_after: Duration,
}

/// Whether there is room for a RETURN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// That of the message, which was admitted.
    Inherited,
    /// Only if there is some.
    New,
}

/// What became of a RETURN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Returned {
    Queued,
    NoRoom,
    /// The source takes no notices, or none now.
    NotTaken,
}

impl MuxCore {
    /// Queues a RETURN for `to`, behind all that is in the line `behind` there.
    // spec: mux:return:room
    pub(super) fn push_return(
        &mut self,
        to: BindingKey,
        form: Form<'_>,
        message: &Return<'_>,
        behind: Line<'_>,
        room: Room,
    ) -> Returned {
        let Some(binding) = self.bindings.get(to) else { return Returned::NotTaken };
        if binding.notices == Notices::NotTaken || matches!(binding.link, Link::Rep) {
            return Returned::NotTaken;
        }
        let mut octets = Vec::new();
        message.put(form, RETURN_FRAMES_MAX, &mut octets);
        if room == Room::New && !self.has_room_for_return(binding, octets.len()) {
            octets.clear();
            message.put(form, 0, &mut octets);
            if !self.has_room_for_return(binding, octets.len()) {
                return Returned::NoRoom;
            }
        }
        let (role, own) = (binding.role, binding.source);
        self.used.take(octets.len());
        self.sources.take(own, octets.len());
        if role == Role::Client {
            self.charge_clients(own, octets.len());
        }
        self.push_own(to, Own::Return, &octets, behind);
        Returned::Queued
    }

    fn retry_after(&self, reason: DropReason) -> Duration {
        if reason == DropReason::Busy { self.limits.retry_after } else { Duration::ZERO }
    }

    /// What is parked takes none from a RETURN: it may be there only until that is queued, and keep all
    /// others that are parked for theirs.
    // spec: mux:overload:parked-ends, mux:return:share
    fn has_room_for_return(&self, to: &Binding, len: usize) -> bool {
        let (used, global) = (self.used.without(self.used_by_parked), self.global_for(to.role));
        let has_share = match to.role {
            Role::Client => self.has_room_for_clients(to.source, len),
            Role::Service => self.held_by(to.source).is_less_than_free(&used, global),
        };
        to.outbound.used().has_room(len, to.rule.pool) && used.has_room(len, global) && has_share
    }

    /// Queues what the MUX says of its own.
    pub(super) fn push_own(&mut self, to: BindingKey, own: Own, octets: &[u8], behind: Line<'_>) {
        let Some(binding) = self.bindings.get_mut(to) else { return };
        let wake = binding.outbound.push_own(own, octets, behind, &mut self.spares, self.now);
        if wake == Wake::Needed {
            self.wakes.push(to);
        }
    }

    /// Offers a refused message back to its source.
    pub(super) fn offer_back(
        &mut self,
        from: BindingKey,
        envelope: &Envelope<'_>,
        reason: DropReason,
    ) -> Returned {
        let Some(source) = self.bindings.get(from).map(|from| from.source) else {
            return Returned::NotTaken;
        };
        let (form, frames) = match envelope.rest {
            Rest::Opaque(frames) => (Form::Plain, frames),
            Rest::Delimited(request) => (Form::Answer(request.id), request.body),
        };
        let retry_after = self.retry_after(reason);
        let (dst, len) = (envelope.address, frames.len());
        let message = Return { reason, dst, frames, len, generation: 0, retry_after };
        self.push_return(from, form, &message, Line::of(source), Room::New)
    }

    /// Gives back the room of something that was queued for `ended`; a message is returned, and
    /// dropped if its source takes no notices. `start` has its first octets.
    // spec: mux:return:unreachable
    pub(super) fn take_back_from(
        &mut self,
        ended: &Ended,
        record: &Record,
        start: &[u8],
        reason: DropReason,
    ) {
        self.release_of(ended.role, ended.source, record);
        let What::Message(sent) = record.what else { return };
        if record.messages() > 1 {
            // What waits for an application is no request to anybody.
            return self.counters.drop_messages(reason, record);
        }
        if self.is_local(sent.from) {
            return self.give_back_local(ended, start, reason);
        }
        let binding_octets = binding_address(self.node, ended.token);
        let dst = match (sent.by, &ended.name) {
            (By::Name, Some(name)) => &name[..],
            (By::Name, None) | (By::Binding, _) => &binding_octets[..],
        };
        // The address of the source stands among the frames, and the rest is what it sent.
        let (rest, left_out) = rest_for(start, ended.link_is_req);
        let len = record.len.saturating_sub(left_out);
        let (generation, retry_after) = (ended.generation, self.retry_after(reason));
        let mut message = Return { reason, dst, frames: &rest, len, generation, retry_after };
        let id;
        let form = match self.bindings.get_mut(sent.from).map(|from| &mut from.link) {
            Some(Link::Req(open)) => {
                // Its answer, if it still waits for one of this request.
                // spec: mux:return:req
                let Some(request) = open.take_if(|open| open.to == ended.key) else {
                    self.counters.drop_message(reason);
                    return;
                };
                let before = rest.len();
                message.frames = body_of_req(&rest);
                message.len = len.saturating_sub(before.saturating_sub(message.frames.len()));
                id = request.id;
                Form::Answer(id.as_deref())
            }
            Some(Link::Rep | Link::Other) | None => Form::Plain,
        };
        match self.push_return(sent.from, form, &message, ended.line(), Room::Inherited) {
            Returned::Queued => self.counters.return_message(reason),
            Returned::NoRoom | Returned::NotTaken => {
                self.lost.note(reason.counter(), ended.name.as_deref().unwrap_or_default());
                self.counters.drop_message(reason);
            }
        }
    }
}

impl Return<'_> {
    /// Appends the RETURN, with at most `max` octets of frames.
    // spec: mux:return:form
    fn put(&self, form: Form<'_>, max: usize, out: &mut Vec<u8>) {
        let (frames, cut) = cut_frames(self.frames, max);
        let is_whole = cut == Cut::Whole && frames.len() == self.len;
        let header = Header {
            reason: self.reason.to_return().number(),
            flags: if is_whole { 0 } else { Header::CUT },
            generation: self.generation,
            retry_after: self.retry_after,
            ..Header::new(NoticeKind::Return)
        };
        put_notice(form, header, &[self.dst], &frames, out);
    }
}

impl DropReason {
    /// Returns the reason as a RETURN tells it.
    fn to_return(self) -> ReturnReason {
        match self {
            Self::Unknown => ReturnReason::Unknown,
            Self::Busy => ReturnReason::Busy,
            Self::Denied => ReturnReason::Denied,
            Self::Draining => ReturnReason::Draining,
            // A reply to a request that was replaced is never returned.
            Self::Unreachable | Self::Replaced => ReturnReason::Unreachable,
            Self::Malformed => ReturnReason::Malformed,
            Self::Expired => ReturnReason::Expired,
            Self::Limit => ReturnReason::Limit,
        }
    }
}
