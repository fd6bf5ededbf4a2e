//! Losses in the log, of messages, places and names: which counters have risen, in few lines.
//!
//! Counters tell everything, and only to who asks. So each second what they say of losses is compared
//! with what was told of it before. Whoever makes them rise cannot fill the log: each counter has a line
//! at once, and then one in [`PAUSE`], which has all since the last.

use std::time::{Duration, Instant};

use tracing::field::display;
use tracing::{info, warn};
use zmtp_mux::{Mux, Name};

/// What was told of each kind of loss.
#[derive(Debug)]
pub(crate) struct Losses([Told; KINDS.len()]);

/// What was told of one kind.
#[derive(Clone, Debug, Default)]
struct Told {
    count: u64,
    at: Option<Instant>,
    /// For the next line: for whom one of those was that it is about.
    name: Option<Name>,
}

/// A counter of losses, and how the log speaks of them.
#[derive(Debug)]
struct Kind {
    counter: &'static str,
    /// Another one which tells of some of these.
    without: Option<&'static str>,
    weight: Weight,
    words: &'static str,
}

/// How much a loss means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// Somebody should see to it.
    Trouble,
    /// It is to be expected now and then.
    Usual,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    weight: Weight,
    words: &'static str,
    counter: &'static str,
    /// How many since the line before.
    count: u64,
    name: Option<Name>,
}

impl Losses {
    /// Has told of nothing, and nothing was lost.
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Told::default()))
    }

    /// Says in the log what was lost since it was said last.
    // spec: mux:log:losses
    pub(crate) fn tell(&mut self, mux: &Mux, now: Instant) {
        for line in self.note(&mux.counts(), mux.take_lost_names(), now) {
            let Line { weight, words, counter, count, name } = line;
            let name = name.as_ref().map(display);
            match weight {
                Weight::Trouble => warn!(counter, count, name, "{words}"),
                Weight::Usual => info!(counter, count, name, "{words}"),
            }
        }
    }

    /// Says the rest of it, whenever the last line was.
    pub(crate) fn tell_all(&mut self, mux: &Mux, now: Instant) {
        self.0.iter_mut().for_each(|told| told.at = None);
        self.tell(mux, now);
    }

    /// Compares counters with what was told of them, and returns what is to be told now.
    fn note(
        &mut self,
        counts: &[(&'static str, u64)],
        names: Vec<(&'static str, Name)>,
        now: Instant,
    ) -> Vec<Line> {
        let count_of =
            |name| counts.iter().find(|(other, _)| *other == name).map_or(0, |(_, c)| *c);
        for (counter, name) in names {
            let mut kinds = KINDS.iter().zip(&mut self.0);
            if let Some((_, told)) = kinds.find(|(kind, _)| kind.counter == counter) {
                told.name.get_or_insert(name);
            }
        }
        let mut lines = Vec::new();
        for (kind, told) in KINDS.iter().zip(&mut self.0) {
            let without = kind.without.map_or(0, count_of);
            let total = count_of(kind.counter).saturating_sub(without);
            let count = total.wrapping_sub(told.count);
            if count == 0 || told.at.is_some_and(|at| now.saturating_duration_since(at) < PAUSE) {
                continue;
            }
            (told.count, told.at) = (total, Some(now));
            let Kind { counter, weight, words, .. } = *kind;
            lines.push(Line { weight, words, counter, count, name: told.name.take() });
        }
        lines
    }
}

const fn trouble(counter: &'static str, words: &'static str) -> Kind {
    Kind { counter, without: None, weight: Weight::Trouble, words }
}

const fn usual(counter: &'static str, words: &'static str) -> Kind {
    Kind { weight: Weight::Usual, ..trouble(counter, words) }
}

const fn unknown(words: &'static str) -> Kind {
    Kind { without: Some("late_replies"), ..trouble("dropped_unknown", words) }
}

#[rustfmt::skip]
const KINDS: [Kind; 22] = [
    unknown("messages dropped: no service has their name"),
    usual("late_replies", "replies dropped: their clients have left"),
    trouble("dropped_busy", "messages dropped: no room for them"),
    trouble("dropped_denied", "messages dropped: their senders may not send there"),
    trouble("dropped_draining", "messages dropped: their destination, or the broker, ends"),
    trouble("dropped_unreachable", "messages dropped: their destination went before it had them"),
    trouble("dropped_malformed", "messages dropped: none that a REQ sends, or waits for"),
    usual("dropped_replaced", "answers dropped: their REQs have asked anew"),
    usual("dropped_expired", "messages dropped: older than max_age"),
    trouble("dropped_limit", "messages dropped: their senders have sent to too many services"),
    usual("single_frame_dropped", "messages dropped: a single frame, so no address or nothing behind it"),
    usual("control_dropped", "requests to the broker dropped: bad, or too many"),
    trouble("connections_refused", "connections refused: as many as may be are there"),
    trouble("connections_refused_per_ip", "connections refused: too many from one address"),
    trouble("connections_refused_reserved", "connections refused: the places left are for services"),
    trouble("connections_refused_rate", "connections refused: handshakes of CURVE too often from one address"),
    trouble("handshakes_evicted", "handshakes ended for newer ones: too many at once"),
    trouble("duplicates_full", "services sent away: too many wait for names that are held"),
    trouble("fights", "two services fight for a name: it stays with its holder"),
    trouble("claims_denied", "services refused for good: their names are not granted"),
    trouble("evicted", "new rules closed services: their names are not granted"),
    trouble("aliases_withdrawn", "new rules took the names of clients: they are not granted"),
];

/// How often to look.
pub(crate) const TICK: Duration = Duration::from_secs(1);

/// How long a kind has no further line.
const PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use zmtp_mux::DropReason;

    use super::*;

    fn line(at: usize, count: u64, name: Option<&str>) -> Line {
        let Kind { weight, words, counter, .. } = KINDS[at];
        Line { weight, words, counter, count, name: name.map(|name| name.parse().unwrap()) }
    }

    fn names(all: &[(DropReason, &str)]) -> Vec<(&'static str, Name)> {
        all.iter().map(|(reason, name)| (reason.counter(), name.parse().unwrap())).collect()
    }

    /// mux:log:losses.
    #[test]
    fn a_kind_has_a_line_at_once_and_then_one_in_a_while_with_all_since() {
        let (mut losses, begin) = (Losses::new(), Instant::now());
        let mut at = |seconds, busy, names| {
            let counts = [("received", 7), ("dropped_busy", busy)];
            losses.note(&counts, names, begin + Duration::from_secs(seconds))
        };
        assert_eq!(at(0, 0, vec![]), []);
        assert_eq!(at(1, 3, names(&[(DropReason::Busy, "a")])), [line(2, 3, Some("a"))]);
        assert_eq!(at(2, 5, names(&[(DropReason::Busy, "b")])), []);
        assert_eq!(at(3, 5, names(&[(DropReason::Busy, "c")])), []);
        assert_eq!(at(11, 6, vec![]), [line(2, 3, Some("b"))]);
        assert_eq!(at(100, 6, vec![]), [], "nothing was lost since");
        assert_eq!(at(101, 7, vec![]), [line(2, 1, None)]);
    }

    /// mux:log:losses.
    #[test]
    fn kinds_do_not_silence_each_other_and_late_replies_are_no_unknown_names() {
        let (mut losses, begin) = (Losses::new(), Instant::now());
        let counts = [("dropped_unknown", 5), ("late_replies", 5)];
        assert_eq!(losses.note(&counts, vec![], begin), [line(1, 5, None)]);
        let counts = [("dropped_unknown", 7), ("late_replies", 6), ("duplicates_full", 1)];
        let expected = [line(0, 1, Some("a")), line(17, 1, None)];
        assert_eq!(losses.note(&counts, names(&[(DropReason::Unknown, "a")]), begin), expected);
        assert_eq!((expected[0].weight, KINDS[1].weight), (Weight::Trouble, Weight::Usual));
    }

    /// mux:log:losses.
    #[test]
    fn every_reason_has_a_kind_and_every_kind_a_counter() {
        let mux = Mux::new(zmtp_mux::MuxConfig::default()).unwrap();
        let counts = mux.counts();
        for Kind { counter, without, .. } in &KINDS {
            for name in [Some(counter), without.as_ref()].into_iter().flatten() {
                assert!(counts.iter().any(|(other, _)| other == name), "{name}");
            }
        }
        for reason in DropReason::ALL {
            assert!(KINDS.iter().any(|kind| kind.counter == reason.counter()), "{reason:?}");
        }
    }
}
