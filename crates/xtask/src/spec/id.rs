//! The id of a clause: `37:framing:reserved-zero`, `mux:names:one-holder`.

use std::fmt;

/// The id of a clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(String);

impl Id {
    /// `id = ( 1*DIGIT / "mux" ) ":" word ":" word`, where a word is lower case, digits and dashes
    /// and starts with a letter (so that a time of day is no id).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let source = parts.next()?;
        let well_formed = (source == "mux" || is_number(source))
            && is_word(parts.next()?)
            && is_word(parts.next()?)
            && parts.next().is_none();
        well_formed.then(|| Self(text.to_owned()))
    }

    /// Returns every id that stands somewhere in `text`.
    pub(super) fn find_all(text: &str) -> Vec<Self> {
        text.split(|c: char| !(c.is_alphanumeric() || "-_:".contains(c)))
            .map(|word| word.trim_end_matches([':', '-']))
            .filter_map(Self::parse)
            .collect()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
