//! What a bare machine may lack: each function makes sure of one thing, and installs it if it can.

use std::env;
use std::process::Command;

use crate::error::{Error, Result};
use crate::shell;

/// Makes sure of a C++ compiler.
///
/// # Errors
///
/// [`Error::NoCompiler`] where there is none and we are not root on a system with apt.
pub(crate) fn compiler() -> Result<()> {
    if has_compiler() {
        return Ok(());
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !root || !shell::succeeds(Command::new("apt-get").arg("--version")) {
        return Err(Error::NoCompiler);
    }
    shell::run(Command::new("apt-get").args(["update"]))?;
    shell::run(
        Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends", "g++"])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    if has_compiler() { Ok(()) } else { Err(Error::NoCompiler) }
}

/// Makes sure that `cargo <name>` is there, a component that comes with the toolchain.
pub(crate) fn component(name: &'static str) -> Result<()> {
    if shell::succeeds(&mut shell::cargo([name, "--version"])) {
        return Ok(());
    }
    let component = if name == "fmt" { "rustfmt" } else { name };
    shell::run(Command::new("rustup").args(["component", "add", component]))
}

/// Makes sure of `tool`, in whatever version is there.
pub(crate) fn cargo_tool(tool: Tool) -> Result<()> {
    let (name, version) = match tool {
        Tool::Deny => ("deny", "0.20.2"),
        Tool::Fuzz => ("fuzz", "0.13.2"),
    };
    if shell::succeeds(&mut shell::cargo([name, "--version"])) {
        return Ok(());
    }
    let package = format!("cargo-{name}");
    shell::run(&mut shell::cargo(["install", "--locked", "--version", version, &package]))
}

/// A cargo subcommand that is a crate of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    /// Dependencies and licences.
    Deny,
    /// libFuzzer.
    Fuzz,
}

fn has_compiler() -> bool {
    // As the `cc` crate does: CXX, which may be `ccache g++`, and `c++` where it is not set.
    let named = env::var("CXX").unwrap_or_default();
    let program = named.split_whitespace().next().unwrap_or("c++");
    shell::succeeds(Command::new(program).arg("--version"))
}
