//! What the figures are held against.

use crate::instructions::PerRequest;
use crate::table::Measured;

/// A goal and how far it is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// What is asked.
    pub what: String,
    /// The figure; `None` if this machine cannot take it.
    pub figure: Option<f64>,
    /// Where the figure has to lie.
    pub bound: Bound,
}

/// Where a figure has to lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
}

/// What became of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The figure lies where it has to.
    Reached,
    /// It does not.
    Missed,
    /// There is no figure.
    NotCountable,
}

impl Goal {
    /// Compares the figure with its bound.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let reached = self.figure.map(|figure| match self.bound {
            Bound::AtMost(most) => figure <= most,
            Bound::AtLeast(least) => figure >= least,
        });
        match reached {
            Some(true) => Verdict::Reached,
            Some(false) => Verdict::Missed,
            None => Verdict::NotCountable,
        }
    }

    /// Prints the goal, its figure and the verdict.
    pub fn print(&self) {
        let bound = match self.bound {
            Bound::AtMost(most) => format!("<= {most:.3}"),
            Bound::AtLeast(least) => format!(">= {least:.3}"),
        };
        let figure = self.figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.3}"));
        let verdict = match self.verdict() {
            Verdict::Reached => "reached",
            Verdict::Missed => "missed",
            Verdict::NotCountable => "not countable here",
        };
        println!("  {:<58} {bound:>12} {figure:>12}  {verdict}", self.what);
    }
}

/// The goals of a measured row, as ratios to the baseline.
#[must_use]
pub fn of_row(measured: &Measured) -> Vec<Goal> {
    let row = measured.row;
    let shape = row.shape();
    let cpu_most =
        if row.body_len > SMALL || row.services > MANY_SERVICES { 1.0 / 2.0 } else { 1.0 / 3.0 };
    let mut goals = vec![Goal {
        what: format!("{shape}: CPU per request / baseline's"),
        figure: Some(measured.a.cpu / measured.b.cpu),
        bound: Bound::AtMost(cpu_most),
    }];
    // Where system calls are dear, the floor itself may miss the goal above.
    goals.push(Goal {
        what: format!("{shape}: CPU per request / bare relay's"),
        figure: Some(measured.a.cpu / measured.floor.cpu),
        bound: Bound::AtMost(1.5),
    });
    if row.body_len <= SMALL {
        goals.push(Goal {
            what: format!("{shape}: requests/s / baseline's"),
            figure: Some(measured.a.rate / measured.b.rate),
            bound: Bound::AtLeast(1.3),
        });
    }
    goals
}

/// The goals of faults, over all runs of the broker under test.
#[must_use]
pub fn of_faults(measured: &[Measured]) -> Vec<Goal> {
    let goal = |what: &str, count: u64| Goal {
        what: what.to_owned(),
        figure: Some(count as f64),
        bound: Bound::AtMost(0.0),
    };
    let errors = measured.iter().map(|row| row.a.errors).sum();
    let lost = measured.iter().map(|row| row.a.lost).sum();
    vec![goal("errors, all rows", errors), goal("lost, all rows", lost)]
}

/// The goal of instructions.
#[must_use]
pub fn of_instructions(shape: &str, counted: Option<PerRequest>) -> Goal {
    Goal {
        what: format!("{shape}: user instructions per request"),
        figure: counted.map(|counted| counted.count),
        bound: Bound::AtMost(2_500.0),
    }
}

/// The goal of memory.
#[must_use]
pub fn of_idle(peers: u32, kib_each: f64) -> Goal {
    Goal {
        what: format!("idle named peer of {peers}, KiB"),
        figure: Some(kib_each),
        bound: Bound::AtMost(8.0),
    }
}

/// Bodies up to here are small ones, in octets.
const SMALL: usize = 64;

/// Beyond so many services each batch is short, and less is asked.
const MANY_SERVICES: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_what_it_allows() {
        let goal = |figure, bound| Goal { what: String::new(), figure, bound }.verdict();
        assert_eq!(goal(Some(1.0), Bound::AtMost(1.0)), Verdict::Reached);
        assert_eq!(goal(Some(1.1), Bound::AtMost(1.0)), Verdict::Missed);
        assert_eq!(goal(Some(0.9), Bound::AtLeast(1.0)), Verdict::Missed);
        assert_eq!(goal(Some(f64::NAN), Bound::AtLeast(1.0)), Verdict::Missed);
        assert_eq!(goal(None, Bound::AtLeast(1.0)), Verdict::NotCountable);
    }
}
