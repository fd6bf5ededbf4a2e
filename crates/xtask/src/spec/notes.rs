//! The clauses: headings of `spec-notes/*.md`, with what stands below them.

use super::id::Id;
use super::problem::{Fault, Place, Problem};
use crate::workspace::Source;

/// A clause, as the notes have it.
#[derive(Debug)]
pub(super) struct Clause {
    pub(super) id: Id,
    /// As in the heading: `MUST`, `SHOULD NOT`, or several with commas between.
    pub(super) level: String,
    pub(super) place: Place,
    pub(super) duty: Duty,
}

/// What the tree owes to a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Code and a test.
    Owed,
    /// Nothing, for the reason given with `- Not done:`.
    Excused(String),
    /// Nothing: the clause (`DOC`) asks for nothing that code could do.
    Informative,
}

/// Returns the clauses of one file, and adds what is wrong with them to `problems`.
pub(super) fn clauses(note: &Source, problems: &mut Vec<Problem>) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    // Whether the lines that follow belong to the last clause.
    let mut inside = false;
    let mut fenced = false;
    for (index, line) in note.text.lines().enumerate() {
        let place = Place { path: note.path.clone(), line: index.saturating_add(1) };
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            // A sample, not an entry.
        } else if line.starts_with('#') {
            let heading = heading(line);
            inside = matches!(heading, Heading::Clause(..));
            match heading {
                Heading::Clause(id, level) => clauses.push(Clause::new(id, level, place)),
                Heading::Malformed => {
                    problems.push(Problem { place, fault: Fault::Heading(line.to_owned()) });
                }
                Heading::Prose => {}
            }
        } else if let (true, Some(clause), Some(reason)) =
            (inside, clauses.last_mut(), line.trim().strip_prefix("- Not done:"))
        {
            if reason.trim().is_empty() {
                problems.push(Problem { place, fault: Fault::NoReason(clause.id.clone()) });
            }
            clause.duty = Duty::Excused(reason.trim().to_owned());
        }
    }
    clauses
}

impl Clause {
    fn new(id: Id, level: &str, place: Place) -> Self {
        let duty = if level == INFORMATIVE { Duty::Informative } else { Duty::Owed };
        Self { id, level: level.to_owned(), place, duty }
    }
}

/// What a heading is to us.
enum Heading<'n> {
    Clause(Id, &'n str),
    /// Means to be a clause: has an id of sorts, or the dash.
    Malformed,
    Prose,
}

fn heading(line: &str) -> Heading<'_> {
    let text = line.trim_start_matches('#');
    let third = line.starts_with("### ");
    if let (true, Some((id, level))) = (third, text.trim().split_once(" — "))
        && let Some(id) = Id::parse(id)
        && level.split(", ").all(|level| level == INFORMATIVE || LEVELS.contains(&level))
    {
        return Heading::Clause(id, level);
    }
    let first = text.split_whitespace().next().unwrap_or_default().trim_end_matches(':');
    if first.contains(':') || (third && text.contains(" — ")) {
        Heading::Malformed
    } else {
        Heading::Prose
    }
}

/// The level of a clause that asks for nothing.
const INFORMATIVE: &str = "DOC";

/// The levels of clauses that code must keep. The words of the RFCs; what a grammar fixes; and what
/// is written nowhere but needed, such as a limit.
const LEVELS: [&str; 10] = [
    "MUST",
    "MUST NOT",
    "SHALL",
    "SHALL NOT",
    "SHOULD",
    "SHOULD NOT",
    "MAY",
    "MAY NOT",
    "GRAM",
    "OURS",
];
