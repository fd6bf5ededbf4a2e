//! Looking at what tells nobody when it changes: a process, or a counter.

use std::thread;
use std::time::{Duration, Instant};

use crate::DEADLINE;

/// Looks again and again until there is something to see; `None` if there is nothing in time.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
