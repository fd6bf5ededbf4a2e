//! The shell's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::core::Wall;

/// Returns the instant as the pure parts take it.
pub(crate) fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Returns the time of day as the core takes it; a clock before 1970 counts as that year.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Returns the instant that lies `time` ahead; a time too long to express counts as a year.
pub(crate) fn after(time: Duration) -> Instant {
    ahead(Instant::now(), time)
}

/// The same, of an instant that is `now`.
pub(crate) fn ahead(now: Instant, time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    now.checked_add(time).or_else(|| now.checked_add(YEAR)).unwrap_or(now)
}
