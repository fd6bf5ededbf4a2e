//! The ids that code carries: `// spec: id, id` in `crates/*/src`, outside tests.

use super::id::Id;
use super::problem::{Fault, Place, Problem};
use crate::workspace::Source;

/// Returns the ids that `source` carries and where, and adds what is no id to `problems`.
///
/// A list that ends in a comma goes on in the comment on the next line.
pub(super) fn carried(source: &Source, problems: &mut Vec<Problem>) -> Vec<(Id, Place)> {
    let mut carried = Vec::new();
    if !is_shipped(&source.path) {
        return carried;
    }
    let mut tests_end: Option<String> = None;
    let mut cfg_test = false;
    let mut goes_on = false;
    for (index, line) in source.text.lines().enumerate() {
        let trimmed = line.trim();
        if let Some(end) = &tests_end {
            if line == end {
                tests_end = None;
            }
            continue;
        }
        if cfg_test && trimmed.ends_with('{') {
            // The code is formatted, so what a line opens ends with a brace at its own depth.
            let depth = line.len().saturating_sub(line.trim_start().len());
            tests_end = Some(format!("{}}}", " ".repeat(depth)));
        }
        cfg_test = is_cfg_test(trimmed) || (cfg_test && trimmed.starts_with("#["));

        let list = if goes_on { trimmed.strip_prefix("//") } else { spec_comment(line) };
        let Some(list) = list.map(str::trim) else {
            goes_on = false;
            continue;
        };
        goes_on = list.ends_with(',');
        for word in list.trim_end_matches(',').split(',').map(str::trim) {
            let place = Place { path: source.path.clone(), line: index.saturating_add(1) };
            match Id::parse(word) {
                Some(id) => carried.push((id, place)),
                None => problems.push(Problem { place, fault: Fault::NotAnId(word.to_owned()) }),
            }
        }
    }
    carried
}

/// Returns every id in any comment, doc comments and those of tests included: each must exist.
pub(super) fn mentioned(source: &Source) -> Vec<(Id, Place)> {
    let mut mentioned = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let comment = || line.trim_start().strip_prefix("//");
        let place = || Place { path: source.path.clone(), line: index.saturating_add(1) };
        let ids = Id::find_all(spec_comment(line).or_else(comment).unwrap_or_default());
        mentioned.extend(ids.into_iter().map(|id| (id, place())));
    }
    mentioned
}

/// Returns whether `path` is code that users run, by its name: `crates/*/src`, but no test file.
fn is_shipped(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts.as_slice(), ["crates", _, "src", rest @ ..]
    if !rest.iter().any(|part| {
        *part == "tests" || *part == "tests.rs" || part.ends_with("_tests.rs")
    }))
}

fn is_cfg_test(line: &str) -> bool {
    ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test"].iter().any(|cfg| line.starts_with(cfg))
}

/// Returns what follows `// spec:`, alone on its line or after code; `/// spec:` is a doc comment.
fn spec_comment(line: &str) -> Option<&str> {
    let (before, list) = line.split_once("// spec:")?;
    (before.is_empty() || before.ends_with(' ')).then_some(list)
}
