//! The roles of a mechanism the other way round: libzmq dials as the server, or listens as the
//! client. A MUX does neither, but the protocol crate can.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use zmq::{Socket, SocketType};
use zmtp_mux_tests::peers::{expect, send};
use zmtp_mux_tests::{DEADLINE, Peers, Zap};
use zmtp_proto::{Connection, Event, Heartbeat, Local, Progress, Settings};

use super::credentials::{Credentials, Mechanism, PASSWORD, USER};

/// 37:topology:roles-configured, 24:plain:order, 26:curve:order.
#[test]
fn a_client_of_ours_lets_the_server_dial() {
    for mechanism in [Mechanism::Plain, Mechanism::Curve] {
        let credentials = Credentials::new(mechanism);
        let peers = Peers::new();
        let zap = Zap::start(&peers, |_| "200");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = peers.socket(SocketType::DEALER);
        credentials.make_server(&server);
        server.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let security = credentials.client_side();
        let connection = Connection::connector(router(), security, settings(), now());
        ask_and_answer(&server, stream, connection);
        assert_eq!(zap.waiting(), 1);
    }
}

/// 37:topology:roles-configured, 24:plain:order, 26:curve:order.
#[test]
fn a_server_of_ours_dials_its_client() {
    for mechanism in [Mechanism::Plain, Mechanism::Curve] {
        let credentials = Credentials::new(mechanism);
        let client = Peers::new().socket(SocketType::DEALER);
        credentials.make_client(&client);
        client.bind("tcp://127.0.0.1:*").unwrap();
        let url = client.get_last_endpoint().unwrap().unwrap();
        let stream = TcpStream::connect(url.strip_prefix("tcp://").unwrap()).unwrap();
        let connection = Connection::acceptor(credentials.server_side(), settings(), now());
        ask_and_answer(&client, stream, connection);
    }
}

/// Has a libzmq socket ask and our connection answer.
fn ask_and_answer(socket: &Socket, mut stream: TcpStream, mut connection: Connection) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let (mut inbox, mut asked) = (Vec::new(), false);
    while !step(&mut connection, &mut inbox) {
        flush(&mut connection, &mut stream);
        if connection.is_established() && !asked {
            send(socket, &["a", "", "b"]);
            asked = true;
        }
        let mut read = [0; 512];
        let len = stream.read(&mut read).unwrap();
        assert_ne!(len, 0, "libzmq left");
        inbox.extend_from_slice(&read[..len]);
    }
    flush(&mut connection, &mut stream);
    expect(socket, &["a", "", "b"]);
}

/// Takes what is whole; true when a message came and was sent back.
fn step(connection: &mut Connection, inbox: &mut Vec<u8>) -> bool {
    while let Some(Progress { consumed, event }) = connection.handle_input(inbox, now()).unwrap() {
        match event {
            Some(Event::Credentials(credentials)) => {
                assert_eq!(credentials.user(), USER);
                assert!(credentials.has_password(PASSWORD.as_bytes()));
                connection.welcome().unwrap();
            }
            Some(Event::Introduced(_)) => connection.accept(&router(), now()).unwrap(),
            Some(Event::Message(octets)) => {
                let message = octets.into_message();
                connection.send(message).unwrap();
                return true;
            }
            Some(_) | None => {}
        }
        inbox.drain(..consumed);
    }
    false
}

fn flush(connection: &mut Connection, stream: &mut TcpStream) {
    while let Some(octets) = connection.poll_transmit() {
        stream.write_all(&octets).unwrap();
    }
}

fn router() -> Local {
    Local::new(zmtp_proto::SocketType::Router)
}

fn settings() -> Settings {
    Settings { heartbeat: Heartbeat::Off, ..Settings::default() }
}

fn now() -> Instant {
    Instant::now()
}
