//! The driver behind `cargo xtask bench app`: an application at its socket, each implementation in
//! the same rounds. What is measured runs in programs of its own, the `app-*` and the `rival-*`.

#![allow(clippy::cast_precision_loss, reason = "figures are printed with a few digits")]

mod cells;
mod one_way;
mod round_trip;
mod through;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use zmtp_mux_bench_roles::role::Window;
use zmtp_mux_benches::broker::Log;
use zmtp_mux_benches::goals::{Goal, Verdict};
use zmtp_mux_benches::rivals;
use zmtp_mux_benches::stack::Stack;

/// Measures applications at one socket: messages one way, round trips, and a service behind the
/// broker.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Cli {
    /// Runs of each. [default: 5, or 2 with --short]
    #[arg(long)]
    rounds: Option<u32>,
    /// Seconds of each window. [default: 1, or 0.5 with --short]
    #[arg(long)]
    seconds: Option<f64>,
    /// A quick look.
    #[arg(long)]
    short: bool,
    /// Bodies of 1 and 8 KiB, 64 KiB and 1 MiB as well.
    #[arg(long)]
    long: bool,
    /// Only these parts.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Leave out the instruction counts.
    #[arg(long)]
    no_instructions: bool,
    /// Show what the programs log.
    #[arg(long)]
    verbose: bool,
    /// End with status 1 if a goal is missed.
    #[arg(long)]
    check: bool,
}

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// DEALER to ROUTER.
    OneWay,
    /// One request at a time.
    RoundTrip,
    /// A service and its clients behind muxd.
    Through,
}

/// What all measurements need.
struct Bench {
    /// No ZeroMQ: the floor, and the other end that is the same for all.
    bare: Stack,
    /// The implementations, ours last.
    stacks: Vec<Stack>,
    rounds: u32,
    window: Window,
    lens: Vec<usize>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match measure(&cli) {
        Ok(goals) => {
            let missed = goals.iter().any(|goal| goal.verdict() == Verdict::Missed);
            if cli.check && missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("app: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(cli: &Cli) -> Result<Vec<Goal>, Box<dyn Error>> {
    let bench = Bench::new(cli)?;
    println!(
        "two processes on loopback; medians (min - max) of {} interleaved runs of {} s",
        bench.rounds, bench.window.seconds
    );
    let wanted = |part| cli.parts.is_empty() || cli.parts.contains(&part);
    let mut goals = Vec::new();
    if wanted(Part::OneWay) {
        goals.extend(bench.one_way());
        if !cli.no_instructions {
            goals.extend(bench.one_way_instructions());
        }
    }
    if wanted(Part::RoundTrip) {
        goals.extend(bench.round_trip());
    }
    if wanted(Part::Through) {
        goals.extend(bench.through()?);
    }
    println!("\ngoals of {OURS}");
    goals.iter().for_each(Goal::print);
    Ok(goals)
}

impl Bench {
    fn new(cli: &Cli) -> Result<Self, Box<dyn Error>> {
        let own = std::env::current_exe()?;
        let log = if cli.verbose { Log::Shown } else { Log::Dropped };
        let stack = |name, program: &str| Stack { name, program: own.with_file_name(program), log };
        let mut stacks = vec![stack(LIBZMQ, "app-libzmq")];
        for (program, name) in rivals::PROGRAMS {
            let rival = stack(name, program);
            if rival.program.exists() {
                stacks.push(rival);
            } else {
                println!("{name} is left out: {} is not built", rival.program.display());
            }
        }
        stacks.push(stack(OURS, "app-ours"));
        let (rounds, seconds) = if cli.short { (2, 0.5) } else { (5, 1.0) };
        let lens: &[usize] =
            if cli.long { &[64, 1 << 10, 8 << 10, 64 << 10, 1 << 20] } else { &[64] };
        Ok(Self {
            bare: stack("bare tokio", "app-bare"),
            stacks,
            rounds: cli.rounds.unwrap_or(rounds).max(1),
            window: Window { warm_up: 0.3, seconds: cli.seconds.unwrap_or(seconds) },
            lens: lens.to_vec(),
        })
    }

    /// The window as arguments of a role.
    fn window_words(&self) -> [String; 4] {
        let Window { warm_up, seconds } = self.window;
        ["--warm-up".to_owned(), warm_up.to_string(), "--seconds".to_owned(), seconds.to_string()]
    }

    /// The floor and the implementations.
    fn all(&self) -> Vec<&Stack> {
        std::iter::once(&self.bare).chain(&self.stacks).collect()
    }
}

/// What the tables call the code under test.
const OURS: &str = "zmtp-mux";

/// What they call the one that others are ported from.
const LIBZMQ: &str = "libzmq";
