//! A line of the table: a promise, and whether it was kept.

use std::fmt;

/// What became of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Kept,
    Missed,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    promise: &'static str,
    fault: String,
    figure: String,
    goal: &'static str,
    pub(crate) verdict: Verdict,
}

impl Line {
    pub(crate) fn new(
        promise: &'static str,
        fault: impl Into<String>,
        figure: impl Into<String>,
        goal: &'static str,
        is_kept: bool,
    ) -> Self {
        let verdict = if is_kept { Verdict::Kept } else { Verdict::Missed };
        Self { promise, fault: fault.into(), figure: figure.into(), goal, verdict }
    }

    /// A row that did not come to its end.
    pub(crate) fn broken(row: &'static str) -> Self {
        Self::new(row, "", "no figure: see the panic above", "an end", false)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { promise, fault, figure, goal, verdict } = self;
        let verdict = match verdict {
            Verdict::Kept => "ok",
            Verdict::Missed => "MISSED",
        };
        write!(f, "{verdict:<6}  {promise} | {fault} | {figure} | goal: {goal}")
    }
}
