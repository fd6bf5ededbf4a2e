//! One request at a time, and its answer.

use zmtp_mux_bench_roles::pings::Trips;
use zmtp_mux_benches::goals::{Bound, Goal};
use zmtp_mux_benches::stack::{RoleError, Stack};

use crate::cells::{Cell, Shown, Table};
use crate::{Bench, OURS};

impl Bench {
    /// Prints a table for each length of body.
    pub(crate) fn round_trip(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        for &len in &self.lens {
            let table = self.round_trip_table(len);
            table.print();
            goals.extend(self.round_trip_goals(&table, len));
        }
        goals
    }

    fn round_trip_table(&self, len: usize) -> Table {
        let mut lines: Vec<_> = self
            .all()
            .into_iter()
            .map(|stack| (stack, vec![Cell::default(), Cell::default()]))
            .collect();
        for _ in 0..self.rounds {
            for (stack, cells) in &mut lines {
                for (asker, cell) in [stack, &self.bare].into_iter().zip(cells) {
                    cell.run(|| self.round_trip_run(asker, stack, len));
                }
            }
        }
        Table {
            title: format!("one at a time, {len} octets there and back, p50 in us"),
            second: "p99",
            columns: vec!["own DEALER <-> ROUTER", "raw DEALER <-> ROUTER"],
            lines: lines.into_iter().map(|(stack, cells)| (stack.name, cells)).collect(),
            decimals: 1,
        }
    }

    fn round_trip_run(&self, asker: &Stack, echo: &Stack, len: usize) -> Result<Shown, RoleError> {
        let echoing = echo.start(&["echo"], &[])?;
        let url = echoing.url()?;
        let (window, len) = (self.window_words(), len.to_string());
        let mut words = vec!["ping", "--to", &url, "--len", &len];
        words.extend(window.iter().map(String::as_str));
        let asking = asker.start(&words, &[])?;
        let trips: Trips = asking.figures(self.time_max())?;
        Ok(Shown { figure: trips.p50_us, second: trips.p99_us, faults: 0 })
    }

    fn round_trip_goals(&self, table: &Table, len: usize) -> Vec<Goal> {
        let ours = table.sound(OURS, 0);
        let best = table.others(&[OURS, self.bare.name], 0).into_iter().min_by(f64::total_cmp);
        let goal = |what: &str, beside: Option<f64>, most| Goal {
            what: format!("one at a time, {len} octets: p50 / {what}"),
            figure: ours.zip(beside).map(|(ours, beside)| ours / beside),
            bound: Bound::AtMost(most),
        };
        vec![
            goal("best peer's", best, 1.0),
            goal("bare tokio's", table.sound(self.bare.name, 0), 1.2),
        ]
    }
}
