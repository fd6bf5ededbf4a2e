//! Starting other programs.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};

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
    let program = name(command.get_program());
    let shown = tell(command);
    end(shown, command.status().map_err(|source| Error::Spawn { program, source })?)
}

/// Does as [`run`] does, and hands each line that goes to standard error to `hear` instead.
pub(crate) fn run_heard(command: &mut Command, mut hear: impl FnMut(&str)) -> Result<()> {
    let program = name(command.get_program());
    let shown = tell(command);
    let failed = |source| Error::Spawn { program: program.clone(), source };
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(&failed)?;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n').map_while(io::Result::ok) {
            hear(&String::from_utf8_lossy(&line));
        }
    }
    end(shown, child.wait().map_err(failed)?)
}

fn tell(command: &Command) -> String {
    let shown = show(command);
    eprintln!("$ {shown}");
    shown
}

fn end(command: String, status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { Err(Error::Failed { command, status }) }
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
