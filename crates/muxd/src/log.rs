//! The log, on standard error; standard output is for the `listening` lines alone.
//!
//! A thread of its own writes it. Whoever reads it may be slow, or have stopped: then lines are
//! lost, and not the time of those who are served.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use zmtp_mux::Figures;

/// Where lines go.
static LINES: OnceLock<NonBlocking> = OnceLock::new();

/// Logs from here on what is at least this important. What has not been written when the guard is
/// dropped is, for up to a second.
// spec: mux:log:never-blocks
pub(crate) fn start(level: LevelFilter) -> WorkerGuard {
    let (lines, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES_MAX)
        .thread_name("log")
        .finish(std::io::stderr());
    let lines = LINES.get_or_init(|| lines).clone();
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(lines)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
    guard
}

/// Writes all figures as `name value` lines, in one piece: how many lines of the log are lost, and
/// those that `all` have. Before them stands `counters` and the time.
// spec: mux:limit:counted
pub(crate) fn counters(all: &[&dyn Figures]) {
    // Without a place to log to there is nobody to tell.
    let Some(mut lines) = LINES.get().cloned() else { return };
    // Writing to a string cannot fail.
    let mut text = "counters ".to_owned();
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    let _ = writeln!(text, "\nlog_lines_lost {}", lines.error_counter().dropped_lines());
    for of in all {
        of.each(&mut |figure| {
            let _ = writeln!(text, "{} {}", figure.name(), figure.value());
        });
    }
    let _ = lines.write_all(text.as_bytes());
}

/// Lines that wait to be written before more are lost.
const LINES_MAX: usize = 8192;
