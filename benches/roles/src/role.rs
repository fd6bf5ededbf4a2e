//! The roles, as command lines.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// One program for each library, in any role.
#[derive(Debug, Parser)]
pub struct Cli {
    /// What it is this time.
    #[command(subcommand)]
    pub role: Role,
}

/// What a program is asked to be. Who listens prints `listening URL`, who serves prints
/// `connected` when it is; who measures prints one line of figures and ends, and the others go on
/// until they are ended.
#[derive(Clone, Debug, Subcommand)]
pub enum Role {
    /// A broker: two ROUTERs, and what one receives the other sends, first two frames swapped.
    Swap(Swap),
    /// A ROUTER that counts what it receives.
    Receive(Receive),
    /// A DEALER that sends as fast as it can.
    Send(Send),
    /// A ROUTER that sends back what it receives.
    Echo,
    /// A DEALER that sends and waits for the answer, one at a time.
    Ping(Ping),
    /// A named DEALER behind a broker, which answers each request with itself.
    Serve(Serve),
    /// DEALERs that ask a service through a broker.
    Ask(Ask),
}

/// Where a broker listens.
#[derive(Args, Clone, Debug)]
pub struct Swap {
    /// Where clients connect.
    #[arg(long)]
    pub clients: String,
    /// Where services connect.
    #[arg(long)]
    pub services: String,
    /// Threads that do I/O.
    #[arg(long, default_value_t = 1)]
    pub threads: u32,
}

/// What a receiver counts.
#[derive(Args, Clone, Debug)]
pub struct Receive {
    /// Octets in a body.
    #[arg(long)]
    pub len: usize,
    /// Until when.
    #[command(flatten)]
    pub window: Window,
    /// End after so many messages instead.
    #[arg(long)]
    pub count: Option<u64>,
}

/// What a sender sends, and where.
#[derive(Args, Clone, Debug)]
pub struct Send {
    /// The receiver's `tcp://host:port`.
    #[arg(long)]
    pub to: String,
    /// Octets in a body.
    #[arg(long)]
    pub len: usize,
}

/// What is asked, one at a time.
#[derive(Args, Clone, Debug)]
pub struct Ping {
    /// The echo's `tcp://host:port`.
    #[arg(long)]
    pub to: String,
    /// Octets in a body.
    #[arg(long)]
    pub len: usize,
    /// Until when.
    #[command(flatten)]
    pub window: Window,
}

/// Who answers.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// The broker's `tcp://host:port` for services.
    #[arg(long)]
    pub to: String,
    /// The name of the service.
    #[arg(long)]
    pub name: String,
}

/// Who asks.
#[derive(Args, Clone, Debug)]
pub struct Ask {
    /// The broker's `tcp://host:port` for clients.
    #[arg(long)]
    pub to: String,
    /// The name of the service.
    #[arg(long)]
    pub name: String,
    /// How many clients, all in one process.
    #[arg(long)]
    pub clients: u32,
    /// Requests each keeps open.
    #[arg(long)]
    pub outstanding: u32,
    /// Octets in a body.
    #[arg(long)]
    pub len: usize,
    /// Until when.
    #[command(flatten)]
    pub window: Window,
}

/// When to measure.
#[derive(Args, Clone, Copy, Debug)]
pub struct Window {
    /// Seconds before the window, from the first message on.
    #[arg(long, default_value_t = 0.3)]
    pub warm_up: f64,
    /// Seconds of the window.
    #[arg(long, default_value_t = 1.0)]
    pub seconds: f64,
}

impl Window {
    /// The two as durations; what is none counts as nothing.
    #[must_use]
    pub fn durations(self) -> (Duration, Duration) {
        let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        (time(self.warm_up), time(self.seconds))
    }
}
