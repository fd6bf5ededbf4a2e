//! What the application of a terminal sends.

use std::ops::Bound;
use std::time::Instant;

use bytes::Bytes;
use zmtp_proto::Message;

use crate::core::address::Token;
use crate::core::binding::{Binding, BindingKey, Stage};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::Outgoing;
use crate::core::event::Event;
use crate::core::local::{Lacks, Room};
use crate::core::mux::{MuxCore, Phase};
use crate::core::outbound::Wake;
use crate::core::policy::Policy;
use crate::core::pool::Used;
use crate::core::record::{By, Sent};
use crate::core::refuse::Ended;
use crate::core::role::Role;
use crate::core::room::Short;
use crate::core::source::SourceKey;

/// Whom the application means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'m> {
    /// The peer with this token.
    Peer(Token),
    /// Whoever holds this name.
    Name(&'m [u8]),
    /// Whichever peer is next in turn, and has room.
    // spec: 28:dealer:round-robin
    Any,
}

/// Why a message of the application was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Unsent {
    /// No peer has that address.
    NoPeer,
    /// There is no room for it; [`MuxCore::poll_room`] will tell when some fell free.
    NoRoom,
    /// There never will be: it is larger than the queue, or than the room that was made.
    TooLarge,
    /// The socket ends.
    Ends,
}

/// Room for a message that the application is about to send.
#[derive(Debug)]
#[must_use]
pub struct Reserved {
    to: BindingKey,
    role: Role,
    /// Of the peer.
    own: SourceKey,
    /// Of the application.
    source: SourceKey,
    len: usize,
}

impl Reserved {
    /// Octets that the message may have, as it stands on the wire.
    #[must_use]
    pub fn len_max(&self) -> usize {
        self.len
    }
}

impl MuxCore {
    /// Queues a message of the application for a peer, behind the frames of `lead`, each with MORE.
    ///
    /// # Errors
    ///
    /// Why it is not queued; nothing is counted then.
    // spec: mux:terminal:nothing-added, mux:terminal:refused-comes-back
    pub fn send_local(
        &mut self,
        to: Target<'_>,
        lead: &[u8],
        message: &Message,
        now: Instant,
    ) -> Result<(), Unsent> {
        self.now = self.now.max(now);
        let len = lead.len().saturating_add(message.encoded_len());
        let (local, key) = self.resolve_local(to, len)?;
        loop {
            let peer = self.live_peer(key)?;
            let policy = peer.rule.policy;
            let Err(short) = self.room_for_local(peer, len) else {
                self.push_local(local, key, &Outgoing::own(lead, message), message);
                return Ok(());
            };
            match policy {
                // spec: mux:overload:policies
                Policy::DropOldest if self.drop_oldest(key, local) => {}
                // The newest is in the caller's hands, who may drop it, or wait.
                Policy::Reject | Policy::DropNewest | Policy::DropOldest => {
                    return Err(self.await_room(to, key, len, short));
                }
            }
        }
    }

    /// Makes room for a message of `len` octets at most, as it will stand on the wire.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn reserve_local(
        &mut self,
        to: Target<'_>,
        len: usize,
        now: Instant,
    ) -> Result<Reserved, Unsent> {
        self.now = now;
        let (local, key) = self.resolve_local(to, len)?;
        if let Err(short) = self.room_for_local(self.live_peer(key)?, len) {
            return Err(self.await_room(to, key, len, short));
        }
        let source = self.bindings.get(local).map(|local| local.source).ok_or(Unsent::Ends)?;
        let Some(to) = self.bindings.get_mut(key) else { return Err(Unsent::NoPeer) };
        let (role, own) = (to.role, to.source);
        to.outbound.reserve(len);
        self.charge(role, own, source, len);
        Ok(Reserved { to: key, role, own, source, len })
    }

    /// Queues a message of the application for which room was made.
    ///
    /// # Errors
    ///
    /// [`Unsent::NoPeer`] if the peer has ended meanwhile, [`Unsent::TooLarge`] if it is larger
    /// than the room. The room is given back.
    pub fn send_reserved(&mut self, reserved: Reserved, message: &Message) -> Result<(), Unsent> {
        let (to, len) = (reserved.to, reserved.len);
        self.cancel_reserved(reserved);
        let Some(local) = self.terminal() else { return Err(Unsent::Ends) };
        if message.encoded_len() > len {
            return Err(Unsent::TooLarge);
        }
        if !self.bindings.contains_key(to) {
            return Err(Unsent::NoPeer);
        }
        self.push_local(local, to, &Outgoing::own(&[], message), message);
        Ok(())
    }

    /// Gives back room that was made.
    #[expect(clippy::needless_pass_by_value, reason = "room is given back once")]
    pub fn cancel_reserved(&mut self, reserved: Reserved) {
        let Reserved { to, role, own, source, len } = reserved;
        if let Some(to) = self.bindings.get_mut(to) {
            to.outbound.unreserve(len);
        }
        self.used.give_back(len);
        if role == Role::Client {
            self.release_clients(own, Used::of(1, len));
        }
        self.sources.give_back(source, len);
        self.note_room(to);
    }

    /// Tells whether the application may send to a peer now: a message of this length would be
    /// queued.
    ///
    /// # Errors
    ///
    /// Why it would not.
    pub fn is_writable(&mut self, to: Target<'_>, len: usize) -> Result<(), Unsent> {
        let (_, key) = self.resolve_local(to, len)?;
        self.room_for_local(self.live_peer(key)?, len).map_err(|_| Unsent::NoRoom)
    }

    /// Gives back to the application what it has sent, and takes room for that.
    // spec: mux:terminal:returned
    pub(in crate::core) fn give_back_local(
        &mut self,
        ended: &Ended,
        octets: &[u8],
        reason: DropReason,
    ) {
        self.counters.return_message(reason);
        let Some(source) = self.local.as_ref().map(|local| local.source) else { return };
        self.force_reserve(source, octets.len());
        let octets_len = octets.len();
        let (peer, octets) = (ended.token, Bytes::copy_from_slice(octets));
        self.tell(Event::Returned { peer, octets, reason }, Some(ended.source), octets_len);
    }

    /// Notes that room fell free in the queue of `key`.
    #[inline]
    pub(in crate::core) fn note_room(&mut self, key: BindingKey) {
        if let Some(local) = &mut self.local
            && (std::mem::take(&mut local.lacks) == Lacks::Any
                || !local.awaited.is_empty() && local.awaited.remove(&key))
        {
            local.room = Room::Freed;
        }
    }

    /// Notes that the application waits for room.
    #[cold]
    fn await_room(&mut self, to: Target<'_>, key: BindingKey, len: usize, short: Short) -> Unsent {
        let room = self.bindings.get(key).map_or(0, |to| to.rule.pool.octets);
        if len > room.min(self.limits.global_pool.octets / 2) {
            return Unsent::TooLarge;
        }
        if let Some(local) = &mut self.local {
            match (short, to) {
                (Short::Destination, Target::Peer(_) | Target::Name(_)) => {
                    local.awaited.insert(key);
                }
                // Whatever falls free, wherever that is, may be what it lacks.
                (Short::Share, _) | (_, Target::Any) => local.lacks = Lacks::Any,
            }
        }
        Unsent::NoRoom
    }

    /// Finds the peer that the application means, for a message of `len` octets.
    fn resolve_local(
        &mut self,
        to: Target<'_>,
        len: usize,
    ) -> Result<(BindingKey, BindingKey), Unsent> {
        let local = self.terminal().ok_or(Unsent::Ends)?;
        if self.phase != Phase::Serving {
            return Err(Unsent::Ends);
        }
        let key = match to {
            Target::Peer(token) => self.directory.binding(token),
            Target::Name(name) => self.directory.holder(name),
            Target::Any => self.next_in_turn(len),
        };
        key.map(|key| (local, key)).ok_or(Unsent::NoPeer)
    }

    /// Returns the peer whose turn it is; one without room only if none has any.
    fn next_in_turn(&mut self, len: usize) -> Option<BindingKey> {
        let local = self.local.as_mut()?;
        let count = local.ring.len();
        // Most have one, and who waits for it learns of the next as well.
        if count == 1 {
            return Some(local.turn);
        }
        for _ in 0..count {
            let local = self.local.as_mut()?;
            let behind = (Bound::Excluded(local.turn), Bound::Unbounded);
            let next = *local.ring.range(behind).next().or(local.ring.first())?;
            local.turn = next;
            if self.bindings.get(next).is_some_and(|to| self.room_for_local(to, len).is_ok()) {
                return Some(next);
            }
        }
        let local = self.local.as_mut()?;
        local.lacks = Lacks::Any;
        (count > 0).then_some(local.turn)
    }

    fn live_peer(&self, key: BindingKey) -> Result<&Binding, Unsent> {
        let peer = self.bindings.get(key).filter(|peer| matches!(peer.stage, Stage::Live));
        peer.ok_or(Unsent::NoPeer)
    }

    /// Tells whether there is room for a message of the application. It has all of a queue for
    /// itself, so that there is nobody to share that with; but no queue takes all of the pool.
    // spec: mux:terminal:own-limits
    #[inline]
    fn room_for_local(&self, to: &Binding, len: usize) -> Result<(), Short> {
        // As in `room`.
        if to.outbound.used().leaves_half(len, to.rule.pool)
            && self.used.leaves_half(len, self.half())
        {
            return Ok(());
        }
        self.scarce_room_for_local(to, len)
    }

    /// As [`room_for_local`](Self::room_for_local), when it is not plain that there is enough.
    #[cold]
    fn scarce_room_for_local(&self, to: &Binding, len: usize) -> Result<(), Short> {
        let (used, global) = (to.outbound.used(), self.limits.global_pool);
        if !used.has_room(len, to.rule.pool) {
            return Err(Short::Destination);
        }
        if !self.used.has_room(len, global)
            || !used.is_less_than_free(&self.used, global)
            || to.role == Role::Client && !self.used_by_clients.has_room(len, self.half())
        {
            return Err(Short::Share);
        }
        Ok(())
    }

    fn push_local(
        &mut self,
        local: BindingKey,
        key: BindingKey,
        outgoing: &Outgoing<'_>,
        message: &Message,
    ) {
        let Some(source) = self.local.as_ref().map(|local| local.source) else { return };
        let Some(to) = self.bindings.get_mut(key) else { return };
        let (role, own) = (to.role, to.source);
        let sent = Sent { source, from: local, by: By::Binding, messages: 1 };
        let whole = Some(message.pieces().1);
        let wake = to.outbound.push(sent, outgoing, whole, &mut self.spares, self.now);
        if wake == Wake::Needed {
            self.wakes.push(key);
        }
        bump(&mut self.counters.received);
        self.charge(role, own, source, outgoing.len());
    }

    fn charge(&mut self, role: Role, own: SourceKey, source: SourceKey, len: usize) {
        self.used.take(len);
        if role == Role::Client {
            self.charge_clients(own, len);
        }
        self.sources.take(source, len);
    }
}
