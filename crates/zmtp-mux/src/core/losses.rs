//! Losses: for whom the messages were that are dropped, one for each reason.
//!
//! Counters say how many; whoever looks into that wants a name to begin with.

use crate::core::address::Name;
use crate::core::counters::{DropReason, bump};
use crate::core::mux::MuxCore;
use crate::core::route::Outcome;

/// For each of [`DropReason::ALL`] a name that a message was dropped for, until it is taken.
#[derive(Debug, Default)]
pub(crate) struct LostNames([Option<Name>; DropReason::ALL.len()]);

impl LostNames {
    /// Notes for whom a message was, unless somebody is noted for that reason, or it is no name.
    pub(crate) fn note(&mut self, reason: DropReason, address: &[u8]) {
        let mut places = DropReason::ALL.iter().zip(&mut self.0);
        if let Some((_, place)) = places.find(|(other, _)| **other == reason)
            && place.is_none()
        {
            *place = Name::new(address.to_vec().into());
        }
    }

    fn take(&mut self) -> Vec<(DropReason, Name)> {
        let places = DropReason::ALL.iter().zip(&mut self.0);
        places.filter_map(|(reason, place)| Some((*reason, place.take()?))).collect()
    }
}

impl MuxCore {
    /// Returns for each reason a name that a message was dropped for since this was called last, if there
    /// is one.
    // spec: mux:log:losses
    pub fn take_lost_names(&mut self) -> Vec<(DropReason, Name)> {
        self.lost.take()
    }

    /// Drops a message for `address`, and notes that.
    pub(super) fn lose(&mut self, address: &[u8], reason: DropReason) -> Outcome {
        if reason == DropReason::Unknown && address.first() == Some(&0) {
            bump(&mut self.counters.late_replies);
        }
        self.lost.note(reason, address);
        self.drop_message(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:log:losses.
    #[test]
    fn the_first_name_for_a_reason_is_kept_until_it_is_taken() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let mut lost = LostNames::default();
        lost.note(DropReason::Busy, b"\0no name");
        for text in ["a", "b"] {
            lost.note(DropReason::Busy, text.as_bytes());
            lost.note(DropReason::Limit, text.as_bytes());
        }
        let expected = vec![(DropReason::Busy, name("a")), (DropReason::Limit, name("a"))];
        assert_eq!((lost.take(), lost.take()), (expected, vec![]));
        lost.note(DropReason::Busy, b"b");
        assert_eq!(lost.take(), [(DropReason::Busy, name("b"))]);
    }
}
