//! Things by ids that rise by one: a queue, since most go in the order in which they came.

use std::collections::{BTreeMap, VecDeque};

use crate::client::requests::RequestId;

/// What is open, by its id.
#[derive(Debug)]
pub(super) struct Window<V> {
    /// From the id `from` on. The first of them is there.
    slots: VecDeque<Option<V>>,
    from: RequestId,
    /// Those that stayed while nearly all behind them went.
    old: BTreeMap<RequestId, V>,
    len: usize,
}

impl<V> Window<V> {
    pub(super) fn new() -> Self {
        Self { slots: VecDeque::new(), from: RequestId(0), old: BTreeMap::new(), len: 0 }
    }

    /// Puts something in, under the id that [`next`](Self::next) was.
    pub(super) fn push(&mut self, value: V) {
        self.slots.push_back(Some(value));
        self.len = self.len.saturating_add(1);
    }

    /// Returns the id of what comes next.
    pub(super) fn next(&self) -> RequestId {
        self.from.plus(self.slots.len())
    }

    #[inline]
    pub(super) fn get(&self, id: RequestId) -> Option<&V> {
        match self.place(id) {
            Some(place) => self.slots.get(place)?.as_ref(),
            None => self.old.get(&id),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: RequestId) -> Option<&mut V> {
        match self.place(id) {
            Some(place) => self.slots.get_mut(place)?.as_mut(),
            None => self.old.get_mut(&id),
        }
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<V> {
        let value = match self.place(id) {
            Some(place) => self.slots.get_mut(place)?.take()?,
            None => self.old.remove(&id)?,
        };
        self.len = self.len.saturating_sub(1);
        self.trim();
        Some(value)
    }

    /// Returns the first from `id` on.
    pub(super) fn first_from(&self, id: RequestId) -> Option<(RequestId, &V)> {
        if let Some((id, value)) = self.old.range(id..).next() {
            return Some((*id, value));
        }
        let skipped = self.place(id).unwrap_or_default();
        let mut slots = self.slots.iter().enumerate().skip(skipped);
        slots.find_map(|(place, slot)| Some((self.from.plus(place), slot.as_ref()?)))
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns where something lies in the queue; `None` if it is older than that.
    fn place(&self, id: RequestId) -> Option<usize> {
        let place = id.0.checked_sub(self.from.0)?;
        Some(usize::try_from(place).unwrap_or(usize::MAX))
    }

    /// Has the queue begin with something that is there, and keeps it short. Whatever is set aside
    /// for that is so once.
    fn trim(&mut self) {
        let len_max = self.len.saturating_mul(2).saturating_add(SLACK);
        while self.slots.len() > len_max || matches!(self.slots.front(), Some(None)) {
            if let Some(Some(value)) = self.slots.pop_front() {
                self.old.insert(self.from, value);
            }
            self.from = self.from.plus(1);
        }
    }
}

/// Places of the queue beyond twice as many as there are things.
const SLACK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn all(window: &Window<u64>) -> Vec<u64> {
        let (mut all, mut from) = (Vec::new(), RequestId(0));
        while let Some((id, value)) = window.first_from(from) {
            assert_eq!((id.0, window.get(id)), (*value, Some(value)));
            all.push(*value);
            from = id.plus(1);
        }
        all
    }

    #[test]
    fn one_that_stays_holds_no_place_for_those_that_came_and_went_behind_it() {
        let mut window = Window::new();
        for id in 0..100_000 {
            assert_eq!(window.next(), RequestId(id));
            window.push(id);
            if id % 1000 != 0 {
                assert_eq!(window.remove(RequestId(id)), Some(id));
            }
            assert!(window.slots.len() <= 2 * window.len() + SLACK, "{}", window.slots.len());
        }
        let stayed: Vec<_> = (0..100_000).step_by(1000).collect();
        assert_eq!((window.len(), all(&window)), (100, stayed.clone()));
        for id in stayed {
            *window.get_mut(RequestId(id)).unwrap() += 1;
            assert_eq!(window.remove(RequestId(id)), Some(id + 1));
            assert_eq!(window.remove(RequestId(id)), None);
        }
        assert!(window.slots.is_empty() && window.old.is_empty() && window.len() == 0);
        assert_eq!(window.next(), RequestId(100_000));
    }

    #[test]
    fn what_goes_in_any_order_leaves_the_others_in_theirs() {
        let mut window = Window::new();
        (0..1000).for_each(|id| window.push(id));
        // Each once, as 7 and 1000 have no factor in common.
        for (id, left) in (0..1000).map(|step| step * 7 % 1000).zip((0..1000_usize).rev()) {
            assert_eq!(window.remove(RequestId(id)), Some(id));
            assert_eq!((window.get(RequestId(id)), window.len()), (None, left));
            assert_eq!(all(&window).len(), window.len());
        }
        assert_eq!((window.get(RequestId(1000)), window.get(RequestId(u64::MAX))), (None, None));
    }
}
