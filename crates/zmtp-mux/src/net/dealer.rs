//! A DEALER: one connection that sends and receives whole messages, as client or as service.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::time::Instant;
use zmtp_proto::{
    Connection, ConnectionError, DecodeError, Identity, Local, Message, Peer, Retry, Settings,
    SocketType,
};

use crate::net::clock::now;
use crate::net::dial::{Dial, DialError};
use crate::net::endpoint::Endpoint;
use crate::net::security::DialSecurity;
use crate::net::wire::{Arrived, Wire};

/// A dialled connection to a MUX or any ROUTER, REP or DEALER.
///
/// When it fails it is over; a [`Connector`](crate::Connector) dials again, as far as that makes
/// sense.
#[derive(Debug)]
pub struct Dealer {
    wire: Wire,
    peer: Peer,
    /// Since when nobody reads: the peer's silence does not count meanwhile.
    unread_since: Option<Instant>,
}

/// How a dealer dials, and as whom.
#[derive(Clone, Debug, Default)]
pub struct DealerOptions {
    /// What it announces: a service's name, or nothing.
    pub identity: Identity,
    /// The security mechanism.
    pub security: DialSecurity,
    /// Limits, version and heartbeat.
    pub settings: Settings,
    /// Timeout and proxy.
    pub dial: Dial,
}

impl DealerOptions {
    /// The usual, with this identity.
    ///
    /// # Errors
    ///
    /// [`DealerError::Identity`]: it has more than 255 octets or begins with a zero octet.
    pub fn new(identity: impl AsRef<[u8]>) -> Result<Self, DealerError> {
        let identity = Identity::new(Bytes::copy_from_slice(identity.as_ref()))
            .map_err(DealerError::Identity)?;
        Ok(Self { identity, ..Self::default() })
    }

    /// Uses this mechanism.
    #[must_use]
    pub fn with_security(self, security: DialSecurity) -> Self {
        Self { security, ..self }
    }
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
    /// A message was not queued; it is in there.
    #[error(transparent)]
    NotQueued(#[from] NotQueued),
    /// An earlier end was final, so nothing was dialled. Somebody has to change something first.
    #[error("given up after an end that was final")]
    GivenUp,
}

impl DealerError {
    /// Tells whether to dial the same endpoint again, and how soon.
    // spec: 37:errors:close-is-temporary, 37:errors:retry-by-kind
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Identity(_) | Self::GivenUp => Retry::No,
            Self::Dial(DialError::Socks(error)) => error.retry(),
            Self::Dial(_) | Self::Io(_) | Self::NotQueued(_) => Retry::AFTER_CLOSE,
            Self::Connection(error) => error.retry(),
        }
    }
}

/// A message that was not queued, and why.
#[derive(Debug, Error)]
#[error("not queued: {reason}")]
pub struct NotQueued {
    /// The message.
    pub message: Message,
    /// Why not.
    pub reason: NotQueuedReason,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotQueuedReason {
    /// More than [`Dealer::QUEUE_MAX`] octets wait already: flush first.
    #[error("too much waits to be written")]
    Full,
    /// The connection is over: dial again.
    #[error("the connection is over")]
    Over,
}

impl Dealer {
    /// Octets that may wait to be written when another message is queued: 16 MiB.
    pub const QUEUE_MAX: usize = 16 * 1024 * 1024;

    /// Dials `endpoint` once and shakes hands without security, announcing `identity`: a service's
    /// name, or nothing.
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
        Self::connect_with(endpoint, &DealerOptions::new(identity)?).await
    }

    /// Dials `endpoint` once and shakes hands, as `options` say.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be reached, or the peer is none, or refused.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect_with(
        endpoint: &Endpoint,
        options: &DealerOptions,
    ) -> Result<Self, DealerError> {
        let local = Local::new(SocketType::Dealer).with_identity(options.identity.clone());
        let stream = options.dial.dial(endpoint).await?;
        let security = options.security.client()?;
        let connection = Connection::connector(local, security, options.settings, now());
        let mut wire = Wire::new(stream, connection);
        loop {
            match wire.take()? {
                Some(Arrived::Established(peer)) => {
                    // The peer may have been quicker than our own READY.
                    wire.flush().await?;
                    return Ok(Self { wire, peer, unread_since: None });
                }
                Some(Arrived::Message(_)) => return Err(ConnectionError::Closed.into()),
                None => wire.read().await?,
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
    /// Returns the message if too much waits already, or the connection is over.
    // spec: 28:dealer:room-limited, 28:dealer:nothing-discarded
    pub fn feed(&mut self, message: Message) -> Result<(), NotQueued> {
        if self.wire.unwritten() > Self::QUEUE_MAX {
            return Err(NotQueued { message, reason: NotQueuedReason::Full });
        }
        let sent = self.wire.connection.send(message);
        sent.map_err(|error| NotQueued { message: error.0, reason: NotQueuedReason::Over })
    }

    /// Writes all that is queued. Reads ahead meanwhile, up to a limit, for a peer that writes
    /// itself.
    ///
    /// # Errors
    ///
    /// The connection is over.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was not written yet is written by the next call.
    pub async fn flush(&mut self) -> Result<(), DealerError> {
        Ok(self.wire.flush().await?)
    }

    /// Queues a message and writes all that is queued.
    ///
    /// # Errors
    ///
    /// The connection is over.
    ///
    /// # Cancel safety
    ///
    /// Once there is room, the message is queued; what was not written of it is written by the
    /// next call that writes.
    // spec: 28:dealer:waits-or-errors, 28:dealer:unaltered
    pub async fn send(&mut self, message: Message) -> Result<(), DealerError> {
        if self.wire.unwritten() > Self::QUEUE_MAX {
            self.flush().await?;
        }
        self.feed(message)?;
        self.flush().await
    }

    /// Waits for the next message. PINGs are answered meanwhile, and a silent peer is asked.
    ///
    /// # Errors
    ///
    /// The connection is over.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no octet and no message is lost.
    pub async fn recv(&mut self) -> Result<Message, DealerError> {
        if let Some(since) = self.unread_since.take()
            && since.elapsed() > UNREAD_MAX
        {
            self.wire.connection.resume(since.into_std(), now());
        }
        let reading = Reading(self);
        loop {
            if let Some(message) = reading.0.try_recv()? {
                return Ok(message);
            }
            reading.0.wire.read().await?;
        }
    }

    /// Returns the next message that has been read already, if there is one.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol.
    pub fn try_recv(&mut self) -> Result<Option<Message>, DealerError> {
        match self.wire.take()? {
            Some(Arrived::Message(message)) => Ok(Some(message)),
            Some(Arrived::Established(_)) | None => Ok(None),
        }
    }
}

/// A dealer that reads; when it stops, however that comes about, the time is noted.
struct Reading<'d>(&'d mut Dealer);

// spec: 37:heartbeat:withheld-reads
impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.unread_since = Some(Instant::now());
    }
}

/// Time without reading that is no more than a pause between two calls.
const UNREAD_MAX: Duration = Duration::from_millis(100);
