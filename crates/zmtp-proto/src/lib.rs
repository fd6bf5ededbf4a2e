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
//! `poll_timeout`.** This holds after an error and a refusal as well: the last octets tell the peer
//! why. Once `is_closed`, close the transport behind them.
//!
//! ```
//! use std::time::Instant;
//! use zmtp_proto::{
//!     ClientSecurity, Connection, ConnectionError, Event, Identity, Limits, Local, Message,
//!     ServerSecurity, SocketType,
//! };
//!
//! /// Takes all that is whole off `inbox`, and sends messages back where they came from.
//! fn serve(server: &mut Connection, inbox: &mut Vec<u8>, now: Instant) -> Result<(), ConnectionError> {
//!     while let Some(progress) = server.handle_input(inbox, now)? {
//!         let consumed = progress.consumed;
//!         match progress.event {
//!             Some(Event::Introduced(peer)) if peer.identity.is_anonymous() => {
//!                 // For good. ERROR has no spaces: it arrives as `no-name`.
//!                 server.refuse("no name");
//!             }
//!             Some(Event::Introduced(_)) => server.accept(&Local::new(SocketType::Router), now)?,
//!             Some(Event::Message(octets)) => {
//!                 let message = octets.into_message();
//!                 server.send(message).map_err(|_| ConnectionError::Closed)?;
//!             }
//!             Some(_) | None => {}
//!         }
//!         inbox.drain(..consumed);
//!     }
//!     Ok(())
//! }
//!
//! /// Asks once, and returns the answer when it has come.
//! fn ask(client: &mut Connection, inbox: &mut Vec<u8>, now: Instant) -> Result<Option<Message>, ConnectionError> {
//!     let mut answer = None;
//!     while let Some(progress) = client.handle_input(inbox, now)? {
//!         let consumed = progress.consumed;
//!         match progress.event {
//!             Some(Event::Established(_)) => {
//!                 client.send(Message::single(b"hello")).map_err(|_| ConnectionError::Closed)?;
//!             }
//!             Some(Event::Message(octets)) => answer = Some(octets.into_message()),
//!             Some(_) | None => {}
//!         }
//!         inbox.drain(..consumed);
//!     }
//!     Ok(answer)
//! }
//!
//! /// Both over two byte vectors, in the place of a transport.
//! fn meet(local: Local, now: Instant) -> Result<Option<Message>, ConnectionError> {
//!     let limits = Limits::default();
//!     let mut client = Connection::connector(local, ClientSecurity::Null, limits, now);
//!     let mut server = Connection::acceptor(ServerSecurity::Null, limits, now);
//!     let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//!     loop {
//!         // No `?` before what it has to say is written.
//!         let served = serve(&mut server, &mut to_server, now);
//!         while let Some(octets) = server.poll_transmit() {
//!             to_client.extend_from_slice(&octets);
//!         }
//!         let asked = ask(&mut client, &mut to_client, now);
//!         while let Some(octets) = client.poll_transmit() {
//!             to_server.extend_from_slice(&octets);
//!         }
//!         if let Some(answer) = asked? {
//!             return Ok(Some(answer));
//!         }
//!         served?;
//!         if server.is_closed() {
//!             return Ok(None);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dealer = Local::new(SocketType::Dealer);
//! let named = dealer.clone().with_identity(Identity::new("ann")?);
//! assert_eq!(meet(named, Instant::now())?, Some(Message::single(b"hello")));
//! // The other is told why, and need not try again.
//! let refused = meet(dealer, Instant::now()).unwrap_err();
//! assert_eq!(refused, ConnectionError::Refused { reason: "no-name".into() });
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
//! # With tokio
//!
//! The `codec` module shakes hands over any stream of octets, and gives a `Stream` and `Sink`:
//! `tokio_util`'s `Framed`. A server that sends back whatever comes:
//!
//! ```
//! # #[cfg(not(feature = "codec"))]
//! # fn main() {}
//! # #[cfg(feature = "codec")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Instant;
//! use futures::{SinkExt, StreamExt};
//! use tokio::net::{TcpListener, TcpStream};
//! use tokio::time::timeout;
//! use zmtp_proto::codec::{self, CodecError, Incoming, Verdict};
//! use zmtp_proto::{ClientSecurity, Limits, Local, Message, ServerSecurity, SocketType};
//!
//! async fn serve(stream: TcpStream) -> Result<(), CodecError> {
//!     let (local, limits) = (Local::new(SocketType::Rep), Limits::default());
//!     let judge = |_: codec::Claim<'_>| Verdict::Accept;
//!     let handshake =
//!         codec::accept(stream, local, ServerSecurity::Null, judge, limits, Instant::now());
//!     // The codec has no clock: without this a silent peer would be waited for.
//!     let Ok(shaken) = timeout(limits.handshake_time, handshake).await else { return Ok(()) };
//!     let (mut peer, _) = shaken?;
//!     while let Some(incoming) = peer.next().await.transpose()? {
//!         match incoming {
//!             Incoming::Message(message) => peer.send(message.into()).await?,
//!             // A peer that gets no answer takes us for dead.
//!             Incoming::Ping(pong) => peer.send(pong.into()).await?,
//!             Incoming::Subscription(_) | Incoming::Membership(_) => {}
//!         }
//!     }
//!     Ok(())
//! }
//!
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! tokio::spawn(async move {
//!     while let Ok((stream, _)) = listener.accept().await {
//!         tokio::spawn(async move {
//!             if let Err(error) = serve(stream).await {
//!                 eprintln!("{error}");
//!             }
//!         });
//!     }
//! });
//!
//! let (stream, local) = (TcpStream::connect(address).await?, Local::new(SocketType::Req));
//! let (mut peer, _) =
//!     codec::connect(stream, local, ClientSecurity::Null, Limits::default(), Instant::now()).await?;
//! // What a REQ sends begins with an empty frame.
//! let hello = Message::from_frames(["", "hello"])?;
//! peer.send(hello.clone().into()).await?;
//! assert_eq!(peer.next().await.transpose()?, Some(Incoming::Message(hello)));
//! peer.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Who may come in
//!
//! Under PLAIN the acceptor decides twice: on the user name and the password, and on the peer. Under
//! CURVE the peer has proven a key when it is judged. Whether that is enough, the application says.
//! This crate draws no random octets: the caller brings them, here from the system.
//!
//! ```
//! # #[cfg(not(feature = "codec"))]
//! # fn main() {}
//! # #[cfg(feature = "codec")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use std::time::Instant;
//! use zmtp_proto::codec::{self, Claim, Verdict};
//! use zmtp_proto::curve::{CookieKey, CurveClient, CurveServer, KeyPair, SecretKey};
//! use zmtp_proto::{
//!     ClientSecurity, Credentials, Limits, Local, PlainCredentials, ServerSecurity, SocketType,
//! };
//!
//! fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
//!     let mut octets = [0; N];
//!     getrandom::fill(&mut octets).map(|()| octets)
//! }
//!
//! // Permanent keys: `to_z85` and `parse` make text of them, and back.
//! let server_keys = Arc::new(KeyPair::from_secret(SecretKey::from_octets(random()?)));
//! let client_keys = Arc::new(KeyPair::from_secret(SecretKey::from_octets(random()?)));
//! let known = client_keys.public;
//! // One for the connections of 30 seconds, kept with `CookieKeys`.
//! let cookie_key = Arc::new(CookieKey::from_octets(random()?));
//! let client = CurveClient::new(server_keys.public, client_keys, random()?);
//! let server = CurveServer::new(server_keys, cookie_key, random()?);
//! let curve =
//!     (ClientSecurity::Curve(Box::new(client)), ServerSecurity::Curve(Box::new(server)));
//!
//! let credentials = PlainCredentials::new("ann", "open sesame")?;
//! let plain = (ClientSecurity::Plain(credentials), ServerSecurity::Plain);
//! let judge = |claim: Claim<'_>| match claim {
//!     Claim::Credentials(shown) if shown.user() == "ann" && shown.has_password(b"open sesame") => {
//!         Verdict::Accept
//!     }
//!     Claim::Credentials(_) => Verdict::Refuse("wrong user or password".into()),
//!     Claim::Peer(peer) => match &peer.credentials {
//!         Credentials::Plain { .. } => Verdict::Accept,
//!         Credentials::Curve(key) if *key == known => Verdict::Accept,
//!         _ => Verdict::Refuse("unknown key".into()),
//!     },
//! };
//!
//! for (client, server) in [plain, curve] {
//!     let (near, far) = tokio::io::duplex(4096);
//!     let (dealer, router) = (Local::new(SocketType::Dealer), Local::new(SocketType::Router));
//!     let (limits, now) = (Limits::default(), Instant::now());
//!     let (client, server) = tokio::join!(
//!         codec::connect(near, dealer, client, limits, now),
//!         codec::accept(far, router, server, judge, limits, now),
//!     );
//!     (client?, server?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What this does not do
//!
//! - **Sockets.** Messages come and go as they stand on the wire: the empty frame of a REQ, the name
//!   in front of what a ROUTER gives, the filter of a PUB, fair turns between peers are the caller's.
//!   [`Subscriptions`] is such a filter; the page of `codec` shows it in use. An anonymous peer has no name.
//! - **The end of the transport.** ZMTP has no farewell: to close, write out what `poll_transmit`
//!   gives and close. When the peer closes, drop the connection; there is nothing to call.
//! - **Connecting again.** [`ConnectionError::retry`] and [`Backoff`] say whether and when, for a
//!   plain close by [`Retry::AFTER_CLOSE`]. A client with a wrong CURVE key sees no more than such a
//!   close, each time: give up, or tell somebody, after some handshakes in a row that came to
//!   nothing.
//! - **Backpressure.** `send` takes what it is given, of any length. Look at
//!   [`queued`](Connection::queued), and read no more from whoever makes it grow; what was read late
//!   is forgiven by [`resume`](Connection::resume).
//! - **Clocks.** Deadlines and heartbeats are instants that `poll_timeout` gives; [`Heartbeat`] shows
//!   them. The codec has none of them: not the time limits, nor the heartbeat of its settings.
//!
//! # Where to look
//!
//! Each production of the grammar has its place: [`Greeting`], [`FrameHeader`], [`Command`],
//! [`Metadata`], [`SocketType`], [`Identity`], [`Message`]. [`Decoder`] cuts a stream into
//! messages without copying them, [`Traffic`] judges what it cut and keeps the deadlines.
//! [`Subscription`] and [`Membership`] are what subscribers tell publishers:
//! [`Connection::send_subscription`] on one side, an [`Event`] on the other. [`Backoff`] says when
//! a connection that ended is worth another try, [`z85`] makes text of keys.
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
pub use decoder::{Decoded, Decoder, Item, Octets, Run};
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
