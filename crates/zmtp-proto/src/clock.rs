//! The one look at a clock that tests and fuzz targets need: somewhere to start from.

use std::time::{Duration, Instant};

/// Returns an instant that the caller moves on by hand.
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
pub(crate) fn start() -> Instant {
    Instant::now() + Duration::from_secs(1)
}
