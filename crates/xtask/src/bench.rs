//! `cargo xtask bench`: building the broker and the load generators, and running one.

use std::process::Command;

use crate::error::{Error, Result};
use crate::{shell, tools, workspace};

/// Builds with optimisations, then runs the load generator named first with the rest.
pub(crate) fn run(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((name, rest)) if name == "route" => {
            build()?;
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
    let packages = ["--package", "muxd", "--package", "zmtp-mux-benches"];
    let targets = ["--bins", "--benches"];
    let mut build = shell::cargo(["build", "--release"]);
    // The build script of libzmq leaves this out where distributions find it by configuring.
    // Without it libzmq's threads wake each other through socket pairs, and lose by it.
    if cfg!(target_os = "linux") {
        build.env("CXXFLAGS", "-DZMQ_HAVE_EVENTFD -DZMQ_HAVE_EVENTFD_CLOEXEC");
    }
    shell::run(build.args(packages).args(targets))
}
