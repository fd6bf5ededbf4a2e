//! An application at one socket.

use std::time::Instant;

use bytes::Bytes;
use zeromq::{DealerSocket, Socket, SocketRecv, SocketSend, ZmqMessage};
use zmtp_mux_bench_rivals::Failure;
use zmtp_mux_bench_roles::meter::Meter;
use zmtp_mux_bench_roles::pings::Pings;
use zmtp_mux_bench_roles::role::{Ping, Receive, Send};
use zmtp_mux_bench_roles::{Progress, body};

use crate::{ANY_PORT, router};

pub(crate) async fn receive(role: &Receive) -> Result<(), Failure> {
    let (mut socket, url) = router(ANY_PORT).await?;
    println!("listening {url}");
    let mut meter = Meter::new(role);
    loop {
        let message = socket.recv().await?;
        let body = message.get(1).map(AsRef::as_ref).unwrap_or_default();
        if meter.take(body) == Progress::Done {
            println!("{}", meter.report());
            return Ok(());
        }
    }
}

pub(crate) async fn send(role: &Send) -> Result<(), Failure> {
    let mut socket = DealerSocket::new();
    socket.connect(&role.to).await?;
    let mut octets = body::blank(role.len);
    for number in 0.. {
        body::stamp(&mut octets, number);
        socket.send(ZmqMessage::from(Bytes::copy_from_slice(&octets))).await?;
    }
    Ok(())
}

pub(crate) async fn echo() -> Result<(), Failure> {
    let (mut socket, url) = router(ANY_PORT).await?;
    println!("listening {url}");
    loop {
        let message = socket.recv().await?;
        socket.send(message).await?;
    }
}

pub(crate) async fn ping(role: &Ping) -> Result<(), Failure> {
    let mut socket = DealerSocket::new();
    socket.connect(&role.to).await?;
    let octets = body::blank(role.len);
    let mut pings = Pings::new(role.window);
    loop {
        let sent = Instant::now();
        socket.send(ZmqMessage::from(Bytes::copy_from_slice(&octets))).await?;
        let answer = socket.recv().await?;
        if answer.get(0).map(Bytes::len) != Some(octets.len()) {
            return Err("an answer of another length".into());
        }
        if pings.take(sent) == Progress::Done {
            println!("{}", pings.report());
            return Ok(());
        }
    }
}
