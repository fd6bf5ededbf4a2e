//! Pools: bounded room for queued messages.

use crate::core::limits::PoolLimits;

/// How much of a pool is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    octets: usize,
    messages: usize,
}

impl Used {
    /// Tells whether a message of `len` octets still fits.
    #[inline]
    pub(crate) fn has_room(&self, len: usize, limits: PoolLimits) -> bool {
        self.octets.saturating_add(len) <= limits.octets && self.messages < limits.messages
    }

    /// Takes room for a message of `len` octets. They are in memory, so that no sum of them overflows.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) {
        self.octets = self.octets.wrapping_add(len);
        self.messages = self.messages.wrapping_add(1);
    }

    /// Returns the room of so many messages, of `octets` together.
    #[inline]
    pub(crate) fn of(messages: usize, octets: usize) -> Self {
        Self { octets, messages }
    }

    /// Takes room for several messages.
    #[inline]
    pub(crate) fn take_all(&mut self, more: Self) {
        self.octets = self.octets.wrapping_add(more.octets);
        self.messages = self.messages.wrapping_add(more.messages);
    }

    /// Returns this with more.
    #[inline]
    pub(crate) fn with(mut self, more: Self) -> Self {
        self.take_all(more);
        self
    }

    /// Gives back the room of a message of `len` octets.
    #[inline]
    pub(crate) fn give_back(&mut self, len: usize) {
        debug_assert!(self.octets >= len && self.messages > 0, "more given back than taken");
        self.octets = self.octets.saturating_sub(len);
        self.messages = self.messages.saturating_sub(1);
    }

    /// Gives back the room of several messages.
    #[inline]
    pub(crate) fn give_back_all(&mut self, freed: Self) {
        debug_assert!(self.octets >= freed.octets && self.messages >= freed.messages);
        self.octets = self.octets.saturating_sub(freed.octets);
        self.messages = self.messages.saturating_sub(freed.messages);
    }

    /// Returns the messages that it is used by.
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// Returns the octets used.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    /// Takes room for octets that are no message yet.
    pub(crate) fn take_octets(&mut self, len: usize) {
        self.octets = self.octets.saturating_add(len);
    }

    /// Gives back what [`take_octets`](Self::take_octets) took.
    pub(crate) fn give_back_octets(&mut self, len: usize) {
        debug_assert!(self.octets >= len, "more given back than taken");
        self.octets = self.octets.saturating_sub(len);
    }

    /// Returns this without a part of it.
    pub(crate) fn without(&self, part: Self) -> Self {
        let mut rest = *self;
        rest.give_back_all(part);
        rest
    }

    /// Tells whether a message of `len` octets, which is not empty, still fits and half of `limits`
    /// stays free with it. Then no part of this is more than what is free, whoever holds it.
    // spec: mux:overload:threshold
    #[inline]
    pub(crate) fn leaves_half(&self, len: usize, limits: PoolLimits) -> bool {
        self.octets.saturating_add(len) <= limits.octets / 2 && self.messages < limits.messages / 2
    }

    /// Tells whether this is no more than so much.
    #[inline]
    pub(crate) fn is_within(&self, limits: PoolLimits) -> bool {
        self.octets <= limits.octets && self.messages <= limits.messages
    }

    /// Tells whether this is no more than what `other` leaves free of `limits`.
    pub(crate) fn is_within_free(self, other: Self, limits: PoolLimits) -> bool {
        self.octets <= limits.octets.saturating_sub(other.octets)
            && self.messages <= limits.messages.saturating_sub(other.messages)
    }

    /// Tells whether this is less than what `other` leaves free of `limits`.
    // spec: mux:overload:threshold
    pub(crate) fn is_less_than_free(&self, other: &Self, limits: PoolLimits) -> bool {
        self.octets < limits.octets.saturating_sub(other.octets)
            && self.messages < limits.messages.saturating_sub(other.messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_hold_to_the_last_octet_and_message() {
        let limits = PoolLimits { octets: 10, messages: 2 };
        let mut used = Used::default();
        assert!(used.has_room(10, limits) && !used.has_room(11, limits));
        used.take(4);
        assert!(used.has_room(6, limits) && !used.has_room(7, limits));
        used.take(0);
        assert!(!used.has_room(0, limits), "the third message");
        used.give_back(4);
        assert!(used.has_room(10, limits));
    }
}
