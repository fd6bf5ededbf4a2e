//! How we dial, and as whom.

use std::sync::Arc;

use zmtp_proto::curve::{KeyPair, PublicKey};
use zmtp_proto::{Identity, PlainCredentials, Property, Reconnect, Settings};

use super::DealerError;
use crate::net::dial::Dial;
use crate::net::security::{DialSecurity, SecurityError};

/// How a dealer dials, and as whom.
#[derive(Clone, Debug)]
pub struct DealerOptions {
    /// What it announces: a service's name, or nothing.
    pub identity: Identity,
    /// What else it announces.
    pub metadata: Vec<Property>,
    /// The security mechanism.
    pub security: DialSecurity,
    /// Limits, version and heartbeat.
    pub settings: Settings,
    /// Timeout and proxy.
    pub dial: Dial,
    /// What becomes of it when a connection ends.
    pub reconnect: Reconnect,
}

impl DealerOptions {
    /// The usual, with this identity: no security, and no second connection.
    ///
    /// # Errors
    ///
    /// [`DealerError::Identity`]: it has more than 255 octets or begins with a zero octet.
    pub fn new(identity: impl AsRef<[u8]>) -> Result<Self, DealerError> {
        let identity = Identity::new(identity).map_err(DealerError::Identity)?;
        Ok(Self { identity, ..Self::default() })
    }

    /// Encrypts, and shows the peer that it holds these keys. Nobody but the holder of `server` is
    /// taken for the peer. [`Listen::curve_server`](crate::Listen::curve_server) is the other side.
    #[must_use]
    pub fn curve_client(self, server: PublicKey, keys: impl Into<Arc<KeyPair>>) -> Self {
        self.with_security(DialSecurity::Curve { server, keys: keys.into() })
    }

    /// Shows a user name and a password, in clear text.
    /// [`Listen::plain_server`](crate::Listen::plain_server) is the other side.
    ///
    /// # Errors
    ///
    /// [`DealerError::Security`]: one of them cannot be sent.
    pub fn plain(
        self,
        user: impl AsRef<[u8]>,
        password: impl AsRef<[u8]>,
    ) -> Result<Self, DealerError> {
        let credentials = PlainCredentials::new(user, password).map_err(SecurityError::from)?;
        Ok(self.with_security(DialSecurity::Plain(credentials)))
    }

    /// Uses this mechanism.
    #[must_use]
    pub fn with_security(self, security: DialSecurity) -> Self {
        Self { security, ..self }
    }

    /// Comes back after an end, as this says.
    #[must_use]
    pub fn with_reconnect(self, reconnect: Reconnect) -> Self {
        Self { reconnect, ..self }
    }
}

impl Default for DealerOptions {
    fn default() -> Self {
        Self {
            identity: Identity::default(),
            metadata: Vec::new(),
            security: DialSecurity::default(),
            settings: Settings::default(),
            dial: Dial::default(),
            reconnect: Reconnect::Never,
        }
    }
}
