//! The ids that tests carry: in the doc comment of a function with `#[test]`, `#[tokio::test]` and
//! the like, inside `proptest!` or not.

use std::collections::BTreeSet;

use super::id::Id;
use super::problem::Place;
use crate::workspace::Source;

/// More than this, and nobody sees which assertion keeps which clause.
pub(super) const IDS_MAX: usize = 5;

/// A test and the clauses it says it shows.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) ids: BTreeSet<Id>,
}

/// Returns the tests of `source`.
pub(super) fn tests(source: &Source) -> Vec<Test> {
    let mut tests = Vec::new();
    let mut head = Head::default();
    for (index, line) in source.text.lines().enumerate() {
        if let Some(name) = head.read(line.trim()) {
            let place = Place { path: source.path.clone(), line: index.saturating_add(1) };
            let Head { ids, kind, .. } = std::mem::take(&mut head);
            if kind == Kind::Test {
                tests.push(Test { name: name.to_owned(), place, ids });
            }
        }
    }
    tests
}

/// What stands above a function: doc comment and attributes, as far as read.
#[derive(Debug, Default)]
struct Head {
    ids: BTreeSet<Id>,
    kind: Kind,
    /// Brackets open in an attribute that goes over several lines.
    open: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Kind {
    Test,
    #[default]
    Other,
}

impl Head {
    /// Takes the next line, and returns the function's name once it is there.
    fn read<'l>(&mut self, line: &'l str) -> Option<&'l str> {
        let mut rest = line;
        while self.open > 0 || rest.starts_with("#[") {
            if self.open == 0 && is_test_attribute(rest) {
                self.kind = Kind::Test;
            }
            rest = self.skip_attribute(rest);
            if rest.is_empty() {
                return None;
            }
        }
        if let Some(doc) = rest.strip_prefix("///") {
            self.ids.extend(Id::find_all(doc));
        } else if let Some(name) = function_name(rest) {
            return Some(name);
        } else if !rest.is_empty() && !rest.starts_with("//") {
            *self = Self::default();
        }
        None
    }

    /// Returns what follows the attribute that `line` starts with or goes on with.
    fn skip_attribute<'l>(&mut self, line: &'l str) -> &'l str {
        for (at, octet) in line.bytes().enumerate() {
            match octet {
                b'[' => self.open = self.open.saturating_add(1),
                b']' => self.open = self.open.saturating_sub(1),
                _ => continue,
            }
            if self.open == 0 {
                return line.get(at.saturating_add(1)..).unwrap_or_default().trim_start();
            }
        }
        ""
    }
}

/// `#[test]`, or a path that ends in `test`, with arguments or without.
fn is_test_attribute(attribute: &str) -> bool {
    let path = attribute.trim_start_matches("#[").split([']', '(']).next().unwrap_or_default();
    path.rsplit("::").next() == Some("test")
}

/// Returns the name if `line` starts a function.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "async", "const"];
    before.split_whitespace().all(|word| qualifiers.contains(&word)).then_some(())?;
    after.split(['(', '<']).next().map(str::trim)
}
