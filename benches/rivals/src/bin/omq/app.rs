//! An application at one socket.

use std::time::Instant;

use bytes::Bytes;
use omq_tokio::{Message, Options, Socket, SocketType};
use zmtp_mux_bench_rivals::Failure;
use zmtp_mux_bench_roles::meter::Meter;
use zmtp_mux_bench_roles::pings::Pings;
use zmtp_mux_bench_roles::role::{Ping, Receive, Send};
use zmtp_mux_bench_roles::{Progress, body};

use crate::{ANY_PORT, BATCH, router};

pub(crate) async fn receive(role: &Receive) -> Result<(), Failure> {
    let (socket, url) = router(ANY_PORT, Options::default()).await?;
    println!("listening {url}");
    let mut meter = Meter::new(role);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        socket.recv_many_into(BATCH, &mut batch).await?;
        for message in batch.drain(..) {
            if meter.take(message.get(1).unwrap_or_default()) == Progress::Done {
                println!("{}", meter.report());
                return Ok(());
            }
        }
    }
}

pub(crate) async fn send(role: &Send) -> Result<(), Failure> {
    let socket = dealer(&role.to, Options::default()).await?;
    let mut octets = body::blank(role.len);
    for number in 0.. {
        body::stamp(&mut octets, number);
        socket.send(Message::single(Bytes::copy_from_slice(&octets))).await?;
    }
    Ok(())
}

pub(crate) async fn echo() -> Result<(), Failure> {
    let (socket, url) = router(ANY_PORT, latency()).await?;
    println!("listening {url}");
    loop {
        let message = socket.recv().await?;
        socket.send(message).await?;
    }
}

pub(crate) async fn ping(role: &Ping) -> Result<(), Failure> {
    let socket = dealer(&role.to, latency()).await?;
    let octets = body::blank(role.len);
    let mut pings = Pings::new(role.window);
    loop {
        let sent = Instant::now();
        socket.send(Message::single(Bytes::copy_from_slice(&octets))).await?;
        let answer = socket.recv().await?;
        if answer.byte_len() != octets.len() {
            return Err("an answer of another length".into());
        }
        if pings.take(sent) == Progress::Done {
            println!("{}", pings.report());
            return Ok(());
        }
    }
}

async fn dealer(url: &str, options: Options) -> Result<Socket, Failure> {
    let socket = Socket::new(SocketType::Dealer, options);
    socket.connect(url).await?;
    Ok(socket)
}

/// As the library advises for ping-pong.
fn latency() -> Options {
    Options::default().workload_profile(omq_tokio::options::WorkloadProfile::Latency)
}
