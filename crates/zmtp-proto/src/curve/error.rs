//! What can be wrong with a CURVE peer.

use thiserror::Error;

/// Why a CURVE connection ends. The peer's fault, or that of somebody between us; it is told
/// nothing but the close.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CurveError {
    /// A command of another length than it must have.
    #[error("{command} of {len} octets, where {wanted} are due")]
    Length {
        /// The name of the command.
        command: &'static str,
        /// The length of its body, in octets.
        len: usize,
        /// The length that HELLO and WELCOME have; the least that each of the others has.
        wanted: usize,
    },
    /// HELLO asks for another CURVE than 1.0.
    #[error("CURVE {major}.{minor}")]
    Version {
        /// The first octet of the version.
        major: u8,
        /// The second.
        minor: u8,
    },
    /// The padding of HELLO, or the 64 octets in its box, are not zero.
    #[error("HELLO is not padded with zeros")]
    Padding,
    /// A HELLO that was seen before: somebody has recorded it.
    #[error("a HELLO that was seen before")]
    SeenBefore,
    /// A box does not open: another key, another nonce, or damaged octets.
    #[error("a box does not open")]
    Box,
    /// The cookie is not the one that this connection was given.
    #[error("the cookie is another connection's")]
    Cookie,
    /// The vouch is for another connection or another server.
    #[error("the vouch is for another connection")]
    Vouch,
    /// A nonce is not above the one before it: octets were repeated, or came out of order.
    #[error("nonce {got} after {last}")]
    Nonce {
        /// The nonce that came.
        got: u64,
        /// The last one before it.
        last: u64,
    },
    /// A public key with which no secret can be shared.
    #[error("a weak public key")]
    WeakKey,
    /// The flags in a MESSAGE are none of the three legal ones.
    #[error("illegal flags {0:#04x} in a MESSAGE")]
    Flags(u8),
    /// Clear text, or a command other than MESSAGE, on an encrypted connection.
    #[error("something else than a MESSAGE")]
    NotAMessage,
    /// All 2^64 - 1 nonces are used up. Nobody's fault: connect anew.
    #[error("no nonces left")]
    NoncesUsedUp,
}
