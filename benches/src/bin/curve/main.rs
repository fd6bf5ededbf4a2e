//! What CURVE costs, beside libzmq with libsodium: messages one way, handshakes, and a storm of
//! recorded ones.

#![allow(
    clippy::cast_precision_loss,
    clippy::arithmetic_side_effects,
    reason = "figures are printed with a few digits, and runs last seconds"
)]

mod handshakes;
mod peers;
mod storm;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use clap::{Parser, Subcommand, ValueEnum};
use zmtp_mux_benches::table::median;

use crate::handshakes::handshakes;
use crate::peers::{receive, receive_libzmq, send, send_libzmq};
use crate::storm::storm;

/// Measures CURVE beside libzmq. Without a command it measures all.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    /// Runs of each pair.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Role {
    /// Measures the handshakes alone.
    Handshakes,
    /// Listens, prints its endpoint, receives, and prints the seconds that it took.
    Receive {
        /// With whose code.
        #[arg(long)]
        with: Stack,
        /// Octets in a body.
        #[arg(long)]
        len: usize,
        /// Messages.
        #[arg(long)]
        count: u64,
    },
    /// Dials, and sends.
    Send {
        /// With whose code.
        #[arg(long)]
        with: Stack,
        /// Octets in a body.
        #[arg(long)]
        len: usize,
        /// Messages.
        #[arg(long)]
        count: u64,
        /// The port of the receiver.
        #[arg(long)]
        port: u16,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stack {
    Ours,
    Libzmq,
}

impl Stack {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Libzmq => "libzmq",
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    match cli.role {
        Some(Role::Handshakes) => report_handshakes()?,
        Some(Role::Receive { with: Stack::Ours, len, count }) => receive(len, count)?,
        Some(Role::Receive { with: Stack::Libzmq, len, count }) => receive_libzmq(len, count)?,
        Some(Role::Send { with: Stack::Ours, len, count, port }) => send(len, count, port)?,
        Some(Role::Send { with: Stack::Libzmq, len, count, port }) => {
            send_libzmq(len, count, port)?;
        }
        None => measure(cli.rounds)?,
    }
    Ok(())
}

/// Measures everything, and says which goals are reached.
fn measure(rounds: usize) -> Result<(), Box<dyn Error>> {
    println!("one way, one connection, CURVE, thousand messages/s (medians of {rounds})");
    for (len, count) in [(64, 600_000), (4096, 120_000)] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(one_way(Stack::Ours, len, count)?);
            theirs.push(one_way(Stack::Libzmq, len, count)?);
        }
        report(&format!("{len} octets"), median(ours), median(theirs), 1.0);
    }
    report_handshakes()?;
    let (connects, replays) = storm(rounds)?;
    report("requests/s under 1,000 HELLOs/s, beside 1,000 connects/s", replays, connects, 0.9);
    Ok(())
}

fn report_handshakes() -> Result<(), Box<dyn Error>> {
    let cost = handshakes()?;
    println!(
        "  handshakes per CPU second of the acceptor: {:.0} in the best batch (>= 5000 {}), {:.0} in \
         the median; of what the arithmetic alone allows beside: {:.2}",
        cost.best,
        said(cost.best >= 5000.0),
        cost.median,
        cost.of_arithmetic
    );
    Ok(())
}

fn report(what: &str, ours: f64, other: f64, least: f64) {
    let ratio = ours / other;
    println!("  {what}: {ours:.1} / {other:.1} = {ratio:.2} (>= {least} {})", said(ratio >= least));
}

fn said(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}

/// One run of sender and receiver as processes; returns thousand messages per second.
fn one_way(with: Stack, len: usize, count: u64) -> Result<f64, Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let arguments = |role: &str| {
        let (len, count) = (len.to_string(), count.to_string());
        [role, "--with", with.name(), "--len", &len, "--count", &count].map(str::to_owned)
    };
    let mut receiver =
        Ended(Command::new(&own).args(arguments("receive")).stdout(Stdio::piped()).spawn()?);
    let out = receiver.0.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(out).lines();
    let port = lines.next().ok_or("no port")??;
    let mut sender =
        Ended(Command::new(&own).args(arguments("send")).args(["--port", &port]).spawn()?);
    let seconds: f64 = lines.next().ok_or("no figure")??.parse()?;
    sender.0.wait()?;
    receiver.0.wait()?;
    Ok(count as f64 / seconds / 1e3)
}

/// A child that does not outlive the run.
pub(crate) struct Ended(pub(crate) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has ended, or is ended now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
