//! Why a command stopped.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// What every command returns.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is no such command; the usage text lists them.
    UnknownCommand(String),
    /// `ci` has no such step.
    UnknownStep(String),
    /// A command does not take this argument.
    UnknownArgument(String),
    /// `bench` was not told which load generator to run.
    NoBench,
    /// `--seconds` or `--executions` came without a whole number.
    NotCount(Option<String>),
    /// `fuzz/Cargo.toml` has no such target.
    UnknownFuzzTarget(String),
    /// `fuzz/Cargo.toml` has no targets at all, so nothing would have been fuzzed.
    NoFuzzTargets,
    /// There is no C++ compiler, and we cannot install one.
    NoCompiler,
    /// There is no libzmq to link, and we cannot install it.
    NoLibzmq,
    /// There is no Python with pyzmq, and we cannot install one.
    NoPyzmq,
    /// A program could not be started.
    Spawn { program: String, source: io::Error },
    /// A program ran and said no; it has printed why.
    Failed { command: String, status: ExitStatus },
    /// A file or folder could not be read or made.
    Io { path: PathBuf, source: io::Error },
    /// A check of our own found something; it has printed what.
    Findings { check: &'static str, count: usize },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand(name) => write!(f, "no command {name:?}; see `cargo xtask help`"),
            Self::UnknownStep(name) => write!(f, "no CI step {name:?}; see `cargo xtask help`"),
            Self::UnknownArgument(arg) => write!(f, "unknown argument {arg:?}"),
            Self::NoBench => write!(f, "say which: `cargo xtask bench route`"),
            Self::NotCount(None) => write!(f, "--seconds and --executions want a number"),
            Self::NotCount(Some(got)) => {
                write!(f, "--seconds and --executions want a number, not {got:?}")
            }
            Self::UnknownFuzzTarget(name) => write!(f, "fuzz/Cargo.toml has no target {name:?}"),
            Self::NoFuzzTargets => write!(f, "fuzz/Cargo.toml has no targets"),
            Self::NoCompiler => write!(
                f,
                "no C++ compiler: libFuzzer, and libzmq where the system has none to link, are \
                 built from source.\n  \
                 Debian, Ubuntu: apt-get install g++\n  macOS: xcode-select --install\n  \
                 elsewhere: put `c++` on the PATH, or name a compiler in CXX"
            ),
            Self::NoLibzmq => write!(
                f,
                "no libzmq, which tests and benches talk to.\n  \
                 Debian, Ubuntu: apt-get install libzmq3-dev\n  \
                 elsewhere: install one with CURVE where the linker finds libzmq.so, or build one \
                 from source (without CURVE) by taking its section out of .cargo/config.toml"
            ),
            Self::NoPyzmq => write!(
                f,
                "no Python with pyzmq, which runs the examples of muxd.\n  \
                 Debian, Ubuntu: apt-get install python3-zmq\n  \
                 elsewhere: pip install pyzmq, for the python3 on the PATH"
            ),
            Self::Spawn { program, source } => write!(f, "cannot start {program}: {source}"),
            Self::Failed { command, status } => write!(f, "`{command}` failed: {status}"),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Findings { check, count } => write!(f, "{check}: {count} found, listed above"),
        }
    }
}
