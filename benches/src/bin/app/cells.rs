//! The runs of each implementation in each way to set it up, and the table of them.

use zmtp_mux_benches::stack::{RoleError, Stack};
use zmtp_mux_benches::table::{Span, median};

/// One implementation set up in one way.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// The figure of each run.
    figures: Vec<f64>,
    /// A second figure of each run, which explains the first.
    seconds: Vec<f64>,
    faults: u64,
    failed: Option<RoleError>,
}

/// What one run has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// The figure.
    pub(crate) figure: f64,
    /// The second one.
    pub(crate) second: f64,
    /// What went wrong without an end.
    pub(crate) faults: u64,
}

impl Cell {
    /// Makes one more run, unless one has failed: what fails once is not waited for again.
    pub(crate) fn run(&mut self, run: impl FnOnce() -> Result<Shown, RoleError>) {
        if self.failed.is_some() {
            return;
        }
        match run() {
            Ok(Shown { figure, second, faults }) => {
                self.figures.push(figure);
                self.seconds.push(second);
                self.faults = self.faults.saturating_add(faults);
            }
            Err(error) => self.failed = Some(error),
        }
    }

    /// The figure of each round, if every run was made and nothing went wrong.
    fn sound(&self) -> Option<&[f64]> {
        let sound = self.failed.is_none() && self.faults == 0 && !self.figures.is_empty();
        sound.then_some(&self.figures)
    }

    fn text(&self, decimals: usize) -> String {
        match &self.failed {
            Some(RoleError::Ended(_)) => "ended early".to_owned(),
            Some(RoleError::Silent(_)) => "stopped".to_owned(),
            Some(_) => "failed".to_owned(),
            None => {
                let Span { min, max } = Span::of(&self.figures);
                let middle = median(self.figures.clone());
                let faults = if self.faults > 0 {
                    format!(" {} faults", self.faults)
                } else {
                    String::new()
                };
                format!("{middle:.decimals$} ({min:.decimals$} - {max:.decimals$}){faults}")
            }
        }
    }
}

/// A table: a line for each implementation, a column for each way to set it up.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    /// What the second figure is, for the heads.
    pub(crate) second: &'static str,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) lines: Vec<(&'static str, Vec<Cell>)>,
    pub(crate) decimals: usize,
}

impl Table {
    /// Prints the table, and below it why what failed has failed.
    pub(crate) fn print(&self) {
        println!("\n{}", self.title);
        print!("  {:<12}", "");
        for column in &self.columns {
            print!(" {column:>30} {:>8}", self.second);
        }
        println!();
        for (name, cells) in &self.lines {
            print!("  {name:<12}");
            for cell in cells {
                let second = match cell.failed {
                    Some(_) => "-".to_owned(),
                    None => format!("{:.3}", median(cell.seconds.clone())),
                };
                print!(" {:>30} {second:>8}", cell.text(self.decimals));
            }
            println!();
        }
        for (name, cells) in &self.lines {
            for (column, cell) in self.columns.iter().zip(cells) {
                if let Some(error) = &cell.failed {
                    println!("  {name}, {column}: {error}");
                }
            }
        }
    }

    /// Runs all that many times. In a round they follow one another in each column, since a machine is
    /// not as fast in the next minute; and each round begins with another, so that none is always the
    /// one behind a certain neighbour.
    pub(crate) fn fill(
        &mut self,
        rounds: u32,
        stacks: &[&Stack],
        run: impl Fn(&Stack, usize) -> Result<Shown, RoleError>,
    ) {
        let columns = self.columns.len();
        let cells = || (0..columns).map(|_| Cell::default()).collect::<Vec<_>>();
        let mut turns: Vec<_> = stacks.iter().map(|&stack| (stack, cells())).collect();
        for _ in 0..rounds {
            for column in 0..columns {
                for (stack, cells) in &mut turns {
                    if let Some(cell) = cells.get_mut(column) {
                        cell.run(|| run(stack, column));
                    }
                }
            }
            turns.rotate_left(1);
        }
        (0..rounds).for_each(|_| turns.rotate_right(1));
        self.lines = turns.into_iter().map(|(stack, cells)| (stack.name, cells)).collect();
    }

    /// Returns the figure of one implementation in parts of that of another, in one column: the median
    /// of what the rounds say, each by itself.
    pub(crate) fn quotient(&self, name: &str, beside: &str, column: usize) -> Option<f64> {
        let (figures, besides) = (self.sound(name, column)?, self.sound(beside, column)?);
        let quotients = figures.iter().zip(besides).map(|(figure, beside)| figure / beside);
        Some(median(quotients.collect()))
    }

    /// Returns the quotients of one implementation and each other, but for one.
    pub(crate) fn quotients(&self, name: &str, but: &str, column: usize) -> Vec<f64> {
        let others = self.lines.iter().map(|(other, _)| *other);
        let others = others.filter(|other| ![name, but].contains(other));
        others.filter_map(|other| self.quotient(name, other, column)).collect()
    }

    fn sound(&self, name: &str, column: usize) -> Option<&[f64]> {
        let (_, cells) = self.lines.iter().find(|(found, _)| *found == name)?;
        cells.get(column)?.sound()
    }
}
