//! User instructions per routed request: from hardware counters where there are
//! some, else from callgrind.
//!
//! Under callgrind the broker runs twice, with `N1` and `N2` requests, and
//! `(I2 - I1) / (N2 - N1)` leaves out what starting and ending cost. How many messages it finds at
//! once differs between runs, and with many services a request costs by that: of several such pairs
//! the median counts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::broker::BrokerCommand;
use crate::rows::{self, Row, RunError, RunOptions};

/// A count and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerRequest {
    /// User instructions for one request and its reply.
    pub count: f64,
    /// Who counted.
    pub source: Source,
}

/// Who counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The processor, at full speed.
    Counters,
    /// Callgrind, which slows the broker fifty times, so that it finds larger
    /// batches than in real life.
    Callgrind,
}

/// How a broker is counted under callgrind.
#[derive(Clone, Copy, Debug)]
pub struct Pairs {
    /// Requests of the shorter run of each; the longer one has four times as many. The load is steady
    /// by then.
    pub few: u64,
    /// How many pairs there are. Odd.
    pub count: usize,
}

/// Counts the instructions of a broker under one row's load; `None` where
/// nothing here can count.
///
/// # Errors
///
/// When the broker or the load fails.
pub fn per_request(
    command: &BrokerCommand,
    row: Row,
    options: &RunOptions,
    pairs: Pairs,
) -> Result<Option<PerRequest>, RunError> {
    if let Some(count) = with_counters(command, row, options)? {
        return Ok(Some(PerRequest { count, source: Source::Counters }));
    }
    if !has_valgrind() {
        return Ok(None);
    }
    let mut counts = Vec::new();
    for _ in 0..pairs.count {
        let few = with_callgrind(command, row, options, pairs.few)?;
        let many = with_callgrind(command, row, options, pairs.few * 4)?;
        let requests = many.requests as f64 - few.requests as f64;
        counts.push((many.instructions as f64 - few.instructions as f64) / requests);
    }
    counts.sort_by(f64::total_cmp);
    let median = counts.get(counts.len() / 2);
    Ok(median.map(|&count| PerRequest { count, source: Source::Callgrind }))
}

/// Counts the instructions of a program that does its work so often as its last argument says, for
/// one time; `None` without callgrind.
///
/// # Errors
///
/// When the program fails.
pub fn per_time(program: &Path, arguments: &[&str], few: u64) -> io::Result<Option<f64>> {
    if !has_valgrind() {
        return Ok(None);
    }
    difference(few, |wrapper, times| {
        let (valgrind, options) = wrapper.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let status = Command::new(valgrind)
            .args(options)
            .arg(program)
            .args(arguments)
            .arg(times.to_string())
            .stdout(Stdio::null())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other("the program failed under callgrind"))
        }
    })
    .map(Some)
}

/// Has `run` start a program behind the words it is given, once to do its work `few` times and once
/// four times as often, and returns what one time costs.
///
/// # Errors
///
/// Those of `run`, and of reading what callgrind has written.
pub fn difference<E: From<io::Error>>(
    few: u64,
    mut run: impl FnMut(&[String], u64) -> Result<(), E>,
) -> Result<f64, E> {
    let many = few * 4;
    let mut collected = [0; 2];
    for (to, times) in collected.iter_mut().zip([few, many]) {
        let out = OutFile::new(times);
        run(&out.wrapper(), times)?;
        *to = total(&out.path)?;
    }
    let [few_cost, many_cost] = collected;
    Ok(many_cost.saturating_sub(few_cost) as f64 / (many - few) as f64)
}

fn with_counters(
    command: &BrokerCommand,
    row: Row,
    options: &RunOptions,
) -> Result<Option<f64>, RunError> {
    let broker = command.start(&[])?;
    let more = ["--warm-up", "0.3", "--seconds", "1", "--count-instructions"];
    let report = rows::load(&broker, row, options, &more.map(str::to_owned))?;
    broker.stop()?;
    let usable = report.instructions.filter(|count| *count > 0 && report.requests > 0);
    Ok(usable.map(|count| count as f64 / report.requests as f64))
}

/// What one run under callgrind has cost.
#[derive(Clone, Copy, Debug)]
struct Collected {
    instructions: u64,
    requests: u64,
}

fn with_callgrind(
    command: &BrokerCommand,
    row: Row,
    options: &RunOptions,
    requests: u64,
) -> Result<Collected, RunError> {
    let out = OutFile::new(requests);
    let broker = command.start(&out.wrapper())?;
    let count = requests.to_string();
    let more = ["--warm-up", "0", "--drain", "60", "--requests", &count].map(str::to_owned);
    let report = rows::load(&broker, row, options, &more)?;
    broker.stop()?;
    Ok(Collected { instructions: total(&out.path)?, requests: report.answered })
}

/// Tells whether callgrind is there.
#[must_use]
pub fn has_valgrind() -> bool {
    let mut command = Command::new("valgrind");
    let command = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A file of callgrind's, removed when dropped.
struct OutFile {
    path: PathBuf,
}

impl OutFile {
    fn new(requests: u64) -> Self {
        let name = format!("bench-callgrind-{}-{requests}.out", std::process::id());
        Self { path: std::env::temp_dir().join(name) }
    }

    /// The words in front of a program that is counted into this file.
    fn wrapper(&self) -> [String; 4] {
        let out = format!("--callgrind-out-file={}", self.path.display());
        ["valgrind", "--quiet", "--tool=callgrind", &out].map(str::to_owned)
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        // It is not there if the broker never came to write it.
        let _ = fs::remove_file(&self.path);
    }
}

/// The number of `totals: N`, or of `summary: N`, in callgrind's file.
fn total(path: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    let value = |name| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value("totals:").or_else(|| value("summary:")).ok_or(io::ErrorKind::InvalidData.into())
}
