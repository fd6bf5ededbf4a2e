//! The shell's clock.

use std::time::Duration;

use tokio::time::Instant;

/// Returns the instant as the pure parts take it.
pub(crate) fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Returns the instant that lies `time` ahead; a time too long to express counts as a year.
pub(crate) fn after(time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    let now = Instant::now();
    now.checked_add(time).or_else(|| now.checked_add(YEAR)).unwrap_or(now)
}
