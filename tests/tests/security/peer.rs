//! A DEALER with any security, on a blocking socket.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use zmtp_mux_tests::DEADLINE;
use zmtp_proto::curve::{CurveClient, PublicKey};
use zmtp_proto::{
    ClientSecurity, Connection, ConnectionError, Event, Identity, Limits, Local, Message,
    PlainCredentials, SocketType,
};

use crate::files::Keys;

/// A peer that the broker has let in.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
    connection: Connection,
    inbox: Vec<u8>,
}

/// What a look at the input came to.
enum Seen {
    Established,
    Message(Message),
    Nothing,
}

impl Peer {
    /// Connects and shakes hands; returns why that ended if it did.
    pub(crate) fn connect(
        url: &str,
        security: ClientSecurity,
        identity: &'static str,
    ) -> Result<Self, ConnectionError> {
        let mut peer = Self::dial(url, security, identity);
        loop {
            match peer.look()? {
                Seen::Established => return Ok(peer),
                Seen::Message(_) => panic!("a message before the handshake is over"),
                Seen::Nothing => {}
            }
        }
    }

    fn dial(url: &str, security: ClientSecurity, identity: &'static str) -> Self {
        let stream = TcpStream::connect(url.strip_prefix("tcp://").unwrap()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let identity = Identity::new(identity).unwrap();
        let local = Local::new(SocketType::Dealer).with_identity(identity);
        let connection = Connection::connector(local, security, Limits::default(), Instant::now());
        Self { stream, connection, inbox: Vec::new() }
    }

    pub(crate) fn send(&mut self, frames: &[&str]) {
        self.connection.send(Message::from_frames(frames).unwrap()).unwrap();
        self.flush();
    }

    pub(crate) fn receive(&mut self) -> Message {
        loop {
            if let Seen::Message(message) = self.look().unwrap() {
                return message;
            }
        }
    }

    /// Receives the next message and compares it, frame by frame.
    pub(crate) fn expect(&mut self, frames: &[&str]) {
        assert_eq!(self.receive(), Message::from_frames(frames).unwrap());
    }

    /// Receives the next message and sends it back.
    pub(crate) fn echo(&mut self) {
        let message = self.receive();
        self.connection.send(message).unwrap();
        self.flush();
    }

    /// Says that the broker closes the connection, and sends nothing more.
    pub(crate) fn expect_end(mut self) {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("not closed: {other:?}"),
        }
    }

    /// Connects, and says that the broker closes without a READY and without an ERROR.
    pub(crate) fn assert_held(url: &str, security: ClientSecurity, identity: &'static str) {
        let mut peer = Self::dial(url, security, identity);
        loop {
            peer.flush();
            let progress = peer.connection.handle_input(&peer.inbox, Instant::now()).unwrap();
            if let Some(progress) = progress {
                let consumed = progress.consumed;
                assert!(progress.event.is_none(), "it was let in");
                peer.inbox.drain(..consumed);
                continue;
            }
            if peer.read_some() == 0 {
                return;
            }
        }
    }

    /// Takes what has arrived, or else waits for more.
    fn look(&mut self) -> Result<Seen, ConnectionError> {
        self.flush();
        let Some(progress) = self.connection.handle_input(&self.inbox, Instant::now())? else {
            assert!(self.read_some() > 0, "the broker has closed the connection");
            return Ok(Seen::Nothing);
        };
        let consumed = progress.consumed;
        let seen = match progress.event {
            Some(Event::Established(_)) => Seen::Established,
            Some(Event::Message(octets)) => Seen::Message(octets.into_message()),
            Some(_) | None => Seen::Nothing,
        };
        self.inbox.drain(..consumed);
        Ok(seen)
    }

    fn read_some(&mut self) -> usize {
        let mut chunk = [0; 4096];
        let len = self.stream.read(&mut chunk).expect("octets, or the end, in time");
        self.inbox.extend_from_slice(&chunk[..len]);
        len
    }

    fn flush(&mut self) {
        while let Some(octets) = self.connection.poll_transmit() {
            self.stream.write_all(&octets).unwrap();
        }
    }
}

/// The security of a client with these keys.
pub(crate) fn curve(server: PublicKey, keys: &Keys) -> ClientSecurity {
    let mut chance = [0; CurveClient::CHANCE_LEN];
    File::open("/dev/urandom").unwrap().read_exact(&mut chance).unwrap();
    ClientSecurity::Curve(Box::new(CurveClient::new(server, keys.pair.clone(), chance)))
}

/// The security of a client with this password.
pub(crate) fn plain(user: &str, password: &str) -> ClientSecurity {
    ClientSecurity::Plain(PlainCredentials::new(user, password).unwrap())
}

/// Tries to connect, and says that the broker refuses for good, as libzmq does.
pub(crate) fn assert_refused(url: &str, security: ClientSecurity) {
    match Peer::connect(url, security, "stranger") {
        Err(ConnectionError::Refused { reason }) => assert_eq!(reason, "400"),
        other => panic!("not refused: {other:?}"),
    }
}

/// Says that the broker asks for another mechanism than none.
pub(crate) fn assert_null_refused(url: &str) {
    match Peer::connect(url, ClientSecurity::Null, "stranger") {
        Err(ConnectionError::MechanismMismatch { .. }) => {}
        other => panic!("not refused: {other:?}"),
    }
}
