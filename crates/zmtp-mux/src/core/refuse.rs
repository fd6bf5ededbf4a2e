//! What becomes of a message that is not admitted: returned, parked, or dropped.
//!
//! | its source       | no room, rule `Reject`            | no room, other rules | any other reason |
//! |------------------|-----------------------------------|----------------------|------------------|
//! | takes notices    | RETURN                            | RETURN               | RETURN           |
//! | a stock client   | parked for a while, then dropped  | dropped              | dropped          |
//! | a stock service  | dropped                           | dropped              | dropped          |

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::core::address::{Shown, Token};
use crate::core::binding::{Binding, BindingKey};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::Envelope;
use crate::core::event::Limit;
use crate::core::mux::MuxCore;
use crate::core::outbound::START_LEN;
use crate::core::pairs::Line;
use crate::core::park::{Parked, Waits};
use crate::core::policy::Policy;
use crate::core::record::Record;
use crate::core::returns::Returned;
use crate::core::role::Role;
use crate::core::room::Short;
use crate::core::route::{Encoded, Outcome, Refused};
use crate::core::source::SourceKey;

/// Whether messages wait by their sources, and may get too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Ageing {
    /// Some do.
    Something,
    /// None does.
    Nothing,
}

impl MuxCore {
    /// Decides on a message that was not admitted, and counts it.
    // spec: mux:queue:overflow-dropped
    #[cold]
    pub(super) fn refuse(
        &mut self,
        from: BindingKey,
        envelope: &Envelope<'_>,
        message: Encoded<'_>,
        refused: Refused,
    ) -> Outcome {
        if matches!(refused, Refused::NoRoom { .. }) {
            self.note_limit(Limit::Room);
        }
        let refused = match self.displace(from, envelope, message, refused) {
            Ok(()) => return Outcome::Admitted,
            Err(refused) => refused,
        };
        self.spend_token(from);
        let reason = refused.reason();
        match self.offer_back(from, envelope, reason) {
            Returned::Queued => {
                self.counters.return_message(reason);
                return Outcome::Returned(reason);
            }
            Returned::NoRoom if self.is_client(from) && !self.is_parked(from) => {
                return self.park(from, message, refused, Waits::ToReturn(reason));
            }
            Returned::NoRoom => return self.lose(envelope.address, reason),
            Returned::NotTaken => {}
        }
        if self.is_held_up(from, refused) {
            return self.park(from, message, refused, Waits::ForRoom);
        }
        self.lose(envelope.address, reason)
    }

    /// Tells whether a source that takes no notices waits for room.
    // spec: mux:overload:block-clients-only, mux:overload:self-never-blocks
    fn is_held_up(&self, from: BindingKey, refused: Refused) -> bool {
        let Refused::NoRoom { to, short } = refused else { return false };
        let (Some(source), Some(to_binding)) = (self.bindings.get(from), self.bindings.get(to))
        else {
            return false;
        };
        // spec: mux:overload:stall
        let stalled = match short {
            Short::Destination => to_binding.stalled.is_some(),
            Short::Share => false,
        };
        // Nothing more is to come from it now; if it does, it is not worth a place.
        let parks = source.parked().is_some();
        let share = self.sources.get(source.source).and_then(|source| source.stalled);
        source.role == Role::Client
            && to_binding.rule.policy == Policy::Reject
            && to != from
            && !stalled
            && !parks
            && share.is_none()
    }

    /// Makes room by taking the oldest messages of the same source out, if the rule says so.
    // spec: mux:overload:policies
    fn displace(
        &mut self,
        from: BindingKey,
        envelope: &Envelope<'_>,
        message: Encoded<'_>,
        mut refused: Refused,
    ) -> Result<(), Refused> {
        while let Refused::NoRoom { to, .. } = refused {
            let Some(Binding { rule, .. }) = self.bindings.get(to) else { break };
            if rule.policy != Policy::DropOldest {
                break;
            }
            let Some((source, shown)) =
                self.bindings.get(from).map(|from| (from.source, Arc::clone(&from.shown)))
            else {
                break;
            };
            let line = Line::under(source, &shown);
            let oldest = self
                .bindings
                .get_mut(to)
                .and_then(|binding| binding.outbound.withdraw_oldest(line, from));
            let Some(oldest) = oldest else { break };
            self.take_back(to, &oldest.record, &oldest.start(START_LEN), DropReason::Busy);
            match self.admit(from, envelope, message.whole()) {
                Ok(()) => return Ok(()),
                Err(still) => refused = still,
            }
        }
        Err(refused)
    }

    /// Returns what has waited too long for a peer, and tells whether more waits that can.
    // spec: mux:overload:max-age
    pub fn handle_expiry(&mut self, to: BindingKey, now: Instant) -> Ageing {
        self.now = now;
        let Some(age) = self.bindings.get(to).and_then(|to| to.rule.max_age) else {
            return Ageing::Nothing;
        };
        let expired = self.bindings.get_mut(to).map(|to| to.outbound.withdraw_expired(age, now));
        for item in expired.unwrap_or_default() {
            self.take_back(to, &item.record, &item.whole(), DropReason::Expired);
        }
        let waits = self.bindings.get(to).is_some_and(|to| to.outbound.waits_by_sources());
        if waits { Ageing::Something } else { Ageing::Nothing }
    }

    /// Returns or drops a message that was queued for `to`, and is no more.
    pub(super) fn take_back(
        &mut self,
        to: BindingKey,
        record: &Record,
        start: &[u8],
        reason: DropReason,
    ) {
        let Some(binding) = self.bindings.get(to) else { return };
        let ended = Ended::of(to, binding);
        self.take_back_from(&ended, record, start, reason);
    }

    pub(super) fn park(
        &mut self,
        from: BindingKey,
        message: Encoded<'_>,
        refused: Refused,
        waits: Waits,
    ) -> Outcome {
        let message = match message {
            Encoded::Borrowed(octets) => Bytes::copy_from_slice(octets),
            Encoded::Shared(octets) => octets.clone(),
        };
        let (to, short) = match refused {
            Refused::NoRoom { to, short } => (Some(to), short),
            Refused::For(_) => (None, Short::Share),
        };
        let timeout = to
            .and_then(|to| self.bindings.get(to))
            .map(|to| to.rule.block_timeout)
            .filter(|timeout| !timeout.is_zero() && waits == Waits::ForRoom);
        let until = timeout.and_then(|timeout| self.now.checked_add(timeout));
        self.park_message(from, Parked { message, to, short, waits, until });
        bump(&mut self.counters.parked);
        Outcome::Parked
    }

    fn is_parked(&self, key: BindingKey) -> bool {
        self.bindings.get(key).is_some_and(|binding| binding.parked().is_some())
    }

    fn is_client(&self, key: BindingKey) -> bool {
        self.role(key) == Some(Role::Client)
    }

    /// Takes a token from a client.
    // spec: mux:overload:refusal-tokens
    pub(super) fn spend_token(&mut self, key: BindingKey) {
        let (limits, now) = (self.limits.refusals, self.now);
        if let Some(binding) = self.bindings.get_mut(key)
            && binding.role == Role::Client
        {
            binding.tokens.spend(limits, now);
            if !binding.tokens.wait(limits, now).is_zero() {
                self.note_limit(Limit::Refusals);
            }
        }
    }
}

impl Refused {
    pub(super) fn reason(self) -> DropReason {
        match self {
            Self::For(reason) => reason,
            Self::NoRoom { .. } => DropReason::Busy,
        }
    }
}

/// What has to be known of a destination to return what was queued for it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) key: BindingKey,
    pub(super) role: Role,
    pub(super) link_is_req: bool,
    pub(super) source: SourceKey,
    pub(super) shown: Arc<Shown>,
    pub(super) name: Option<Bytes>,
    pub(super) token: Token,
    pub(super) generation: u64,
}
