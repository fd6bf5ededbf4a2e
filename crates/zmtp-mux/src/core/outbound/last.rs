//! Last: what is said behind all that waits, by its sources too.

use super::signs::Place;
use super::{Outbound, Wake};
use crate::core::record::{Record, What};
use crate::core::spares::Spares;

impl Outbound {
    /// Queues the answer to a HELLO behind all that waits; one is enough, however many were said.
    // spec: mux:drain:hello-last
    #[cold]
    pub(crate) fn push_last(&mut self, octets: &[u8]) -> Wake {
        self.last = Some(octets.into());
        self.wake()
    }

    /// Tells whether something waits behind the chunks.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        self.pairs.is_some() || self.last.is_some()
    }

    /// Moves it among the chunks when nothing waits before it.
    pub(super) fn release_last(&mut self, spares: &mut Spares) {
        if let Some(octets) = self.last.take_if(|_| self.pairs.is_none()) {
            self.signs.hello = Place::Taken;
            self.records.push_back(Record { len: octets.len(), what: What::Hello });
            self.buffer(octets.len(), spares).extend_from_slice(&octets);
        }
    }
}
