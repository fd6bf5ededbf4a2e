//! Which open requests go to which name.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use slotmap::{SlotMap, new_key_type};

use crate::client::requests::{RequestId, Way};
use crate::core::Name;

new_key_type! {
    /// Which name. Good as long as a request to it is open.
    pub(super) struct DestinationKey;
}

/// The names to which requests are open.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    all: SlotMap<DestinationKey, Destination>,
    by_name: BTreeMap<Bytes, DestinationKey>,
    /// The last request's: mostly the next one's, too.
    last: DestinationKey,
}

#[derive(Debug)]
struct Destination {
    name: Bytes,
    /// How many requests to it are open.
    unsent: usize,
    sent: usize,
    /// These in order, and some between them that are open no more. The first is open.
    ids: VecDeque<RequestId>,
    /// All that were sent are suspect up to here.
    suspect_to: RequestId,
}

impl Destinations {
    /// Notes an unsent request to a name; `None` if it is none.
    pub(super) fn begin(&mut self, name: &[u8], id: RequestId) -> Option<DestinationKey> {
        let key = match self.all.get(self.last) {
            Some(last) if last.name == name => self.last,
            Some(_) | None => self.find_or_make(name)?,
        };
        self.last = key;
        if let Some(destination) = self.all.get_mut(key) {
            destination.unsent = destination.unsent.saturating_add(1);
            destination.ids.push_back(id);
        }
        Some(key)
    }

    fn find_or_make(&mut self, name: &[u8]) -> Option<DestinationKey> {
        if let Some(key) = self.by_name.get(name) {
            return Some(*key);
        }
        let name = Bytes::copy_from_slice(name);
        Name::new(name.clone())?;
        let key = self.all.insert(Destination {
            name: name.clone(),
            unsent: 0,
            sent: 0,
            ids: VecDeque::new(),
            suspect_to: RequestId(0),
        });
        self.by_name.insert(name, key);
        Some(key)
    }

    pub(super) fn name(&self, key: DestinationKey) -> &[u8] {
        self.all.get(key).map(|destination| &*destination.name).unwrap_or_default()
    }

    /// Notes that an unsent request was sent.
    pub(super) fn handle_sent(&mut self, key: DestinationKey) {
        if let Some(destination) = self.all.get_mut(key) {
            destination.unsent = destination.unsent.saturating_sub(1);
            destination.sent = destination.sent.saturating_add(1);
        }
    }

    /// Notes that a request is open no more. `is_open` tells so of each.
    pub(super) fn close(
        &mut self,
        key: DestinationKey,
        way: Way,
        is_open: impl Fn(RequestId) -> bool,
    ) {
        let Some(destination) = self.all.get_mut(key) else { return };
        let count = match way {
            Way::Unsent => &mut destination.unsent,
            Way::Sent => &mut destination.sent,
        };
        *count = count.saturating_sub(1);
        let open = destination.unsent.saturating_add(destination.sent);
        if open == 0 {
            if let Some(Destination { name, .. }) = self.all.remove(key) {
                self.by_name.remove(&name);
            }
            return;
        }
        let ids = &mut destination.ids;
        while ids.front().is_some_and(|first| !is_open(*first)) {
            ids.pop_front();
        }
        if ids.len() > open.saturating_mul(2).saturating_add(SLACK) {
            ids.retain(|id| is_open(*id));
        }
    }

    /// Returns the one open request that was sent to a name; `None` if there are more, or none.
    pub(super) fn only_sent(&self, name: &[u8]) -> Option<RequestId> {
        let destination = self.all.get(*self.by_name.get(name)?)?;
        // Those that were sent are before those that were not.
        destination.ids.front().copied().filter(|_| destination.sent == 1)
    }

    /// Calls `each` with all that were sent to a name since the last time, the first unsent one of
    /// any being `unsent`, and with some that are open no more.
    ///
    /// So whoever says again and again that a service has ended has nothing walked twice.
    pub(super) fn suspect(&mut self, name: &[u8], unsent: RequestId, each: impl FnMut(RequestId)) {
        let key = self.by_name.get(name).copied().unwrap_or_default();
        let Some(destination) = self.all.get_mut(key) else { return };
        let from = destination.suspect_to;
        destination.suspect_to = unsent;
        let start = destination.ids.partition_point(|id| *id < from);
        let end = destination.ids.partition_point(|id| *id < unsent);
        destination.ids.range(start.min(end)..end).copied().for_each(each);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.by_name.is_empty()
    }
}

/// Places for what is open no more, beyond as many as there are open requests.
const SLACK: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn who_repeats_that_a_service_has_ended_has_nothing_walked_twice() {
        let mut all = Destinations::default();
        for id in 0..1000 {
            let key = all.begin(if id % 2 == 0 { b"a" } else { b"b" }, RequestId(id)).unwrap();
            if id < 900 {
                all.handle_sent(key);
            }
        }
        let mut walk = |unsent| {
            let mut seen = Vec::new();
            all.suspect(b"a", RequestId(unsent), |id| seen.push(id.0));
            seen
        };
        assert_eq!(walk(900), (0..900).step_by(2).collect::<Vec<_>>());
        assert_eq!(walk(900), [0; 0]);
        assert_eq!(walk(904), [900, 902]);
        all.suspect(b"c", RequestId(904), |_| panic!("nobody asked it"));
    }

    #[test]
    fn a_name_is_kept_as_long_as_it_has_requests_and_no_more_than_that() {
        let mut all = Destinations::default();
        let mut open = BTreeSet::new();
        for id in (0..10_000).map(RequestId) {
            let key = all.begin(b"a", id).unwrap();
            all.handle_sent(key);
            open.insert(id);
            if id.0 > 0 {
                open.remove(&id);
                all.close(key, Way::Sent, |id| open.contains(&id));
            }
            assert!(all.all[key].ids.len() <= 2 * open.len() + SLACK);
        }
        assert_eq!((all.only_sent(b"a"), all.only_sent(b"b")), (Some(RequestId(0)), None));
        let key = all.begin(b"a", RequestId(10_000)).unwrap();
        assert_eq!(all.only_sent(b"a"), Some(RequestId(0)), "the other is not sent");
        all.handle_sent(key);
        assert_eq!(all.only_sent(b"a"), None);
        all.close(key, Way::Sent, |id| id.0 == 10_000);
        assert_eq!(all.only_sent(b"a"), Some(RequestId(10_000)));
        all.close(key, Way::Sent, |_| false);
        assert!(all.is_empty());
    }
}
