//! The other implementations, beside the broker and the baseline in the same rounds.

use std::path::Path;

use crate::broker::{BrokerCommand, Log};
use crate::goals::{Bound, Goal};
use crate::rows::{self, ONE_AT_A_TIME, Row, RunError, RunOptions};
use crate::table::{Measured, Medians};

/// The program of each and what the tables call it.
pub const PROGRAMS: [(&str, &str); 3] =
    [("rival-omq", "omq-tokio"), ("rival-rzmq", "rzmq"), ("rival-zeromq", "zeromq")];

/// Returns how to start each of them as a broker, from the folder that holds `beside`; says of
/// those that are not there that they are left out.
#[must_use]
pub fn brokers(beside: &Path, threads: u32, log: Log) -> Vec<BrokerCommand> {
    let mut found = Vec::new();
    for (program, name) in PROGRAMS {
        let path = beside.with_file_name(program);
        if path.exists() {
            let words = vec![path.to_string_lossy().into_owned(), "swap".to_owned()];
            found.push(BrokerCommand { name: name.to_owned(), words, threads, log });
        } else {
            println!("{name} is left out: {} is not built", path.display());
        }
    }
    found
}

/// One implementation in one row.
#[derive(Clone, Debug)]
pub struct Beside {
    /// What the tables call it.
    pub name: String,
    /// What it has shown, or why it has shown nothing.
    pub outcome: Result<Medians, String>,
}

/// The runs of one implementation in one row, while they are made.
#[derive(Debug)]
pub struct Runs<'a> {
    command: &'a BrokerCommand,
    made: Vec<rows::Run>,
    failed: Option<RunError>,
}

impl<'a> Runs<'a> {
    /// Before the first.
    #[must_use]
    pub fn new(command: &'a BrokerCommand) -> Self {
        Self { command, made: Vec::new(), failed: None }
    }

    /// Makes one more, unless one has failed already: what fails once is not waited for again.
    pub fn run(&mut self, row: Row, options: &RunOptions) {
        if self.failed.is_none() {
            match rows::run(self.command, row, options) {
                Ok(run) => self.made.push(run),
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// What they come to.
    #[must_use]
    pub fn outcome(self) -> Beside {
        let outcome = match self.failed {
            None => Ok(Medians::of(&self.made)),
            Some(error) => Err(error.to_string()),
        };
        Beside { name: self.command.name.clone(), outcome }
    }
}

impl Measured {
    /// Prints all of the row beside each other, where there are others than A and B.
    pub fn print_beside(&self, names: [&str; 2]) {
        if self.rivals.is_empty() {
            return;
        }
        let [name_a, name_b] = names;
        println!(
            "  {:<12} {:>28} {:>24} {:>8} {:>9} {:>7} {:>7} {:>10}",
            "beside all",
            "requests/s (min - max)",
            "CPU s/M (min - max)",
            "p50, us",
            "p99, us",
            "errors",
            "lost",
            format!("{name_a}/it")
        );
        self.line(name_a, &self.a);
        self.line(name_b, &self.b);
        for Beside { name, outcome } in &self.rivals {
            match outcome {
                Ok(medians) => self.line(name, medians),
                Err(error) => println!("  {name:<12} failed under this load: {error}"),
            }
        }
    }

    fn line(&self, name: &str, medians: &Medians) {
        let Medians { rate_span, cpu_span, .. } = medians;
        println!(
            "  {name:<12} {:>28} {:>24} {:>8.1} {:>9.1} {:>7} {:>7} {:>10.3}",
            format!("{:.0} ({:.0} - {:.0})", medians.rate, rate_span.min, rate_span.max),
            format!("{:.3} ({:.3} - {:.3})", medians.cpu, cpu_span.min, cpu_span.max),
            medians.p50_us,
            medians.p99_us,
            medians.errors,
            medians.lost,
            self.a.cpu / medians.cpu
        );
    }

    /// Returns the least of a figure among those, the baseline included, that have answered every
    /// request right.
    fn best(&self, figure: fn(&Medians) -> f64) -> Option<f64> {
        let rivals = self.rivals.iter().filter_map(|beside| beside.outcome.as_ref().ok());
        let sound = rivals.chain([&self.b]).filter(|peer| peer.errors == 0 && peer.lost == 0);
        sound.map(figure).min_by(f64::total_cmp)
    }
}

/// The goals beside the best of the others; none where there are no others.
#[must_use]
pub fn goals(measured: &Measured) -> Vec<Goal> {
    if measured.rivals.is_empty() {
        return Vec::new();
    }
    let row = measured.row;
    let goal = |what: &str, ours: f64, best: Option<f64>, most: f64| Goal {
        what: format!("{}: {what}", row.shape()),
        figure: best.map(|best| ours / best),
        bound: Bound::AtMost(most),
    };
    let cpu = |most| {
        let best = measured.best(|peer| peer.cpu);
        goal("CPU per request / best peer's", measured.a.cpu, best, most)
    };
    match (row.clients, row.services, row.body_len) {
        _ if row == ONE_AT_A_TIME => {
            let best = measured.best(|peer| peer.p50_us);
            vec![goal("one at a time, p50 / best peer's", measured.a.p50_us, best, 1.0)]
        }
        (1, 1, 64) => vec![cpu(1.0 / 4.0)],
        (4, 16, 64) => vec![cpu(1.0 / 3.0)],
        (8, 256, 64) => vec![cpu(2.0 / 5.0)],
        _ => {
            // Of rates the greatest is the best, so its inverse is compared.
            let best = measured.best(|peer| 1.0 / peer.rate);
            let inverse = 1.0 / measured.a.rate;
            vec![cpu(1.0), goal("best peer's requests/s / ours", inverse, best, 1.0)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ROWS;

    fn medians(cpu: f64, errors: u64, lost: u64) -> Medians {
        Medians { cpu, errors, lost, ..Medians::default() }
    }

    #[test]
    fn the_best_peer_is_one_that_answered_everything_right() {
        let beside = |outcome| Beside { name: String::new(), outcome };
        let rivals = vec![
            beside(Ok(medians(0.5, 1, 0))),
            beside(Ok(medians(0.5, 0, 1))),
            beside(Err("it ended".to_owned())),
            beside(Ok(medians(2.0, 0, 0))),
        ];
        let [a, b] = [medians(0.5, 0, 0), medians(3.0, 0, 0)];
        let measured = Measured { row: ROWS[0], a, b, floor: Medians::default(), rivals };
        let figures: Vec<_> = goals(&measured).iter().map(|goal| goal.figure).collect();
        assert_eq!(figures, [Some(0.25)]);
        assert_eq!(goals(&Measured { rivals: Vec::new(), ..measured }), []);
    }
}
