//! Permits: room for a message, made before there is a message.

use std::sync::Arc;

use zmtp_proto::Message;

use crate::core::Reserved;
use crate::net::shared::Shared;
use crate::net::socket::{NotSent, NotSentReason};

/// Room for one message to one peer. Given back when it is dropped.
#[derive(Debug)]
#[must_use = "room that is not used is given back at once"]
pub struct Permit {
    shared: Arc<Shared>,
    reserved: Option<Reserved>,
}

impl Permit {
    pub(crate) fn new(shared: Arc<Shared>, reserved: Reserved) -> Self {
        Self { shared, reserved: Some(reserved) }
    }

    /// Queues a message, for which there is room. Never waits.
    ///
    /// # Errors
    ///
    /// Returns the message: its peer has ended meanwhile, or it is larger than the room.
    pub fn send(mut self, message: impl Into<Message>) -> Result<(), NotSent> {
        let message = message.into();
        let Some(reserved) = self.reserved.take() else {
            return Err(NotSent { message, reason: NotSentReason::Closed });
        };
        let sent = self.shared.with_core(|core| core.send_reserved(reserved, &message));
        sent.map_err(|unsent| NotSent { message, reason: unsent.into() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            self.shared.with_core(|core| core.cancel_reserved(reserved));
        }
    }
}
