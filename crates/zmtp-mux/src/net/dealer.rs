//! A DEALER: one connection that sends and receives whole messages, as client or as service.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use zmtp_proto::{
    Connection, ConnectionError, DecodeError, Event, Identity, Limits, Local, Message, Peer,
    SocketType,
};

use crate::net::clock::now;
use crate::net::dial::{Dial, DialError};
use crate::net::endpoint::Endpoint;
use crate::net::stream::Stream;

/// A dialled connection to a MUX or any ROUTER, REP or DEALER.
///
/// It does not reconnect: when it fails it is over.
#[derive(Debug)]
pub struct Dealer {
    stream: Stream,
    connection: Connection,
    inbox: BytesMut,
    /// Octets that are being written.
    outbox: Bytes,
    peer: Peer,
}

/// Why a dealer failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DealerError {
    /// The identity has more than 255 octets or begins with a zero octet. The caller's fault.
    #[error(transparent)]
    Identity(DecodeError),
    /// The endpoint could not be dialled; the variants within say whether to try again.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The stream failed, or the peer closed it. Temporary as a rule: dial again.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The protocol ended it; the variants within say whether to try again.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

impl Dealer {
    /// Dials `endpoint` as [`Dial::default`] does and shakes hands, announcing `identity`: a
    /// service's name, or nothing.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be reached, or the peer is none, or refused.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect(
        endpoint: &Endpoint,
        identity: impl AsRef<[u8]>,
    ) -> Result<Self, DealerError> {
        Self::connect_with(&Dial::default(), endpoint, identity).await
    }

    /// Does as [`connect`](Self::connect), dialling as `dial` says.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be reached, or the peer is none, or refused.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect_with(
        dial: &Dial,
        endpoint: &Endpoint,
        identity: impl AsRef<[u8]>,
    ) -> Result<Self, DealerError> {
        let identity = Identity::new(Bytes::copy_from_slice(identity.as_ref()))
            .map_err(DealerError::Identity)?;
        let local = Local::new(SocketType::Dealer).with_identity(identity);
        let mut stream = dial.dial(endpoint).await?;
        let mut connection = Connection::connector(local, Limits::default(), now());
        let mut inbox = BytesMut::new();
        loop {
            while let Some(octets) = connection.poll_transmit() {
                stream.write_all(&octets).await?;
            }
            let Some(progress) = connection.handle_input(&inbox, now())? else {
                read_in_time(&mut stream, &mut connection, &mut inbox).await?;
                continue;
            };
            let consumed = progress.consumed;
            let established = match progress.event {
                Some(Event::Established(peer)) => Some(peer),
                Some(Event::Introduced(_) | Event::Message(_)) | None => None,
            };
            inbox.advance(consumed);
            if let Some(peer) = established {
                return Ok(Self { stream, connection, inbox, outbox: Bytes::new(), peer });
            }
        }
    }

    /// Returns what the peer announced of itself.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Queues a message without writing it; follow with [`flush`](Self::flush), or read.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub fn feed(&mut self, message: Message) -> Result<(), DealerError> {
        self.connection.send(message).map_err(|_| ConnectionError::Closed.into())
    }

    /// Writes all that is queued.
    ///
    /// # Errors
    ///
    /// The connection is over.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was not written yet is written by the next call.
    pub async fn flush(&mut self) -> Result<(), DealerError> {
        loop {
            if self.outbox.is_empty() {
                match self.connection.poll_transmit() {
                    Some(octets) => self.outbox = octets,
                    None => return Ok(()),
                }
            }
            let written = self.stream.write(&self.outbox).await?;
            if written == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            self.outbox.advance(written);
        }
    }

    /// Queues a message and writes all that is queued.
    ///
    /// # Errors
    ///
    /// The connection is over.
    ///
    /// # Cancel safety
    ///
    /// The message is queued when the future is first polled, and what was not written of it is
    /// written by the next call that writes.
    pub async fn send(&mut self, message: Message) -> Result<(), DealerError> {
        self.feed(message)?;
        self.flush().await
    }

    /// Waits for the next message. PINGs are answered meanwhile.
    ///
    /// # Errors
    ///
    /// The connection is over.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no octet and no message is lost.
    pub async fn recv(&mut self) -> Result<Message, DealerError> {
        loop {
            if let Some(message) = self.try_recv()? {
                return Ok(message);
            }
            self.flush().await?;
            read_in_time(&mut self.stream, &mut self.connection, &mut self.inbox).await?;
        }
    }

    /// Returns the next message that has been read already, if there is one.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol.
    pub fn try_recv(&mut self) -> Result<Option<Message>, DealerError> {
        while let Some(progress) = self.connection.handle_input(&self.inbox, now())? {
            let consumed = progress.consumed;
            let message = match progress.event {
                Some(Event::Message(octets)) => Some(octets.into_message()),
                Some(Event::Introduced(_) | Event::Established(_)) | None => None,
            };
            self.inbox.advance(consumed);
            if message.is_some() {
                return Ok(message);
            }
        }
        Ok(None)
    }
}

/// Reads once, for as long as the connection gives the peer.
async fn read_in_time(
    stream: &mut Stream,
    connection: &mut Connection,
    inbox: &mut BytesMut,
) -> Result<(), DealerError> {
    inbox.reserve(READ_LEN);
    let read = stream.read_buf(inbox);
    let octets = match connection.poll_timeout() {
        None => read.await?,
        Some(deadline) => match timeout_at(Instant::from_std(deadline), read).await {
            Ok(octets) => octets?,
            Err(_) => return Ok(connection.handle_timeout(now())?),
        },
    };
    if octets == 0 { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) } else { Ok(()) }
}

/// Octets read at once.
const READ_LEN: usize = 16 * 1024;
