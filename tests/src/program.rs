//! The program under test: finding it, and running it to its end.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use crate::muxd::exit_of;

/// Returns a command that runs `muxd`: the one that the environment names in `MUXD_BIN`, else the
/// one that belongs to this test, built first.
#[must_use]
pub fn command() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    Command::new(PROGRAM.get_or_init(|| match std::env::var_os("MUXD_BIN") {
        Some(path) => path.into(),
        None => build(),
    }))
}

/// What a run of the program to its end came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to its standard output.
    pub stdout: String,
    /// All that it wrote to its standard error.
    pub stderr: String,
}

/// Runs `muxd` with these arguments to its end, which must come by itself.
#[must_use]
pub fn run(args: &[&str]) -> Outcome {
    let mut command = command();
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("muxd starts");
    let stdout = read_all(child.stdout.take().expect("a pipe"));
    let stderr = read_all(child.stderr.take().expect("a pipe"));
    let code = exit_of(&mut child).code();
    let text = |thread: thread::JoinHandle<String>| thread.join().expect("text");
    Outcome { code, stdout: text(stdout), stderr: text(stderr) }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("text");
        text
    })
}

/// Builds `muxd` into the directory that this test was built into.
///
/// Cargo builds the programs of a package before its own tests only.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let target = profile.parent().expect("a profile's directory lies in another");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    cargo.args(["build", "--quiet", "--package", "muxd", "--manifest-path", MANIFEST]);
    cargo.arg("--target-dir").arg(target);
    if profile.file_name().is_some_and(|name| name == "release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "muxd does not build");
    profile.join("muxd")
}

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
