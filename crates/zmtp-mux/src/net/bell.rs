//! A bell: whoever waits for the application's end is woken when there is something.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Wakes all who wait, each once. Several handles may wait for the same thing.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// Never used twice, so that an ear which has heard the bell frees nobody else's place.
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// A place at a bell, of one who waits. It is free again when the bell has rung, or this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Ear(Option<(Arc<Bell>, u64)>);

impl Bell {
    pub(crate) fn ring(&self) {
        let waiting = std::mem::take(&mut self.lock().wakers);
        waiting.into_values().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ear {
    /// Has `waker`, and none that was given before, woken when `bell` rings next. Who finds nothing
    /// listens, and looks once more: there may be something since.
    pub(crate) fn listen(&mut self, bell: &Arc<Bell>, waker: &Waker) {
        self.close();
        let mut waiting = bell.lock();
        let place = waiting.next;
        waiting.next = place.wrapping_add(1);
        waiting.wakers.insert(place, waker.clone());
        drop(waiting);
        self.0 = Some((Arc::clone(bell), place));
    }

    fn close(&mut self) {
        if let Some((bell, place)) = self.0.take() {
            // Dropped when the lock is free again: it may be the last of its task.
            let waker = bell.lock().wakers.remove(&place);
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
        assert_eq!(bell.lock().wakers.len(), 1000);
        for (ear, woken) in ears {
            drop(ear);
            assert_eq!(Arc::strong_count(&woken), 1);
        }
        assert!(bell.lock().wakers.is_empty());
        // Who listens again and again has one place.
        let (mut ear, woken) = ear(&bell);
        ear.listen(&bell, &Arc::clone(&woken).into());
        assert_eq!((bell.lock().wakers.len(), Arc::strong_count(&woken)), (1, 2));
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
