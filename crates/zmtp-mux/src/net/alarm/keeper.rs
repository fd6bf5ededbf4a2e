//! A clock of the system that keeps all the alarms of one runtime that are far away.
//!
//! It is one descriptor among those that the runtime waits for, and set anew only when an alarm
//! comes before all others, or has rung.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;
use tokio::runtime::{Handle, Id};
use tracing::debug;

use crate::net::clock::now;

#[derive(Debug)]
struct Keeper {
    /// Of the kinds of descriptors that the runtime knows, what is read as a clock is.
    clock: Receiver,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    alarms: BTreeMap<Hour, Arc<Ring>>,
    next: u64,
    /// For when the clock is set, if it is.
    set: Option<Instant>,
}

/// When an alarm rings, and which of those that do then it is.
type Hour = (Instant, u64);

#[derive(Debug)]
struct Ring {
    has_rung: AtomicBool,
    waker: Waker,
}

/// An alarm in the book, as long as this lives.
#[derive(Debug)]
pub(crate) struct Place {
    keeper: Arc<Keeper>,
    hour: Hour,
    ring: Arc<Ring>,
}

/// The keepers of all runtimes. Each lives as long as its task, which its runtime ends.
static KEEPERS: Mutex<Vec<(Id, Weak<Keeper>)>> = Mutex::new(Vec::new());

/// Has the alarms of this runtime kept, from now on. It must be one that waits for sockets.
pub(crate) fn open() {
    let id = Handle::current().id();
    let mut keepers = lock(&KEEPERS);
    if keepers.iter().any(|(of, keeper)| *of == id && keeper.strong_count() > 0) {
        return;
    }
    keepers.retain(|(_, keeper)| keeper.strong_count() > 0);
    match Keeper::start() {
        Ok(keeper) => keepers.push((id, Arc::downgrade(&keeper))),
        Err(error) => debug!(%error, "the runtime keeps all alarms itself"),
    }
}

/// Notes an alarm of this runtime, if somebody keeps it.
pub(super) fn enter(deadline: Instant, waker: &Waker) -> Option<Place> {
    let id = Handle::try_current().ok()?.id();
    let keeper = lock(&KEEPERS).iter().find(|(of, _)| *of == id)?.1.upgrade()?;
    keeper.enter(deadline, waker)
}

impl Keeper {
    fn start() -> io::Result<Arc<Self>> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let clock = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let clock = Receiver::from_owned_fd_unchecked(clock)?;
        let keeper = Arc::new(Self { clock, book: Mutex::default() });
        tokio::spawn(Arc::clone(&keeper).run());
        Ok(keeper)
    }

    fn enter(self: Arc<Self>, deadline: Instant, waker: &Waker) -> Option<Place> {
        let ring = Arc::new(Ring { has_rung: AtomicBool::new(false), waker: waker.clone() });
        let mut book = lock(&self.book);
        let hour = (deadline, book.next);
        book.next = book.next.wrapping_add(1);
        if book.set.is_none_or(|set| deadline < set) {
            self.set(&mut book, deadline).ok()?;
        }
        book.alarms.insert(hour, Arc::clone(&ring));
        drop(book);
        Some(Place { keeper: self, hour, ring })
    }

    /// Rings each alarm when it is time, until the runtime ends.
    async fn run(self: Arc<Self>) {
        while self.clock.readable().await.is_ok() {
            // How often the time has come is all that there is to read.
            let _ = self.clock.try_read(&mut [0; 8]);
            if let Err(error) = self.ring_all() {
                debug!(%error, "the clock is not set");
            }
        }
    }

    /// Rings what has come, and sets the clock for what comes next.
    fn ring_all(&self) -> io::Result<()> {
        loop {
            let mut book = lock(&self.book);
            let Some(first) = book.alarms.first_entry() else {
                book.set = None;
                return Ok(());
            };
            let at = first.key().0;
            if at > now() {
                return self.set(&mut book, at);
            }
            let ring = first.remove();
            drop(book);
            ring.has_rung.store(true, Ordering::Release);
            ring.waker.wake_by_ref();
        }
    }

    fn set(&self, book: &mut Book, at: Instant) -> io::Result<()> {
        book.set = None;
        // No time at all would stop the clock.
        let wait = at.saturating_duration_since(now()).max(Duration::from_nanos(1));
        let it_value = Timespec::try_from(wait).map_err(|_| io::ErrorKind::InvalidInput)?;
        let once = Itimerspec { it_interval: Timespec::default(), it_value };
        timerfd_settime(&self.clock, TimerfdTimerFlags::empty(), &once)?;
        book.set = Some(at);
        Ok(())
    }
}

impl Place {
    pub(super) fn deadline(&self) -> Instant {
        self.hour.0
    }

    pub(super) fn has_rung(&self) -> bool {
        self.ring.has_rung.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The clock rings in vain once, which is cheaper than to set it.
        let ring = lock(&self.keeper.book).alarms.remove(&self.hour);
        // Outside the lock: its waker may be the last of its task.
        drop(ring);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    use super::*;

    struct Says(UnboundedSender<u64>, u64);

    impl Wake for Says {
        fn wake(self: Arc<Self>) {
            self.0.send(self.1).unwrap();
        }
    }

    #[tokio::test]
    async fn alarms_ring_in_their_order_and_not_before_their_time() {
        let (begun, keeper) = (now(), Keeper::start().unwrap());
        let (says, mut said) = unbounded_channel();
        // The second comes before the one that the clock is set for.
        let places = [30, 10, 20].map(|wait| {
            let waker = Arc::new(Says(says.clone(), wait)).into();
            Arc::clone(&keeper).enter(begun + Duration::from_millis(wait), &waker).unwrap()
        });
        for wait in [10, 20, 30] {
            assert_eq!(said.recv().await, Some(wait));
            assert!(now() >= begun + Duration::from_millis(wait));
        }
        assert!(places.iter().all(Place::has_rung));
        assert!(lock(&keeper.book).alarms.is_empty());
    }

    #[tokio::test]
    async fn who_waits_no_more_leaves_nothing_behind() {
        let keeper = Keeper::start().unwrap();
        let (says, _said) = unbounded_channel();
        let nobody = Arc::new(Says(says, 0));
        let waker = Arc::clone(&nobody).into();
        let day = now() + Duration::from_hours(24);
        let places: Vec<_> = (0..1000).map(|_| Arc::clone(&keeper).enter(day, &waker)).collect();
        assert_eq!(lock(&keeper.book).alarms.len(), 1000);
        drop((places, waker));
        assert_eq!((lock(&keeper.book).alarms.len(), Arc::strong_count(&nobody)), (0, 1));
    }

    /// Opens a runtime's keeper twice, and returns what it is.
    fn opened(runtime: &Runtime) -> Vec<Weak<Keeper>> {
        let _entered = runtime.enter();
        open();
        open();
        let (id, keepers) = (Handle::current().id(), lock(&KEEPERS));
        keepers.iter().filter(|(of, _)| *of == id).map(|(_, keeper)| keeper.clone()).collect()
    }

    #[test]
    fn each_runtime_has_a_keeper_of_its_own_which_ends_with_it() {
        let runtimes =
            [(); 2].map(|()| Builder::new_current_thread().enable_all().build().unwrap());
        let [first, second] = runtimes.each_ref().map(opened);
        let ([first], [second]) = (&first[..], &second[..]) else { panic!("one for each") };
        assert!(!Weak::ptr_eq(first, second));
        drop(runtimes);
        assert_eq!((first.strong_count(), second.strong_count()), (0, 0));
    }
}
