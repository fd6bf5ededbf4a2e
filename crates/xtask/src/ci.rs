//! `cargo xtask ci`: every check, in order, stopping at the first that fails.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::tools::{self, Tool};
use crate::{api, fuzz, lines, promises, shell, spec, test};

/// One check: the name that `ci` takes, and what it does.
type Step = (&'static str, fn() -> Result<()>);

/// Runs the steps named in `names`, or all of them, and prints what each took.
pub(crate) fn run(names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|(step, _)| step != name)) {
        return Err(Error::UnknownStep(unknown.clone()));
    }
    let wanted = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.0);
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for (name, check) in STEPS.iter().filter(wanted) {
        eprintln!("\n== {name}");
        let start = Instant::now();
        outcome = check();
        times.push((*name, start.elapsed(), if outcome.is_ok() { "ok" } else { "FAILED" }));
        if outcome.is_err() {
            break;
        }
    }
    summary(&times);
    outcome
}

fn summary(times: &[(&str, Duration, &str)]) {
    println!();
    for (name, time, verdict) in times {
        println!("{name:<10} {:>7.1} s  {verdict}", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time, _)| *time).sum();
    println!("{:<10} {:>7.1} s", "all", total.as_secs_f64());
}

fn fmt() -> Result<()> {
    tools::component("fmt")?;
    shell::run(&mut shell::cargo(["fmt", "--all", "--check"]))?;
    // Workspaces of their own, which `--all` does not reach.
    for manifest in ["fuzz/Cargo.toml", "benches/rivals/Cargo.toml"] {
        shell::run(&mut shell::cargo(["fmt", "--manifest-path", manifest, "--check"]))?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    tools::component("clippy")?;
    tools::compiler()?;
    let scope = ["clippy", "--workspace", "--all-targets", "--all-features"];
    shell::run(shell::cargo(scope).args(["--", "-D", "warnings"]))
}

/// Checks the published libraries without their optional parts, which `--all-features` hides.
fn features() -> Result<()> {
    for package in ["zmtp-proto", "zmtp-mux"] {
        shell::run(&mut shell::cargo(["check", "--package", package, "--no-default-features"]))?;
    }
    Ok(())
}

fn docs() -> Result<()> {
    let mut doc = shell::cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

fn public_api() -> Result<()> {
    api::run(&[])
}

fn tests() -> Result<()> {
    test::run(&[])
}

/// Shows what does not hang on how fast the machine is, and who else uses it: the rows `slow` and
/// `rogue` compare times.
fn promises_briefly() -> Result<()> {
    let rows = ["returns", "memory", "spray", "storm", "forged", "ghosts", "flaps", "drain"];
    promises::run(&rows.map(str::to_owned))
}

/// Checks what needs no network; advisories would make an old commit fail on a new day.
fn deny() -> Result<()> {
    tools::cargo_tool(Tool::Deny)?;
    let checks = ["check", "bans", "licenses", "sources"];
    shell::run(shell::cargo(["deny", "--all-features"]).args(checks))
}

/// Links what measures. How it is compiled for that is the business of who measures.
fn benches() -> Result<()> {
    tools::compiler()?;
    tools::libzmq()?;
    let scope = ["build", "--package", "zmtp-mux-benches", "--bins"];
    shell::run(&mut shell::cargo(scope))
}

fn spec_check() -> Result<()> {
    spec::run(&[])
}

fn fuzz_briefly() -> Result<()> {
    fuzz::all(10)
}

/// Cheap checks first, those that compile much last.
const STEPS: [Step; 12] = [
    ("fmt", fmt),
    ("clippy", clippy),
    ("features", features),
    ("docs", docs),
    ("api", public_api),
    ("test", tests),
    ("promises", promises_briefly),
    ("deny", deny),
    ("spec", spec_check),
    ("lines", lines::run),
    ("fuzz", fuzz_briefly),
    ("benches", benches),
];
