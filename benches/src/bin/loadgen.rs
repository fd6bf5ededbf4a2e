//! A raw ZMTP load generator: clients that ask, services that echo.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use zmtp_mux_benches::load::{self, Counting, LoadOptions, Window};
use zmtp_mux_benches::{idle, process};

/// Loads a broker over ZMTP 3.1 (NULL, TCP) and prints one line of figures.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Requests and replies, every reply checked.
    Load(LoadArgs),
    /// Named peers that connect and keep still until standard input ends.
    Idle {
        /// Where services connect, `host:port` or `tcp://host:port`.
        #[arg(long, value_parser = address)]
        services: SocketAddr,
        /// How many.
        #[arg(long, default_value_t = 2_000)]
        peers: u32,
    },
}

#[derive(Debug, Args)]
struct LoadArgs {
    /// Where clients connect, `host:port` or `tcp://host:port`.
    #[arg(long, value_parser = address)]
    clients: SocketAddr,
    /// Where services connect, `host:port` or `tcp://host:port`.
    #[arg(long, value_parser = address)]
    services: SocketAddr,
    /// Number of clients.
    #[arg(long, default_value_t = 1)]
    client_count: u32,
    /// Number of services, all asked in turn by each client.
    #[arg(long, default_value_t = 1)]
    service_count: u32,
    /// Requests each client keeps open.
    #[arg(long, default_value_t = 64)]
    outstanding: u32,
    /// Octets in a body, at least 24.
    #[arg(long, default_value_t = 64)]
    body: usize,
    /// Seconds of load before the window.
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
    /// Seconds of the window.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// End the window after this many answers instead.
    #[arg(long)]
    requests: Option<u64>,
    /// Seconds to wait for open requests at the end; what is left is lost.
    #[arg(long, default_value_t = 5.0)]
    drain: f64,
    /// Process whose CPU time is taken over the window.
    #[arg(long)]
    broker_pid: Option<u32>,
    /// Count the broker's user instructions, if the machine can.
    #[arg(long)]
    count_instructions: bool,
}

impl LoadArgs {
    fn options(&self) -> Result<LoadOptions, Box<dyn Error>> {
        let time = Duration::try_from_secs_f64(self.seconds)?;
        Ok(LoadOptions {
            clients_at: self.clients,
            services_at: self.services,
            clients: self.client_count,
            services: self.service_count,
            outstanding: self.outstanding,
            body_len: self.body,
            warm_up: Duration::try_from_secs_f64(self.warm_up)?,
            window: self.requests.map_or(Window::Time(time), Window::Requests),
            drain: Duration::try_from_secs_f64(self.drain)?,
            broker: self.broker_pid,
            counting: if self.count_instructions { Counting::Instructions } else { Counting::Off },
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    process::raise_descriptor_limit()?;
    match cli.command {
        Command::Load(args) => println!("{}", load::run(&args.options()?)?),
        Command::Idle { services, peers } => idle::hold_peers(services, peers)?,
    }
    Ok(())
}

fn address(text: &str) -> Result<SocketAddr, std::net::AddrParseError> {
    text.strip_prefix("tcp://").unwrap_or(text).parse()
}
