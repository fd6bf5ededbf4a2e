//! `cargo xtask test`: the README's test command.

use crate::error::Result;
use crate::{shell, tools, workspace};

/// Builds muxd, then runs every test of the workspace, those in the docs too.
///
/// `args` go to `cargo test`, after our own. A test that starts the broker finds it in `MUXD_BIN`,
/// and one that runs a script a Python with pyzmq in `MUX_PYTHON`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    tools::compiler()?;
    tools::libzmq()?;
    let python = tools::python()?;
    shell::run(&mut shell::cargo(["build", "--package", "muxd", "--all-features"]))?;
    let muxd = workspace::binary("debug", "muxd")?;
    let mut test = shell::cargo(["test", "--workspace", "--all-features"]);
    shell::run(test.args(args).env("MUXD_BIN", muxd).env("MUX_PYTHON", python))
}
