//! The rows of the table, and one run of one of them.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use thiserror::Error;

use crate::broker::{Broker, BrokerCommand, BrokerError};
use crate::process;
use crate::report::{LoadReport, ReportError};

/// A shape of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Number of clients.
    pub clients: u32,
    /// Number of services.
    pub services: u32,
    /// Octets in a body.
    pub body_len: usize,
    /// Requests each client keeps open.
    pub outstanding: u32,
}

impl Row {
    /// `clients x services, octets`, without the requests open.
    #[must_use]
    pub fn shape(&self) -> String {
        let Self { clients, services, body_len, .. } = self;
        format!("{clients} x {services}, {body_len} octets")
    }

    /// The whole of it.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}, {} open per client", self.shape(), self.outstanding)
    }
}

/// The table's rows.
pub const ROWS: [Row; 4] = [
    Row { clients: 1, services: 1, body_len: 64, outstanding: 64 },
    Row { clients: 4, services: 16, body_len: 64, outstanding: 64 },
    Row { clients: 8, services: 256, body_len: 64, outstanding: 64 },
    Row { clients: 4, services: 16, body_len: 4096, outstanding: 64 },
];

/// One request at a time: what the broker adds to a round trip.
pub const ONE_AT_A_TIME: Row = Row { clients: 1, services: 1, body_len: 64, outstanding: 1 };

/// How a run is made.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The `loadgen` program.
    pub loadgen: PathBuf,
    /// Seconds of load before the window.
    pub warm_up_s: f64,
    /// Seconds of the window.
    pub window_s: f64,
}

/// What one run has shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run {
    /// The generator's figures.
    pub load: LoadReport,
    /// The most memory that the broker had, in KiB.
    pub peak_kib: u64,
}

/// Why a run has no figures.
#[derive(Debug, Error)]
pub enum RunError {
    /// The broker did not start.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The generator failed; it says why itself.
    #[error("the load generator failed")]
    Loadgen,
    /// The generator printed something else.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs one row once against a fresh broker.
///
/// # Errors
///
/// When there are no figures.
pub fn run(command: &BrokerCommand, row: Row, options: &RunOptions) -> Result<Run, RunError> {
    let broker = command.start(&[])?;
    let times = [
        "--warm-up".to_owned(),
        options.warm_up_s.to_string(),
        "--seconds".to_owned(),
        options.window_s.to_string(),
    ];
    let load = load(&broker, row, options, &times)?;
    let peak_kib = process::memory_of(broker.pid())?.peak_kib;
    broker.stop()?;
    Ok(Run { load, peak_kib })
}

/// Loads a running broker and reads the figures.
///
/// # Errors
///
/// When there are none.
pub fn load(
    broker: &Broker,
    row: Row,
    options: &RunOptions,
    more: &[String],
) -> Result<LoadReport, RunError> {
    let output = Command::new(&options.loadgen)
        .args(["load", "--clients", &broker.clients, "--services", &broker.services])
        .args(["--client-count", &row.clients.to_string()])
        .args(["--service-count", &row.services.to_string()])
        .args(["--outstanding", &row.outstanding.to_string()])
        .args(["--body", &row.body_len.to_string()])
        .args(["--broker-pid", &broker.pid().to_string()])
        .args(more)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(RunError::Loadgen);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
