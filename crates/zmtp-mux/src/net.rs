//! The shell around the core: sockets, tasks and clocks, on tokio.
//!
//! ```text
//!   accept ──► link: handshake ──► reader ──► Shared (core) ──► writer      a MUX
//!   outward: dial (race, proxy: socks) ──► reader ──► Shared (core) ──► writer      who dials
//!   socket, dealer ──► inbox ──► Shared (core)                            an application
//! ```
//!
//! One task for each connection, which reads and writes at once. It gives back what it holds by
//! its guards, however it ends.

mod accept;
mod alarm;
mod authenticator;
mod bell;
mod chance;
mod client;
mod clock;
mod dealer;
mod dial;
mod end;
mod endpoint;
mod ends;
mod events;
mod figures;
mod flow;
mod gate;
mod guest;
mod halves;
mod handshake;
mod inbox;
mod inproc;
mod keep_alive;
mod linger;
mod link;
mod mark;
mod mux;
mod outward;
mod permit;
mod reader;
mod security;
mod service;
mod shared;
mod socket;
mod socks;
mod stream;
mod traffic;
mod writer;

pub use authenticator::{
    Admittance, Authenticator, Claim, Credentials, PeerAddress, Verdict, Verdicting,
};
pub use client::{Client, ClientBuilder, ClientError, PendingReply, RequestOptions, Watch};
pub use dealer::{Dealer, DealerError, DealerOptions, LinkEvent};
pub use dial::{Dial, DialError, Proxy};
pub use endpoint::{Endpoint, EndpointError};
pub use ends::ConnectError;
pub use events::Events;
pub use figures::{Figure, Figures};
pub use halves::{RecvHalf, SendHalf};
pub use mux::{BindError, Listen, Mux, MuxConfig};
pub use permit::Permit;
pub use security::{CurveIdentity, DialSecurity, ListenSecurity, SecurityError, generate_keys};
pub use service::{
    ReplyError, ReplyErrorReason, Request, Requests, Service, ServiceBuilder, ServiceError,
    TryReplyError,
};
pub use socket::{
    Closed, Incoming, MuxSocket, NotSent, NotSentReason, SocketConfig, SocketEvent, To,
};
pub use socks::{Blame, CredentialsError, Refusal, SocksError};
