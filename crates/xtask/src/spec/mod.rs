//! `cargo xtask spec`: each clause of `spec-notes/` has code that carries its id, and a test.
//!
//! - A clause is a heading such as `### 37:framing:reserved-zero — MUST` ([`notes`]).
//! - Code carries ids in a comment of its own, `// spec: id, id` ([`code`]).
//! - A test carries ids in its doc comment ([`tests_of`]).
//!
//! [`audit`] compares the three.

mod audit;
mod code;
mod id;
mod notes;
mod problem;
#[cfg(test)]
mod tests;
mod tests_of;

use audit::Audit;

use crate::error::{Error, Result};
use crate::workspace;

/// Checks the tree, or with `--list` prints each clause and where it is kept and tested.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let print = match args {
        [] => Audit::print_counts,
        [flag] if flag == "--list" => Audit::print_list,
        [unknown, ..] => return Err(Error::UnknownArgument(unknown.clone())),
    };
    let notes = workspace::read("spec-notes", "md")?;
    let mut sources = workspace::read("crates", "rs")?;
    sources.extend(workspace::read("tests", "rs")?);
    // This package carries no clause, and its tests are full of samples.
    sources.retain(|source| !source.path.starts_with("crates/xtask/"));

    let audit = Audit::new(&notes, &sources);
    for problem in &audit.problems {
        println!("{problem}");
    }
    print(&audit);
    match audit.problems.len() {
        0 => Ok(()),
        count => Err(Error::Findings { check: "spec", count }),
    }
}
