//! Alarms: deadlines that seldom come, kept where they cost nothing until then.
//!
//! While a timer of the runtime runs, each of its waits for the sockets has a limit, for which the
//! system sets a timer of its own and takes it back. Where small messages are sent one at a time, that
//! is a twentieth of all that they cost, and a connection always has a deadline: that of its peer's
//! silence. So what is far away is kept by a keeper, where there is one. What is near is the
//! runtime's: it comes soon, and a system call to set it would cost more.

#[cfg(any(target_os = "android", target_os = "linux"))]
mod keeper;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

pub(crate) use self::keeper::open as open_keeper;
use self::keeper::{Place, enter};

/// Rings once, at its deadline or soon after.
#[derive(Debug)]
pub(crate) enum Alarm {
    /// Kept by the runtime.
    Near(Pin<Box<Sleep>>),
    /// Kept by a keeper.
    Far(Place),
}

impl Alarm {
    /// Waits for an alarm that rings by `deadline`: the one in `slot`, or, if it has none or a later
    /// one, a new one. When it has rung the slot is empty.
    ///
    /// It may ring early, since to have it do so is cheaper than to set one anew for each message.
    /// All looks at one slot are with one waker.
    pub(crate) fn poll_by(
        slot: &mut Option<Self>,
        deadline: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if slot.as_ref().is_none_or(|alarm| alarm.deadline() > deadline) {
            *slot = Some(Self::set(deadline, cx));
        }
        match slot.take_if(|alarm| alarm.has_rung()) {
            Some(_) => Poll::Ready(()),
            None => Poll::Pending,
        }
    }

    /// Waits until `deadline`, or soon after.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is kept of it.
    pub(crate) async fn wait_until(deadline: Instant) {
        let mut slot = None;
        poll_fn(|cx| Self::poll_by(&mut slot, deadline, cx)).await;
    }

    #[inline(never)]
    fn set(deadline: Instant, cx: &mut Context<'_>) -> Self {
        let is_far = deadline.saturating_duration_since(Instant::now()) >= FAR;
        let place = if is_far && !is_clock_stopped() {
            enter(deadline.into_std(), cx.waker())
        } else {
            None
        };
        place.map_or_else(
            || {
                let mut sleep = Box::pin(sleep_until(deadline));
                // Set it even if this task has had its share of polls.
                let _: Poll<()> = pin!(unconstrained(sleep.as_mut())).poll(cx);
                Self::Near(sleep)
            },
            Self::Far,
        )
    }

    fn deadline(&self) -> Instant {
        match self {
            Self::Near(sleep) => sleep.deadline(),
            Self::Far(place) => Instant::from_std(place.deadline()),
        }
    }

    /// Tells whether it has rung, and will wake nobody any more.
    pub(crate) fn has_rung(&self) -> bool {
        match self {
            Self::Near(sleep) => sleep.is_elapsed(),
            Self::Far(place) => place.has_rung(),
        }
    }
}

/// Tells whether a test has stopped the runtime's clock, of which a keeper knows nothing. A clock too
/// coarse to move between two looks seems to have stopped as well, and that does no harm.
fn is_clock_stopped() -> bool {
    Instant::now() == Instant::now()
}

/// From when on an alarm is far away.
const FAR: Duration = Duration::from_secs(1);

/// Elsewhere the runtime keeps all.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
mod keeper {
    use std::task::Waker;
    use std::time::Instant;

    #[derive(Debug)]
    pub(crate) enum Place {}

    impl Place {
        pub(super) fn deadline(&self) -> Instant {
            match *self {}
        }

        pub(super) fn has_rung(&self) -> bool {
            match *self {}
        }
    }

    pub(crate) fn open() {}

    pub(super) fn enter(_: Instant, _: &Waker) -> Option<Place> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_runtimes(alarm: &Alarm) -> bool {
        matches!(alarm, Alarm::Near(_))
    }

    fn look(slot: &mut Option<Alarm>, deadline: Instant) -> impl Future<Output = Poll<()>> {
        poll_fn(move |cx| Poll::Ready(Alarm::poll_by(slot, deadline, cx)))
    }

    #[tokio::test]
    async fn what_is_far_away_is_the_keepers_where_there_is_one() {
        let far = Instant::now() + FAR * 2;
        let (mut first, mut second, mut near) = (None, None, None);
        assert!(look(&mut first, far).await.is_pending());
        assert!(is_runtimes(first.as_ref().unwrap()), "nobody has opened one");
        open_keeper();
        assert!(look(&mut second, far).await.is_pending());
        assert_eq!(is_runtimes(second.as_ref().unwrap()), !cfg!(target_os = "linux"));
        assert!(look(&mut near, Instant::now() + FAR / 2).await.is_pending());
        assert!(is_runtimes(near.as_ref().unwrap()));
        // One that rings sooner will do, and one that rings later will not.
        assert!(look(&mut near, far).await.is_pending());
        assert!(is_runtimes(near.as_ref().unwrap()));
        assert!(look(&mut second, Instant::now() + FAR / 2).await.is_pending());
        assert!(is_runtimes(second.as_ref().unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_a_test_has_stopped_is_the_runtimes() {
        open_keeper();
        let day = Duration::from_hours(24);
        let begun = Instant::now();
        Alarm::wait_until(begun + day).await;
        assert!(begun.elapsed() >= day);
    }
}
