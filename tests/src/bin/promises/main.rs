//! What MUX/1 promises, each promise under its fault and with a figure: `promises [--long] [ROW...]`.
//!
//! Prints a line for each, and ends with status 1 if one is missed. The broker is the program in
//! `MUXD_BIN`, which should be built with optimisations: `cargo xtask promises` does all that.
//! `promises --rivals [ROW...]` puts other brokers beside it.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    reason = "a panic is how a promise is missed, and figures are rounded"
)]

mod beside;
mod drain;
mod figures;
mod flaps;
mod forged;
mod frozen;
mod ghosts;
mod line;
mod memory;
mod order;
mod paired;
mod polite;
mod returns;
mod rogue;
mod slow;
mod storm;
mod yard;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use crate::line::{Line, Verdict};

/// How much of each fault there is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scale {
    /// All rows within a minute and a half.
    Short,
    /// As much as the promise says.
    Long,
}

impl Scale {
    pub(crate) fn pick(self, short: usize, long: usize) -> usize {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// A row: its name, and what shows its promises.
type Row = (&'static str, fn(Scale) -> Vec<Line>);

const ROWS: [Row; 12] = [
    ("returns", returns::row),
    ("slow", slow::row),
    ("frozen", frozen::row),
    ("memory", memory::row),
    ("rogue", rogue::one_and_twenty),
    ("spray", rogue::spray),
    ("storm", storm::row),
    ("forged", forged::row),
    ("ghosts", ghosts::row),
    ("order", order::row),
    ("flaps", flaps::row),
    ("drain", drain::row),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, url, name] = &args[..]
        && command == returns::SERVICE
    {
        returns::serve(url, name);
    }
    let Some(muxd) = std::env::var_os("MUXD_BIN") else {
        eprintln!("promises: MUXD_BIN names no broker; run `cargo xtask promises`");
        return ExitCode::from(2);
    };
    let has = |option: &str| args.iter().any(|arg| arg == option);
    let wanted: Vec<&str> =
        args.iter().map(String::as_str).filter(|arg| !OPTIONS.contains(arg)).collect();
    let rows: Vec<_> = if has("--rivals") {
        beside::names().collect()
    } else {
        ROWS.iter().map(|(row, _)| *row).collect()
    };
    if let Some(unknown) = wanted.iter().find(|word| !rows.contains(word)) {
        eprintln!("promises: no row {unknown:?}; there are {}", rows.join(", "));
        return ExitCode::from(2);
    }
    if has("--rivals") {
        beside::run(&wanted, muxd.as_ref());
        return ExitCode::SUCCESS;
    }
    run(if has("--long") { Scale::Long } else { Scale::Short }, &wanted)
}

const OPTIONS: [&str; 2] = ["--long", "--rivals"];

fn run(scale: Scale, wanted: &[&str]) -> ExitCode {
    let mut missed = 0;
    let began = Instant::now();
    for (name, row) in ROWS.iter().filter(|(row, _)| wanted.is_empty() || wanted.contains(row)) {
        // The panic has said where; its row shows that there is no figure.
        let lines = catch_unwind(|| row(scale)).unwrap_or_else(|_| vec![Line::broken(name)]);
        for line in lines {
            missed += usize::from(line.verdict == Verdict::Missed);
            println!("{line}");
        }
    }
    let line = yard::conservation();
    missed += usize::from(line.verdict == Verdict::Missed);
    println!("{line}");
    println!("{missed} missed, {:.0} s", began.elapsed().as_secs_f64());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
