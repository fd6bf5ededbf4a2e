//! A bell: whoever waits for the application's end is woken when there is something.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Wakes all who wait, each once. Several handles may wait for the same thing.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    waiting: Mutex<Waiting>,
    /// How often it has rung.
    rings: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Never used twice, so that an ear which has heard the bell frees nobody else's place.
    next: u64,
    /// Mostly one waits, and needs no room on the heap.
    one: Option<(u64, Waker)>,
    more: BTreeMap<u64, Waker>,
}

/// A place at a bell, of one who waits. It is free again when the bell has rung, or this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Ear(Option<Place>);

#[derive(Debug)]
struct Place {
    bell: Arc<Bell>,
    number: u64,
    /// How often the bell had rung before.
    rings: u64,
}

impl Bell {
    pub(crate) fn ring(&self) {
        let (one, more) = {
            let mut waiting = self.lock();
            self.rings.store(self.rings().wrapping_add(1), Ordering::Release);
            let more = (!waiting.more.is_empty()).then(|| std::mem::take(&mut waiting.more));
            (waiting.one.take(), more)
        };
        if let Some((_, waker)) = one {
            waker.wake();
        }
        if let Some(more) = more {
            more.into_values().for_each(Waker::wake);
        }
    }

    /// Returns how often it has rung. Who listens first misses no ring.
    pub(crate) fn rings(&self) -> u64 {
        self.rings.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn insert(&mut self, waker: Waker) -> u64 {
        let place = self.next;
        self.next = place.wrapping_add(1);
        if self.one.is_none() {
            self.one = Some((place, waker));
        } else {
            self.more.insert(place, waker);
        }
        place
    }

    fn remove(&mut self, place: u64) -> Option<Waker> {
        match self.one.take_if(|(one, _)| *one == place) {
            Some((_, waker)) => Some(waker),
            None => self.more.remove(&place),
        }
    }
}

impl Ear {
    /// Has `waker`, and none that was given before, woken when `bell` rings next. Who finds nothing
    /// listens, and looks once more: there may be something since.
    pub(crate) fn listen(&mut self, bell: &Arc<Bell>, waker: &Waker) {
        self.close();
        let mut waiting = bell.lock();
        let (number, rings) = (waiting.insert(waker.clone()), bell.rings());
        drop(waiting);
        self.0 = Some(Place { bell: Arc::clone(bell), number, rings });
    }

    fn close(&mut self) {
        // Each ring frees all places.
        if let Some(Place { bell, number, rings }) = self.0.take()
            && bell.rings() == rings
        {
            // Dropped when the lock is free again: it may be the last of its task.
            let waker = bell.lock().remove(number);
            drop(waker);
        }
    }
}

impl Drop for Ear {
    #[inline]
    fn drop(&mut self) {
        // Most never listen.
        if self.0.is_some() {
            self.close();
        }
    }
}

/// Who waits as well has a place of its own.
impl Clone for Ear {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Waiting {
        fn len(&self) -> usize {
            self.more.len() + usize::from(self.one.is_some())
        }
    }

    /// An ear at the bell, and how often it was woken.
    fn ear(bell: &Arc<Bell>) -> (Ear, Arc<Woken>) {
        let (mut ear, woken) = (Ear::default(), Arc::<Woken>::default());
        ear.listen(bell, &Arc::clone(&woken).into());
        (ear, woken)
    }

    #[test]
    fn who_waits_no_more_leaves_nothing_behind() {
        let bell = Arc::<Bell>::default();
        let ears: Vec<_> = (0..1000).map(|_| ear(&bell)).collect();
        assert_eq!(bell.lock().len(), 1000);
        for (ear, woken) in ears {
            drop(ear);
            assert_eq!(Arc::strong_count(&woken), 1);
        }
        assert_eq!(bell.lock().len(), 0);
        // Who listens again and again has one place.
        let (mut ear, woken) = ear(&bell);
        ear.listen(&bell, &Arc::clone(&woken).into());
        assert_eq!((bell.lock().len(), Arc::strong_count(&woken)), (1, 2));
    }

    #[test]
    fn all_who_wait_are_woken_once_and_an_ear_that_has_heard_takes_no_place() {
        let bell = Arc::<Bell>::default();
        let ((first, heard), (_second, too)) = (ear(&bell), ear(&bell));
        bell.ring();
        let (_third, late) = ear(&bell);
        drop(first);
        bell.ring();
        let count = |woken: &Woken| woken.0.load(Ordering::Relaxed);
        assert_eq!((count(&heard), count(&too), count(&late)), (1, 1, 1));
    }
}
