//! An application at one socket.

use std::time::Instant;

use bytes::Bytes;
use rzmq::{Context, Msg, SocketType};
use zmtp_mux_bench_rivals::Failure;
use zmtp_mux_bench_roles::meter::Meter;
use zmtp_mux_bench_roles::pings::Pings;
use zmtp_mux_bench_roles::role::{Ping, Receive, Send};
use zmtp_mux_bench_roles::{Progress, body};

use crate::{ANY_PORT, router, socket};

pub(crate) async fn receive(role: &Receive) -> Result<(), Failure> {
    let context = Context::new()?;
    let (socket, url) = router(&context, ANY_PORT).await?;
    println!("listening {url}");
    let mut meter = Meter::new(role);
    loop {
        let message = socket.recv_multipart().await?;
        let body = message.get(1).and_then(Msg::data).unwrap_or_default();
        if meter.take(body) == Progress::Done {
            println!("{}", meter.report());
            return Ok(());
        }
    }
}

pub(crate) async fn send(role: &Send) -> Result<(), Failure> {
    let context = Context::new()?;
    let socket = socket(&context, SocketType::Dealer).await?;
    socket.connect(&role.to).await?;
    let mut octets = body::blank(role.len);
    for number in 0.. {
        body::stamp(&mut octets, number);
        socket.send(Msg::from_bytes(Bytes::copy_from_slice(&octets))).await?;
    }
    Ok(())
}

pub(crate) async fn echo() -> Result<(), Failure> {
    let context = Context::new()?;
    let (socket, url) = router(&context, ANY_PORT).await?;
    println!("listening {url}");
    loop {
        let message = socket.recv_multipart().await?;
        socket.send_multipart(message).await?;
    }
}

pub(crate) async fn ping(role: &Ping) -> Result<(), Failure> {
    let context = Context::new()?;
    let socket = socket(&context, SocketType::Dealer).await?;
    socket.connect(&role.to).await?;
    let octets = body::blank(role.len);
    let mut pings = Pings::new(role.window);
    loop {
        let sent = Instant::now();
        socket.send(Msg::from_bytes(Bytes::copy_from_slice(&octets))).await?;
        let answer = socket.recv().await?;
        if answer.size() != octets.len() {
            return Err("an answer of another length".into());
        }
        if pings.take(sent) == Progress::Done {
            println!("{}", pings.report());
            return Ok(());
        }
    }
}
