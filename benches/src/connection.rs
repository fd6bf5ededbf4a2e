//! One raw connection: the handshake, whole messages out of big reads, and one
//! write for everything that a turn produced.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::event::Source;
use mio::net::TcpStream;
use thiserror::Error;

use crate::wire::{self, FrameKind, GREETING_LEN, WireError};

/// Why a connection is of no more use.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The other side closed.
    #[error("the broker closed the connection")]
    Closed,
    /// The other side sent what this generator does not take.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits for the broker's greeting.
    Greeting,
    /// Waits for the broker's READY.
    Ready,
    /// Carries messages.
    Open,
}

/// A message of one or more parts, as it stands on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// All frames with their headers.
    pub wire: &'a [u8],
    /// The body of the first frame.
    pub first: &'a [u8],
    /// The bodies of both frames, if there are exactly two: the second.
    pub second: Option<&'a [u8]>,
}

/// A DEALER's connection to a broker.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    phase: Phase,
    /// The beginning of a message or frame whose end has not arrived.
    tail: Vec<u8>,
    out: Vec<u8>,
    written: usize,
}

impl Connection {
    /// Begins to connect. Greeting and READY go first: an acceptor may wait for
    /// both before it sends its own READY.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn start(address: SocketAddr, identity: &[u8]) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let mut out = wire::greeting().to_vec();
        out.extend_from_slice(&wire::ready(identity));
        Ok(Self { stream, phase: Phase::Greeting, tail: Vec::new(), out, written: 0 })
    }

    /// What a poll registers.
    pub fn source(&mut self) -> &mut impl Source {
        &mut self.stream
    }

    /// Where to append what the next [`flush`](Self::flush) writes.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Reads until the socket is empty and calls `on_message` for each whole
    /// message, with the buffer of what the next [`flush`](Self::flush) writes.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        mut on_message: impl FnMut(Message<'_>, &mut Vec<u8>),
    ) -> Result<(), ConnectionError> {
        loop {
            let kept = self.tail.len();
            if buffer.len() < kept + READ_LEN_MIN {
                return Err(WireError::FrameLen(kept as u64).into());
            }
            let (front, space) = buffer.split_at_mut(kept);
            front.copy_from_slice(&self.tail);
            let space_len = space.len();
            let count = match self.stream.read(space) {
                Ok(0) => return Err(ConnectionError::Closed),
                Ok(count) => count,
                Err(error) if is_not_yet(&error) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let input = buffer.get(..kept + count).unwrap_or_default();
            let rest = self.take_messages(input, &mut on_message)?;
            self.tail.clear();
            self.tail.extend_from_slice(rest);
            // A short read has emptied the socket: no second call to learn it.
            if count < space_len {
                break;
            }
        }
        Ok(())
    }

    /// Writes what waits, as far as the socket takes it.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub fn flush(&mut self) -> Result<(), ConnectionError> {
        while let Some(waiting) = self.out.get(self.written..).filter(|octets| !octets.is_empty()) {
            match self.stream.write(waiting) {
                Ok(count) => self.written += count,
                Err(error) if is_not_yet(&error) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// How far the connection has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes everything whole off `input` and returns the rest.
    fn take_messages<'i>(
        &mut self,
        mut input: &'i [u8],
        on_message: &mut impl FnMut(Message<'_>, &mut Vec<u8>),
    ) -> Result<&'i [u8], WireError> {
        if self.phase != Phase::Open {
            input = self.shake_hands(input)?;
            if self.phase != Phase::Open {
                return Ok(input);
            }
        }
        while let Some(first) = wire::frame(input)? {
            let rest = match first.kind {
                FrameKind::Command => {
                    self.out.extend(wire::pong(first.body).into_iter().flatten());
                    first.rest
                }
                FrameKind::Last => {
                    on_message(message(input, first.rest, first.body, None), &mut self.out);
                    first.rest
                }
                FrameKind::More => {
                    let Some((second, rest)) = others(first.rest)? else { break };
                    on_message(message(input, rest, first.body, second), &mut self.out);
                    rest
                }
            };
            input = rest;
        }
        Ok(input)
    }

    /// Takes the broker's greeting and READY.
    fn shake_hands<'i>(&mut self, mut input: &'i [u8]) -> Result<&'i [u8], WireError> {
        if self.phase == Phase::Greeting {
            let Some((greeting, rest)) = input.split_first_chunk::<GREETING_LEN>() else {
                return Ok(input);
            };
            wire::check_greeting(greeting)?;
            self.phase = Phase::Ready;
            input = rest;
        }
        let Some(frame) = wire::frame(input)? else { return Ok(input) };
        if frame.kind != FrameKind::Command || !frame.body.starts_with(b"\x05READY") {
            return Err(WireError::Handshake(String::from_utf8_lossy(frame.body).into_owned()));
        }
        self.phase = Phase::Open;
        Ok(frame.rest)
    }
}

/// Takes the parts behind the first: the second if it is the last one too.
type Others<'a> = (Option<&'a [u8]>, &'a [u8]);

#[inline]
fn others(input: &[u8]) -> Result<Option<Others<'_>>, WireError> {
    let Some(second) = wire::frame(input)? else { return Ok(None) };
    match second.kind {
        FrameKind::Last => Ok(Some((Some(second.body), second.rest))),
        FrameKind::Command => Err(WireError::CommandInsideMessage),
        FrameKind::More => {
            let mut rest = second.rest;
            while let Some(part) = wire::frame(rest)? {
                match part.kind {
                    FrameKind::Last => return Ok(Some((None, part.rest))),
                    FrameKind::Command => return Err(WireError::CommandInsideMessage),
                    FrameKind::More => rest = part.rest,
                }
            }
            Ok(None)
        }
    }
}

/// The message between `input` and `rest`, which is `input`'s end.
#[inline]
fn message<'i>(
    input: &'i [u8],
    rest: &[u8],
    first: &'i [u8],
    second: Option<&'i [u8]>,
) -> Message<'i> {
    let wire = input.get(..input.len() - rest.len()).unwrap_or_default();
    Message { wire, first, second }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

/// Room that a read must have at least, in octets.
const READ_LEN_MIN: usize = 4096;
