//! The shell around the core: sockets, tasks and clocks, on tokio.
//!
//! ```text
//!   accept ──► link: handshake ──► reader ──► Shared (core) ──► writer      a MUX
//!   connector ──► dealer ──► dial (race, proxy: socks) ──► wire            who dials one
//! ```
//!
//! One task for each connection, which reads and writes at once. It gives back what it holds by
//! its guards, however it ends.

mod accept;
mod authenticator;
mod chance;
mod clock;
mod connector;
mod dealer;
mod dial;
mod end;
mod endpoint;
mod figures;
mod flow;
mod guest;
mod handshake;
mod inproc;
mod keep_alive;
mod linger;
mod link;
mod mark;
mod mux;
mod reader;
mod security;
mod shared;
mod socks;
mod stream;
mod traffic;
mod wire;
mod writer;

pub use authenticator::{
    Admittance, Authenticator, Claim, Credentials, PeerAddress, Verdict, Verdicting,
};
pub use connector::Connector;
pub use dealer::{Dealer, DealerError, DealerOptions, NotQueued, NotQueuedReason};
pub use dial::{Dial, DialError, Proxy};
pub use endpoint::{Endpoint, EndpointError};
pub use figures::{Figure, Figures};
pub use mux::{BindError, Listen, Mux, MuxConfig};
pub use security::{CurveIdentity, DialSecurity, ListenSecurity, generate_keys};
pub use socks::{Blame, CredentialsError, Refusal, SocksError};
