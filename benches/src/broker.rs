//! A broker as a child process: started, found by what it prints, ended.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use thiserror::Error;

/// How to start a broker: a program and its arguments.
#[derive(Clone, Debug)]
pub struct BrokerCommand {
    /// What the tables call it.
    pub name: String,
    /// Program and arguments, before those of [`start`](Self::start).
    pub words: Vec<String>,
    /// Threads it is to use.
    pub threads: u32,
    /// Where its log goes.
    pub log: Log,
}

/// Where a broker's standard error goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// Nowhere.
    Dropped,
    /// To ours.
    Shown,
}

/// Why there is no broker.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The program could not be started.
    #[error("{program} does not start: {source}")]
    Spawn {
        /// Its path.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended, or said something else than where it listens.
    #[error("{0} ended before it was ready (show its log to see why)")]
    Ended(String),
    /// It is silent.
    #[error("{0} was not ready in time")]
    Timeout(String),
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A broker that runs. It is ended when this is dropped.
#[derive(Debug)]
pub struct Broker {
    child: Child,
    /// Where clients connect.
    pub clients: String,
    /// Where services connect.
    pub services: String,
}

impl BrokerCommand {
    /// Starts the broker on free ports, behind the words of `wrapper`, and waits
    /// until it is ready.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn start(&self, wrapper: &[String]) -> Result<Broker, BrokerError> {
        let mut words = wrapper.iter().chain(&self.words);
        let program = words.next().cloned().unwrap_or_default();
        let mut command = Command::new(&program);
        command.args(words).args(["--clients", ANY_PORT, "--services", ANY_PORT, "--threads"]);
        command.arg(self.threads.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(match self.log {
            Log::Dropped => Stdio::null(),
            Log::Shown => Stdio::inherit(),
        });
        let spawned = command.spawn();
        let mut child = spawned.map_err(|source| BrokerError::Spawn { program, source })?;
        let lines = child.stdout.take().map(lines).ok_or(ErrorKind::BrokenPipe);
        let mut broker = Broker { child, clients: String::new(), services: String::new() };
        broker.await_ready(&lines.map_err(io::Error::from)?, &self.name)?;
        Ok(broker)
    }
}

impl Broker {
    /// Asks the broker to end and waits for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] if it had to be killed.
    pub fn stop(mut self) -> io::Result<()> {
        self.signal(Signal::TERM)?;
        let deadline = Instant::now() + STOP_TIME;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                return Err(ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn await_ready(&mut self, lines: &Receiver<String>, name: &str) -> Result<(), BrokerError> {
        let deadline = Instant::now() + START_TIME;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = lines.recv_timeout(left).map_err(|error| match error {
                RecvTimeoutError::Timeout => BrokerError::Timeout(name.to_owned()),
                RecvTimeoutError::Disconnected => BrokerError::Ended(name.to_owned()),
            })?;
            if let Some(url) = line.strip_prefix("listening clients ") {
                url.trim().clone_into(&mut self.clients);
            } else if let Some(url) = line.strip_prefix("listening services ") {
                url.trim().clone_into(&mut self.services);
            } else if line.trim() == "ready" {
                return Ok(());
            }
        }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(ErrorKind::InvalidInput)?;
        Ok(rustix::process::kill_process(pid, signal)?)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Hands on the lines of a program, to its end, so that it never waits for a
/// reader.
pub(crate) fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens any more once what was due has been said.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// A listener on whatever port is free.
const ANY_PORT: &str = "tcp://127.0.0.1:0";

/// How long a broker may take to start; under valgrind that is seconds.
const START_TIME: Duration = Duration::from_mins(1);

/// How long it may take to end.
const STOP_TIME: Duration = Duration::from_secs(30);
