//! All peers of a run on one thread: handshakes, turns, ends.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use thiserror::Error;

use crate::body::STAMP_LEN;
use crate::client::{Client, Shared};
use crate::connection::{Connection, ConnectionError, Phase};
use crate::tally::Tally;

/// Why a run could not be made.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A body cannot hold the numbers that it is checked by.
    #[error("a body has at least {STAMP_LEN} octets")]
    BodyTooShort,
    /// A peer did not get through its handshake.
    #[error("peer {peer} did not connect: {source}")]
    Connect {
        /// Which one, services first.
        peer: usize,
        /// Why.
        source: ConnectionError,
    },
    /// Handshakes did not end in time.
    #[error("{0} handshakes did not end in time")]
    ConnectTimeout(usize),
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Connections that can take turns.
#[derive(Debug)]
pub struct Peers {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    all: Vec<Peer>,
}

#[derive(Debug)]
struct Peer {
    connection: Connection,
    life: Life,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Up,
    Down,
}

/// What a peer does with a message.
#[derive(Debug)]
enum Role {
    /// Sends it back.
    Service,
    /// Checks it and asks again.
    Client(Client),
}

impl Peers {
    /// No peers yet.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            buffer: vec![0; BUFFER_LEN],
            all: Vec::new(),
        })
    }

    /// Connects a service of each name and waits for the handshakes.
    ///
    /// # Errors
    ///
    /// When one of them fails, or does not end in time.
    pub fn connect_services(
        &mut self,
        address: SocketAddr,
        names: &[Vec<u8>],
        shared: &mut Shared,
    ) -> Result<(), LoadError> {
        for group in names.chunks(HANDSHAKES_AT_ONCE) {
            for name in group {
                self.start(address, name, Role::Service)?;
            }
            self.await_handshakes(group.len(), shared)?;
        }
        Ok(())
    }

    /// Connects the clients, one after the other.
    ///
    /// # Errors
    ///
    /// When a handshake fails, or does not end in time.
    pub fn connect_clients(
        &mut self,
        address: SocketAddr,
        clients: Vec<Client>,
        shared: &mut Shared,
    ) -> Result<(), LoadError> {
        for client in clients {
            self.start(address, b"", Role::Client(client))?;
            self.await_handshakes(1, shared)?;
        }
        Ok(())
    }

    /// Waits for events and serves each connection that has some.
    ///
    /// # Errors
    ///
    /// Those of the poll. Ends of connections are counted in `shared`.
    pub fn turn(&mut self, timeout: Duration, shared: &mut Shared) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        // All reads of a turn come before its writes: one write for each
        // connection, and the broker finds more at a time.
        for step in [Peer::receive, Peer::flush] {
            for event in &self.events {
                let Some(peer) = self.all.get_mut(event.token().0) else { continue };
                if peer.life == Life::Down {
                    continue;
                }
                if let Err(error) = step(peer, &mut self.buffer, shared) {
                    peer.end(&error, &mut shared.tally);
                }
            }
        }
        Ok(())
    }

    /// Has every client fill its slots.
    pub fn ask_all(&mut self, shared: &mut Shared) {
        let now = Instant::now();
        for peer in &mut self.all {
            if let Role::Client(client) = &mut peer.role {
                client.ask_all(shared, now, peer.connection.out());
                if let Err(error) = peer.connection.flush() {
                    peer.end(&error, &mut shared.tally);
                }
            }
        }
    }

    /// Requests without an answer.
    #[must_use]
    pub fn open(&self) -> u64 {
        let clients = self.all.iter().filter_map(|peer| match &peer.role {
            Role::Client(client) => Some(client.open()),
            Role::Service => None,
        });
        clients.sum()
    }

    /// The registry to which a waker can be added; its token must be [`WAKER`].
    #[must_use]
    pub fn registry(&self) -> &mio::Registry {
        self.poll.registry()
    }

    fn start(&mut self, address: SocketAddr, name: &[u8], role: Role) -> Result<(), LoadError> {
        let number = self.all.len();
        let mut connection = Connection::start(address, name)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(connection.source(), Token(number), interest)?;
        self.all.push(Peer { connection, life: Life::Up, role });
        Ok(())
    }

    /// Waits until the last `count` peers are open.
    fn await_handshakes(&mut self, count: usize, shared: &mut Shared) -> Result<(), LoadError> {
        let deadline = Instant::now() + HANDSHAKE_TIME;
        let first = self.all.len().saturating_sub(count);
        loop {
            let group = self.all.iter().skip(first);
            let closed = group.clone().position(|peer| peer.life == Life::Down);
            if let Some(at) = closed {
                return Err(LoadError::Connect {
                    peer: first + at,
                    source: ConnectionError::Closed,
                });
            }
            let waiting = group.filter(|peer| peer.connection.phase() != Phase::Open).count();
            if waiting == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(LoadError::ConnectTimeout(waiting));
            }
            self.turn(Duration::from_millis(100), shared)?;
        }
    }
}

impl Peer {
    fn receive(&mut self, buffer: &mut [u8], shared: &mut Shared) -> Result<(), ConnectionError> {
        match &mut self.role {
            Role::Service => {
                self.connection.receive(buffer, |message, out| out.extend_from_slice(message.wire))
            }
            Role::Client(client) => {
                // One clock reading for each read: the latency of every request
                // is measured, from the turn that asked to the turn that took.
                let now = Instant::now();
                self.connection
                    .receive(buffer, |message, out| client.take(message, shared, now, out))
            }
        }
    }

    fn flush(&mut self, _: &mut [u8], _: &mut Shared) -> Result<(), ConnectionError> {
        self.connection.flush()
    }

    /// Counts the end of the connection.
    fn end(&mut self, error: &ConnectionError, tally: &mut Tally) {
        self.life = Life::Down;
        match error {
            ConnectionError::Wire(_) => tally.malformed += 1,
            ConnectionError::Closed | ConnectionError::Io(_) => tally.disconnected += 1,
        }
    }
}

/// The token of a waker: no peer's.
pub const WAKER: Token = Token(usize::MAX - 1);

/// How long a group of handshakes may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(30);

/// Handshakes in flight, below any broker's limit and backlog.
const HANDSHAKES_AT_ONCE: usize = 64;

/// Octets of the read buffer, which all connections share.
const BUFFER_LEN: usize = 128 * 1024;

/// Events taken from one poll.
const EVENTS: usize = 1024;
