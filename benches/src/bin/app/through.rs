//! A service that answers clients through the broker.

use std::error::Error;
use std::path::PathBuf;

use zmtp_mux_bench_roles::pings::Trips;
use zmtp_mux_benches::broker::{BrokerCommand, Log};
use zmtp_mux_benches::goals::{Bound, Goal};
use zmtp_mux_benches::stack::{RoleError, Stack};

use crate::cells::{Shown, Table};
use crate::{Bench, LIBZMQ, OURS};

impl Bench {
    /// Prints the table: ours and libzmq's handles, both through muxd.
    pub(crate) fn through(&self) -> Result<Vec<Goal>, Box<dyn Error>> {
        let muxd = muxd()?;
        let measured = self.stacks.iter().filter(|stack| [OURS, LIBZMQ].contains(&stack.name));
        let mut table = Table {
            title: format!(
                "one service behind muxd, 64 octets, {OUTSTANDING} open per client, thousand \
                 requests/s"
            ),
            second: "p50, us",
            columns: CLIENTS.map(|(_, name)| name).to_vec(),
            lines: Vec::new(),
            decimals: 0,
        };
        table.fill(self.rounds, &measured.collect::<Vec<_>>(), |stack, column| {
            let clients = CLIENTS.get(column).map_or(1, |(clients, _)| *clients);
            self.through_run(&muxd, stack, clients)
        });
        table.print();
        let goals = table.columns.iter().enumerate().map(|(column, clients)| Goal {
            what: format!("one service behind muxd, {clients}: rate / {LIBZMQ}'s"),
            figure: table.quotient(OURS, LIBZMQ, column),
            bound: Bound::AtLeast(1.5),
        });
        Ok(goals.collect())
    }

    fn through_run(
        &self,
        muxd: &BrokerCommand,
        stack: &Stack,
        clients: u32,
    ) -> Result<Shown, RoleError> {
        let broker = muxd.start(&[]).map_err(|_| RoleError::Ended("muxd"))?;
        let serving = stack.start(&["serve", "--to", &broker.services, "--name", NAME], &[])?;
        serving.connected()?;
        let window = self.window_words();
        let (clients, outstanding) = (clients.to_string(), OUTSTANDING.to_string());
        let mut words = vec!["ask", "--to", &broker.clients, "--name", NAME, "--len", "64"];
        words.extend(["--clients", &clients, "--outstanding", &outstanding]);
        words.extend(window.iter().map(String::as_str));
        let asking = stack.start(&words, &[])?;
        let trips: Trips = asking.figures(self.time_max())?;
        let rate = trips.trips as f64 / trips.seconds / 1e3;
        Ok(Shown { figure: rate, second: trips.p50_us, faults: 0 })
    }
}

fn muxd() -> Result<BrokerCommand, Box<dyn Error>> {
    let program: PathBuf = std::env::current_exe()?.with_file_name("muxd");
    Ok(BrokerCommand {
        name: "muxd".to_owned(),
        words: vec![program.to_string_lossy().into_owned()],
        threads: 1,
        log: Log::Dropped,
    })
}

/// How many clients, each in a column.
const CLIENTS: [(u32, &str); 3] = [(1, "1 client"), (4, "4 clients"), (16, "16 clients")];

/// Requests each client keeps open.
const OUTSTANDING: u32 = 64;

/// The service.
const NAME: &str = "service";
