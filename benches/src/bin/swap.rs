//! The baseline: two libzmq ROUTER sockets and a loop that swaps the first two
//! frames of every message, as routing brokers on libzmq do.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use zmq::{Context, DONTWAIT, Message, POLLIN, ROUTER, SNDMORE, Socket};
use zmtp_mux_benches::process;

/// Forwards `[service, rest...]` from clients to services as `[client, rest...]`,
/// and back, with two ROUTER sockets of libzmq.
#[derive(Debug, Parser)]
struct Cli {
    /// Where clients connect.
    #[arg(long, default_value = "tcp://127.0.0.1:*")]
    clients: String,
    /// Where services connect.
    #[arg(long, default_value = "tcp://127.0.0.1:*")]
    services: String,
    /// I/O threads of libzmq; the application has one more.
    #[arg(long, visible_alias = "io-threads", default_value_t = 1)]
    threads: i32,
    /// Messages queued for a peer and direction before the rest is dropped. At 0,
    /// no limit, a ROUTER drops nothing; the load bounds what can wait.
    #[arg(long, default_value_t = 0)]
    hwm: i32,
    /// Messages taken from one socket before the other has its turn.
    #[arg(long, default_value_t = 256)]
    batch: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    process::raise_descriptor_limit()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let context = Context::new();
    context.set_io_threads(cli.threads)?;
    let clients = listener(&context, &cli.clients, cli.hwm)?;
    let services = listener(&context, &cli.services, cli.hwm)?;
    println!("listening clients {}", endpoint(&clients)?);
    println!("listening services {}", endpoint(&services)?);
    println!("ready");
    while !stop.load(Ordering::Relaxed) {
        match turn(&clients, &services, cli.batch) {
            // A signal ends a wait; the condition above says whether to stop.
            Ok(()) | Err(zmq::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn listener(context: &Context, url: &str, hwm: i32) -> zmq::Result<Socket> {
    let socket = context.socket(ROUTER)?;
    socket.set_sndhwm(hwm)?;
    socket.set_rcvhwm(hwm)?;
    socket.set_linger(0)?;
    socket.set_backlog(BACKLOG)?;
    socket.bind(url)?;
    Ok(socket)
}

fn endpoint(socket: &Socket) -> Result<String, Box<dyn Error>> {
    socket.get_last_endpoint()?.map_err(|_| "an endpoint that is not UTF-8".into())
}

/// Waits for messages, then forwards until both sockets are empty.
fn turn(clients: &Socket, services: &Socket, batch: u32) -> zmq::Result<()> {
    let mut items = [clients.as_poll_item(POLLIN), services.as_poll_item(POLLIN)];
    zmq::poll(&mut items, WAIT_MS)?;
    loop {
        let requests = forward(clients, services, batch)?;
        let replies = forward(services, clients, batch)?;
        if requests.or(replies) == Drained::Empty {
            return Ok(());
        }
    }
}

/// What a batch found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drained {
    /// No message at all.
    Empty,
    /// At least one.
    Some,
}

impl Drained {
    fn or(self, other: Self) -> Self {
        if self == Self::Empty { other } else { self }
    }
}

/// Forwards up to `batch` messages. Frames are moved, never copied.
fn forward(from: &Socket, to: &Socket, batch: u32) -> zmq::Result<Drained> {
    let mut drained = Drained::Empty;
    for _ in 0..batch {
        let mut source = Message::new();
        match from.recv(&mut source, DONTWAIT) {
            Ok(()) => drained = Drained::Some,
            Err(zmq::Error::EAGAIN) => break,
            Err(error) => return Err(error),
        }
        if !source.get_more() {
            continue;
        }
        let mut part = Message::new();
        from.recv(&mut part, 0)?;
        let mut more = part.get_more();
        if !more {
            continue;
        }
        // The destination first, then the source. A ROUTER never blocks: to an
        // unknown destination it drops.
        to.send(part, SNDMORE)?;
        to.send(source, SNDMORE)?;
        while more {
            let mut part = Message::new();
            from.recv(&mut part, 0)?;
            more = part.get_more();
            to.send(part, if more { SNDMORE } else { 0 })?;
        }
    }
    Ok(drained)
}

/// Milliseconds of one wait: a signal between the check and the wait is seen then.
const WAIT_MS: i64 = 500;

/// Connections that may wait for `accept`.
const BACKLOG: i32 = 1024;
