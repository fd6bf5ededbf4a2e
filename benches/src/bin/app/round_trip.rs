//! One request at a time, and its answer.

use zmtp_mux_bench_roles::pings::Trips;
use zmtp_mux_benches::goals::{Bound, Goal};
use zmtp_mux_benches::stack::{RoleError, Stack};

use crate::cells::{Shown, Table};
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
        let mut table = Table {
            title: format!("one at a time, {len} octets there and back, p50 in us"),
            second: "p99",
            columns: vec!["own DEALER <-> ROUTER", "raw DEALER <-> ROUTER"],
            lines: Vec::new(),
            decimals: 1,
        };
        table.fill(self.rounds, &self.all(), |stack, column| {
            let asker = if column == 0 { stack } else { &self.bare };
            self.round_trip_run(asker, stack, len)
        });
        table
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
        let peers = table.quotients(OURS, self.bare.name, 0);
        let goal = |what: &str, figure, most| Goal {
            what: format!("one at a time, {len} octets: p50 / {what}"),
            figure,
            bound: Bound::AtMost(most),
        };
        vec![
            goal("best peer's", peers.into_iter().max_by(f64::total_cmp), 1.0),
            goal("bare tokio's", table.quotient(OURS, self.bare.name, 0), 1.2),
        ]
    }
}
