//! What an idle named peer costs a broker.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::BrokerCommand;
use crate::process;
use crate::rows::{RunError, RunOptions};

/// Returns the KiB of anonymous memory that each of `peers` idle services adds
/// to a fresh broker.
///
/// # Errors
///
/// When the broker does not start or does not take all peers.
pub fn kib_each(
    command: &BrokerCommand,
    peers: u32,
    options: &RunOptions,
) -> Result<f64, RunError> {
    let broker = command.start(&[])?;
    let before = settled_kib(broker.pid())?;
    let mut holder = Holder::start(&broker.services, peers, options)?;
    holder.await_connected()?;
    let after = settled_kib(broker.pid())?;
    drop(holder);
    broker.stop()?;
    Ok((after as f64 - before as f64) / f64::from(peers))
}

/// A generator that holds idle peers. It is ended when this is dropped.
struct Holder {
    child: Child,
}

impl Holder {
    fn start(url: &str, peers: u32, options: &RunOptions) -> Result<Self, RunError> {
        let child = Command::new(&options.loadgen)
            .args(["idle", "--services", url, "--peers", &peers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self { child })
    }

    fn await_connected(&mut self) -> Result<(), RunError> {
        let stdout = self.child.stdout.take().ok_or(RunError::Loadgen)?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.starts_with("connected ") { Ok(()) } else { Err(RunError::Loadgen) }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Its peers close with it; it fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the memory once it has stopped to change, or after [`SETTLE_MAX`].
fn settled_kib(pid: u32) -> Result<u64, RunError> {
    let deadline = Instant::now() + SETTLE_MAX;
    let mut last = process::memory_of(pid)?.anon_kib;
    loop {
        thread::sleep(SETTLE_STEP);
        let now = process::memory_of(pid)?.anon_kib;
        if now == last || Instant::now() > deadline {
            return Ok(now);
        }
        last = now;
    }
}

/// Time between two readings that have to agree.
const SETTLE_STEP: Duration = Duration::from_millis(300);

/// Longest wait for agreement.
const SETTLE_MAX: Duration = Duration::from_secs(5);
