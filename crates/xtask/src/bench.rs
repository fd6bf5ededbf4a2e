//! `cargo xtask bench`: building the broker and the load generators, and running one.

use std::process::Command;

use crate::error::{Error, Result};
use crate::{shell, tools, workspace};

/// Builds with optimisations, then runs the load generator named first with the rest.
pub(crate) fn run(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((name, rest)) if ["route", "app", "curve", "codec"].contains(&name.as_str()) => {
            build()?;
            if name == "app" || rest.iter().any(|arg| arg == "--rivals") {
                build_rivals()?;
            }
            let route = workspace::binary("release", name)?;
            shell::run(Command::new(route).args(rest).current_dir(workspace::root()))
        }
        Some((unknown, _)) => Err(Error::UnknownArgument(unknown.clone())),
        None => Err(Error::NoBench),
    }
}

/// Builds the broker and everything in `benches/` with optimisations.
pub(crate) fn build() -> Result<()> {
    tools::compiler()?;
    tools::libzmq()?;
    let packages = ["--package", "muxd", "--package", "zmtp-mux-benches"];
    let targets = ["--bins", "--benches"];
    shell::run(shell::cargo(["build", "--release"]).args(packages).args(targets))
}

/// Builds the other implementations, which lie in a workspace of their own, beside the broker.
pub(crate) fn build_rivals() -> Result<()> {
    let target = workspace::target()?;
    let manifest = ["--manifest-path", "benches/rivals/Cargo.toml"];
    let mut build = shell::cargo(["build", "--release", "--locked"]);
    shell::run(build.args(manifest).arg("--target-dir").arg(target))
}
