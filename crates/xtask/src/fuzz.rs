//! `cargo xtask fuzz`: each fuzz target for some seconds, or for a number of executions.

mod coverage;

use std::fs;

use crate::error::{Error, Result};
use crate::tools::{self, Tool};
use crate::{shell, workspace};

use self::coverage::Coverage;

/// How long a target runs.
#[derive(Clone, Copy)]
enum Span {
    /// With the sanitizer of addresses, for what is unsafe in the crates that ours are built on.
    Seconds(u64),
    /// At the end a line tells how much code they reached, and whether the last quarter of them
    /// reached more. Without a sanitizer, so that there are twice as many: what is looked for are
    /// broken promises of code without `unsafe`.
    Executions(u64),
}

/// Runs the target named in `args`, or all, for `--seconds` or `--executions` each.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut span = Span::Seconds(60);
    let mut only = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => span = Span::Seconds(parse_count(args.next())?),
            "--executions" => span = Span::Executions(parse_count(args.next())?),
            flag if flag.starts_with('-') => return Err(Error::UnknownArgument(arg.clone())),
            _ if only.is_none() => only = Some(arg),
            _ => return Err(Error::UnknownArgument(arg.clone())),
        }
    }
    let targets = targets()?;
    match only {
        Some(name) if targets.contains(name) => each(std::slice::from_ref(name), span),
        Some(name) => Err(Error::UnknownFuzzTarget(name.clone())),
        None => each(&targets, span),
    }
}

/// Runs every target for `seconds`.
pub(crate) fn all(seconds: u64) -> Result<()> {
    each(&targets()?, Span::Seconds(seconds))
}

fn each(targets: &[String], span: Span) -> Result<()> {
    if targets.is_empty() {
        return Err(Error::NoFuzzTargets);
    }
    tools::compiler()?;
    tools::cargo_tool(Tool::Fuzz)?;
    targets.iter().try_for_each(|target| one(target, span))
}

/// Runs one target on its seeds.
///
/// libFuzzer writes what it finds into the first folder and only reads the others. So the seeds in
/// the repository stay as they are, and finds still add up from run to run.
fn one(target: &str, span: Span) -> Result<()> {
    let fuzz = workspace::root().join("fuzz");
    let finds = format!("target/corpus/{target}");
    let seeds = format!("corpus/{target}");
    for folder in [&finds, &seeds] {
        let path = fuzz.join(folder);
        fs::create_dir_all(&path).map_err(|source| Error::Io { path, source })?;
    }
    let mut fuzzer = shell::cargo(["fuzz", "run", target]);
    let untraced = is_untraced(target);
    if untraced {
        fuzzer.arg("--no-trace-compares");
    }
    // In folders of their own, or each change between such targets builds all anew.
    match (span, untraced) {
        (Span::Seconds(_), false) => {}
        (Span::Seconds(_), true) => {
            fuzzer.args(["--target-dir", "target/untraced"]);
        }
        (Span::Executions(_), false) => {
            fuzzer.args(["--sanitizer", "none", "--target-dir", "target/bare"]);
        }
        (Span::Executions(_), true) => {
            fuzzer.args(["--sanitizer", "none", "--target-dir", "target/bare-untraced"]);
        }
    }
    fuzzer.args([&finds, &seeds, "--", "-timeout=5", "-print_final_stats=1"]);
    if let Some(octets) = input_len_max(target) {
        fuzzer.arg(format!("-max_len={octets}"));
    }
    match span {
        Span::Seconds(seconds) => {
            fuzzer.args([&format!("-max_total_time={seconds}"), "-verbosity=0"]);
        }
        Span::Executions(executions) => {
            fuzzer.arg(format!("-runs={executions}"));
        }
    }
    // The sanitizer flags are unstable; this lets a stable toolchain take them.
    fuzzer.current_dir(fuzz).env("RUSTC_BOOTSTRAP", "1");
    match span {
        Span::Seconds(_) => shell::run(&mut fuzzer),
        Span::Executions(executions) => {
            let mut coverage = Coverage::new(executions);
            shell::run_heard(&mut fuzzer, |line| {
                // Of coverage only how far it has come, now and then.
                if !coverage.note(line) || line.contains("\tpulse ") {
                    eprintln!("{line}");
                }
            })?;
            println!("{target}: {coverage}");
            Ok(())
        }
    }
}

/// Tells whether a target takes no note of what is compared with what.
///
/// To note each comparison in the arithmetic of curves takes twice as long as all else, and finds
/// nothing: no input is steered by the digits of a key. So too where single octets choose the steps
/// of the core: what is compared there are counters and names, and no part of an input.
fn is_untraced(target: &str) -> bool {
    target.starts_with("curve") || target == "core"
}

/// Returns how long an input may be, in octets, where libFuzzer's own 4,096 are too slow: 48 steps
/// for the core.
fn input_len_max(target: &str) -> Option<usize> {
    (target == "core").then_some(1 + 48 * 8)
}

fn targets() -> Result<Vec<String>> {
    let path = workspace::root().join("fuzz/Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
    Ok(target_names(&manifest))
}

/// Returns the `name` of each `[[bin]]` table of a manifest.
fn target_names(manifest: &str) -> Vec<String> {
    let mut table = "";
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            table = line;
        } else if let ("[[bin]]", Some(("name", value))) =
            (table, line.split_once('=').map(|(key, value)| (key.trim(), value)))
        {
            names.push(value.trim().trim_matches('"').to_owned());
        }
    }
    names
}

fn parse_count(arg: Option<&String>) -> Result<u64> {
    arg.and_then(|arg| arg.parse().ok()).ok_or_else(|| Error::NotCount(arg.cloned()))
}

#[cfg(test)]
mod tests {
    use super::target_names;

    #[test]
    fn takes_names_from_bin_tables_only() {
        let manifest = "[package]\nname = \"fuzz\"\n\n[[bin]]\nname = \"frame\"\n\
                        path = \"a.rs\"\n[[bin]]\nname=\"core\"\n[lints]\nname = \"no\"\n";
        assert_eq!(target_names(manifest), ["frame", "core"]);
    }
}
