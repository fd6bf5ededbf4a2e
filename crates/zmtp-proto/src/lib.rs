//! ZMTP 3.0 and 3.1, the wire protocol of ZeroMQ, in pure Rust and without I/O.
//!
//! No libzmq, no sockets, no tasks, no clock: octets and instants go in, octets and events come
//! out. The crate serves whoever wants to speak to ZeroMQ peers on their own terms, and it is the
//! ground on which `zmtp-mux` stands.
//!
//! # The run loop
//!
//! [`Connection`] is one side of a connection. **After every `handle_*`, `welcome`, `accept`,
//! `refuse` or `send`, write out what `poll_transmit` gives until `None`, then arm a timer for
//! `poll_timeout`.**
//!
//! ```
//! use std::time::Instant;
//! use zmtp_proto::{
//!     ClientSecurity, Connection, Event, Limits, Local, Message, ServerSecurity, SocketType,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Instant::now();
//! let mut client = Connection::connector(Local::new(SocketType::Dealer), ClientSecurity::Null, Limits::default(), now);
//! let mut server = Connection::acceptor(ServerSecurity::Null, Limits::default(), now);
//! let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//! let mut received = Vec::new();
//!
//! // Two sides over two byte vectors, until nothing moves any more.
//! loop {
//!     while let Some(octets) = client.poll_transmit() {
//!         to_server.extend_from_slice(&octets);
//!     }
//!     while let Some(octets) = server.poll_transmit() {
//!         to_client.extend_from_slice(&octets);
//!     }
//!     if to_server.is_empty() && to_client.is_empty() {
//!         break;
//!     }
//!     while let Some(progress) = server.handle_input(&to_server, now)? {
//!         let consumed = progress.consumed;
//!         match progress.event {
//!             Some(Event::Introduced(_)) => server.accept(&Local::new(SocketType::Router), now)?,
//!             Some(Event::Message(octets)) => received.push(octets.into_message()),
//!             Some(_) | None => {}
//!         }
//!         to_server.drain(..consumed);
//!     }
//!     while let Some(progress) = client.handle_input(&to_client, now)? {
//!         let consumed = progress.consumed;
//!         if let Some(Event::Established(_)) = progress.event {
//!             client.send(Message::from_frames(["hello", "world"])?)?;
//!         }
//!         to_client.drain(..consumed);
//!     }
//! }
//! assert_eq!(received, [Message::from_frames(["hello", "world"])?]);
//! # Ok(())
//! # }
//! ```
//!
//! # Its states
//!
//! ```text
//!                  greetings agree
//!   greeting ───────────────────────┬─► hello ──► Credentials ─ welcome ─► initiate ──┐  PLAIN
//!   sent at once                    ├─► hello ─────────────────────────► initiate ────┤  CURVE
//!                                   ├─► ready ────────────────────────────────────────┤  NULL
//!        the side that was dialled  │                                                 ▼
//!                                   │            refuse, close ◄─────────────── Introduced
//!                                   │                                                 │ accept
//!        the side that dialled      │                                                 ▼
//!                                   └─► as its mechanism has it ──────────────► Established
//!
//!   any of them, after an error, a deadline or a refusal: closed for good
//! ```
//!
//! # With encryption
//!
//! Under CURVE each side has a key of its own, and the client knows the server's. Whatever is
//! random comes from the caller: the octets below are fixed to be read, and must not be.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Instant;
//! use zmtp_proto::curve::{CookieKey, CurveClient, CurveServer, KeyPair, SecretKey};
//! use zmtp_proto::{
//!     ClientSecurity, Connection, Credentials, Event, Limits, Local, Message, ServerSecurity,
//!     SocketType,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Instant::now();
//! let server_keys = Arc::new(KeyPair::from_secret(SecretKey::from_octets([1; 32])));
//! let client_keys = Arc::new(KeyPair::from_secret(SecretKey::from_octets([2; 32])));
//! // One for the connections of 30 seconds, kept with `CookieKeys`.
//! let cookie_key = Arc::new(CookieKey::from_octets([3; 32]));
//!
//! let client = CurveClient::new(server_keys.public, Arc::clone(&client_keys), [4; 48]);
//! let server = CurveServer::new(server_keys, cookie_key, [5; 64]);
//! let mut client = Connection::connector(
//!     Local::new(SocketType::Dealer),
//!     ClientSecurity::Curve(Box::new(client)),
//!     Limits::default(),
//!     now,
//! );
//! let server = ServerSecurity::Curve(Box::new(server));
//! let mut server = Connection::acceptor(server, Limits::default(), now);
//!
//! let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//! let mut received = Vec::new();
//! loop {
//!     while let Some(octets) = client.poll_transmit() {
//!         to_server.extend_from_slice(&octets);
//!     }
//!     while let Some(octets) = server.poll_transmit() {
//!         to_client.extend_from_slice(&octets);
//!     }
//!     if to_server.is_empty() && to_client.is_empty() {
//!         break;
//!     }
//!     // Nothing of this can be read by whoever sees both vectors.
//!     assert!(!to_server.windows(5).any(|octets| octets == b"hello"));
//!     while let Some(progress) = server.handle_input(&to_server, now)? {
//!         let consumed = progress.consumed;
//!         match progress.event {
//!             // The client has proven its key. Whether that is enough, we decide.
//!             Some(Event::Introduced(peer)) => {
//!                 if peer.credentials == Credentials::Curve(client_keys.public) {
//!                     server.accept(&Local::new(SocketType::Router), now)?;
//!                 } else {
//!                     server.refuse("unknown key");
//!                 }
//!             }
//!             Some(Event::Message(octets)) => received.push(octets.into_message()),
//!             Some(_) | None => {}
//!         }
//!         to_server.drain(..consumed);
//!     }
//!     while let Some(progress) = client.handle_input(&to_client, now)? {
//!         let consumed = progress.consumed;
//!         if let Some(Event::Established(_)) = progress.event {
//!             client.send(Message::single(b"hello"))?;
//!         }
//!         to_client.drain(..consumed);
//!     }
//! }
//! assert_eq!(received, [Message::single(b"hello")]);
//! # Ok(())
//! # }
//! ```
//!
//! # With tokio
//!
//! The `codec` module shakes hands over any stream of octets, and gives a `Stream` and `Sink` of
//! messages: `tokio_util`'s `Framed`. Here one side sends back whatever comes, until the other goes.
//!
//! ```
//! # #[cfg(not(feature = "codec"))]
//! # fn main() {}
//! # #[cfg(feature = "codec")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Instant;
//! use futures::{SinkExt, StreamExt};
//! use zmtp_proto::codec::{self, Incoming, Verdict};
//! use zmtp_proto::{ClientSecurity, Limits, Local, Message, ServerSecurity, SocketType};
//!
//! let (near, far) = tokio::io::duplex(4096);
//! let (local, limits) = (Local::new(SocketType::Rep), Limits::default());
//! let (security, hello) = (ServerSecurity::Null, Message::from_frames(["", "hello"])?);
//! let serve = async {
//!     let (mut peer, _) =
//!         codec::accept(far, local, security, |_| Verdict::Accept, limits, Instant::now()).await?;
//!     while let Some(incoming) = peer.next().await.transpose()? {
//!         if let Incoming::Message(message) = incoming {
//!             peer.send(message.into()).await?;
//!         }
//!     }
//!     Ok::<_, codec::CodecError>(())
//! };
//! let ask = async {
//!     let local = Local::new(SocketType::Req);
//!     let (mut peer, _) =
//!         codec::connect(near, local, ClientSecurity::Null, limits, Instant::now()).await?;
//!     peer.send(hello.clone().into()).await?;
//!     peer.next().await.transpose()
//! };
//! let (served, answer) = tokio::join!(serve, ask);
//! let Some(Incoming::Message(answer)) = answer? else { return Err("no answer".into()) };
//! assert_eq!(answer, hello);
//! served?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! Each production of the grammar has its place: [`Greeting`], [`FrameHeader`], [`Command`],
//! [`Metadata`], [`SocketType`], [`Identity`], [`Message`]. [`Decoder`] cuts a stream into
//! messages without copying them, [`Traffic`] judges what it cut and keeps the deadlines.
//! [`Subscription`] and [`Membership`] are what subscribers say to publishers, [`Backoff`] says
//! when a connection that ended is worth another try, [`z85`] makes text of keys.
//!
//! Strict where strictness is safe, tolerant where a libzmq peer needs it; the folder
//! `spec-notes` of the repository lists every clause with what we do.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails"))]

#[cfg(any(test, fuzzing))]
mod clock;
#[cfg(feature = "codec")]
pub mod codec;
mod command;
mod connection;
pub mod curve;
mod decoder;
mod error;
mod event;
mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod greeting;
mod handshake;
mod heartbeat;
mod identity;
mod limits;
mod mechanism;
mod message;
mod metadata;
mod outlet;
#[cfg(test)]
mod pair;
mod pairing;
mod parse;
mod plain;
mod property;
mod reconnect;
mod security;
mod socket_type;
mod subscription;
mod traffic;
pub mod z85;

pub use bytes;
pub use command::{Command, CommandName, Context, Pong};
pub use connection::{Connection, SendError};
pub use decoder::{Decoded, Decoder, Item, Octets};
pub use error::{ConnectionError, Deadline, DecodeError, Field, Phase, Unexpected};
pub use event::{Event, Progress};
pub use frame::{FrameHeader, FrameKind, put_header};
pub use greeting::{Greeting, SecurityRole, Version};
pub use handshake::{Local, Peer};
pub use heartbeat::{Excuse, Heartbeat, Ping, Rhythm, RhythmError, TimeToLive};
pub use identity::Identity;
pub use limits::{Limits, Settings};
pub use mechanism::Mechanism;
pub use message::{EmptyMessage, Frames, Message, MessageBuilder, put_frame};
pub use metadata::{IDENTITY, Metadata, RESOURCE, SOCKET_TYPE};
pub use outlet::Outlet;
pub use pairing::{Pairing, TellError};
pub use plain::{PlainCredentials, PlainError};
pub use property::{Property, PropertyError};
pub use reconnect::{Backoff, Next, Reconnect, Retry};
pub use security::{ClientSecurity, Credentials, ServerSecurity};
pub use socket_type::SocketType;
pub use subscription::{
    Group, Membership, NoGroups, Relevance, SubscribeError, Subscription, SubscriptionLimits,
    Subscriptions, parse_radio, radio_message,
};
pub use traffic::{Arrival, Received, Traffic};
