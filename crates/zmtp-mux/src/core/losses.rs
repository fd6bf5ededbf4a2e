//! Losses: for whom the messages were that are dropped, and the names that are denied, taken away or
//! fought over, one for each counter.
//!
//! Counters say how many; whoever looks into that wants a name to begin with.

use std::collections::BTreeMap;

use crate::core::address::Name;
use crate::core::counters::{DropReason, bump};
use crate::core::mux::MuxCore;
use crate::core::route::Outcome;

/// By the name of a counter a name that it has counted, until that is taken.
#[derive(Debug, Default)]
pub(crate) struct LostNames(BTreeMap<&'static str, Name>);

impl LostNames {
    /// Notes whom `counter` has counted, unless somebody is noted there, or it is no name.
    pub(crate) fn note(&mut self, counter: &'static str, address: &[u8]) {
        if !self.0.contains_key(counter)
            && let Some(name) = Name::new(address.to_vec().into())
        {
            self.0.insert(counter, name);
        }
    }

    fn take(&mut self) -> Vec<(&'static str, Name)> {
        std::mem::take(&mut self.0).into_iter().collect()
    }
}

impl MuxCore {
    /// Returns for each counter of dropped messages, and of names that are denied, taken away or fought
    /// over, a name that it has counted since this was called last, if there is one.
    // spec: mux:log:losses
    pub fn take_lost_names(&mut self) -> Vec<(&'static str, Name)> {
        self.lost.take()
    }

    /// Drops a message for `address`, and notes that.
    pub(super) fn lose(&mut self, address: &[u8], reason: DropReason) -> Outcome {
        if reason == DropReason::Unknown && address.first() == Some(&0) {
            bump(&mut self.counters.late_replies);
        }
        self.lost.note(reason.counter(), address);
        self.drop_message(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:log:losses.
    #[test]
    fn the_first_name_for_a_counter_is_kept_until_it_is_taken() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let mut lost = LostNames::default();
        lost.note("busy", b"\0no name");
        for text in ["a", "b"] {
            lost.note("busy", text.as_bytes());
            lost.note("limit", text.as_bytes());
        }
        assert_eq!(lost.take(), [("busy", name("a")), ("limit", name("a"))]);
        assert_eq!(lost.take(), []);
        lost.note("busy", b"b");
        assert_eq!(lost.take(), [("busy", name("b"))]);
    }
}
