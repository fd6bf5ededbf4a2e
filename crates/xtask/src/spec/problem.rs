//! What the check can find, and where.

use std::fmt;

use super::id::Id;

/// A line of a file of the tree; lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: usize,
}

/// Something that the check refuses, at the line to mend.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    pub(super) place: Place,
    pub(super) fault: Fault,
}

/// What the check can find.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The notes hold no clause at all, so the check would pass whatever the code does.
    NoClauses,
    /// A heading that means to be a clause and is not written as one.
    Heading(String),
    /// The clause stands already, at the given place.
    GivenTwice(Id, Place),
    /// `- Not done:` without saying why.
    NoReason(Id),
    /// No code carries the clause.
    NoCode(Id),
    /// No test carries the clause.
    NoTest(Id),
    /// The notes have no such clause.
    Unknown(Id),
    /// A `// spec:` comment holds something that is no id.
    NotAnId(String),
    /// A test carries more ids than one test can show.
    TooManyIds {
        /// The name of the test.
        test: String,
        /// How many it carries.
        count: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClauses => write!(f, "no clauses"),
            Self::Heading(text) => {
                write!(f, "heading {text:?} is not of the form `### 37:topic:slug — MUST`")
            }
            Self::GivenTwice(id, first) => write!(f, "{id} stands already at {first}"),
            Self::NoReason(id) => write!(f, "{id} is not done, but no reason is given"),
            Self::NoCode(id) => write!(f, "{id} has no code"),
            Self::NoTest(id) => write!(f, "{id} has no test"),
            Self::Unknown(id) => write!(f, "{id} is no clause of spec-notes/"),
            Self::NotAnId(text) => write!(f, "{text:?} is no clause id"),
            Self::TooManyIds { test, count } => write!(
                f,
                "{test} carries {count} ids, at most {}: split the test",
                super::tests_of::IDS_MAX
            ),
        }
    }
}
