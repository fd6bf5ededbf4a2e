//! Senders and receivers, ours and libzmq's.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use zmtp_proto::curve::{CookieKey, CurveClient, CurveServer, KeyPair, SecretKey};
use zmtp_proto::{
    ClientSecurity, Connection, Event, Local, Message, Outlet, Received, ServerSecurity, Settings,
    SocketType, Traffic,
};

/// The same permanent keys on both sides of every run.
pub(crate) fn keys(of: u8) -> Arc<KeyPair> {
    Arc::new(KeyPair::from_secret(SecretKey::from_octets([of; 32])))
}

pub(crate) fn server(number: u8) -> Connection {
    let cookie = Arc::new(CookieKey::from_octets([3; 32]));
    let server = CurveServer::new(keys(1), cookie, [number; 64]);
    Connection::acceptor(
        ServerSecurity::Curve(Box::new(server)),
        Settings::default(),
        Instant::now(),
    )
}

pub(crate) fn client(number: u8) -> Connection {
    let client = CurveClient::new(keys(1).public, keys(2), [number; 48]);
    let security = ClientSecurity::Curve(Box::new(client));
    let local = Local::new(SocketType::Dealer);
    Connection::connector(local, security, Settings::default(), Instant::now())
}

/// Shakes hands over a blocking socket.
fn shake(
    stream: &mut TcpStream,
    mut connection: Connection,
) -> Result<(Traffic, Outlet, Vec<u8>), Box<dyn Error>> {
    let mut input = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(octets) = connection.poll_transmit() {
            stream.write_all(&octets)?;
        }
        if connection.is_established() {
            let (traffic, outlet) = connection.into_halves()?;
            return Ok((traffic, outlet, input));
        }
        let read = stream.read(&mut buffer)?;
        input.extend_from_slice(buffer.get(..read).unwrap_or_default());
        take_handshake(&mut connection, &mut input)?;
    }
}

/// Takes all of the handshake that is there, and lets in whoever asks.
pub(crate) fn take_handshake(
    connection: &mut Connection,
    input: &mut Vec<u8>,
) -> Result<(), Box<dyn Error>> {
    while !connection.is_established() {
        let Some(progress) = connection.handle_input(input, Instant::now())? else { break };
        let consumed = progress.consumed;
        let introduced = matches!(progress.event, Some(Event::Introduced(_)));
        input.drain(..consumed);
        if introduced {
            connection.accept(&Local::new(SocketType::Router), Instant::now())?;
        }
    }
    Ok(())
}

pub(crate) fn receive(len: usize, count: u64) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let (mut stream, _) = listener.accept()?;
    let (mut traffic, _, mut kept) = shake(&mut stream, server(9))?;
    let mut buffer = vec![0; 256 * 1024];
    let (mut received, mut began) = (0, None);
    while received < count {
        let start = kept.len();
        buffer.get_mut(..start).ok_or("too much kept")?.copy_from_slice(&kept);
        let read = stream.read(buffer.get_mut(start..).unwrap_or_default())?;
        if read == 0 {
            return Err("the sender is gone".into());
        }
        let now = *began.get_or_insert_with(Instant::now);
        let mut rest = buffer.get(..start + read).unwrap_or_default();
        while let Some(arrival) = traffic.handle_input(rest, now)? {
            if let Received::Message(octets) = arrival.received {
                assert!(octets.as_slice().len() > len, "a short message");
                received += 1;
            }
            rest = rest.get(arrival.consumed..).unwrap_or_default();
        }
        kept.clear();
        kept.extend_from_slice(rest);
    }
    println!("{}", began.map_or(0.0, |began| began.elapsed().as_secs_f64()));
    Ok(())
}

pub(crate) fn send(len: usize, count: u64, port: u16) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let (_, mut outlet, _) = shake(&mut stream, client(8))?;
    let message = Message::single(&vec![7; len]);
    let mut batch = bytes::BytesMut::with_capacity(128 * 1024);
    for number in 1..=count {
        outlet.put(message.as_octets(), &mut batch)?;
        if batch.len() >= 64 * 1024 || number == count {
            stream.write_all(&batch)?;
            batch.clear();
        }
    }
    // Until the receiver has all and closes.
    let _ = stream.read(&mut [0])?;
    Ok(())
}

pub(crate) fn receive_libzmq(len: usize, count: u64) -> Result<(), Box<dyn Error>> {
    let socket = zmq::Context::new().socket(zmq::PULL)?;
    socket.set_curve_server(true)?;
    socket.set_curve_secretkey(keys(1).secret.as_octets())?;
    socket.set_rcvhwm(0)?;
    socket.bind("tcp://127.0.0.1:*")?;
    let endpoint = socket.get_last_endpoint()?.map_err(|_| "not UTF-8")?;
    println!("{}", endpoint.rsplit(':').next().unwrap_or_default());
    let mut message = zmq::Message::new();
    let mut began = None;
    for _ in 0..count {
        socket.recv(&mut message, 0)?;
        assert_eq!(message.len(), len, "a message of another length");
        began.get_or_insert_with(Instant::now);
    }
    println!("{}", began.map_or(0.0, |began: Instant| began.elapsed().as_secs_f64()));
    Ok(())
}

pub(crate) fn send_libzmq(len: usize, count: u64, port: u16) -> Result<(), Box<dyn Error>> {
    let socket = zmq::Context::new().socket(zmq::PUSH)?;
    socket.set_curve_serverkey(keys(1).public.as_octets())?;
    socket.set_curve_publickey(keys(2).public.as_octets())?;
    socket.set_curve_secretkey(keys(2).secret.as_octets())?;
    // Some limit, so that the receiver's pace and not memory is measured.
    socket.set_sndhwm(10_000)?;
    socket.connect(&format!("tcp://127.0.0.1:{port}"))?;
    let body = vec![7; len];
    for _ in 0..count {
        socket.send(&body, 0)?;
    }
    Ok(())
}
