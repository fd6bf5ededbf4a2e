//! libzmq, by the `zmq` crate.

use std::error::Error;
use std::time::Instant;

use clap::Parser;
use zmq::{Context, DEALER, DONTWAIT, Message, PAIR, POLLIN, ROUTER, SNDMORE, Socket, SocketEvent};
use zmtp_mux_bench_roles::asker::Asker;
use zmtp_mux_bench_roles::meter::Meter;
use zmtp_mux_bench_roles::pings::Pings;
use zmtp_mux_bench_roles::role::{Ask, Cli, Ping, Receive, Role, Send, Serve};
use zmtp_mux_bench_roles::{Progress, body};

fn main() -> Result<(), Box<dyn Error>> {
    match Cli::parse().role {
        Role::Receive(role) => receive(&role),
        Role::Send(role) => send(&role),
        Role::Echo => echo(),
        Role::Ping(role) => ping(&role),
        Role::Serve(role) => serve(&role),
        Role::Ask(role) => ask(&role),
        Role::Swap(_) => Err("the broker on libzmq is `swap`".into()),
    }
}

fn receive(role: &Receive) -> Result<(), Box<dyn Error>> {
    let socket = router()?;
    let mut meter = Meter::new(role);
    let mut message = Message::new();
    loop {
        socket.recv(&mut message, 0)?;
        while message.get_more() {
            socket.recv(&mut message, 0)?;
        }
        if meter.take(&message) == Progress::Done {
            println!("{}", meter.report());
            return Ok(());
        }
    }
}

fn send(role: &Send) -> Result<(), Box<dyn Error>> {
    let socket = dealer(&Context::new(), &role.to)?;
    let mut octets = body::blank(role.len);
    for number in 0.. {
        body::stamp(&mut octets, number);
        socket.send(&octets, 0)?;
    }
    Ok(())
}

fn echo() -> Result<(), Box<dyn Error>> {
    let socket = router()?;
    loop {
        let mut part = Message::new();
        socket.recv(&mut part, 0)?;
        let flags = if part.get_more() { SNDMORE } else { 0 };
        socket.send(part, flags)?;
    }
}

fn ping(role: &Ping) -> Result<(), Box<dyn Error>> {
    let socket = dealer(&Context::new(), &role.to)?;
    let octets = body::blank(role.len);
    let mut answer = Message::new();
    let mut pings = Pings::new(role.window);
    loop {
        let sent = Instant::now();
        socket.send(&octets, 0)?;
        socket.recv(&mut answer, 0)?;
        if answer.len() != octets.len() {
            return Err("an answer of another length".into());
        }
        if pings.take(sent) == Progress::Done {
            println!("{}", pings.report());
            return Ok(());
        }
    }
}

fn serve(role: &Serve) -> Result<(), Box<dyn Error>> {
    let context = Context::new();
    let socket = context.socket(DEALER)?;
    socket.set_identity(role.name.as_bytes())?;
    socket.monitor("inproc://events", SocketEvent::HANDSHAKE_SUCCEEDED.to_raw().into())?;
    let events = context.socket(PAIR)?;
    events.connect("inproc://events")?;
    socket.connect(&role.to)?;
    events.recv_multipart(0)?;
    println!("connected");
    loop {
        let mut part = Message::new();
        socket.recv(&mut part, 0)?;
        let flags = if part.get_more() { SNDMORE } else { 0 };
        socket.send(part, flags)?;
    }
}

/// All clients on one thread, which polls: with a thread for each it was slower.
fn ask(role: &Ask) -> Result<(), Box<dyn Error>> {
    let context = Context::new();
    let mut clients = Vec::new();
    for _ in 0..role.clients {
        clients.push((dealer(&context, &role.to)?, Asker::new(role.len)));
    }
    for (socket, asker) in &mut clients {
        for _ in 0..role.outstanding {
            request(socket, &role.name, asker)?;
        }
    }
    let mut pings = Pings::new(role.window);
    let mut part = Message::new();
    loop {
        let mut items: Vec<_> =
            clients.iter().map(|(socket, _)| socket.as_poll_item(POLLIN)).collect();
        zmq::poll(&mut items, -1)?;
        for (socket, asker) in &mut clients {
            while receive_last(socket, &mut part)? {
                let sent = asker.take(&part)?;
                if pings.take(sent) == Progress::Done {
                    println!("{}", pings.report());
                    return Ok(());
                }
                request(socket, &role.name, asker)?;
            }
        }
    }
}

fn request(socket: &Socket, name: &str, asker: &mut Asker) -> zmq::Result<()> {
    socket.send(name, SNDMORE)?;
    socket.send(asker.ask(), 0)
}

/// Takes the last part of a message, if there is one.
fn receive_last(socket: &Socket, part: &mut Message) -> zmq::Result<bool> {
    match socket.recv(part, DONTWAIT) {
        Ok(()) => {}
        Err(zmq::Error::EAGAIN) => return Ok(false),
        Err(error) => return Err(error),
    }
    while part.get_more() {
        socket.recv(part, 0)?;
    }
    Ok(true)
}

/// Binds a ROUTER and says where.
fn router() -> Result<Socket, Box<dyn Error>> {
    let socket = Context::new().socket(ROUTER)?;
    socket.bind("tcp://127.0.0.1:*")?;
    let endpoint = socket.get_last_endpoint()?.map_err(|_| "an endpoint that is not UTF-8")?;
    println!("listening {endpoint}");
    Ok(socket)
}

fn dealer(context: &Context, url: &str) -> zmq::Result<Socket> {
    let socket = context.socket(DEALER)?;
    socket.connect(url)?;
    Ok(socket)
}
