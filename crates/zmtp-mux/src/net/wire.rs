//! A connection over the stream that we dialled: octets move while its owner waits.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};
use zmtp_proto::{Connection, ConnectionError, Event, Message, Peer};

use crate::net::clock::now;
use crate::net::dealer::DealerError;
use crate::net::stream::Stream;

/// A stream and what is said over it.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    pub(crate) connection: Connection,
    /// What has arrived and is not taken.
    inbox: BytesMut,
    /// Octets that are being written.
    outbox: Bytes,
}

/// Something that has arrived.
#[derive(Debug)]
pub(crate) enum Arrived {
    Established(Peer),
    Message(Message),
}

impl Wire {
    pub(crate) fn new(stream: Stream, connection: Connection) -> Self {
        Self { stream, connection, inbox: BytesMut::new(), outbox: Bytes::new() }
    }

    /// Takes the next thing of note that has been read already.
    pub(crate) fn take(&mut self) -> Result<Option<Arrived>, ConnectionError> {
        loop {
            let Some(progress) = self.connection.handle_input(&self.inbox, now())? else {
                return Ok(None);
            };
            let consumed = progress.consumed;
            let arrived = match progress.event {
                Some(Event::Established(peer)) => Some(Arrived::Established(peer)),
                Some(Event::Message(octets)) => Some(Arrived::Message(octets.into_message())),
                Some(Event::Credentials(_) | Event::Introduced(_)) | None => None,
            };
            self.inbox.advance(consumed);
            if arrived.is_some() {
                return Ok(arrived);
            }
        }
    }

    /// Returns how many octets wait to be written.
    pub(crate) fn unwritten(&self) -> usize {
        self.outbox.len().saturating_add(self.connection.queued())
    }

    /// Waits until something was read; writes meanwhile, and keeps the deadlines.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no octet is lost.
    pub(crate) async fn read(&mut self) -> Result<(), DealerError> {
        loop {
            let timeout = self.connection.poll_timeout().map(Instant::from_std);
            let read = poll_fn(|cx| {
                if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                    return Poll::Ready(Err(error));
                }
                self.poll_read(cx)
            });
            match timeout {
                None => return Ok(read.await?),
                Some(deadline) => match timeout_at(deadline, read).await {
                    Ok(outcome) => return Ok(outcome?),
                    Err(_) => self.connection.handle_timeout(now())?,
                },
            }
        }
    }

    /// Waits until all is written; reads ahead meanwhile, so that two who write to each other do
    /// not wait for each other.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was not written is written by the next call.
    // spec: 28:dealer:independent-directions
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(outcome) = self.poll_flush(cx) {
                    return Poll::Ready(outcome);
                }
                if self.inbox.len() >= READ_AHEAD_MAX {
                    return Poll::Pending;
                }
                match self.poll_read(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.outbox.is_empty() {
                match self.connection.poll_transmit() {
                    Some(octets) => self.outbox = octets,
                    None => return Poll::Ready(Ok(())),
                }
            }
            match Pin::new(&mut self.stream).poll_write(cx, &self.outbox) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => self.outbox.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.inbox.len();
        self.inbox.resize(before.saturating_add(READ_LEN), 0);
        let mut buffer = ReadBuf::new(self.inbox.get_mut(before..).unwrap_or_default());
        let outcome = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
        let octets = buffer.filled().len();
        self.inbox.truncate(before.saturating_add(octets));
        match outcome {
            Poll::Ready(Ok(())) if octets == 0 => {
                Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            outcome @ (Poll::Ready(_) | Poll::Pending) => outcome,
        }
    }
}

/// Octets read at once.
const READ_LEN: usize = 16 * 1024;

/// Octets read ahead of an application that writes.
const READ_AHEAD_MAX: usize = 1024 * 1024;
