//! The programs that take the roles of an application, one for each implementation.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use thiserror::Error;

use crate::broker::{Log, lines};

/// An implementation: what the tables call it, and its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: &'static str,
    /// Its program.
    pub program: PathBuf,
    /// Where its standard error goes.
    pub log: Log,
}

/// Why a role has shown nothing.
#[derive(Debug, Error)]
pub enum RoleError {
    /// The program could not be started.
    #[error("{0} does not start: {1}")]
    Spawn(&'static str, io::Error),
    /// It ended before it said what was due.
    #[error("{0} ended early (--verbose shows why)")]
    Ended(&'static str),
    /// It said nothing for too long.
    #[error("{0} has stopped")]
    Silent(&'static str),
    /// It said something else.
    #[error("{0} said {1:?}")]
    Unreadable(&'static str, String),
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Stack {
    /// Starts the program with these arguments, behind the words of `wrapper`.
    ///
    /// # Errors
    ///
    /// [`RoleError::Spawn`].
    pub fn start(&self, arguments: &[&str], wrapper: &[String]) -> Result<Running, RoleError> {
        let mut words = wrapper.to_vec();
        words.push(self.program.to_string_lossy().into_owned());
        let program = words.remove(0);
        let mut command = Command::new(program);
        command.args(words).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(match self.log {
            Log::Dropped => Stdio::null(),
            Log::Shown => Stdio::inherit(),
        });
        let mut child = command.spawn().map_err(|error| RoleError::Spawn(self.name, error))?;
        let stdout = child.stdout.take().ok_or(RoleError::Ended(self.name))?;
        Ok(Running { name: self.name, child, lines: lines(stdout) })
    }
}

/// A role that runs. It is ended when this is dropped.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Waits until it listens, and returns the URL.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn url(&self) -> Result<String, RoleError> {
        let line = self.line(START_TIME)?;
        let url = line.strip_prefix("listening ").map(str::to_owned);
        url.ok_or(RoleError::Unreadable(self.name, line))
    }

    /// Waits until it is connected.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn connected(&self) -> Result<(), RoleError> {
        let line = self.line(START_TIME)?;
        if line == "connected" { Ok(()) } else { Err(RoleError::Unreadable(self.name, line)) }
    }

    /// Waits for its line of figures, at most so long.
    ///
    /// # Errors
    ///
    /// It does not come.
    pub fn figures<T: FromStr>(&self, time_max: Duration) -> Result<T, RoleError> {
        let line = self.line(time_max)?;
        line.parse().map_err(|_| RoleError::Unreadable(self.name, line))
    }

    /// Waits until it has ended of itself.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn join(mut self) -> Result<(), RoleError> {
        self.child.wait()?;
        Ok(())
    }

    fn line(&self, time_max: Duration) -> Result<String, RoleError> {
        self.lines.recv_timeout(time_max).map_err(|error| match error {
            RecvTimeoutError::Timeout => RoleError::Silent(self.name),
            RecvTimeoutError::Disconnected => RoleError::Ended(self.name),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a role may take to listen; under valgrind that is seconds.
const START_TIME: Duration = Duration::from_mins(1);
