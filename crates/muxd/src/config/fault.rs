//! What can be wrong with a configuration file, in words.

use std::fmt;
use std::path::PathBuf;

use crate::secrets::FileError;

/// A configuration file that cannot be used.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// It cannot be read.
    Unreadable(FileError),
    /// What it says is wrong.
    Wrong {
        path: PathBuf,
        /// Never empty, in the order of the lines.
        faults: Vec<(usize, Problem)>,
    },
}

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is no UTF-8.
    NotText,
    /// It is no TOML; in the words of the parser.
    Syntax(String),
    /// An element of this list begins with one bracket, and others are there: no TOML either.
    OneBracket(&'static str),
    /// No such key.
    Unknown {
        key: String,
        /// The table that it stands in; empty for the file itself.
        table: String,
        /// The key of that table that is most like it.
        nearest: &'static str,
        /// Another table that has such a key.
        elsewhere: Option<&'static str>,
    },
    /// A value of the wrong type, or out of range.
    Value { key: String, expected: String, found: String },
    /// A table without a key that it needs.
    Missing { table: &'static str, key: &'static str },
    /// Two values that cannot both be meant.
    Clash(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, faults) = match self {
            Self::Unreadable(error) => return write!(f, "{error}"),
            Self::Wrong { path, faults } => (path.display(), faults),
        };
        for (place, (line, problem)) in faults.iter().take(FAULTS_SHOWN).enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}{path}, line {line}: {problem}")?;
        }
        match faults.len().saturating_sub(FAULTS_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n{path}: {more} more like these"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => f.write_str("this is no UTF-8"),
            Self::Syntax(words) => write!(f, "no TOML: {words}"),
            Self::OneBracket(list) => {
                write!(f, "no TOML: each of several is [[{list}]], in two brackets")
            }
            Self::Unknown { key, table, nearest, elsewhere } => {
                write!(f, "unknown key {key:?}")?;
                if !table.is_empty() {
                    write!(f, " in {table}")?;
                }
                match elsewhere {
                    Some(elsewhere) => write!(f, ": it belongs into [{elsewhere}]"),
                    None => write!(f, ": the nearest one is {nearest:?}"),
                }
            }
            Self::Value { key, expected, found } => {
                write!(f, "{key} is {expected}, not {found}")
            }
            Self::Missing { table, key } => write!(f, "[[{table}]] needs a {key}"),
            Self::Clash(words) => f.write_str(words),
        }
    }
}

/// Cuts what stands in a file to what a line of an error has room for.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_LEN) {
        Some((place, _)) => format!("{}...", text.get(..place).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Faults that are told one by one.
const FAULTS_SHOWN: usize = 20;

/// Characters of a key or a value that are shown.
const SHOWN_LEN: usize = 40;
