//! Other brokers under the same faults, beside ours: `promises --rivals [ROW...]`.
//!
//! What each does is counted by stock clients, or by such as take notices where a broker has any.
//! Nothing waits for ever: what is not answered in time is lost, and a broker that keeps a peer from
//! shaking hands has no figure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::{Muxd, Raw, notice};

use crate::{polite, returns, rogue, slow, yard};

/// How a client comes in.
pub(crate) type Join = fn(&str) -> Raw;

/// A fault, and what shows what a broker does about it.
struct Row {
    name: &'static str,
    fault: &'static str,
    run: fn(&Muxd, Join) -> String,
}

const ROWS: [Row; 5] = [
    Row {
        name: "returns",
        fault: "a service is killed with 600 requests under way, 3 times",
        run: returns::beside,
    },
    Row { name: "slow", fault: "1 of 100 services stops reading for 8 s", run: slow::beside },
    Row { name: "rogue", fault: "1 rogue at 10 x its share, 4 s", run: rogue::beside::<1> },
    Row { name: "rogue", fault: "20 rogues at 10 x their share, 4 s", run: rogue::beside::<20> },
    Row {
        name: "spray",
        fault: "a rogue sprays 200 services, 20 of them stuck, 3 s",
        run: rogue::spray_beside,
    },
];

/// A broker: what the table calls it, and how to start it.
struct Broker {
    name: &'static str,
    start: Start,
    join: Join,
}

enum Start {
    /// Ours, with this configuration.
    Ours(&'static str),
    /// A program that lies beside ours, with these arguments.
    Other(&'static str, &'static [&'static str]),
}

const BROKERS: [Broker; 8] = [
    Broker { name: "muxd", start: Start::Ours(""), join: notice::opted_in },
    Broker { name: "muxd, window of 1", start: Start::Ours(yard::WINDOW), join: notice::opted_in },
    Broker { name: "muxd, stock clients", start: Start::Ours(""), join: polite::stock },
    other("libzmq, HWM 1000", "swap", &["--hwm", "1000"]),
    other("libzmq, no HWM", "swap", &[]),
    other("omq-tokio", "rival-omq", &["swap"]),
    other("rzmq", "rival-rzmq", &["swap"]),
    other("zeromq", "rival-zeromq", &["swap"]),
];

const fn other(name: &'static str, program: &'static str, args: &'static [&'static str]) -> Broker {
    Broker { name, start: Start::Other(program, args), join: polite::stock }
}

/// Returns the names of the rows.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// Runs the rows that are `wanted`, each with every broker that is built; all if none is named.
pub(crate) fn run(wanted: &[&str], muxd: &Path) {
    for Row { name, fault, run } in &ROWS {
        if !wanted.is_empty() && !wanted.contains(name) {
            continue;
        }
        println!("{name}: {fault}");
        for broker in &BROKERS {
            let figure = broker.figure(muxd, *run);
            println!("  {:<20} {figure}", broker.name);
        }
    }
}

impl Broker {
    fn figure(&self, muxd: &Path, run: fn(&Muxd, Join) -> String) -> String {
        let broker = match self.start {
            Start::Ours(config) => yard::start_with(config),
            Start::Other(program, args) => {
                let path: PathBuf = muxd.with_file_name(program);
                if !path.exists() {
                    return format!("left out: {} is not built", path.display());
                }
                let listen = ["--clients", ANY_PORT, "--services", ANY_PORT, "--threads", "2"];
                Muxd::start_other(Command::new(path), &[args, &listen].concat())
            }
        };
        // A panic has said on standard error what it waited for.
        let figure = catch_unwind(AssertUnwindSafe(|| run(&broker, self.join)))
            .unwrap_or_else(|_| "no figure: a peer waited in vain".to_owned());
        if matches!(self.start, Start::Ours(_)) {
            yard::end(broker);
        }
        figure
    }
}
