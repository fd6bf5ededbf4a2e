//! The driver behind `cargo xtask bench route`: two brokers and the bare relay
//! under the same load in turn, their medians and ratios, and the goals.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("route reads CPU time and memory from /proc and runs on Linux only");
    ExitCode::from(2)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::path::Path;
    use std::process::ExitCode;

    use clap::Parser;
    use zmtp_mux_benches::broker::{BrokerCommand, Log};
    use zmtp_mux_benches::goals::{self, Goal, Verdict};
    use zmtp_mux_benches::idle_memory;
    use zmtp_mux_benches::instructions::{self, Pairs, PerRequest, Source};
    use zmtp_mux_benches::process;
    use zmtp_mux_benches::rivals::{self, Runs};
    use zmtp_mux_benches::rows::{self, ONE_AT_A_TIME, ROWS, Row, RunOptions};
    use zmtp_mux_benches::table::{Measured, Medians, line};

    /// Sets a broker beside libzmq's two-ROUTER swap under the same load.
    #[derive(Debug, Parser)]
    #[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
    struct Cli {
        /// The broker under test: program and arguments. [default: muxd beside route]
        #[arg(long, value_name = "CMD")]
        a: Option<String>,
        /// The baseline: program and arguments. [default: swap beside route]
        #[arg(long, value_name = "CMD")]
        b: Option<String>,
        /// Threads of each broker; libzmq has the application's besides.
        #[arg(long, default_value_t = 1)]
        threads: u32,
        /// Runs of each broker in each row. [default: 5, or 2 with --short]
        #[arg(long)]
        rounds: Option<u32>,
        /// Seconds of each window. [default: 3, or 1 with --short]
        #[arg(long)]
        seconds: Option<f64>,
        /// A quick look: short windows, few rounds, instructions of one row.
        #[arg(long)]
        short: bool,
        /// Peers of the memory measurement; 0 leaves it out.
        #[arg(long, value_name = "N", default_value_t = 2_000)]
        idle: u32,
        /// Leave out the instruction counts.
        #[arg(long)]
        no_instructions: bool,
        /// Set the other implementations beside them, as far as they are built.
        #[arg(long)]
        rivals: bool,
        /// Show what the brokers log.
        #[arg(long)]
        verbose: bool,
        /// End with status 1 if a goal is missed.
        #[arg(long)]
        check: bool,
    }

    /// How closely the instructions are looked at.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Look {
        Short,
        Whole,
    }

    /// What all measurements need.
    struct Bench {
        a: BrokerCommand,
        b: BrokerCommand,
        floor: BrokerCommand,
        rivals: Vec<BrokerCommand>,
        options: RunOptions,
        rounds: u32,
    }

    pub(super) fn main() -> ExitCode {
        let cli = Cli::parse();
        match measure(&cli) {
            Ok(goals) => {
                let missed = goals.iter().any(|goal| goal.verdict() == Verdict::Missed);
                if cli.check && missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
            }
            Err(error) => {
                eprintln!("route: {error}");
                ExitCode::from(2)
            }
        }
    }

    fn measure(cli: &Cli) -> Result<Vec<Goal>, Box<dyn Error>> {
        process::raise_descriptor_limit()?;
        let bench = Bench::new(cli)?;
        println!(
            "A = {} | B = {} | {} thread(s) | medians of {} interleaved runs of {} s",
            bench.a.words.join(" "),
            bench.b.words.join(" "),
            cli.threads,
            bench.rounds,
            bench.options.window_s
        );
        let mut measured = Vec::new();
        for row in ROWS.into_iter().chain([ONE_AT_A_TIME]) {
            let row = bench.measure_row(row)?;
            row.print(bench.names());
            row.print_beside(bench.names());
            measured.push(row);
        }
        let mut goals: Vec<Goal> = Vec::new();
        for row in measured.iter().filter(|row| row.row != ONE_AT_A_TIME) {
            goals.extend(goals::of_row(row));
        }
        goals.extend(measured.iter().flat_map(rivals::goals));
        if !cli.no_instructions {
            let look = if cli.short { Look::Short } else { Look::Whole };
            goals.extend(bench.count_instructions(look)?);
        }
        if cli.idle > 0 {
            goals.push(bench.measure_idle(cli.idle)?);
        }
        goals.extend(goals::of_faults(&measured));
        println!("\ngoals of {}", bench.a.name);
        goals.iter().for_each(Goal::print);
        Ok(goals)
    }

    impl Bench {
        fn new(cli: &Cli) -> Result<Self, Box<dyn Error>> {
            let own = std::env::current_exe()?;
            let beside = |name: &str| own.with_file_name(name);
            let log = if cli.verbose { Log::Shown } else { Log::Dropped };
            let command = |given: Option<&String>, default: &str| {
                broker(given, &beside(default), cli.threads, log)
            };
            let (rounds, window_s) = if cli.short { (2, 1.0) } else { (5, 3.0) };
            let rivals =
                if cli.rivals { rivals::brokers(&own, cli.threads, log) } else { Vec::new() };
            Ok(Self {
                a: command(cli.a.as_ref(), "muxd"),
                b: command(cli.b.as_ref(), "swap"),
                floor: broker(None, &beside("relay"), 1, Log::Dropped),
                rivals,
                options: RunOptions {
                    loadgen: beside("loadgen"),
                    warm_up_s: 0.5,
                    window_s: cli.seconds.unwrap_or(window_s),
                },
                rounds: cli.rounds.unwrap_or(rounds).max(1),
            })
        }

        fn names(&self) -> [&str; 2] {
            [&self.a.name, &self.b.name]
        }

        fn measure_row(&self, row: Row) -> Result<Measured, Box<dyn Error>> {
            let (mut a, mut b, mut floor) = (Vec::new(), Vec::new(), Vec::new());
            let mut rivals: Vec<_> = self.rivals.iter().map(Runs::new).collect();
            for _ in 0..self.rounds {
                a.push(rows::run(&self.a, row, &self.options)?);
                b.push(rows::run(&self.b, row, &self.options)?);
                floor.push(rows::run(&self.floor, row, &self.options)?);
                for runs in &mut rivals {
                    runs.run(row, &self.options);
                }
            }
            let [a, b, floor] = [a, b, floor].map(|runs| Medians::of(&runs));
            let rivals = rivals.into_iter().map(Runs::outcome).collect();
            Ok(Measured { row, a, b, floor, rivals })
        }

        /// Counts in the rows of small bodies; of these a short look takes 4 x 16 alone.
        fn count_instructions(&self, look: Look) -> Result<Vec<Goal>, Box<dyn Error>> {
            println!("\nuser instructions per routed request (request and reply)");
            let small = ROWS.into_iter().filter(|row| row.body_len == 64);
            let chosen = small.filter(|row| look == Look::Whole || row.services == 16);
            let one = Pairs { few: 10_000, count: 1 };
            let pairs = match look {
                Look::Short => one,
                Look::Whole => Pairs { few: 40_000, count: 3 },
            };
            let mut goals = Vec::new();
            let mut callgrind = false;
            for row in chosen {
                let shape = format!("{} x {}, 64 octets", row.clients, row.services);
                let a = instructions::per_request(&self.a, row, &self.options, pairs)?;
                let b = instructions::per_request(&self.b, row, &self.options, one)?;
                match (a, b) {
                    (Some(a), Some(b)) => line(&shape, a.count, b.count, 0),
                    _ => println!("  {shape:<32} not countable here"),
                }
                callgrind |= a.is_some_and(by_callgrind);
                goals.push(goals::of_instructions(&shape, a));
            }
            if callgrind {
                println!(
                    "  (counted by callgrind, difference of two request counts: the broker runs"
                );
                println!(
                    "  some fifty times slower there and so finds larger batches than in real life)"
                );
            }
            Ok(goals)
        }

        fn measure_idle(&self, peers: u32) -> Result<Goal, Box<dyn Error>> {
            let a = idle_memory::kib_each(&self.a, peers, &self.options)?;
            let b = idle_memory::kib_each(&self.b, peers, &self.options)?;
            println!("\nidle named peers: {peers}");
            line("RssAnon of each, KiB", a, b, 2);
            Ok(goals::of_idle(peers, a))
        }
    }

    fn by_callgrind(counted: PerRequest) -> bool {
        counted.source == Source::Callgrind
    }

    /// The broker of a command line, or the program at `default`.
    fn broker(given: Option<&String>, default: &Path, threads: u32, log: Log) -> BrokerCommand {
        let words: Vec<String> = match given {
            Some(line) => line.split_whitespace().map(str::to_owned).collect(),
            None => vec![default.to_string_lossy().into_owned()],
        };
        let program = words.first().map(Path::new).and_then(Path::file_name);
        let name = program.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        BrokerCommand { name, words, threads, log }
    }
}
