//! `cargo xtask fuzz`: each fuzz target for some seconds.

use std::fs;

use crate::error::{Error, Result};
use crate::tools::{self, Tool};
use crate::{shell, workspace};

/// Runs the target named in `args`, or all, for `--seconds` each.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut seconds = 60;
    let mut only = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => seconds = parse_seconds(args.next())?,
            flag if flag.starts_with('-') => return Err(Error::UnknownArgument(arg.clone())),
            _ if only.is_none() => only = Some(arg),
            _ => return Err(Error::UnknownArgument(arg.clone())),
        }
    }
    let targets = targets()?;
    match only {
        Some(name) if targets.contains(name) => each(std::slice::from_ref(name), seconds),
        Some(name) => Err(Error::UnknownFuzzTarget(name.clone())),
        None => each(&targets, seconds),
    }
}

/// Runs every target for `seconds`.
pub(crate) fn all(seconds: u32) -> Result<()> {
    each(&targets()?, seconds)
}

fn each(targets: &[String], seconds: u32) -> Result<()> {
    if targets.is_empty() {
        return Err(Error::NoFuzzTargets);
    }
    tools::compiler()?;
    tools::cargo_tool(Tool::Fuzz)?;
    targets.iter().try_for_each(|target| one(target, seconds))
}

/// Runs one target on its seeds.
///
/// libFuzzer writes what it finds into the first folder and only reads the others. So the seeds in
/// the repository stay as they are, and finds still add up from run to run.
fn one(target: &str, seconds: u32) -> Result<()> {
    let fuzz = workspace::root().join("fuzz");
    let finds = format!("target/corpus/{target}");
    let seeds = format!("corpus/{target}");
    for folder in [&finds, &seeds] {
        let path = fuzz.join(folder);
        fs::create_dir_all(&path).map_err(|source| Error::Io { path, source })?;
    }
    let limit = format!("-max_total_time={seconds}");
    let mut fuzzer = shell::cargo(["fuzz", "run", target, &finds, &seeds, "--", &limit]);
    fuzzer.args(["-timeout=5", "-verbosity=0", "-print_final_stats=1"]);
    // The sanitizer flags are unstable; this lets a stable toolchain take them.
    shell::run(fuzzer.current_dir(fuzz).env("RUSTC_BOOTSTRAP", "1"))
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

fn parse_seconds(arg: Option<&String>) -> Result<u32> {
    arg.and_then(|arg| arg.parse().ok()).ok_or_else(|| Error::NotSeconds(arg.cloned()))
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
