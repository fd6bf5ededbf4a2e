//! A file as TOML, and reading tables of it by tables of keys.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::fault::{Problem, shorten};
use crate::config::keys::{Key, LIMITS};
use crate::config::lists::LISTS;

/// A file that is TOML.
#[derive(Debug)]
pub(super) struct Document<'t> {
    text: &'t str,
    root: DeTable<'t>,
}

/// What was found in a document.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    text: &'t str,
    faults: Vec<(usize, Problem)>,
    /// The line of each value that was read, by its path, such as `limits.global_pool.octets`.
    lines: BTreeMap<String, usize>,
}

/// A value, the line of its key, and that key's path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'v, 't> {
    pub(super) value: &'v DeValue<'t>,
    pub(super) line: usize,
    pub(super) path: &'v str,
}

impl<'t> Document<'t> {
    /// Reads a file as TOML.
    pub(super) fn parse(octets: &'t [u8]) -> Result<Self, (usize, Problem)> {
        let text = std::str::from_utf8(octets)
            .map_err(|error| (line_at(octets, error.valid_up_to()), Problem::NotText))?;
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { text, root: root.into_inner() }),
            Err(error) => {
                let line = line_at(octets, error.span().map_or(0, |span| span.start));
                if let Some(list) = text.lines().nth(line.saturating_sub(1)).and_then(one_bracket) {
                    return Err((line, Problem::OneBracket(list)));
                }
                let words = error.message().lines().next().unwrap_or_default().to_owned();
                Err((line, Problem::Syntax(words)))
            }
        }
    }

    pub(super) fn root(&self) -> &DeTable<'t> {
        &self.root
    }

    pub(super) fn reader(&self) -> Reader<'t> {
        Reader { text: self.text, faults: Vec::new(), lines: BTreeMap::new() }
    }
}

impl<'t> Reader<'t> {
    /// Reads a table by its keys into `target`. The keys in `others` are somebody else's to read.
    pub(super) fn read<T>(
        &mut self,
        table: &DeTable<'t>,
        path: &str,
        keys: &'static [Key<T>],
        others: &[&'static str],
        target: &mut T,
    ) {
        for (name, value) in table {
            let line = self.line_of(name);
            let name: &str = name.get_ref();
            if let Some(key) = keys.iter().find(|key| key.name == name) {
                let path = join(path, name);
                self.lines.insert(path.clone(), line);
                let place = Place { value: value.get_ref(), line, path: &path };
                key.slot.read(place, target, self);
            } else if !others.contains(&name) {
                let known = keys.iter().map(|key| key.name).chain(others.iter().copied());
                self.note_unknown(name, path, line, known);
            }
        }
    }

    /// Notes a key that nobody knows.
    pub(super) fn note_unknown(
        &mut self,
        name: &str,
        path: &str,
        line: usize,
        known: impl Iterator<Item = &'static str>,
    ) {
        let nearest = known.min_by_key(|known| strsim::damerau_levenshtein(known, name));
        let of_limits = LIMITS.iter().any(|key| key.name == name);
        let problem = Problem::Unknown {
            key: shorten(name),
            table: path.to_owned(),
            nearest: nearest.unwrap_or_default(),
            elsewhere: (of_limits && path != "limits").then_some("limits"),
        };
        self.note(line, problem);
    }

    /// Notes a value that is not as it should be.
    pub(super) fn note_value(&mut self, place: Place<'_, 't>, expected: impl Into<String>) {
        let problem = Problem::Value {
            key: place.path.to_owned(),
            expected: expected.into(),
            found: shown(place.value),
        };
        self.note(place.line, problem);
    }

    pub(super) fn note(&mut self, line: usize, problem: Problem) {
        self.faults.push((line, problem));
    }

    /// Returns the table of this name in `parent`, if it has one.
    pub(super) fn table<'v>(
        &mut self,
        parent: &'v DeTable<'t>,
        name: &'static str,
    ) -> Option<&'v DeTable<'t>> {
        let (key, value) = parent.get_key_value(name)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            let place = Place { value: value.get_ref(), line: self.line_of(key), path: name };
            self.note_value(place, format!("a table, [{name}]"));
        }
        table
    }

    /// Returns the tables of this name in `parent`, with the lines that they begin in.
    pub(super) fn tables<'v>(
        &mut self,
        parent: &'v DeTable<'t>,
        name: &'static str,
    ) -> Vec<(usize, &'v DeTable<'t>)> {
        let Some((key, value)) = parent.get_key_value(name) else { return Vec::new() };
        let expected = format!("a table for each, [[{name}]]");
        let Some(values) = value.get_ref().as_array() else {
            let place = Place { value: value.get_ref(), line: self.line_of(key), path: name };
            self.note_value(place, expected);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for value in values {
            let line = self.line_of(value);
            if let Some(table) = value.get_ref().as_table() {
                tables.push((line, table));
            } else {
                let place = Place { value: value.get_ref(), line, path: name };
                self.note_value(place, &*expected);
            }
        }
        tables
    }

    /// Returns the line, counted from 1, in which something begins.
    pub(super) fn line_of<T>(&self, what: &Spanned<T>) -> usize {
        line_at(self.text.as_bytes(), what.span().start)
    }

    /// Returns the line of a value by its path; `None` if the file does not have it.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        self.lines.get(path).copied()
    }

    /// Forgets the line of a value, before another of the same path.
    pub(super) fn forget(&mut self, path: &str) {
        self.lines.remove(path);
    }

    /// Tells whether nothing wrong was found so far.
    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Returns all that is wrong, in the order of the lines.
    pub(super) fn finish(mut self) -> Result<(), Vec<(usize, Problem)>> {
        self.faults.sort_by_key(|(line, _)| *line);
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}

/// Returns the path of a key in a table.
pub(super) fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// Returns a value as an error shows it.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", shorten(text)),
        DeValue::Integer(number) => shorten(&number.to_string()),
        DeValue::Float(number) => shorten(&number.to_string()),
        DeValue::Boolean(choice) => choice.to_string(),
        DeValue::Datetime(_) => "a date or time of day".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Returns of which list a line begins an element, in one bracket where there must be two.
fn one_bracket(line: &str) -> Option<&'static str> {
    let name = line.trim_start().strip_prefix('[')?.split_once(']')?.0.trim();
    LISTS.into_iter().find(|list| *list == name)
}

fn line_at(octets: &[u8], place: usize) -> usize {
    // Of what stands before it, the part behind the last border is the line that it is in.
    octets.get(..place).unwrap_or(octets).split(|&octet| octet == b'\n').count()
}
