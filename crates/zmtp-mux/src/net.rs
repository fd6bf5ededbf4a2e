//! The shell around the core: sockets, tasks and clocks, on tokio.
//!
//! ```text
//!   accept ──► link: handshake ──► reader ──► Shared (core) ──► writer
//! ```
//!
//! One task for each connection, which reads and writes at once. It gives back what it holds by
//! its guards, however it ends.

mod accept;
mod chance;
mod clock;
mod dealer;
mod dial;
mod end;
mod endpoint;
mod guest;
mod handshake;
mod linger;
mod link;
mod mark;
mod mux;
mod reader;
mod shared;
mod socks;
mod stream;
mod traffic;
mod writer;

pub use dealer::{Dealer, DealerError};
pub use dial::{Dial, DialError, Proxy};
pub use endpoint::{Endpoint, EndpointError};
pub use mux::{BindError, Listen, Mux, MuxConfig};
pub use socks::{Blame, CredentialsError, Refusal, Retry, SocksError};
