//! ZMTP behind `tokio_util`'s [`Framed`], for those who want a `Stream` and a `Sink`.
//!
//! [`connect`] and [`accept`] shake hands over any byte stream and return it framed.
//!
//! **The codec keeps no clock.** What [`Settings`] say of time, the heartbeat included, has no effect
//! here: put a timeout around these calls and around `next`, and send [`Ping`](crate::Ping)s if a
//! peer is to be asked. PINGs of the peer come as [`Incoming::Ping`], to be answered.
//!
//! A publisher, and a subscriber that hears of one topic out of two:
//!
//! ```
//! use std::time::Instant;
//! use futures::{SinkExt, StreamExt};
//! use zmtp_proto::codec::{self, Incoming, Verdict};
//! use zmtp_proto::{
//!     ClientSecurity, Limits, Local, Message, ServerSecurity, SocketType, Subscription,
//!     SubscriptionLimits, Subscriptions,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (near, far) = tokio::io::duplex(4096);
//! let (limits, now) = (Limits::default(), Instant::now());
//! let (subscriber, publisher) = (Local::new(SocketType::Sub), Local::new(SocketType::Pub));
//! let judge = |_: codec::Claim<'_>| Verdict::Accept;
//! let (subscriber, publisher) = tokio::join!(
//!     codec::connect(near, subscriber, ClientSecurity::Null, limits, now),
//!     codec::accept(far, publisher, ServerSecurity::Null, judge, limits, now),
//! );
//! let ((mut subscriber, _), (mut publisher, peer)) = (subscriber?, publisher?);
//! assert_eq!(peer.socket_type, SocketType::Sub);
//!
//! subscriber.send(Subscription::Subscribe("news".into()).into()).await?;
//!
//! // One such table for each peer.
//! let mut wanted = Subscriptions::new(SubscriptionLimits::default());
//! let Some(Incoming::Subscription(told)) = publisher.next().await.transpose()? else {
//!     return Err("no subscription".into());
//! };
//! wanted.handle(&told)?;
//! for frames in [["weather", "rain"], ["news", "of today"]] {
//!     if wanted.matches(frames[0].as_bytes()) {
//!         publisher.send(Message::from_frames(frames)?.into()).await?;
//!     }
//! }
//! publisher.close().await?;
//!
//! let news = Message::from_frames(["news", "of today"])?;
//! assert_eq!(subscriber.next().await.transpose()?, Some(Incoming::Message(news)));
//! assert!(subscriber.next().await.is_none());
//! # Ok(())
//! # }
//! ```

mod framed;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::{Framed, FramedParts};

use crate::connection::Connection;
use crate::error::ConnectionError;
use crate::event::Event;
use crate::handshake::{Local, Peer};
use crate::limits::Settings;
use crate::pairing::TellError;
use crate::plain::PlainCredentials;
use crate::security::{ClientSecurity, ServerSecurity};

pub use self::framed::{Incoming, MessageCodec, Outgoing};

/// What an acceptor is asked.
#[derive(Debug)]
pub enum Claim<'c> {
    /// A PLAIN client gives its credentials, and has not introduced itself yet.
    Credentials(&'c PlainCredentials),
    /// A peer has introduced itself; under PLAIN and CURVE its
    /// [`credentials`](Peer::credentials) are proven.
    Peer(&'c Peer),
}

/// What an acceptor answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Come in.
    Accept,
    /// Never come again, and here is why: ERROR, then the end.
    Refuse(String),
    /// Not now: the end, without a word.
    RefuseForNow,
}

/// Why a framed connection ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The byte stream failed. Temporary as a rule.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The protocol ended it; the variants within say whether to retry.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A subscription or a membership has no place on this connection, which goes on. The caller's
    /// fault.
    #[error(transparent)]
    Tell(TellError),
    /// The acceptor refused the peer for now.
    #[error("refused for now")]
    RefusedForNow,
}

impl From<TellError> for CodecError {
    fn from(error: TellError) -> Self {
        match error {
            TellError::Connection(error) => Self::Connection(error),
            TellError::WrongType { .. } | TellError::NoGroups(_) => Self::Tell(error),
        }
    }
}

/// Shakes hands on a stream that we dialled, announcing `local`; under PLAIN and CURVE as the
/// client, whoever dialled. The future is `Send` if `stream` is.
///
/// # Errors
///
/// The stream failed or ended, or the peer broke the protocol or refused.
///
/// # Cancel safety
///
/// Not cancel safe: drop the stream with the future.
pub async fn connect<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    local: Local,
    security: ClientSecurity,
    settings: impl Into<Settings>,
    now: Instant,
) -> Result<(Framed<T, MessageCodec>, Peer), CodecError> {
    let connection = Connection::connector(local.clone(), security, settings, now);
    // As connector nobody is judged.
    shake(stream, connection, &local, |_: Claim<'_>| Verdict::Accept, now).await
}

/// Shakes hands on a stream that was dialled, letting in whoever fits and is accepted by `judge`,
/// and announcing `local`; under PLAIN and CURVE as the server, whoever dialled. The future is
/// `Send` if `stream` and `judge` are.
///
/// **Under PLAIN `judge` is asked twice**: first about the user name and the password, as
/// [`Claim::Credentials`], then about the peer, as [`Claim::Peer`]. A judge that accepts the first
/// without a look lets in any password. Under NULL and CURVE it is asked once, about the peer.
///
/// # Errors
///
/// The stream failed or ended, or the peer broke the protocol, does not fit or was refused.
///
/// # Cancel safety
///
/// Not cancel safe: drop the stream with the future.
pub async fn accept<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    local: Local,
    security: ServerSecurity,
    judge: impl FnMut(Claim<'_>) -> Verdict,
    settings: impl Into<Settings>,
    now: Instant,
) -> Result<(Framed<T, MessageCodec>, Peer), CodecError> {
    let connection = Connection::acceptor(security, settings, now);
    shake(stream, connection, &local, judge, now).await
}

async fn shake<T: AsyncRead + AsyncWrite + Unpin>(
    mut stream: T,
    mut connection: Connection,
    local: &Local,
    // No trait object: the future is to be `Send` if the judge is.
    mut judge: impl FnMut(Claim<'_>) -> Verdict,
    now: Instant,
) -> Result<(Framed<T, MessageCodec>, Peer), CodecError> {
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    loop {
        let introduced = step(&mut connection, &mut input, local, &mut judge, now);
        while let Some(octets) = connection.poll_transmit() {
            output.extend_from_slice(&octets);
        }
        // Nothing is read after this, and the peer reads what it waits for.
        if introduced.is_err() || matches!(introduced, Ok(Some(_))) {
            stream.write_all_buf(&mut output).await?;
            stream.flush().await?;
        }
        if let Some(peer) = introduced? {
            let (traffic, outlet) = connection.into_halves()?;
            let codec = MessageCodec::new(traffic, outlet, now);
            let mut parts = FramedParts::new::<Outgoing>(stream, codec);
            parts.read_buf = input;
            return Ok((Framed::from_parts(parts), peer));
        }
        if exchange(&mut stream, &mut input, &mut output).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// Writes what fits until something could be read, and returns how many octets were: a peer that
/// writes before it reads must not wait for us while we wait for it.
async fn exchange<T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    input: &mut BytesMut,
    output: &mut BytesMut,
) -> io::Result<usize> {
    poll_fn(|cx| {
        if let Poll::Ready(Err(error)) = poll_write_out(stream, output, cx) {
            return Poll::Ready(Err(error));
        }
        pin!(stream.read_buf(&mut *input)).poll(cx)
    })
    .await
}

/// Writes all, and flushes: the stream may have a buffer of its own.
fn poll_write_out<T: AsyncWrite + Unpin>(
    stream: &mut T,
    output: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !output.is_empty() {
        let len = ready!(Pin::new(&mut *stream).poll_write(cx, output))?;
        if len == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        output.advance(len);
    }
    Pin::new(stream).poll_flush(cx)
}

/// Takes all that is whole off `input`, up to the end of the handshake.
fn step(
    connection: &mut Connection,
    input: &mut BytesMut,
    local: &Local,
    judge: &mut dyn FnMut(Claim<'_>) -> Verdict,
    now: Instant,
) -> Result<Option<Peer>, CodecError> {
    while let Some(progress) = connection.handle_input(input, now)? {
        let (consumed, event) = (progress.consumed, progress.event);
        let peer = match event {
            Some(Event::Credentials(credentials)) => {
                settle(connection, judge(Claim::Credentials(&credentials)))?;
                connection.welcome()?;
                None
            }
            Some(Event::Introduced(peer)) => {
                settle(connection, judge(Claim::Peer(&peer)))?;
                connection.accept(local, now)?;
                Some(peer)
            }
            Some(Event::Established(peer)) => Some(peer),
            Some(Event::Message(_) | Event::Subscription(_) | Event::Membership(_)) | None => None,
        };
        input.advance(consumed);
        if peer.is_some() {
            return Ok(peer);
        }
    }
    Ok(None)
}

fn settle(connection: &mut Connection, verdict: Verdict) -> Result<(), CodecError> {
    match verdict {
        Verdict::Accept => Ok(()),
        Verdict::Refuse(reason) => {
            connection.refuse(&reason);
            Err(ConnectionError::RefusedByUs.into())
        }
        // spec: 37:auth:refused-for-now-silent
        Verdict::RefuseForNow => Err(CodecError::RefusedForNow),
    }
}

#[cfg(test)]
mod tests;
