//! Tenures: in which order names found their holders, and what is held against each.

use std::time::{Duration, Instant};

use crate::core::counters::bump;
use crate::core::limits::MuxLimits;

/// The wall clock, in microseconds since 1970. It may be wrong, and go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(
    /// The microseconds.
    pub u64,
);

/// Numbers the holders of all names of a MUX, ever higher.
///
/// They begin with the clock so that they go on rising when the MUX is started again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Generations {
    last: u64,
    wall: Wall,
}

impl Generations {
    /// Notes what the clock says when somebody asks for a name.
    pub(crate) fn see(&mut self, wall: Wall) {
        self.wall = wall;
    }

    /// Returns the number of the next holder.
    // spec: mux:generation:rises
    pub(crate) fn next(&mut self) -> u64 {
        self.last = self.last.saturating_add(1).max(self.wall.0);
        self.last
    }
}

/// What is held against the holder of a name.
#[derive(Debug, Default)]
pub(crate) struct Tenure {
    /// Until when it must be heard; it was asked by a PING. None once it was heard.
    probe: Option<Instant>,
    /// When the name was taken over, by it and by those before it, oldest first.
    takeovers: Vec<Instant>,
    peace: Peace,
}

/// Whether a name may be taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Peace {
    #[default]
    Open,
    /// No more: it was fought over.
    Imposed,
}

/// Whether a takeover may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Given,
    Denied,
}

impl Tenure {
    /// Begins after a takeover at `now`, with the takeovers that went before.
    pub(crate) fn after(former: Self, now: Instant) -> Self {
        let mut takeovers = former.takeovers;
        takeovers.push(now);
        Self { takeovers, ..Self::default() }
    }

    /// Decides whether the name may be taken over now; if that were too often, never again.
    // spec: mux:takeover:fight
    pub(crate) fn leave(&mut self, now: Instant, limits: &MuxLimits, fights: &mut u64) -> Leave {
        let past = |at: &Instant| now.saturating_duration_since(*at) >= limits.takeover_window;
        self.takeovers.retain(|at| !past(at));
        if self.takeovers.len() >= limits.takeovers_max {
            self.peace = Peace::Imposed;
            bump(fights);
        }
        if self.is_fought_over() { Leave::Denied } else { Leave::Given }
    }

    /// Tells whether there were too many takeovers.
    pub(crate) fn is_fought_over(&self) -> bool {
        self.peace == Peace::Imposed
    }

    /// Begins a probe, and returns until when the holder must be heard.
    pub(crate) fn begin_probe(&mut self, now: Instant, timeout: Duration) -> Instant {
        let until = now.checked_add(timeout).unwrap_or(now);
        self.probe = Some(until);
        until
    }

    /// Returns until when the holder must be heard, if it is probed.
    pub(crate) fn probe(&self) -> Option<Instant> {
        self.probe
    }

    /// Ends a probe.
    #[inline]
    pub(crate) fn end_probe(&mut self) {
        self.probe = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:generation:rises.
    #[test]
    fn generations_follow_the_clock_and_rise_when_it_goes_back() {
        let mut generations = Generations::default();
        assert_eq!(generations.next(), 1, "without a clock");
        generations.see(Wall(1_000));
        assert_eq!((generations.next(), generations.next()), (1_000, 1_001));
        generations.see(Wall(10));
        assert_eq!(generations.next(), 1_002);
        generations.see(Wall(5_000));
        assert_eq!(generations.next(), 5_000);
    }
}
