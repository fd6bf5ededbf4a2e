//! Security: which mechanism a side uses, and what a peer has shown of itself by it.

use bytes::Bytes;

use crate::curve::{CurveClient, CurveServer, PublicKey};
use crate::greeting::SecurityRole;
use crate::mechanism::Mechanism;
use crate::plain::PlainCredentials;

/// The mechanism of a side that dialled. For one connection.
#[derive(Debug)]
pub enum ClientSecurity {
    /// None.
    Null,
    /// A user name and a password, in clear text.
    Plain(PlainCredentials),
    /// Keys and encryption.
    Curve(Box<CurveClient>),
}

/// The mechanism of a side that was dialled. For one connection.
#[derive(Debug)]
pub enum ServerSecurity {
    /// None.
    Null,
    /// A user name and a password, in clear text.
    Plain,
    /// Keys and encryption.
    Curve(Box<CurveServer>),
}

/// What a peer has shown of itself. Whether that is enough, the application decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Credentials {
    /// Nothing: the mechanism is NULL, or the peer is the server.
    None,
    /// A user name, and a password that was accepted.
    Plain {
        /// The user name: 0 to 255 octets of printable ASCII.
        user: Bytes,
    },
    /// That it holds the secret half of this key.
    Curve(PublicKey),
}

impl ClientSecurity {
    pub(crate) fn mechanism(&self) -> Mechanism {
        match self {
            Self::Null => Mechanism::NULL,
            Self::Plain(_) => Mechanism::PLAIN,
            Self::Curve(_) => Mechanism::CURVE,
        }
    }
}

impl ServerSecurity {
    pub(crate) fn mechanism(&self) -> Mechanism {
        match self {
            Self::Null => Mechanism::NULL,
            Self::Plain => Mechanism::PLAIN,
            Self::Curve(_) => Mechanism::CURVE,
        }
    }

    // spec: 37:topology:server-announced, 37:topology:null-has-no-roles
    pub(crate) fn role(&self) -> SecurityRole {
        match self {
            Self::Null => SecurityRole::Client,
            Self::Plain | Self::Curve(_) => SecurityRole::Server,
        }
    }
}
