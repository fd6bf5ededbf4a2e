//! Patterns: which names a rule or a watch is about.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use thiserror::Error;

use crate::core::address::{Name, NameError};

/// A name, or a prefix followed by one final `*`, which stands for any octets, or none.
///
/// Its first octet is never zero, and it has 1 to 255 octets with its star. Of a star elsewhere there
/// are two readings: in octets, as [`new`](Self::new) takes them, it is itself; a text that has one is
/// an error, since whoever writes it means that it stands for something.
// spec: mux:pattern:form
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Bytes);

impl Pattern {
    /// Checks `octets` and makes them a pattern; `None` if they are none.
    #[must_use]
    pub fn new(octets: Bytes) -> Option<Self> {
        Name::new(octets.clone()).map(|_| Self(octets))
    }

    /// Tells whether it is about `name`.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        match self.0.split_last() {
            Some((b'*', prefix)) => name.starts_with(prefix),
            _ => name == self.0,
        }
    }

    /// Tells whether it is about every name that `other` is about.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self == other || (self.as_name().is_none() && other.stem().starts_with(self.stem()))
    }

    /// Returns the octets before the final star, or all if there is none.
    pub(crate) fn stem(&self) -> &[u8] {
        self.0.strip_suffix(b"*").unwrap_or(&self.0)
    }

    /// Returns the same, not copied.
    pub(crate) fn to_stem(&self) -> Bytes {
        self.0.slice(..self.stem().len())
    }

    /// Returns the octets, with the star if it has one.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }

    /// Returns the one name that it is about; `None` if it ends in a star.
    #[must_use]
    pub fn as_name(&self) -> Option<&[u8]> {
        if self.0.last() == Some(&b'*') { None } else { Some(&self.0) }
    }
}

/// A text that is no pattern. The caller's fault.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// It has too many octets or none, or begins with a zero octet.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A star stands before the end.
    #[error("a `*` stands at the end of a pattern, and nowhere else")]
    InnerStar,
}

impl FromStr for Pattern {
    type Err = PatternError;

    // spec: mux:pattern:text
    fn from_str(text: &str) -> Result<Self, PatternError> {
        let pattern = Self::new(Bytes::copy_from_slice(text.as_bytes())).ok_or(NameError)?;
        match pattern.0.split_last() {
            Some((_, before)) if before.contains(&b'*') => Err(PatternError::InnerStar),
            _ => Ok(pattern),
        }
    }
}

impl AsRef<[u8]> for Pattern {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Pattern {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &'static str) -> Pattern {
        Pattern::new(Bytes::from_static(text.as_bytes())).unwrap()
    }

    /// mux:pattern:text.
    #[test]
    fn a_text_with_a_star_that_is_not_at_its_end_is_no_pattern() {
        for text in ["eng*ne", "*.7", "engine.**", "**", "*engine*"] {
            assert_eq!(text.parse::<Pattern>(), Err(PatternError::InnerStar), "{text}");
            assert_eq!(pattern(text).as_octets(), text.as_bytes(), "octets are what they are");
        }
        for text in ["*", "engine", "engine.*"] {
            assert_eq!(text.parse(), Ok(pattern(text)));
            assert_eq!(pattern(text).as_ref(), text.as_bytes());
        }
    }

    /// mux:pattern:form, mux:name:length, mux:name:first-octet.
    #[test]
    fn names_and_patterns_are_read_from_text() {
        assert_eq!("engine.*".parse(), Ok(pattern("engine.*")));
        let name: Name = "engine.7".parse().unwrap();
        assert!(name == "engine.7" && name != "engine");
        for text in ["", "\0engine", &"x".repeat(256)] {
            assert_eq!(text.parse::<Name>(), Err(NameError));
            assert_eq!(text.parse::<Pattern>(), Err(NameError.into()));
        }
    }

    /// mux:pattern:form.
    #[test]
    fn is_a_name_or_a_prefix_with_one_final_star() {
        for (text, matching, others) in [
            ("engine.7", &["engine.7"][..], &["engine.", "engine.70", "engine", ""][..]),
            ("engine.*", &["engine.", "engine.7", "engine.*"], &["engine", "Engine.7", ""]),
            ("*", &["x", "*", "engine.7"], &[]),
            ("a*b", &["a*b"], &["ab", "axb", "a*"]),
            ("a**", &["a*", "a*b"], &["a", "ab"]),
        ] {
            let pattern = pattern(text);
            for name in matching {
                assert!(pattern.matches(name.as_bytes()), "{text} {name}");
            }
            for name in others {
                assert!(!pattern.matches(name.as_bytes()), "{text} {name}");
            }
        }
        assert_eq!((pattern("a**").stem(), pattern("a*b").stem()), (&b"a*"[..], &b"a*b"[..]));
        assert_eq!(pattern("a*b").as_name(), Some(&b"a*b"[..]));
        assert_eq!(pattern("ab*").as_name(), None);
        for none in [&b""[..], b"\0*", &[b'x'; 256]] {
            assert_eq!(Pattern::new(Bytes::from_static(none.to_vec().leak())), None);
        }
    }

    /// mux:pattern:form.
    #[test]
    fn covers_what_is_about_no_other_name() {
        let all = ["*", "a*", "ab*", "ab", "a", "b", "a**", "a*b"];
        let covered = [&all[..], &["a*", "ab*", "ab", "a", "a**", "a*b"], &["ab*", "ab"]];
        for (covering, covered) in all.iter().zip(covered) {
            for other in all {
                let covers = pattern(covering).covers(&pattern(other));
                assert_eq!(covers, covered.contains(&other), "{covering} {other}");
            }
        }
        for exact in ["ab", "a", "b", "a*b"] {
            for other in all {
                assert_eq!(pattern(exact).covers(&pattern(other)), exact == other);
            }
        }
        assert!(pattern("a**").covers(&pattern("a*b")) && !pattern("a**").covers(&pattern("ab")));
    }
}
