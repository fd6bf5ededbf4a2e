//! Flow: whether the core takes more of a peer.

use std::time::Instant;

use crate::core::{BindingKey, Encoded, MuxCore, Outcome, Pause};

/// Whether the core takes more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It does.
    #[default]
    Smooth,
    /// It does, but has not admitted all.
    Rough,
    /// It does, when the others have had their turn: what it was given was the work of many messages.
    Served,
    /// It does not: a message waits for room, or the peer has been refused too often.
    Parked,
}

impl Flow {
    /// Gives the core a message, and notes what became of it. It is in the counters; a trace shows
    /// each.
    #[inline]
    pub(crate) fn route(
        &mut self,
        core: &mut MuxCore,
        key: BindingKey,
        message: Encoded<'_>,
        now: Instant,
    ) {
        let outcome = core.handle_message(key, message, now);
        if outcome != Outcome::Admitted {
            self.note_other(core, key, outcome, now);
        }
    }

    // spec: mux:overload:refusal-tokens, mux:watch:tokens
    #[cold]
    fn note_other(&mut self, core: &mut MuxCore, key: BindingKey, outcome: Outcome, now: Instant) {
        tracing::trace!(?outcome, "not routed");
        *self = match core.poll_pause(key, now) {
            Pause::Read if outcome == Outcome::HeardAtLength => Self::Served,
            Pause::Read => Self::Rough,
            Pause::Wait { .. } => Self::Parked,
        };
    }

    /// Tells whether nothing more is given to the core now.
    pub(crate) fn has_stopped(self) -> bool {
        matches!(self, Self::Served | Self::Parked)
    }

    /// Returns since when reads are withheld, if they are from now on.
    pub(crate) fn withheld(self, now: Instant) -> Option<Instant> {
        self.has_stopped().then_some(now)
    }
}
