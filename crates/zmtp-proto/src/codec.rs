//! ZMTP behind `tokio_util`'s [`Framed`], for those who want a `Stream` and a `Sink`.
//!
//! [`connect`] and [`accept`] shake hands over any byte stream and return it framed. The codec
//! keeps no clock: deadlines are the caller's, for instance with a timeout around these calls.
//!
//! ```
//! use std::time::Instant;
//! use futures::{SinkExt, StreamExt};
//! use zmtp_proto::codec::{self, Incoming};
//! use zmtp_proto::{Limits, Local, Message, SocketType};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (one, other) = tokio::io::duplex(4096);
//! let limits = Limits::default();
//! let (client, server) = tokio::join!(
//!     codec::connect(one, Local::new(SocketType::Dealer), limits, Instant::now()),
//!     codec::accept(other, Local::new(SocketType::Router), limits, Instant::now()),
//! );
//! let ((mut client, _), (mut server, peer)) = (client?, server?);
//! assert_eq!(peer.socket_type, SocketType::Dealer);
//!
//! client.send(Message::single(b"hello")).await?;
//! let Some(Incoming::Message(message)) = server.next().await.transpose()? else {
//!     return Err("no message".into());
//! };
//! assert_eq!(message, Message::single(b"hello"));
//! # Ok(())
//! # }
//! ```

use std::io;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::{self, Encoder, Framed, FramedParts};

use crate::command::Pong;
use crate::connection::{Connection, Event};
use crate::decoder::{Decoder, Item, Octets};
use crate::error::ConnectionError;
use crate::handshake::{Local, Peer};
use crate::limits::Limits;
use crate::message::Message;
use crate::traffic::judge;

/// Messages and heartbeats of an established connection.
#[derive(Debug)]
pub struct MessageCodec {
    decoder: Decoder,
    limits: Limits,
}

/// What arrives.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A message.
    Message(Message),
    /// A PING; feed this answer to the sink.
    Ping(Pong),
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
}

impl MessageCodec {
    /// Starts at the first octet behind a handshake.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { decoder: Decoder::new(limits), limits }
    }
}

impl codec::Decoder for MessageCodec {
    type Item = Incoming;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, CodecError> {
        loop {
            let decoded = self.decoder.decode(input).map_err(ConnectionError::from)?;
            let Some(decoded) = decoded else {
                input.reserve(self.decoder.wanted().saturating_sub(input.len()).min(READ_AHEAD));
                return Ok(None);
            };
            let consumed = decoded.consumed;
            match decoded.item {
                Item::Message(Octets::InPlace(_)) => {
                    let octets = input.split_to(consumed).freeze();
                    return Ok(Some(Incoming::Message(Message::from_checked(octets))));
                }
                Item::Message(Octets::Reassembled(octets)) => {
                    input.advance(consumed);
                    return Ok(Some(Incoming::Message(Message::from_checked(octets))));
                }
                Item::Command(body) => {
                    let answer = judge(body, &self.limits)?;
                    input.advance(consumed);
                    if let Some((pong, _)) = answer {
                        return Ok(Some(Incoming::Ping(pong)));
                    }
                }
            }
        }
    }
}

impl Encoder<Message> for MessageCodec {
    type Error = CodecError;

    fn encode(&mut self, message: Message, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(message.as_octets());
        Ok(())
    }
}

impl Encoder<Pong> for MessageCodec {
    type Error = CodecError;

    fn encode(&mut self, pong: Pong, out: &mut BytesMut) -> Result<(), CodecError> {
        pong.put(out);
        Ok(())
    }
}

/// Shakes hands on a stream that we dialled, announcing `local`.
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
    limits: Limits,
    now: Instant,
) -> Result<(Framed<T, MessageCodec>, Peer), CodecError> {
    let connection = Connection::connector(local.clone(), limits, now);
    shake(stream, connection, &local, limits, now).await
}

/// Shakes hands on a stream that was dialled, letting in whoever fits and announcing `local`.
///
/// # Errors
///
/// The stream failed or ended, or the peer broke the protocol or does not fit.
///
/// # Cancel safety
///
/// Not cancel safe: drop the stream with the future.
pub async fn accept<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    local: Local,
    limits: Limits,
    now: Instant,
) -> Result<(Framed<T, MessageCodec>, Peer), CodecError> {
    let connection = Connection::acceptor(limits, now);
    shake(stream, connection, &local, limits, now).await
}

async fn shake<T: AsyncRead + AsyncWrite + Unpin>(
    mut stream: T,
    mut connection: Connection,
    local: &Local,
    limits: Limits,
    now: Instant,
) -> Result<(Framed<T, MessageCodec>, Peer), CodecError> {
    let mut input = BytesMut::new();
    loop {
        let introduced = step(&mut connection, &mut input, local, now);
        while let Some(octets) = connection.poll_transmit() {
            stream.write_all(&octets).await?;
        }
        if let Some(peer) = introduced? {
            let mut parts = FramedParts::new::<Message>(stream, MessageCodec::new(limits));
            parts.read_buf = input;
            return Ok((Framed::from_parts(parts), peer));
        }
        if stream.read_buf(&mut input).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// Takes all that is whole off `input`, up to the end of the handshake.
fn step(
    connection: &mut Connection,
    input: &mut BytesMut,
    local: &Local,
    now: Instant,
) -> Result<Option<Peer>, ConnectionError> {
    while let Some(progress) = connection.handle_input(input, now)? {
        let consumed = progress.consumed;
        let peer = match progress.event {
            Some(Event::Introduced(peer)) => {
                connection.accept(local)?;
                Some(peer)
            }
            Some(Event::Established(peer)) => Some(peer),
            Some(Event::Message(_)) | None => None,
        };
        input.advance(consumed);
        if peer.is_some() {
            return Ok(peer);
        }
    }
    Ok(None)
}

/// Octets reserved at most ahead of their arrival: a header alone must not buy memory.
const READ_AHEAD: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use futures::{SinkExt, StreamExt};
    use tokio_util::codec::Decoder as _;

    use super::*;
    use crate::clock::start;
    use crate::socket_type::SocketType;

    #[test]
    fn a_header_alone_buys_at_most_the_read_ahead() {
        let mut codec = MessageCodec::new(Limits::default());
        let mut input = BytesMut::from(&b"\x02\0\0\0\0\0\xf0\0\0"[..]);
        assert!(codec.decode(&mut input).unwrap().is_none());
        assert!(input.capacity() <= 2 * READ_AHEAD, "{}", input.capacity());
    }

    /// Fails a test whose peer never answers.
    async fn in_time<T>(answer: impl Future<Output = T>) -> T {
        let limit = std::time::Duration::from_secs(10);
        tokio::time::timeout(limit, answer).await.expect("an answer in time")
    }

    #[tokio::test]
    async fn both_sides_see_messages_and_pings_through_framed() {
        let (one, other) = tokio::io::duplex(64);
        let now = start;
        let local = |kind| Local::new(kind);
        let (client, server) = tokio::join!(
            connect(one, local(SocketType::Dealer), Limits::default(), now()),
            accept(other, local(SocketType::Router), Limits::default(), now()),
        );
        let ((mut client, router), (server, _)) = (client.unwrap(), server.unwrap());
        assert_eq!(router.socket_type, SocketType::Router);
        let parts = server.into_parts();
        let (mut raw, codec) = (parts.io, parts.codec);
        raw.write_all(b"\x04\x08\x04PING\0\0c\x04\x02\x01X\x01\x01a").await.unwrap();
        let Some(Ok(Incoming::Ping(pong))) = in_time(client.next()).await else {
            panic!("no PING")
        };
        client.send(pong).await.unwrap();
        raw.write_all(b"\x00\x01b").await.unwrap();
        let whole = Message::from_frames(["a", "b"]).unwrap();
        let Some(Ok(incoming)) = in_time(client.next()).await else { panic!("no message") };
        assert_eq!(incoming, Incoming::Message(whole));
        let mut answer = [0; 8];
        in_time(raw.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"\x04\x06\x04PONGc");
        drop((raw, codec));
        assert!(in_time(client.next()).await.is_none());
    }

    #[tokio::test]
    async fn a_peer_that_does_not_fit_is_told_so() {
        let (one, other) = tokio::io::duplex(4096);
        let (client, server) = tokio::join!(
            connect(one, Local::new(SocketType::Pub), Limits::default(), start()),
            accept(other, Local::new(SocketType::Router), Limits::default(), start()),
        );
        let Err(CodecError::Connection(ConnectionError::Refused { reason })) = client else {
            panic!("not refused")
        };
        assert_eq!(reason, "incompatible-socket-type");
        assert!(matches!(
            server,
            Err(CodecError::Connection(ConnectionError::Incompatible { .. }))
        ));
    }
}
