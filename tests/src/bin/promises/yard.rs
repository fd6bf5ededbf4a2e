//! Brokers, from their start to their end, where every message must be accounted for.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::{Counters, Muxd};

use crate::line::Line;

static ENDED: AtomicUsize = AtomicUsize::new(0);
static UNACCOUNTED: AtomicUsize = AtomicUsize::new(0);

/// Starts a broker with two threads.
pub(crate) fn start() -> Muxd {
    start_with("")
}

/// Starts one with two threads and this configuration.
pub(crate) fn start_with(config: &str) -> Muxd {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(config.as_bytes()).expect("room for a file");
    let path = file.path().to_str().expect("a path");
    let listen = ["--clients", ANY_PORT, "--services", ANY_PORT, "--threads", "2"];
    Muxd::start(&[&listen[..], &["--log", "warn", "--config", path]].concat())
}

/// What a broker is told whose services are slow, and answer each request.
pub(crate) const WINDOW: &str = "[role.service]\nwindow = 1\n";

/// Ends it in order, and keeps the books.
pub(crate) fn end(muxd: Muxd) -> Counters {
    let difference = muxd.counters().of("difference");
    let ended = catch_unwind(AssertUnwindSafe(|| muxd.stop()));
    ENDED.fetch_add(1, Ordering::Relaxed);
    if difference != 0 || ended.is_err() {
        UNACCOUNTED.fetch_add(1, Ordering::Relaxed);
    }
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Says how many of all brokers kept the law.
pub(crate) fn conservation() -> Line {
    let (ended, bad) = (ENDED.load(Ordering::Relaxed), UNACCOUNTED.load(Ordering::Relaxed));
    let figure = format!("{bad} of {ended} brokers with a difference");
    Line::new("conservation", "all above, then SIGTERM", figure, "0", bad == 0 && ended > 0)
}
