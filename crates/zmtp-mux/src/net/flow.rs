//! Flow: whether the core takes more of a peer.

use std::time::Instant;

use crate::core::{BindingKey, MuxCore, Outcome, Pause};

/// Whether the core takes more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It does.
    #[default]
    Smooth,
    /// It does, but has not admitted all.
    Rough,
    /// It does not.
    Parked,
}

impl Flow {
    /// Notes what became of a message. It is in the counters; a trace shows each.
    #[inline]
    pub(crate) fn note(&mut self, outcome: Outcome) {
        if outcome != Outcome::Admitted {
            self.note_other(outcome);
        }
    }

    #[cold]
    fn note_other(&mut self, outcome: Outcome) {
        tracing::trace!(?outcome, "not routed");
        *self = if outcome == Outcome::Parked { Self::Parked } else { Self::Rough };
    }

    /// Returns since when reads are withheld, if they are from now on.
    pub(crate) fn withheld(
        self,
        core: &mut MuxCore,
        key: BindingKey,
        now: Instant,
    ) -> Option<Instant> {
        match self {
            Self::Smooth => None,
            Self::Rough | Self::Parked => match core.poll_pause(key, now) {
                Pause::Read => None,
                Pause::Wait { .. } => Some(now),
            },
        }
    }
}
