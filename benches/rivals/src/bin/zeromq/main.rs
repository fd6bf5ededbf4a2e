//! The `zeromq` crate, on tokio.

mod app;
mod swap;

use clap::Parser;
use zeromq::{RouterSocket, Socket};
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
async fn router(url: &str) -> Result<(RouterSocket, String), Failure> {
    let mut socket = RouterSocket::new();
    let endpoint = socket.bind(url).await?;
    Ok((socket, endpoint.to_string()))
}

/// A listener on whatever port is free.
const ANY_PORT: &str = "tcp://127.0.0.1:0";
