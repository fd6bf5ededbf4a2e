//! The floor: a bare relay on epoll, which does for a request what no broker can leave out.
//!
//! It reads what is ready, swaps the address frame, and writes once to each peer that has
//! something. It has no limits, no checks and no promises: what it costs is what the kernel costs.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a measuring stick: what breaks it ends the run"
)]

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use signal_hook::consts::{SIGINT, SIGTERM};
use zmtp_mux_benches::process;
use zmtp_mux_benches::wire::{self, FrameKind, GREETING_LEN};

/// Forwards `[service, rest...]` from clients to services as `[client, rest...]`,
/// and back, and nothing else.
#[derive(Debug, Parser)]
struct Cli {
    /// Where clients connect.
    #[arg(long, default_value = "tcp://127.0.0.1:0", value_parser = address)]
    clients: SocketAddr,
    /// Where services connect.
    #[arg(long, default_value = "tcp://127.0.0.1:0", value_parser = address)]
    services: SocketAddr,
    /// Always one.
    #[arg(long, default_value_t = 1)]
    threads: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    process::raise_descriptor_limit()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let mut relay = Relay::bind(cli.clients, cli.services)?;
    println!("listening clients tcp://{}", relay.listeners[0].local_addr()?);
    println!("listening services tcp://{}", relay.listeners[1].local_addr()?);
    println!("ready");
    let mut events = Events::with_capacity(EVENTS);
    while !stop.load(Ordering::Relaxed) {
        match relay.poll.poll(&mut events, Some(WAIT)) {
            Ok(()) => relay.turn(&events)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// All connections, each at the place that its token names.
struct Relay {
    poll: Poll,
    listeners: [TcpListener; 2],
    peers: Vec<Peer>,
    names: HashMap<Vec<u8>, usize>,
    /// Who has something to be written at the end of the turn.
    dirty: Vec<usize>,
    buffer: Vec<u8>,
}

struct Peer {
    /// `None` once the connection has ended.
    stream: Option<TcpStream>,
    phase: Phase,
    /// How others address it.
    address: Vec<u8>,
    tail: Vec<u8>,
    out: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Greeting,
    Ready,
    Open,
}

impl Relay {
    fn bind(clients: SocketAddr, services: SocketAddr) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listeners = [TcpListener::bind(clients)?, TcpListener::bind(services)?];
        for (listener, token) in listeners.iter_mut().zip(LISTENERS) {
            poll.registry().register(listener, token, Interest::READABLE)?;
        }
        let (peers, names, dirty) = (Vec::new(), HashMap::new(), Vec::new());
        Ok(Self { poll, listeners, peers, names, dirty, buffer: vec![0; BUFFER_LEN] })
    }

    fn turn(&mut self, events: &Events) -> io::Result<()> {
        for event in events {
            if let Some(listener) = LISTENERS.iter().position(|token| *token == event.token()) {
                self.accept(listener)?;
                continue;
            }
            let number = event.token().0;
            if event.is_writable() {
                self.dirty.push(number);
            }
            if event.is_readable() && self.receive(number).is_none() {
                self.peers[number].stream = None;
            }
        }
        for number in self.dirty.drain(..) {
            self.peers[number].flush();
        }
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> io::Result<()> {
        loop {
            let mut stream = match self.listeners[listener].accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let number = self.peers.len();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(number), interest)?;
            let out = wire::greeting().to_vec();
            self.peers.push(Peer {
                stream: Some(stream),
                phase: Phase::Greeting,
                address: format!("\0{number}").into_bytes(),
                tail: Vec::new(),
                out,
            });
        }
    }

    /// Reads until the socket is empty; `None` when the connection has ended.
    fn receive(&mut self, number: usize) -> Option<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = self.receive_into(number, &mut buffer);
        self.buffer = buffer;
        outcome
    }

    fn receive_into(&mut self, number: usize, buffer: &mut [u8]) -> Option<()> {
        loop {
            let peer = &mut self.peers[number];
            let kept = peer.tail.len();
            buffer.get_mut(..kept)?.copy_from_slice(&peer.tail);
            let space = buffer.get_mut(kept..)?;
            let space_len = space.len();
            let count = match peer.stream.as_mut()?.read(space) {
                Ok(0) => return None,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return None,
            };
            let rest = self.take(number, buffer.get(..kept + count)?)?;
            let tail = &mut self.peers[number].tail;
            tail.clear();
            tail.extend_from_slice(rest);
            if count < space_len {
                return Some(());
            }
        }
    }

    /// Forwards everything whole and returns the rest.
    fn take<'i>(&mut self, number: usize, mut input: &'i [u8]) -> Option<&'i [u8]> {
        if self.peers[number].phase != Phase::Open {
            input = self.shake_hands(number, input)?;
            if self.peers[number].phase != Phase::Open {
                return Some(input);
            }
        }
        while let Some(first) = wire::frame(input).ok()? {
            let mut rest = first.rest;
            if first.kind == FrameKind::More {
                loop {
                    let Some(part) = wire::frame(rest).ok()? else { return Some(input) };
                    rest = part.rest;
                    if part.kind == FrameKind::Last {
                        break;
                    }
                }
                let body = &first.rest[..first.rest.len() - rest.len()];
                self.forward(number, first.body, body);
            }
            input = rest;
        }
        Some(input)
    }

    fn forward(&mut self, from: usize, to: &[u8], body: &[u8]) {
        let Some(&to) = self.names.get(to) else { return };
        let Ok([source, destination]) = self.peers.get_disjoint_mut([from, to]) else { return };
        if destination.out.is_empty() {
            self.dirty.push(to);
        }
        wire::push_frame(&mut destination.out, FrameKind::More, &source.address);
        destination.out.extend_from_slice(body);
    }

    fn shake_hands<'i>(&mut self, number: usize, mut input: &'i [u8]) -> Option<&'i [u8]> {
        let peer = &mut self.peers[number];
        if peer.phase == Phase::Greeting {
            let Some((greeting, rest)) = input.split_first_chunk::<GREETING_LEN>() else {
                return Some(input);
            };
            wire::check_greeting(greeting).ok()?;
            peer.phase = Phase::Ready;
            peer.out.extend_from_slice(&wire::router_ready());
            self.dirty.push(number);
            input = rest;
        }
        let Some(frame) = wire::frame(input).ok()? else { return Some(input) };
        if let Some(identity) = wire::identity(frame.body) {
            peer.address = identity.to_vec();
        }
        peer.phase = Phase::Open;
        self.names.insert(peer.address.clone(), number);
        Some(frame.rest)
    }
}

impl Peer {
    fn flush(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        while !self.out.is_empty() {
            match stream.write(&self.out) {
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.stream = None,
            }
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, std::net::AddrParseError> {
    text.strip_prefix("tcp://").unwrap_or(text).parse()
}

const LISTENERS: [Token; 2] = [Token(usize::MAX - 2), Token(usize::MAX - 3)];

/// Of one wait: a signal between the check and the wait is seen then.
const WAIT: Duration = Duration::from_millis(500);

/// Octets of the read buffer, which all connections share.
const BUFFER_LEN: usize = 128 * 1024;

/// Events taken from one poll.
const EVENTS: usize = 1024;
