//! Counters: what became of every message, by reason.

use crate::core::record::Record;

/// Why a message was returned or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Its destination is nobody's address.
    Unknown,
    /// There was no room for it: at its destination, or in the MUX.
    Busy,
    /// Its source may not send there, or not yet: a service without a name.
    Denied,
    /// The MUX is going away and takes no new requests.
    Draining,
    /// Its destination went away before its last octet was handed over.
    Unreachable,
    /// It is no answer to the open request of a REQ, or came from a REQ without an address.
    Malformed,
    /// It answered a request that its REQ has replaced by another.
    Replaced,
    /// It waited longer than messages to its destination may.
    Expired,
    /// Its source tracks too many services already.
    Limit,
}

impl DropReason {
    /// Every reason, each once.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Busy,
        Self::Denied,
        Self::Draining,
        Self::Unreachable,
        Self::Malformed,
        Self::Replaced,
        Self::Expired,
        Self::Limit,
    ];

    /// The name of its counter.
    #[must_use]
    pub const fn counter(self) -> &'static str {
        match self {
            Self::Unknown => "dropped_unknown",
            Self::Busy => "dropped_busy",
            Self::Denied => "dropped_denied",
            Self::Draining => "dropped_draining",
            Self::Unreachable => "dropped_unreachable",
            Self::Malformed => "dropped_malformed",
            Self::Replaced => "dropped_replaced",
            Self::Expired => "dropped_expired",
            Self::Limit => "dropped_limit",
        }
    }

    /// The name of the counter of messages returned for it.
    #[must_use]
    pub const fn return_counter(self) -> &'static str {
        match self {
            Self::Unknown => "returned_unknown",
            Self::Busy => "returned_busy",
            Self::Denied => "returned_denied",
            Self::Draining => "returned_draining",
            Self::Unreachable => "returned_unreachable",
            Self::Malformed => "returned_malformed",
            Self::Replaced => "returned_replaced",
            Self::Expired => "returned_expired",
            Self::Limit => "returned_limit",
        }
    }
}

/// What the core has counted since it was made.
///
/// `received = handed_over + returned + dropped + queued`, always.
// spec: mux:conservation:law
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Complete messages with a non-empty destination, counted when their last octet was read.
    pub received: u64,
    /// Messages whose last octet was accepted by the kernel.
    pub handed_over: u64,
    /// Messages given back to their source, one count for each of [`DropReason::ALL`].
    pub returned: [u64; DropReason::ALL.len()],
    /// Messages dropped, one count for each of [`DropReason::ALL`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// Those of them that were for the address of a connection, which none has: replies to clients
    /// that are gone. They are dropped as [`DropReason::Unknown`].
    pub late_replies: u64,
    /// Messages to the MUX itself; outside the law.
    pub to_mux: u64,
    /// Those of them that were a good HELLO.
    pub hellos: u64,
    /// Those of them that were returned.
    pub control_refused: u64,
    /// Those of them that were dropped: their source takes no notices, or has no room or token.
    pub control_dropped: u64,
    /// GONEs sent.
    pub gone_sent: u64,
    /// Services that said that they drain.
    pub drains: u64,
    /// Watches that were granted, or repeated.
    pub watches: u64,
    /// Those of them that were ended, for a limit or for want of permission.
    pub watches_ended: u64,
    /// UPs and GONEs sent to those who watch.
    pub presence_sent: u64,
    /// Messages that were parked for a while.
    pub parked: u64,
    /// Unfinished messages that were not read on for a while, for want of room.
    pub partials_held_up: u64,
    /// Those of them that were dropped, having held up their client for as long as they may.
    pub stalls: u64,
    /// Messages of a single frame; outside the law.
    pub single_frame: u64,
    /// Services that found their name held by another service.
    pub duplicates: u64,
    /// Those of them that were closed at once, since too many waited already.
    pub duplicates_full: u64,
    /// Those of them that waited and got the name, since it fell free.
    pub duplicates_granted: u64,
    /// Services that took over their name from another.
    pub takeovers: u64,
    /// Holders that were asked whether they live, since another wanted their name.
    pub probes: u64,
    /// Those of them that did not say so, and lost their name.
    pub evictions: u64,
    /// Names taken over too often, which their holders keep from then on.
    pub fights: u64,
    /// Clients without the alias they asked for, since the name was held.
    pub aliases_denied: u64,
    /// Aliases that a service's claim took from a client.
    pub aliases_yielded: u64,
    /// Services refused since they may not have their name.
    pub claims_denied: u64,
    /// Clients without the alias they asked for, since they may not have it.
    pub aliases_not_granted: u64,
    /// Services closed, held or not, since they may not have their name any more.
    pub evicted: u64,
    /// Aliases taken from clients that may not have them any more.
    pub aliases_withdrawn: u64,
    /// Peers sent away for now since the application has too many events to take.
    pub events_full: u64,
}

impl Counters {
    /// Counts a message dropped for `reason`.
    pub(crate) fn drop_message(&mut self, reason: DropReason) {
        count(&mut self.dropped, reason);
    }

    /// Counts the messages of a record dropped for `reason`, if it is of any.
    pub(crate) fn drop_messages(&mut self, reason: DropReason, record: &Record) {
        for _ in 0..record.messages() {
            self.drop_message(reason);
        }
    }

    /// Counts a message returned for `reason`.
    pub(crate) fn return_message(&mut self, reason: DropReason) {
        count(&mut self.returned, reason);
    }

    /// Returns how many messages were returned for `reason`.
    #[must_use]
    pub fn returned_for(&self, reason: DropReason) -> u64 {
        counted(&self.returned, reason)
    }

    /// Returns how many messages were dropped for `reason`.
    #[must_use]
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        counted(&self.dropped, reason)
    }

    /// Returns what the conservation law is violated by, given what is queued now: 0.
    // spec: mux:conservation:difference-shown
    #[must_use]
    pub fn difference(&self, queued: u64) -> i64 {
        let gone = self.dropped.iter().chain(&self.returned);
        let gone = gone.fold(0_u64, |sum, count| sum.wrapping_add(*count));
        let accounted = self.handed_over.wrapping_add(gone).wrapping_add(queued);
        self.received.wrapping_sub(accounted).cast_signed()
    }

    /// Returns every counter by its name.
    // spec: mux:limit:counted
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let plain = [
            ("received", self.received),
            ("handed_over", self.handed_over),
            ("returned", self.returned.iter().sum()),
        ];
        let rest = [
            ("late_replies", self.late_replies),
            ("to_mux", self.to_mux),
            ("hellos", self.hellos),
            ("control_refused", self.control_refused),
            ("control_dropped", self.control_dropped),
            ("gone_sent", self.gone_sent),
            ("drains", self.drains),
            ("watches", self.watches),
            ("watches_ended", self.watches_ended),
            ("presence_sent", self.presence_sent),
            ("parked", self.parked),
            ("partials_held_up", self.partials_held_up),
            ("stalls", self.stalls),
            ("single_frame_dropped", self.single_frame),
            ("duplicates", self.duplicates),
            ("duplicates_full", self.duplicates_full),
            ("duplicates_granted", self.duplicates_granted),
            ("takeovers", self.takeovers),
            ("probes", self.probes),
            ("evictions", self.evictions),
            ("fights", self.fights),
            ("aliases_denied", self.aliases_denied),
            ("aliases_yielded", self.aliases_yielded),
            ("claims_denied", self.claims_denied),
            ("aliases_not_granted", self.aliases_not_granted),
            ("evicted", self.evicted),
            ("aliases_withdrawn", self.aliases_withdrawn),
            ("events_full", self.events_full),
        ];
        let dropped = DropReason::ALL.map(|reason| (reason.counter(), self.dropped_for(reason)));
        let returned =
            DropReason::ALL.map(|reason| (reason.return_counter(), self.returned_for(reason)));
        plain.into_iter().chain(returned).chain(dropped).chain(rest)
    }
}

fn count(counts: &mut [u64; DropReason::ALL.len()], reason: DropReason) {
    let place = DropReason::ALL.iter().position(|&other| other == reason);
    if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
        bump(count);
    }
}

fn counted(counts: &[u64; DropReason::ALL.len()], reason: DropReason) -> u64 {
    let counts = DropReason::ALL.iter().zip(counts);
    counts.filter(|(other, _)| **other == reason).map(|(_, count)| *count).sum()
}

/// Adds so many.
#[inline]
pub(crate) fn bump_by(count: &mut u64, more: usize) {
    *count = count.wrapping_add(more as u64);
}

/// Adds one. A counter that is full begins again, which at a million a second takes 580,000 years.
#[inline]
pub(crate) fn bump(count: &mut u64) {
    *count = count.wrapping_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:conservation:difference-shown.
    #[test]
    fn the_difference_misses_each_way_a_message_can_go_by_one() {
        let received = |counters| Counters { received: 1, ..counters };
        let none = Counters::default();
        let mut ends = vec![Counters { handed_over: 1, ..none }];
        for reason in DropReason::ALL {
            let (mut dropped, mut returned) = (none, none);
            dropped.drop_message(reason);
            returned.return_message(reason);
            ends.extend([dropped, returned]);
        }
        assert_eq!((none.difference(0), none.difference(1)), (0, -1));
        assert_eq!((received(none).difference(0), received(none).difference(1)), (1, 0));
        for end in ends {
            assert_eq!(end.difference(0), -1, "gone and never received: {end:?}");
            assert_eq!(received(end).difference(0), 0, "{end:?}");
        }
        let outside = Counters { to_mux: 1, single_frame: 1, duplicates: 1, ..none };
        assert_eq!(outside.difference(0), 0);
    }
}
