//! rzmq, on tokio; its io_uring backend is left out.

mod app;
mod swap;

use clap::Parser;
use rzmq::socket::options::{AUTO_DELIMITER, LAST_ENDPOINT};
use rzmq::{Context, Socket, SocketType};
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

/// Returns a socket that adds no frame of its own, as libzmq's do not.
async fn socket(context: &Context, socket_type: SocketType) -> Result<Socket, Failure> {
    let socket = context.socket(socket_type)?;
    socket.set_option(AUTO_DELIMITER, 0_i32).await?;
    Ok(socket)
}

/// Binds a ROUTER to a free port, or the one that is named.
async fn router(context: &Context, url: &str) -> Result<(Socket, String), Failure> {
    let socket = socket(context, SocketType::Router).await?;
    socket.bind(url).await?;
    let endpoint = String::from_utf8(socket.get_option(LAST_ENDPOINT).await?)?;
    Ok((socket, endpoint))
}

/// A listener on whatever port is free.
const ANY_PORT: &str = "tcp://127.0.0.1:0";
