//! Barriers: a HELLO, whose answer stands behind all that the MUX had to say of what was sent before
//! it.
//!
//! One is on its way at a time, since a MUX keeps one answer. Who needs one while it is gets the
//! next, and shares it with all others who do.

/// Which HELLO of a connection. The first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BarrierId(u64);

/// The HELLOs of one connection.
#[derive(Debug, Default)]
pub(super) struct Barrier {
    wanted: BarrierId,
    sent: BarrierId,
    answered: BarrierId,
}

impl Barrier {
    /// Asks for a HELLO behind all that was sent so far, and returns which that will be.
    pub(super) fn raise(&mut self) -> BarrierId {
        self.wanted = BarrierId(self.sent.0.saturating_add(1));
        self.wanted
    }

    /// Tells whether a HELLO is to be sent.
    pub(super) fn is_due(&self) -> bool {
        self.wanted > self.sent && self.sent == self.answered
    }

    /// Notes that it was.
    pub(super) fn handle_sent(&mut self) {
        self.sent = self.wanted;
    }

    /// Notes an answer, and returns up to which barrier all is answered.
    pub(super) fn handle_answer(&mut self) -> BarrierId {
        self.answered = self.sent;
        self.answered
    }

    /// Tells whether a barrier is behind us.
    pub(super) fn is_passed(&self, id: BarrierId) -> bool {
        id <= self.answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hello_is_on_its_way_at_a_time_and_serves_all_who_asked_before_it() {
        let mut barrier = Barrier::default();
        assert!(!barrier.is_due());
        let (first, same) = (barrier.raise(), barrier.raise());
        assert_eq!(first, same);
        assert!(barrier.is_due() && !barrier.is_passed(first));
        barrier.handle_sent();
        assert!(!barrier.is_due());
        let second = barrier.raise();
        assert!(second > first && !barrier.is_due(), "one at a time");
        assert_eq!(barrier.handle_answer(), first);
        assert!(barrier.is_passed(first) && !barrier.is_passed(second) && barrier.is_due());
        barrier.handle_sent();
        assert_eq!(barrier.handle_answer(), second);
        assert!(barrier.is_passed(second) && !barrier.is_due());
        assert_eq!(barrier.handle_answer(), second, "an answer to nothing says nothing");
    }
}
