//! Whom a message is for.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::{Name, PeerInfo, Target, Token};

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum To {
    /// The peer with this token.
    Peer(Token),
    /// Whoever holds this name.
    Name(Bytes),
    /// Whichever peer is next in turn, and has room.
    Any,
}

impl To {
    pub(crate) fn target(&self) -> Target<'_> {
        match self {
            Self::Peer(token) => Target::Peer(*token),
            Self::Name(name) => Target::Name(name),
            Self::Any => Target::Any,
        }
    }
}

impl From<Token> for To {
    fn from(token: Token) -> Self {
        Self::Peer(token)
    }
}

impl From<&PeerInfo> for To {
    fn from(peer: &PeerInfo) -> Self {
        Self::Peer(peer.token)
    }
}

impl From<&Arc<PeerInfo>> for To {
    fn from(peer: &Arc<PeerInfo>) -> Self {
        Self::Peer(peer.token)
    }
}

impl From<&PeerInfo> for Token {
    fn from(peer: &PeerInfo) -> Self {
        peer.token
    }
}

impl From<&Arc<PeerInfo>> for Token {
    fn from(peer: &Arc<PeerInfo>) -> Self {
        peer.token
    }
}

impl From<&Name> for To {
    fn from(name: &Name) -> Self {
        Self::Name(Bytes::copy_from_slice(name.as_octets()))
    }
}

impl From<&str> for To {
    fn from(name: &str) -> Self {
        name.as_bytes().into()
    }
}

impl From<&[u8]> for To {
    fn from(name: &[u8]) -> Self {
        Self::Name(Bytes::copy_from_slice(name))
    }
}
