//! When requests have no time left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::client::requests::RequestId;

/// The deadlines of open requests, and of some that are open no more: to take one out costs more
/// than to leave it until its time, or until there are too many.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Instant, RequestId)>>);

impl Deadlines {
    pub(super) fn push(&mut self, deadline: Instant, id: RequestId) {
        self.0.push(Reverse((deadline, id)));
    }

    /// Notes that one more is open no more, so that there are `open` still. `is_open` tells of each.
    pub(super) fn close(&mut self, open: usize, is_open: impl Fn(RequestId) -> bool) {
        if open == 0 {
            self.0.clear();
        } else if self.0.len() > open.saturating_mul(2).saturating_add(SLACK) {
            self.0.retain(|Reverse((_, id))| is_open(*id));
        }
    }

    /// Returns the first of them, which may be that of a request that is open no more.
    pub(super) fn first(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Takes out one that has come, be its request open or not.
    pub(super) fn pop(&mut self, now: Instant) -> Option<RequestId> {
        self.first().filter(|first| *first <= now)?;
        self.0.pop().map(|Reverse((_, id))| id)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Deadlines that are kept beyond twice as many as there are open requests.
pub(super) const SLACK: usize = 64;
