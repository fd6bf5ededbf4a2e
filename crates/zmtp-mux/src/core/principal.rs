//! Principals: whom a peer acts for.

use std::fmt;

use bytes::Bytes;
use zmtp_proto::curve::PublicKey;

/// Whom a peer acts for, once it is let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Principal {
    /// Nobody in particular.
    None,
    /// A user of PLAIN.
    User(Bytes),
    /// The holder of a key.
    Key(PublicKey),
    /// A user of this machine.
    Ipc {
        /// The user's number.
        uid: u32,
        /// The group's number.
        gid: u32,
    },
}

impl Principal {
    /// Tells whether it is proven to be the one who came before: then it may take back its name.
    /// A user of this machine may run many programs, and proves nothing for one of them.
    // spec: mux:takeover:authenticated
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        match self {
            Self::User(_) | Self::Key(_) => true,
            Self::None | Self::Ipc { .. } => false,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::User(user) => write!(f, "plain:{}", user.escape_ascii()),
            Self::Key(key) => write!(f, "curve:{key}"),
            Self::Ipc { uid, gid } => write!(f, "ipc:{uid}:{gid}"),
        }
    }
}
