//! What logs may show of a connection.

use std::fmt;

use super::Connection;

/// Without what waits to be sent: that may be a password, or a message.
// spec: 24:plain:credentials-wiped
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("state", &self.state)
            .field("outbox_len", &self.outbox.len())
            .finish_non_exhaustive()
    }
}
