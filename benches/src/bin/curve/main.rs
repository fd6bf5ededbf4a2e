//! What CURVE costs, beside libzmq with libsodium: messages one way, handshakes, and a storm of
//! recorded ones.

#![allow(
    clippy::cast_precision_loss,
    clippy::arithmetic_side_effects,
    reason = "figures are printed with a few digits, and runs last seconds"
)]

mod peers;
mod storm;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use dryoc::classic::crypto_core::{crypto_scalarmult, crypto_scalarmult_base};
use rustix::time::{ClockId, clock_gettime};
use zmtp_mux_benches::table::median;

use crate::peers::{client, receive, receive_libzmq, send, send_libzmq, server, take_handshake};
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
    let (each, bare) = (handshake_cpu(400)?, arithmetic_cpu(400)?);
    let rate = 1.0 / each.as_secs_f64();
    println!(
        "  handshakes per CPU second of the acceptor: {rate:.0} (>= 5000 {}); the arithmetic alone \
         allows {:.0}",
        said(rate >= 5000.0),
        1.0 / bare.as_secs_f64()
    );
    let (connects, replays) = storm(rounds)?;
    report("requests/s under 1,000 HELLOs/s, beside 1,000 connects/s", replays, connects, 0.9);
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

/// Returns the CPU time that a handshake costs the acceptor, without the system's part.
fn handshake_cpu(count: u32) -> Result<Duration, Box<dyn Error>> {
    let mut spent = Duration::ZERO;
    for number in 0..count {
        let number = u8::try_from(number % 256)?;
        let (mut client, mut server) = (client(number), server(number));
        let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
        while !(client.is_established() && server.is_established()) {
            while let Some(octets) = client.poll_transmit() {
                to_server.extend_from_slice(&octets);
            }
            let before = thread_cpu();
            take_handshake(&mut server, &mut to_server)?;
            while let Some(octets) = server.poll_transmit() {
                to_client.extend_from_slice(&octets);
            }
            spent += thread_cpu().saturating_sub(before);
            take_handshake(&mut client, &mut to_client)?;
        }
    }
    Ok(spent / count)
}

/// Returns the CPU time of what no acceptor can leave out: three shared secrets and a new key.
fn arithmetic_cpu(count: u32) -> Result<Duration, Box<dyn Error>> {
    let (mut secret, mut public) = ([7; 32], [0; 32]);
    crypto_scalarmult_base(&mut public, &secret);
    let before = thread_cpu();
    for _ in 0..count {
        for _ in 0..3 {
            let theirs = public;
            crypto_scalarmult(&mut public, &secret, &theirs)?;
        }
        secret = public;
        crypto_scalarmult_base(&mut public, &secret);
    }
    Ok(thread_cpu().saturating_sub(before) / count)
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
