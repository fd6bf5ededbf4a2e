//! The log, on standard error; standard output is for the `listening` lines alone.

use std::fmt::Write as _;
use std::io::Write as _;

use tracing::level_filters::LevelFilter;
use zmtp_mux::Mux;

/// Logs from here on what is at least this important.
pub(crate) fn start(level: LevelFilter) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
}

/// Writes all counters as `name value` lines, in one piece.
pub(crate) fn counters(mux: &Mux) {
    let mut lines = String::new();
    for (name, count) in mux.counters() {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{name} {count}");
    }
    // Without a place to log to there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(lines.as_bytes());
}
