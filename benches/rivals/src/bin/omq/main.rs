//! omq-tokio, its sockets on the caller's runtime.

mod app;
mod swap;

use clap::Parser;
use omq_tokio::{Options, Socket, SocketType};
use zmtp_mux_bench_rivals::{Failure, Unmeasured, runtime};
use zmtp_mux_bench_roles::process;
use zmtp_mux_bench_roles::role::{Cli, Role};

fn main() -> Result<(), Failure> {
    process::raise_descriptor_limit()?;
    match Cli::parse().role {
        Role::Swap(role) => runtime(role.threads)?.block_on(swap::swap(&role)),
        Role::Receive(role) => runtime(1)?.block_on(app::receive(&role)),
        Role::Send(role) => runtime(1)?.block_on(app::send(&role)),
        Role::Echo => runtime(1)?.block_on(app::echo()),
        Role::Ping(role) => runtime(1)?.block_on(app::ping(&role)),
        Role::Serve(_) | Role::Ask(_) => Err(Unmeasured.into()),
    }
}

/// Binds a ROUTER to a free port, or the one that is named.
async fn router(url: &str, options: Options) -> Result<(Socket, String), Failure> {
    let socket = Socket::new(SocketType::Router, options);
    let endpoint = socket.bind(url).await?;
    Ok((socket, endpoint.to_string()))
}

/// A listener on whatever port is free.
const ANY_PORT: &str = "tcp://127.0.0.1:0";

/// Messages taken at once.
const BATCH: usize = 256;
