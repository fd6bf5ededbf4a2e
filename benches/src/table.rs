//! Medians, and the table that sets two brokers side by side.

use crate::rows::{Row, Run};

/// The medians of one broker's runs of one row; faults are added up instead.
#[derive(Clone, Copy, Debug, Default)]
pub struct Medians {
    /// Requests per second.
    pub rate: f64,
    /// CPU seconds per million requests.
    pub cpu: f64,
    /// Its part outside the kernel.
    pub cpu_user: f64,
    /// Its part in the kernel.
    pub cpu_system: f64,
    /// Latency that half stay at or below, in microseconds.
    pub p50_us: f64,
    /// Latency that 99 of 100 stay at or below, in microseconds.
    pub p99_us: f64,
    /// The most memory, in KiB.
    pub peak_kib: f64,
    /// The generator's CPU time as a share of the window.
    pub generator: f64,
    /// Faults in all runs.
    pub errors: u64,
    /// Lost requests in all runs.
    pub lost: u64,
}

impl Medians {
    /// Takes the median of each figure by itself.
    #[must_use]
    pub fn of(runs: &[Run]) -> Self {
        let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
        Self {
            rate: of(|run| run.load.rate()),
            cpu: of(|run| {
                let (user, system) = run.load.broker_cpu_per_million();
                user + system
            }),
            cpu_user: of(|run| run.load.broker_cpu_per_million().0),
            cpu_system: of(|run| run.load.broker_cpu_per_million().1),
            p50_us: of(|run| run.load.p50_us),
            p99_us: of(|run| run.load.p99_us),
            peak_kib: of(|run| run.peak_kib as f64),
            generator: of(|run| run.load.own_share()),
            errors: runs.iter().map(|run| run.load.errors).sum(),
            lost: runs.iter().map(|run| run.load.lost).sum(),
        }
    }
}

/// A row that was run with both brokers.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Its shape.
    pub row: Row,
    /// The broker under test.
    pub a: Medians,
    /// The baseline.
    pub b: Medians,
}

impl Measured {
    /// Prints the row: one line for each figure.
    pub fn print(&self, names: [&str; 2]) {
        let Self { a, b, .. } = self;
        let [name_a, name_b] = names;
        let ratio = format!("{name_a}/{name_b}");
        println!("\n{}", self.row.title());
        println!("  {:<32} {name_a:>12} {name_b:>12} {ratio:>12}", "");
        line("requests/s", a.rate, b.rate, 0);
        line("broker CPU s per million", a.cpu, b.cpu, 3);
        line("  user", a.cpu_user, b.cpu_user, 3);
        line("  system", a.cpu_system, b.cpu_system, 3);
        line("p50, us", a.p50_us, b.p50_us, 1);
        line("p99, us", a.p99_us, b.p99_us, 1);
        line("peak RSS, KiB", a.peak_kib, b.peak_kib, 0);
        line("generator CPU / wall", a.generator, b.generator, 2);
        println!("  {:<32} {:>12} {:>12}", "errors (all rounds)", a.errors, b.errors);
        println!("  {:<32} {:>12} {:>12}", "lost (all rounds)", a.lost, b.lost);
    }
}

/// Prints one figure of both and their ratio.
pub fn line(what: &str, a: f64, b: f64, decimals: usize) {
    let ratio = if b > 0.0 { format!("{:.3}", a / b) } else { "-".to_owned() };
    println!("  {what:<32} {a:>12.decimals$} {b:>12.decimals$} {ratio:>12}");
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
    f64::midpoint(lower, upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_and_even_counts() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
