//! `cargo xtask promises`: building the broker with optimisations, and asking what it keeps.

use crate::error::Result;
use crate::{bench, shell, tools, workspace};

/// Builds with optimisations, then runs `promises` with `args`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    tools::compiler()?;
    tools::libzmq()?;
    let packages = ["--package", "muxd", "--package", "zmtp-mux-tests", "--bins"];
    shell::run(shell::cargo(["build", "--release"]).args(packages))?;
    if args.iter().any(|arg| arg == "--rivals") {
        bench::build()?;
        bench::build_rivals()?;
    }
    let muxd = workspace::binary("release", "muxd")?;
    let promises = workspace::binary("release", "promises")?;
    shell::run(std::process::Command::new(promises).args(args).env("MUXD_BIN", muxd))
}
