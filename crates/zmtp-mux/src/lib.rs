//! Requests to named services, and a routing socket, over ZMTP: what ROUTER and DEALER are for,
//! without libzmq.
//!
//! ```text
//!   Client, or a REQ, DEALER,            Mux, or the daemon            Service, or a DEALER,
//!   ROUTER of libzmq                     `muxd`                        ROUTER, REP of libzmq
//!
//!   request("engine.7", ..) ─────┐   ┌──────────────────┐   ┌────────►  "engine.7"
//!                                ├──►│  by name, in one │───┤
//!   request("engine.8", ..) ─────┘   │  hop             │   └────────►  "engine.8"
//!                                    └──────────────────┘
//!   both sides dial                  bounded queues, fair              one live holder
//!                                    shares, all accounted for         for each name
//!
//!   MuxSocket ◄────────────────────────────────────────────────────►  any DEALER, REQ, REP, ROUTER
//!   without a MUX: any message to any peer, and word of who comes and goes
//! ```
//!
//! The [guide] shows the patterns, and how to come from libzmq, pyzmq's `MonitoredQueue`
//! or the `zeromq` crate.
//!
//! # A named service
//!
//! ```
//! use zmtp_mux::{Endpoint, Service};
//!
//! async fn serve(mux: Endpoint) -> Result<(), Box<dyn std::error::Error>> {
//!     let service = Service::connect(&mux, "engine.7").await?;
//!     loop {
//!         let request = service.recv().await?;
//!         // At once or later, from any task, in any order.
//!         let answer = request.message();
//!         // An error says that nobody waits for it any more.
//!         let _ = request.reply(answer).await;
//!     }
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mux = zmtp_mux::Mux::new(zmtp_mux::MuxConfig::default())?;
//! # let listen = zmtp_mux::Listen::new(zmtp_mux::ListenerRole::Any, "tcp://127.0.0.1:0".parse()?);
//! # let endpoint = mux.bind(listen)?;
//! # let serving = endpoint.clone();
//! # tokio::spawn(async move { serve(serving).await.map_err(|error| error.to_string()) });
//! # let policy = zmtp_mux::RetryPolicy::default();
//! # let client = zmtp_mux::Client::builder(endpoint).retry(policy).connect().await?;
//! # assert_eq!(client.request("engine.7", "hello").await?, "hello".into());
//! # Ok(())
//! # }
//! ```
//!
//! # A client with safe retries
//!
//! ```
//! use zmtp_mux::{Client, Endpoint, RequestError, RetryPolicy};
//!
//! async fn ask(mux: Endpoint) -> Result<(), Box<dyn std::error::Error>> {
//!     // Only what was certainly not processed is sent again.
//!     let client = Client::builder(mux).retry(RetryPolicy::default()).connect().await?;
//!     match client.request("engine.7", "hello").await {
//!         Ok(reply) => println!("{reply:?}"),
//!         Err(RequestError::InDoubt { reason }) => println!("perhaps done: {reason}"),
//!         Err(error) => println!("certainly not done: {error}"),
//!     }
//!     Ok(())
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mux = zmtp_mux::Mux::new(zmtp_mux::MuxConfig::default())?;
//! # let listen = zmtp_mux::Listen::new(zmtp_mux::ListenerRole::Any, "tcp://127.0.0.1:0".parse()?);
//! # let endpoint = mux.bind(listen)?;
//! # let service = zmtp_mux::Service::connect(&endpoint, "engine.7").await?;
//! # tokio::spawn(async move {
//! #     while let Ok(request) = service.recv().await {
//! #         let body = request.message();
//! #         let _ = request.reply(body).await;
//! #     }
//! # });
//! # ask(endpoint).await
//! # }
//! ```
//!
//! # A routing socket
//!
//! ```
//! use zmtp_mux::{Listen, ListenerRole, MuxSocket, SocketConfig, SocketEvent};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let socket = MuxSocket::new(SocketConfig::default())?;
//! let endpoint = socket.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
//! # let worker = zmtp_mux::Dealer::connect(&endpoint, "worker.1").await?;
//! # worker.send("ready").await?;
//! # tokio::spawn(async move {
//! #     let _ = worker.recv().await;
//! #     worker.close().await;
//! # });
//! loop {
//!     match socket.event().await? {
//!         SocketEvent::Up(peer) => println!("{:?} is there", peer.name),
//!         SocketEvent::Message(incoming) => {
//!             // An error says that this peer has gone, and gives the task back.
//!             let _ = socket.send(&incoming.from, "a task").await;
//!         }
//!         SocketEvent::Gone { peer, reason } => {
//!             println!("{:?} has gone: {reason:?}", peer.name);
//!             break;
//!         }
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! [`Service`], [`Client`], [`MuxSocket`] and [`Dealer`] are handles for applications, [`Mux`] is the whole
//! broker in one. They are clones, `Send` and `Sync`, work through `&self`, and run on whatever tokio
//! runtime they are made on. Every async call says what becomes of it when it is dropped.
//!
//! [`core`] is the same without sockets, tasks or clocks: plain data that is told what happens, for
//! those who bring a shell of their own; it changes more often than the rest. [`net`] is the shell
//! around it. Messages are kept as the octets they arrived in, and only their address frame is
//! replaced on the way.
//!
//! # Runtimes
//!
//! Handles need a tokio runtime with timers, and for endpoints other than `inproc://` with I/O as well:
//! `#[tokio::main]` and `Builder::enable_all` have both. Without them tokio panics. The connections of a
//! handle end with the runtime that it was made on; whoever waits on another for a client, a service, or a
//! dealer that dials is told that it is over.
//!
//! No task has a runtime for itself: whoever always finds something to take gives way to the other tasks
//! now and then, as with tokio's own channels, so a future may be pending once though there is something;
//! what begins with `try_` never is. Whoever only sends waits when there is no more room.
//!
//! # Examples
//!
//! Each runs with one command, `cargo run -p zmtp-mux --example NAME`:
//!
//! | name | |
//! |---|---|
//! | `rpc` | a service, a client and the MUX between them |
//! | `router` | workers at a routing socket |
//! | `presence` | services come and go, and a client is told |
//! | `secure` | CURVE, and who may be what |

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails"))]

mod client;
pub mod core;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod guide;
pub mod net;
mod service;

pub use client::{
    ClientCounters, Doubt, Idempotence, RequestError, RetryBudget, RetryPolicy, UnsentReason,
    WatchError, WatchEvent,
};
#[doc(inline)]
pub use core::{
    Acl, AclError, AclFault, Admit, AllowAll, AllowIf, Applicant, Authorizer, Deed, DropReason,
    Event, GoneReason, Limit, ListenerRole, MuxLimits, Name, NameError, NamePolicy, Notices,
    Pattern, PatternError, PeerInfo, Policy, PoolLimits, Prefix, PrefixError, Principal, Rate,
    ReturnReason, Role, Rule, RuleError, Rules, Token,
};
#[doc(inline)]
pub use net::{
    Admittance, Authenticator, BindError, Claim, Client, ClientBuilder, ClientError, Closed,
    ConnectError, Credentials, CurveIdentity, Dealer, DealerError, DealerOptions, Dial, DialError,
    DialSecurity, Endpoint, EndpointError, Events, Figure, Figures, Incoming, LinkEvent, Listen,
    ListenSecurity, Mux, MuxConfig, MuxSocket, NotSent, NotSentReason, PeerAddress, PendingReply,
    Permit, Proxy, RecvHalf, ReplyError, ReplyErrorReason, Request, RequestOptions, Requests,
    SecurityError, SendHalf, Service, ServiceBuilder, ServiceError, SocketConfig, SocketEvent,
    SocksError, To, TryReplyError, Verdict, Verdicting, Watch, generate_keys,
};
pub use service::{Envelopes, ServiceCounters};
pub use zmtp_proto::curve::{KeyPair, PublicKey, SecretKey};
pub use zmtp_proto::{
    ConnectionError, EmptyMessage, Heartbeat, Identity, Limits, Mechanism, Message, MessageBuilder,
    Next, Peer, PlainCredentials, PlainError, Property, PropertyError, Reconnect, Retry, Rhythm,
    RhythmError, Settings, SocketType, TimeToLive, Version,
};

/// The examples of the READMEs.
#[cfg(doctest)]
mod readme {
    #[doc = include_str!("../../../README.md")]
    mod project {}

    #[doc = include_str!("../README.md")]
    mod own {}
}
