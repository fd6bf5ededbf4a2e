//! `cargo xtask lines`: a file has one subject, and a long file seldom does.
//!
//! The length of functions is clippy's to check (`too-many-lines-threshold`).

use crate::error::{Error, Result};
use crate::workspace::{self, Source};

/// Fails on source files that are too long, after listing them.
pub(crate) fn run() -> Result<()> {
    let mut sources = Vec::new();
    for folder in ["crates", "tests", "benches"] {
        sources.extend(workspace::read(folder, "rs")?);
    }
    let long = too_long(&sources);
    for (path, lines, lines_max) in &long {
        println!("{path}: {lines} lines, at most {lines_max}");
    }
    if long.is_empty() {
        println!("lines: {} files, none too long", sources.len());
        Ok(())
    } else {
        Err(Error::Findings { check: "lines", count: long.len() })
    }
}

/// Returns path, length and bound of each file over its bound.
fn too_long(sources: &[Source]) -> Vec<(&str, usize, usize)> {
    sources
        .iter()
        .map(|source| (source.path.as_str(), source.text.lines().count(), lines_max(&source.path)))
        .filter(|(_, lines, lines_max)| lines > lines_max)
        .collect()
}

/// Returns how long a file may be: test and bench programs are lists, and lists run longer.
fn lines_max(path: &str) -> usize {
    let mut folders = path.split('/');
    if folders.next() == Some("crates") && folders.nth(1) == Some("src") { 400 } else { 500 }
}

#[cfg(test)]
mod tests {
    use super::{Source, too_long};

    fn source(path: &str, lines: usize) -> Source {
        Source { path: path.to_owned(), text: "\n".repeat(lines) }
    }

    #[test]
    fn bounds_sources_tighter_than_tests_and_benches() {
        let tree = [
            source("crates/a/src/at_the_bound.rs", 400),
            source("crates/a/src/deep/over.rs", 401),
            source("crates/a/tests/at_the_bound.rs", 500),
            source("tests/it/over.rs", 501),
            source("benches/src/over.rs", 502),
        ];
        let expected = [
            ("crates/a/src/deep/over.rs", 401, 400),
            ("tests/it/over.rs", 501, 500),
            ("benches/src/over.rs", 502, 500),
        ];
        assert_eq!(too_long(&tree), expected);
    }
}
