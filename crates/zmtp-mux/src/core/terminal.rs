//! A terminal: what peers send goes to the application, what it sends goes to them, and nothing is
//! added or taken away. An unmodified DEALER finds what it would find at a ROUTER.
//!
//! | no room, and the rule of the local end is | a message of a peer               |
//! |-------------------------------------------|-----------------------------------|
//! | `Reject`                                  | waits, and its peer is not read   |
//! | `DropNewest`                              | is dropped, and counted           |
//! | `DropOldest`                              | takes the place of the peer's oldest |
//!
//! One that is larger than the whole queue waits until that is empty, and not for ever.
//!
//! Here every peer can be held up, services too: it is the application's own queue that is full,
//! and whoever fills it waits.

use crate::core::address::Token;
use crate::core::binding::{Binding, BindingKey};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::Outgoing;
use crate::core::event::Limit;
use crate::core::mux::MuxCore;
use crate::core::outbound::Wake;
use crate::core::pairs::Line;
use crate::core::park::{Parked, Waits};
use crate::core::policy::Policy;
use crate::core::pool::Used;
use crate::core::record::{By, Sent};
use crate::core::role::Role;
use crate::core::room::Short;
use crate::core::route::{Encoded, Outcome, Refused};
use crate::core::source::SourceKey;

pub use self::run::Runs;
pub use self::send::{Reserved, Target, Unsent};

mod run;
mod send;

/// What the queue of the application has to know of whom a message is from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    key: BindingKey,
    token: Token,
    role: Role,
    source: SourceKey,
}

impl Sender {
    #[inline]
    pub(super) fn of(key: BindingKey, binding: &Binding) -> Self {
        let Binding { token, role, source, .. } = *binding;
        Self { key, token, role, source }
    }
}

impl MuxCore {
    /// Queues a message of a peer for the application.
    // spec: mux:terminal:all-to-application, mux:terminal:whole-message
    #[inline]
    pub(super) fn handle_inbound(&mut self, from: Sender, message: Encoded<'_>) -> Outcome {
        bump(&mut self.counters.received);
        let Some(local) = self.terminal() else {
            return self.drop_message(DropReason::Draining);
        };
        match self.admit_inbound(local, from, message) {
            Ok(()) => Outcome::Admitted,
            Err(short) => self.overflow_inbound(local, from, message, short),
        }
    }

    #[expect(clippy::inline_always, reason = "a call is a thirtieth of what a message costs")]
    #[inline(always)]
    fn admit_inbound(
        &mut self,
        local: BindingKey,
        from: Sender,
        message: Encoded<'_>,
    ) -> Result<(), Short> {
        let Some(to) = self.bindings.get(local) else { return Err(Short::Destination) };
        let outgoing = Outgoing::inbound(from.token, message.octets());
        let len = outgoing.len();
        if let Err(short) = self.room(from.role, from.source, to, len)
            && !self.is_alone(from.role, to, len)
        {
            return Err(short);
        }
        let Some(to) = self.bindings.get_mut(local) else { return Err(Short::Destination) };
        let sent = Sent { source: from.source, from: from.key, by: By::Binding, messages: 1 };
        let spares = &mut self.spares;
        if to.outbound.push(sent, &outgoing, message.whole(), spares, self.now) == Wake::Needed {
            self.wakes.push(local);
        }
        self.used.take(len);
        self.sources.take(from.source, len);
        Ok(())
    }

    /// Tells whether a message is larger than the whole queue of the application, and nothing else waits
    /// there: its peer would wait for ever, with all that it has sent since.
    // spec: mux:terminal:backpressure
    #[cold]
    fn is_alone(&self, from: Role, to: &Binding, len: usize) -> bool {
        to.rule.policy == Policy::Reject
            && len > to.rule.pool.octets
            && *to.outbound.used() == Used::default()
            && self.used.has_room(len, self.global_for(from))
    }

    #[inline(never)]
    fn admit_inbound_again(
        &mut self,
        local: BindingKey,
        from: Sender,
        message: Encoded<'_>,
    ) -> Result<(), Short> {
        self.admit_inbound(local, from, message)
    }

    /// Decides on a message for which the application has no room.
    // spec: mux:terminal:backpressure, mux:overload:policies
    #[cold]
    fn overflow_inbound(
        &mut self,
        local: BindingKey,
        from: Sender,
        message: Encoded<'_>,
        mut short: Short,
    ) -> Outcome {
        self.note_limit(Limit::Room);
        let Some(&Binding { rule, .. }) = self.bindings.get(local) else {
            return self.drop_message(DropReason::Draining);
        };
        match rule.policy {
            // Nothing more is to come from who has a message parked; if it does, it is not worth a
            // place.
            Policy::Reject
                if self.bindings.get(from.key).is_some_and(|from| from.parked().is_none()) =>
            {
                self.park(from.key, message, Refused::NoRoom { to: local, short }, Waits::ForRoom)
            }
            Policy::Reject | Policy::DropNewest => self.drop_message(DropReason::Busy),
            Policy::DropOldest => {
                while self.drop_oldest(local, from.key) {
                    match self.admit_inbound_again(local, from, message) {
                        Ok(()) => return Outcome::Admitted,
                        Err(still) => short = still,
                    }
                }
                tracing::trace!(?short, "nothing older to drop");
                self.drop_message(DropReason::Busy)
            }
        }
    }

    /// Takes the oldest message of `from` out of the queue of `to`.
    fn drop_oldest(&mut self, to: BindingKey, from: BindingKey) -> bool {
        let Some(source) = self.bindings.get(from).map(|from| from.source) else { return false };
        let Some(queue) = self.bindings.get_mut(to) else { return false };
        let Some(oldest) = queue.outbound.withdraw_oldest(Line::of(source), from) else {
            return false;
        };
        self.take_back(to, &oldest.record, &oldest.whole(), DropReason::Busy);
        true
    }

    /// Tries again to queue what a peer has parked for the application.
    pub(super) fn retry_inbound(&mut self, from: BindingKey, parked: Parked) {
        let Some(local) = self.terminal() else {
            let _: Outcome = self.drop_message(DropReason::Draining);
            return self.wakes.push(from);
        };
        let Some(sender) = self.bindings.get(from).map(|binding| Sender::of(from, binding)) else {
            return;
        };
        let over = parked.until.is_some_and(|until| until <= self.now);
        match self.admit_inbound_again(local, sender, Encoded::Shared(&parked.message)) {
            Err(short) if !over => {
                return self.park_message(from, Parked { to: Some(local), short, ..parked });
            }
            Err(_) => {
                bump(&mut self.counters.stalls);
                let _: Outcome = self.drop_message(DropReason::Busy);
            }
            Ok(()) => {}
        }
        self.wakes.push(from);
    }
}
