//! Starting other programs.

use std::env;
use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::workspace;

/// Returns a `cargo` command that runs at the workspace root.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    // Cargo names itself to what it runs; asking the PATH again could find another one.
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(workspace::root());
    command
}

/// Shows `command`, runs it to its end, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    eprintln!("$ {shown}");
    let status = command
        .status()
        .map_err(|source| Error::Spawn { program: name(command.get_program()), source })?;
    if status.success() { Ok(()) } else { Err(Error::Failed { command: shown, status }) }
}

/// Shows `command`, runs it to its end, and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    eprintln!("$ {shown}");
    let program = name(command.get_program());
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| Error::Spawn { program, source })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Failed { command: shown, status: output.status })
    }
}

/// Returns whether `command` can be started and succeeds, and says nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Returns the command as one would type it: without the folder the program was found in.
fn show(command: &Command) -> String {
    let mut words = vec![name(command.get_program())];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

fn name(program: &OsStr) -> String {
    let path = std::path::Path::new(program);
    path.file_name().unwrap_or(program).to_string_lossy().into_owned()
}
