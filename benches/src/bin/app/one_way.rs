//! Messages one way, as fast as the receiver takes them.

use std::time::Duration;

use zmtp_mux_bench_roles::meter::Received;
use zmtp_mux_benches::goals::{Bound, Goal};
use zmtp_mux_benches::instructions;
use zmtp_mux_benches::stack::{RoleError, Stack};

use crate::cells::{Shown, Table};
use crate::{Bench, OURS};

/// Who is at the two ends.
#[derive(Clone, Copy, Debug, Default)]
enum Ends {
    /// The bare sender: what the receiver takes.
    #[default]
    Receiver,
    /// DEALER and ROUTER of the same implementation, as users have them.
    Both,
    /// The bare receiver: what the sender brings.
    Sender,
}

impl Bench {
    /// Prints a table for each length of body.
    pub(crate) fn one_way(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        for &len in &self.lens {
            let table = self.one_way_table(len);
            table.print();
            goals.extend(self.one_way_goals(&table, len));
        }
        goals
    }

    fn one_way_table(&self, len: usize) -> Table {
        let mut table = Table {
            title: format!("one way, {len} octets, thousand messages/s"),
            second: "CPU s/M",
            columns: ENDS.map(|(_, name)| name).to_vec(),
            lines: Vec::new(),
            decimals: usize::from(len > 16 * 1024),
        };
        table.fill(self.rounds, &self.all(), |stack, column| {
            let (ends, _) = ENDS.get(column).copied().unwrap_or_default();
            self.one_way_run(stack, ends, len)
        });
        table
    }

    fn one_way_run(&self, stack: &Stack, ends: Ends, len: usize) -> Result<Shown, RoleError> {
        let [sender, receiver] = self.at(stack, ends);
        let window = self.window_words();
        let len = len.to_string();
        let mut words = vec!["receive", "--len", &len];
        words.extend(window.iter().map(String::as_str));
        let receiving = receiver.start(&words, &[])?;
        let url = receiving.url()?;
        let _sending = sender.start(&["send", "--to", &url, "--len", &len], &[])?;
        let shown: Received = receiving.figures(self.time_max())?;
        Ok(Shown {
            figure: shown.messages as f64 / shown.seconds / 1e3,
            second: shown.cpu_s * 1e6 / shown.messages as f64,
            faults: shown.faults,
        })
    }

    fn at<'a>(&'a self, stack: &'a Stack, ends: Ends) -> [&'a Stack; 2] {
        match ends {
            Ends::Receiver => [&self.bare, stack],
            Ends::Both => [stack, stack],
            Ends::Sender => [stack, &self.bare],
        }
    }

    fn one_way_goals(&self, table: &Table, len: usize) -> Vec<Goal> {
        let mut goals = Vec::new();
        // The end that has no receiver of ours says nothing of it.
        for (column, name) in table.columns.iter().enumerate().take(2) {
            let peers = table.quotients(OURS, self.bare.name, column);
            goals.push(Goal {
                what: format!("{name}, {len} octets: rate / best peer's"),
                figure: peers.into_iter().min_by(f64::total_cmp),
                bound: Bound::AtLeast(if len == 64 { 2.0 } else { 1.0 }),
            });
        }
        if len >= 64 * 1024 {
            goals.push(Goal {
                what: format!("own DEALER -> ROUTER, {len} octets: rate / bare tokio's"),
                figure: table.quotient(OURS, self.bare.name, 1),
                bound: Bound::AtLeast(0.7),
            });
        }
        goals
    }

    /// Prints what a message of 64 octets costs its receiver in instructions.
    pub(crate) fn one_way_instructions(&self) -> Option<Goal> {
        if !instructions::has_valgrind() {
            println!("\nuser instructions per message: not countable here");
            return None;
        }
        println!(
            "\nuser instructions of the receiver per message (callgrind), raw sender -> ROUTER, 64 octets"
        );
        let mut ours = None;
        for stack in &self.stacks {
            let counted = instructions::difference(20_000, |wrapper, count| {
                self.receive_counted(stack, wrapper, count)
            });
            match counted {
                Ok(count) => println!("  {:<12} {count:>8.0}", stack.name),
                Err(ref error) => println!("  {:<12} {error}", stack.name),
            }
            if stack.name == OURS {
                ours = counted.ok();
            }
        }
        Some(Goal {
            what: "raw sender -> ROUTER, 64 octets: user instructions".to_owned(),
            figure: ours,
            bound: Bound::AtMost(1_000.0),
        })
    }

    fn receive_counted(
        &self,
        stack: &Stack,
        wrapper: &[String],
        count: u64,
    ) -> Result<(), RoleError> {
        let count = count.to_string();
        let receiving = stack.start(&["receive", "--len", "64", "--count", &count], wrapper)?;
        let url = receiving.url()?;
        let _sending = self.bare.start(&["send", "--to", &url, "--len", "64"], &[])?;
        let _: Received = receiving.figures(COUNTED_TIME)?;
        receiving.join()
    }

    /// How long a run may take before it counts as stopped.
    pub(crate) fn time_max(&self) -> Duration {
        let (warm_up, window) = self.window.durations();
        warm_up.saturating_add(window).saturating_add(Duration::from_secs(10))
    }
}

/// Each in a column.
const ENDS: [(Ends, &str); 3] = [
    (Ends::Receiver, "raw sender -> ROUTER"),
    (Ends::Both, "own DEALER -> ROUTER"),
    (Ends::Sender, "DEALER -> raw receiver"),
];

/// How long a run under callgrind may take.
const COUNTED_TIME: Duration = Duration::from_mins(2);
