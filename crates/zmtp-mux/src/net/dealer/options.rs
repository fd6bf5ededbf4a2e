//! How we dial, and as whom.

use bytes::Bytes;
use zmtp_proto::{Identity, Reconnect, Settings};

use super::DealerError;
use crate::net::dial::Dial;
use crate::net::security::DialSecurity;

/// How a dealer dials, and as whom.
#[derive(Clone, Debug)]
pub struct DealerOptions {
    /// What it announces: a service's name, or nothing.
    pub identity: Identity,
    /// What else it announces.
    pub metadata: Vec<(&'static str, Bytes)>,
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
        let identity = Identity::new(Bytes::copy_from_slice(identity.as_ref()))
            .map_err(DealerError::Identity)?;
        Ok(Self { identity, ..Self::default() })
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
