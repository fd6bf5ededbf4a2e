//! Room for messages that are not there yet.

use super::Outbound;

impl Outbound {
    /// Makes room for a message of `len` octets that will be queued later.
    pub(crate) fn reserve(&mut self, len: usize) {
        self.used.take(len);
    }

    /// Gives back the room of a message that will not be queued.
    pub(crate) fn unreserve(&mut self, len: usize) {
        self.used.give_back(len);
    }
}
