//! Marks: how a connection's task learns that the core has something for it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::yield_now;

/// Set, and the task woken with it, when it is time to see what the core has. Until then a task
/// that is woken by its socket need not take the lock to find that there is nothing, or too early.
#[derive(Debug)]
pub(crate) struct Mark {
    set: AtomicBool,
    task: Waker,
}

impl Mark {
    /// Makes the mark of the task that is polled with `cx`. It is set, since the core may have had
    /// something for the task before.
    pub(crate) fn new(cx: &Context<'_>) -> Arc<Self> {
        Arc::new(Self { set: AtomicBool::new(true), task: cx.waker().clone() })
    }

    /// Tells whether it was set, and takes it back.
    pub(crate) fn take(&self) -> bool {
        self.set.load(Ordering::Relaxed) && self.set.swap(false, Ordering::Acquire)
    }
}

impl Wake for Mark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

/// Wakes behind all tasks that are ready now, and behind all whose sockets are.
///
/// A yield goes there, in tokio, and takes whose waker it is given. So a writer finds at once all
/// that the readers beside the one that woke it have for it: with many services this is what a
/// busy MUX saves most by. Nothing is woken, and no thread called, before the caller returns.
pub(crate) fn wake_last(waker: &Waker) {
    let _: Poll<()> = pin!(yield_now()).poll(&mut Context::from_waker(waker));
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_mark_is_set_behind_the_tasks_that_are_ready() {
        let mark = poll_fn(|cx| Poll::Ready(Mark::new(cx))).await;
        assert!(mark.take(), "set from the start");
        let other = Arc::clone(&mark);
        let ready = tokio::spawn(async move { other.take() });
        wake_last(&Arc::clone(&mark).into());
        assert!(!mark.take(), "not at once");
        poll_fn(|_| if mark.take() { Poll::Ready(()) } else { Poll::Pending }).await;
        assert!(!ready.await.unwrap(), "not before a task that was ready");
        assert!(!mark.take(), "once");
    }
}
