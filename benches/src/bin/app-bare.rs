//! What a socket costs that is no ZeroMQ: tokio's TCP, with the octets of a handshake and of frames.
//!
//! It is the floor that the others are measured from, and the other end that is the same for all.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "lengths of frames, and counts of a run that lasts seconds"
)]

use std::error::Error;
use std::time::Instant;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zmtp_mux_bench_roles::meter::Meter;
use zmtp_mux_bench_roles::pings::Pings;
use zmtp_mux_bench_roles::role::{Cli, Ping, Receive, Role, Send};
use zmtp_mux_bench_roles::{Progress, body};
use zmtp_mux_benches::wire::{self, FrameKind, GREETING_LEN};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match Cli::parse().role {
        Role::Receive(role) => receive(&role).await,
        Role::Send(role) => send(&role).await,
        Role::Echo => echo().await,
        Role::Ping(role) => ping(&role).await,
        Role::Swap(_) => Err("the bare broker is `relay`".into()),
        Role::Serve(_) | Role::Ask(_) => Err("`loadgen` loads a broker".into()),
    }
}

/// Counts octets and takes them for messages of the length that was said.
async fn receive(role: &Receive) -> Result<(), Box<dyn Error>> {
    let (mut stream, rest) = accept().await?;
    let message_len = frame(role.len).len();
    let mut meter = Meter::new(role);
    let mut buffer = vec![0; BUFFER_LEN];
    let mut octets = rest.len();
    loop {
        if meter.take_unseen((octets / message_len) as u64) == Progress::Done {
            println!("{}", meter.report());
            return Ok(());
        }
        octets %= message_len;
        match stream.read(&mut buffer).await? {
            0 => return Err("the sender is gone".into()),
            count => octets += count,
        }
    }
}

/// Sends in writes of many messages.
async fn send(role: &Send) -> Result<(), Box<dyn Error>> {
    let (mut stream, _) = connect(&role.to).await?;
    let message = frame(role.len);
    let body_at = message.len() - role.len.max(body::NUMBER_LEN);
    let mut batch = message.repeat((BUFFER_LEN / message.len()).max(1));
    let mut number = 0;
    loop {
        for message in batch.chunks_exact_mut(message.len()) {
            body::stamp(message.get_mut(body_at..).unwrap_or_default(), number);
            number += 1;
        }
        stream.write_all(&batch).await?;
    }
}

async fn echo() -> Result<(), Box<dyn Error>> {
    let (mut stream, mut input) = accept().await?;
    while let Some(message_len) = whole_message(&mut stream, &mut input).await? {
        stream.write_all(input.get(..message_len).unwrap_or_default()).await?;
        input.drain(..message_len);
    }
    Ok(())
}

async fn ping(role: &Ping) -> Result<(), Box<dyn Error>> {
    let (mut stream, mut input) = connect(&role.to).await?;
    let message = frame(role.len);
    let mut pings = Pings::new(role.window);
    loop {
        let sent = Instant::now();
        stream.write_all(&message).await?;
        let answer = whole_message(&mut stream, &mut input).await?;
        if answer != Some(message.len()) {
            return Err("an answer of another length".into());
        }
        input.clear();
        if pings.take(sent) == Progress::Done {
            println!("{}", pings.report());
            return Ok(());
        }
    }
}

/// Reads until a whole message of one frame is at the front, and returns its octets; `None` when
/// the other side has closed. Commands are skipped.
async fn whole_message(
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
) -> Result<Option<usize>, Box<dyn Error>> {
    loop {
        if let Some(frame) = wire::frame(input)? {
            let frame_len = input.len() - frame.rest.len();
            if frame.kind != FrameKind::Command {
                return Ok(Some(frame_len));
            }
            input.drain(..frame_len);
        } else {
            input.reserve(BUFFER_LEN);
            if stream.read_buf(input).await? == 0 {
                return Ok(None);
            }
        }
    }
}

async fn accept() -> Result<(TcpStream, Vec<u8>), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening tcp://{}", listener.local_addr()?);
    let (stream, _) = listener.accept().await?;
    shake(stream, &wire::router_ready()).await
}

async fn connect(url: &str) -> Result<(TcpStream, Vec<u8>), Box<dyn Error>> {
    let address = url.strip_prefix("tcp://").unwrap_or(url);
    shake(TcpStream::connect(address).await?, &wire::ready(b"")).await
}

/// Exchanges greetings and READYs; returns what came behind them.
async fn shake(
    mut stream: TcpStream,
    ready: &[u8],
) -> Result<(TcpStream, Vec<u8>), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    stream.write_all(&[&wire::greeting()[..], ready].concat()).await?;
    let mut input = Vec::new();
    loop {
        if let Some((greeting, rest)) = input.split_at_checked(GREETING_LEN) {
            wire::check_greeting(greeting)?;
            if let Some(frame) = wire::frame(rest)? {
                let rest = frame.rest.to_vec();
                return Ok((stream, rest));
            }
        }
        if stream.read_buf(&mut input).await? == 0 {
            return Err("closed in the handshake".into());
        }
    }
}

/// A message of one frame.
fn frame(len: usize) -> Vec<u8> {
    let mut message = Vec::new();
    wire::push_frame(&mut message, FrameKind::Last, &body::blank(len));
    message
}

/// Octets of one read or write.
const BUFFER_LEN: usize = 128 * 1024;
