//! Why a dealer failed, and whether to try again.

use std::io;

use thiserror::Error;
use zmtp_proto::{ConnectionError, DecodeError, Retry};

use crate::net::dial::DialError;
use crate::net::endpoint::Endpoint;
use crate::net::security::SecurityError;
use crate::net::socket::NotSent;

/// Why a dealer failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DealerError {
    /// The identity has more than 255 octets or begins with a zero octet. The caller's fault.
    #[error(transparent)]
    Identity(DecodeError),
    /// The mechanism cannot work as it is set. The caller's fault.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The endpoint could not be dialled; the variants within say whether to try again.
    #[error("cannot dial {endpoint}: {error}")]
    Dial {
        /// Which.
        endpoint: Endpoint,
        /// Why not.
        #[source]
        error: DialError,
    },
    /// The stream failed, or the peer closed it. Temporary as a rule: dial again.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer has begun the handshake, and closed before its end without a word: a MUX does so that
    /// is too busy, or where another holds the name, and a libzmq peer that wants another mechanism or
    /// key. Temporary as a rule: dial again.
    #[error(
        "closed by the peer during the handshake, without a word: with CURVE, the key of the server \
         may be another"
    )]
    LetGo,
    /// The protocol ended it; the variants within say whether to try again.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A message was not sent; it is in there.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// An earlier end was final, so nothing is dialled any more; or the dealer was closed. Somebody
    /// has to change something first.
    #[error("given up after an end that was final")]
    GivenUp,
}

impl DealerError {
    /// Tells whether to dial the same endpoint again, and how soon.
    // spec: 37:errors:close-is-temporary, 37:errors:retry-by-kind
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Identity(_) | Self::Security(_) | Self::GivenUp => Retry::No,
            Self::Dial { error: DialError::Socks(error), .. } => error.retry(),
            Self::Dial { .. } | Self::Io(_) | Self::LetGo | Self::NotSent(_) => Retry::AFTER_CLOSE,
            Self::Connection(error) => error.retry(),
        }
    }
}
