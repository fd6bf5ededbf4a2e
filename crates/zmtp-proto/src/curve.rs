//! CURVE: a handshake that proves who holds which key, and boxes around all that follows.
//!
//! ```text
//!  client                                         server
//!    │ HELLO      C', box[zeros](c' → S)             │
//!    │ ────────────────────────────────────────────► │  forgets all but C'
//!    │ WELCOME    box[S', cookie](s → C')            │
//!    │ ◄──────────────────────────────────────────── │
//!    │ INITIATE   cookie, box[C, vouch, metadata](c' → S')
//!    │ ────────────────────────────────────────────► │  the application decides
//!    │ READY      box[metadata](s' → C')             │
//!    │ ◄──────────────────────────────────────────── │
//!    │ MESSAGE    box[flags, frame]  both ways       │
//!    │ ◄───────────────────────────────────────────► │
//! ```
//!
//! C and S are the permanent keys, C' and S' those of this connection alone, small letters their
//! secret halves. The cookie carries s' and C' back to the server; the vouch is box[C', S](c → S')
//! and shows that the holder of C made C'.
//!
//! What a peer does wrong here closes the connection without a word: nothing is learnt from it.

mod boxes;
mod client;
mod cookie;
mod error;
mod key;
mod message;
mod nonce;
mod seen;
mod server;

pub(crate) use client::{AwaitReady, AwaitWelcome};
pub(crate) use message::{Opener, Session};
pub(crate) use server::{AwaitInitiate, Vouched};

pub use client::CurveClient;
pub use cookie::{CookieKey, CookieKeys};
pub use error::CurveError;
pub use key::{KeyError, KeyPair, PublicKey, SecretKey};
pub use message::Sealer;
pub use seen::SeenHellos;
pub use server::CurveServer;

/// Octets in the body of a HELLO.
pub(crate) const HELLO_LEN: usize = 200;

/// Octets in the body of a WELCOME.
pub(crate) const WELCOME_LEN: usize = 168;

/// Octets in the body of an INITIATE without metadata.
pub(crate) const INITIATE_LEN_MIN: usize = 257;

/// Octets in the body of a READY without metadata.
pub(crate) const READY_LEN_MIN: usize = 30;

/// Octets in the body of a MESSAGE without payload.
pub(crate) const MESSAGE_LEN_MIN: usize = 33;

#[cfg(test)]
mod tests;
