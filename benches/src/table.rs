//! Medians, and the table that sets two brokers side by side.

use crate::rivals::Beside;
use crate::rows::{Row, Run};

/// The medians of one broker's runs of one row; faults are added up instead.
#[derive(Clone, Copy, Debug, Default)]
pub struct Medians {
    /// Requests per second.
    pub rate: f64,
    /// The least and the most of them in a run.
    pub rate_span: Span,
    /// CPU seconds per million requests.
    pub cpu: f64,
    /// The least and the most of them in a run.
    pub cpu_span: Span,
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

/// The ends of what several runs have shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Span {
    /// The ends of some figures.
    #[must_use]
    pub fn of(figures: &[f64]) -> Self {
        let min = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let max = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { min, max }
    }
}

impl Medians {
    /// Takes the median of each figure by itself.
    #[must_use]
    pub fn of(runs: &[Run]) -> Self {
        let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
        let span = |figure: fn(&Run) -> f64| Span::of(&runs.iter().map(figure).collect::<Vec<_>>());
        let rate = |run: &Run| run.load.rate();
        let cpu = |run: &Run| {
            let (user, system) = run.load.broker_cpu_per_million();
            user + system
        };
        Self {
            rate: of(rate),
            rate_span: span(rate),
            cpu: of(cpu),
            cpu_span: span(cpu),
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

/// A row that was run with both brokers and the floor.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Its shape.
    pub row: Row,
    /// The broker under test.
    pub a: Medians,
    /// The baseline.
    pub b: Medians,
    /// The bare relay: what this machine takes for the row at least.
    pub floor: Medians,
    /// Other implementations, if they were asked for.
    pub rivals: Vec<Beside>,
}

impl Measured {
    /// Prints the row: one line for each figure.
    pub fn print(&self, names: [&str; 2]) {
        let Self { row, a, b, floor, .. } = self;
        let [name_a, name_b] = names;
        let heads = [format!("{name_a}/{name_b}"), "relay".to_owned(), format!("{name_a}/relay")];
        let [beside, relay, above] = heads;
        println!("\n{}", row.title());
        println!("  {:<26} {name_a:>10} {name_b:>10} {beside:>10} {relay:>10} {above:>10}", "");
        let line = |what: &str, figure: fn(&Medians) -> f64, decimals: usize| {
            let [a, b, floor] = [figure(a), figure(b), figure(floor)];
            let (beside, above) = (ratio(a, b), ratio(a, floor));
            println!(
                "  {what:<26} {a:>10.decimals$} {b:>10.decimals$} {beside:>10} \
                 {floor:>10.decimals$} {above:>10}"
            );
        };
        line("requests/s", |run| run.rate, 0);
        line("broker CPU s per million", |run| run.cpu, 3);
        line("  user", |run| run.cpu_user, 3);
        line("  system", |run| run.cpu_system, 3);
        line("p50, us", |run| run.p50_us, 1);
        line("p99, us", |run| run.p99_us, 1);
        line("peak RSS, KiB", |run| run.peak_kib, 0);
        line("generator CPU / wall", |run| run.generator, 2);
        line("errors (all rounds)", |run| run.errors as f64, 0);
        line("lost (all rounds)", |run| run.lost as f64, 0);
    }
}

fn ratio(a: f64, b: f64) -> String {
    if b > 0.0 { format!("{:.3}", a / b) } else { "-".to_owned() }
}

/// Prints one figure of both and their ratio.
pub fn line(what: &str, a: f64, b: f64, decimals: usize) {
    let ratio = ratio(a, b);
    println!("  {what:<32} {a:>12.decimals$} {b:>12.decimals$} {ratio:>12}");
}

/// The middle value, or the mean of the two in the middle.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
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
