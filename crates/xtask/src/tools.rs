//! What a bare machine may lack: each function makes sure of one thing, and installs it if it can.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::{shell, workspace};

/// Makes sure of a C++ compiler.
///
/// # Errors
///
/// [`Error::NoCompiler`] where there is none and apt cannot install one.
pub(crate) fn compiler() -> Result<()> {
    if has_compiler() || (apt_install("g++")? && has_compiler()) {
        return Ok(());
    }
    Err(Error::NoCompiler)
}

/// Makes sure of the system's libzmq, where `.cargo/config.toml` says to link it. Elsewhere one is
/// built from source.
///
/// # Errors
///
/// [`Error::NoLibzmq`] where there is none and apt cannot install it.
pub(crate) fn libzmq() -> Result<()> {
    let is_linked = cfg!(all(
        target_os = "linux",
        target_env = "gnu",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ));
    if !is_linked || has_libzmq() || (apt_install("libzmq3-dev")? && has_libzmq()) {
        return Ok(());
    }
    Err(Error::NoLibzmq)
}

/// Makes sure of a Python with pyzmq, which the examples of muxd want, and returns it: that of the
/// system, or one of our own in `target/python`.
///
/// # Errors
///
/// [`Error::NoPyzmq`] where there is no Python and apt cannot install one, or pip no pyzmq.
pub(crate) fn python() -> Result<PathBuf> {
    let system = PathBuf::from("python3");
    if has_pyzmq(&system) {
        return Ok(system);
    }
    let folder = workspace::root().join("target/python");
    let own = folder.join("bin/python");
    if has_pyzmq(&own) {
        return Ok(own);
    }
    // Without `python3-venv` Debian's Python makes a folder, but puts no pip there.
    let make = || shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    if make().is_err() && (!apt_install("python3-venv")? || make().is_err()) {
        return Err(Error::NoPyzmq);
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYZMQ];
    shell::run(Command::new(&own).args(install))?;
    if has_pyzmq(&own) { Ok(own) } else { Err(Error::NoPyzmq) }
}

const PYZMQ: &str = "pyzmq==27.*";

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

fn has_pyzmq(python: &Path) -> bool {
    shell::succeeds(Command::new(python).args(["-c", "import zmq"]))
}

fn has_compiler() -> bool {
    shell::succeeds(compiler_command().arg("--version"))
}

/// Asks the compiler, which knows where its linker looks; it repeats the name of what is nowhere.
fn has_libzmq() -> bool {
    let found = compiler_command().arg("-print-file-name=libzmq.so").output();
    found.is_ok_and(|found| {
        let path = String::from_utf8_lossy(&found.stdout);
        found.status.success() && Path::new(path.trim()).is_absolute()
    })
}

fn compiler_command() -> Command {
    // As the `cc` crate does: CXX, which may be `ccache g++`, and `c++` where it is not set.
    let named = env::var("CXX").unwrap_or_default();
    let mut words = named.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("c++"));
    command.args(words);
    command
}

/// Installs a package if this is a system with apt, and we are root or become it without being
/// asked for a password. Returns whether it did.
fn apt_install(package: &str) -> Result<bool> {
    let Some(root) = root() else { return Ok(false) };
    if !shell::succeeds(Command::new("apt-get").arg("--version")) {
        return Ok(false);
    }
    shell::run(apt_get(root).arg("update"))?;
    shell::run(apt_get(root).args(["install", "--yes", "--no-install-recommends", package]))?;
    Ok(true)
}

/// A way to be root.
#[derive(Clone, Copy, Debug)]
enum Root {
    Already,
    Sudo,
}

fn root() -> Option<Root> {
    if Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n") {
        return Some(Root::Already);
    }
    shell::succeeds(Command::new("sudo").args(["-n", "true"])).then_some(Root::Sudo)
}

/// Returns an `apt-get` that asks nobody anything and waits for nobody for long.
fn apt_get(root: Root) -> Command {
    let mut command = match root {
        Root::Already => Command::new("env"),
        Root::Sudo => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "env"]);
            sudo
        }
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command.args(["-o", "DPkg::Lock::Timeout=60", "-o", "Acquire::http::Timeout=30"]);
    command.stdin(Stdio::null());
    command
}
