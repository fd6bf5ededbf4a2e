//! A peer that sends what it likes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, connect, socket};

use crate::DEADLINE;
use crate::wire::{COMMAND, LONG, MORE, command, opening};

/// A connection to the broker.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    inbox: VecDeque<u8>,
    /// Octets read at once.
    chunk_len: usize,
    /// How long a read waits.
    patience: Duration,
    pings: Pings,
}

/// What becomes of the broker's PINGs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pings {
    Ignored,
    Answered,
}

/// A connection that the broker has closed.
#[derive(Debug)]
pub struct Closed {
    /// What arrived before.
    pub octets: Vec<u8>,
    /// Whether in order.
    pub how: How,
}

/// How a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// In order.
    Fin,
    /// Not in order.
    Reset,
}

impl Raw {
    /// Connects and sends nothing.
    #[must_use]
    pub fn dial(url: &str) -> Self {
        let address = url.strip_prefix("tcp://").expect("a TCP endpoint");
        Self::over(TcpStream::connect(address).expect("muxd listens"))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an option of TCP");
        stream.set_read_timeout(Some(DEADLINE)).expect("an option of every socket");
        stream.set_write_timeout(Some(DEADLINE)).expect("an option of every socket");
        let patience = DEADLINE;
        let (inbox, pings) = (VecDeque::new(), Pings::Ignored);
        Self { stream, inbox, chunk_len: CHUNK_LEN, patience, pings }
    }

    /// Connects and sends these octets.
    #[must_use]
    pub fn dial_with(url: &str, octets: &[u8]) -> Self {
        let mut raw = Self::dial(url);
        raw.send(octets);
        raw
    }

    /// Connects and shakes hands.
    #[must_use]
    pub fn join(url: &str, socket_type: &str, identity: &[u8]) -> Self {
        let mut raw = Self::dial_with(url, &opening(socket_type, identity));
        raw.await_ready();
        raw
    }

    /// Connects as one that takes little ahead of its work, and shakes hands: its system holds a few
    /// KiB for it, as with a small `ZMQ_RCVBUF`, and it reads one KiB at once.
    #[must_use]
    pub fn join_frugal(url: &str, socket_type: &str, identity: &[u8]) -> Self {
        let address = url.strip_prefix("tcp://").expect("a TCP endpoint");
        let address: SocketAddr = address.parse().expect("an address");
        let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let socket = socket(family, SocketType::STREAM, None).expect("a socket");
        // Before it connects, so that no larger window is ever announced.
        set_socket_recv_buffer_size(&socket, FRUGAL_LEN).expect("an option of every socket");
        connect(&socket, &address).expect("muxd listens");
        let mut raw = Self { chunk_len: 1024, ..Self::over(socket.into()) };
        raw.send(&opening(socket_type, identity));
        raw.await_ready();
        raw
    }

    /// Sends octets; if the broker has closed already, this is found out by reading.
    pub fn send(&mut self, octets: &[u8]) {
        let _ = self.try_send(octets);
    }

    /// Sends octets, unless the broker has closed or does not read.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn try_send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets)
    }

    /// Reads the broker's greeting and READY.
    pub fn await_ready(&mut self) {
        let _ = self.ready();
    }

    /// Reads the broker's greeting, and returns its READY.
    #[must_use]
    pub fn ready(&mut self) -> Vec<u8> {
        self.take(64);
        let (flags, body) = self.frame();
        assert!(flags & COMMAND != 0 && body.starts_with(b"\x05READY"), "{body:?}");
        body
    }

    /// Receives a frame: its flags without LONG, and its body.
    #[must_use]
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let flags = self.take(1)[0];
        let size = if flags & LONG == 0 {
            usize::from(self.take(1)[0])
        } else {
            let size: [u8; 8] = self.take(8).try_into().expect("eight octets");
            usize::try_from(u64::from_be_bytes(size)).expect("a size that fits")
        };
        (flags & !LONG, self.take(size))
    }

    /// Receives the next message; commands before it are skipped.
    #[must_use]
    pub fn receive(&mut self) -> Vec<Vec<u8>> {
        self.try_receive(DEADLINE).expect("a message in time")
    }

    /// Receives the next message, if it comes; commands before it are skipped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] if nothing comes for so long; what has come of a message is kept.
    /// Else those of the system, and [`ErrorKind::UnexpectedEof`] if the broker has closed.
    pub fn try_receive(&mut self, limit: Duration) -> io::Result<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        loop {
            match whole(self.inbox.make_contiguous()) {
                None => self.read(limit)?,
                Some(Whole::Command) => self.hear_command(),
                Some(Whole::Message) => break,
            }
        }
        loop {
            let (flags, body) = self.frame();
            frames.push(body);
            if flags & MORE == 0 {
                return Ok(frames);
            }
        }
    }

    /// From here on PINGs are answered, while it receives messages.
    #[must_use]
    pub fn answering(self) -> Self {
        Self { pings: Pings::Answered, ..self }
    }

    fn hear_command(&mut self) {
        let (_, body) = self.frame();
        if let (Pings::Answered, Some([_, _, context @ ..])) =
            (self.pings, body.strip_prefix(b"\x04PING"))
        {
            self.send(&command("PONG", context));
        }
    }

    /// Receives whatever octets there are, or come next.
    ///
    /// # Errors
    ///
    /// As [`try_receive`](Self::try_receive).
    pub fn try_octets(&mut self, limit: Duration) -> io::Result<Vec<u8>> {
        if self.inbox.is_empty() {
            self.read(limit)?;
        }
        Ok(self.inbox.drain(..).collect())
    }

    /// Does not wait longer than this to send, from here on.
    pub fn limit_sending(&self, limit: Duration) {
        self.stream.set_write_timeout(Some(limit)).expect("an option of every socket");
    }

    /// Waits until the broker closes, which it must at once: before its handshake deadline would
    /// make it. Returns what it sent before.
    #[expect(clippy::must_use_candidate, reason = "it is asked for the wait, most often")]
    pub fn closed(self, what: &str) -> Vec<u8> {
        self.closed_within(AT_ONCE, what).octets
    }

    /// Waits until the broker closes.
    #[must_use]
    pub fn closed_within(mut self, limit: Duration, what: &str) -> Closed {
        let mut octets: Vec<u8> = self.inbox.drain(..).collect();
        let began = Instant::now();
        let mut chunk = vec![0; CHUNK_LEN];
        loop {
            let left = limit.saturating_sub(began.elapsed());
            assert!(!left.is_zero(), "{what}: the broker does not close");
            self.stream.set_read_timeout(Some(left)).expect("an option of every socket");
            let how = match self.stream.read(&mut chunk) {
                Ok(0) => How::Fin,
                Ok(count) => {
                    octets.extend(&chunk[..count]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => How::Reset,
                Err(error) => panic!("{what}: the broker does not close: {error}"),
            };
            return Closed { octets, how };
        }
    }

    /// Breaks the connection with a RST: that is what a socket does which is closed with octets
    /// unread, so wait for some first.
    pub fn reset(self) {
        let count = self.stream.peek(&mut [0]).expect("octets in time");
        assert!(count > 0 && self.inbox.is_empty(), "nothing unread");
    }

    /// Tells the broker that nothing more comes, and goes on reading.
    pub fn half_close(&self) {
        // It can only be closed already.
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Takes a handle to the same connection, with what has been read of it.
    #[must_use]
    pub fn stream(&self) -> TcpStream {
        self.stream.try_clone().expect("a descriptor")
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        while self.inbox.len() < count {
            self.read(DEADLINE).expect("octets in time");
        }
        self.inbox.drain(..count).collect()
    }

    fn read(&mut self, limit: Duration) -> io::Result<()> {
        if std::mem::replace(&mut self.patience, limit) != limit {
            self.stream.set_read_timeout(Some(limit))?;
        }
        let mut chunk = [0; CHUNK_LEN];
        let read = self.stream.read(&mut chunk[..self.chunk_len])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.inbox.extend(&chunk[..read]);
        Ok(())
    }
}

/// What has come whole.
enum Whole {
    Command,
    Message,
}

/// Tells what stands in front, if all of it is there.
fn whole(mut octets: &[u8]) -> Option<Whole> {
    loop {
        let (flags, len, rest) = match octets {
            [flags, rest @ ..] if flags & LONG != 0 => {
                let (size, rest) = rest.split_first_chunk()?;
                (flags, usize::try_from(u64::from_be_bytes(*size)).ok()?, rest)
            }
            [flags, len, rest @ ..] => (flags, usize::from(*len), rest),
            _ => return None,
        };
        octets = rest.get(len..)?;
        if flags & COMMAND != 0 {
            return Some(Whole::Command);
        }
        if flags & MORE == 0 {
            return Some(Whole::Message);
        }
    }
}

const CHUNK_LEN: usize = 16 * 1024;

/// What a frugal peer asks of its system; Linux gives twice as much, half of it for octets.
const FRUGAL_LEN: usize = 2304;

/// Well below the broker's handshake deadline of 10 s.
const AT_ONCE: Duration = Duration::from_secs(6);
