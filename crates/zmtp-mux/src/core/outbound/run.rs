//! Runs: messages of one peer that are queued for an application in one piece, as they came.

use super::{Outbound, Wake, Writer};
use crate::core::delivery::Mark;
use crate::core::pool::Used;
use crate::core::record::{Record, Sent, What};
use crate::core::spares::Spares;

impl Outbound {
    /// Tells whether messages do not wait by their sources, nor will when there are so many more.
    // spec: mux:overload:congested-pairs
    #[inline]
    pub(crate) fn stays_uncongested(&self, more: Used) -> bool {
        let all = self.used.with(more);
        !self.is_congested() && self.sharing.is_none_or(|sharing| all.is_within(sharing.soft_mark))
    }

    /// Returns the octets of a lone message: nothing else waits or is in flight, and it is a small one.
    #[inline]
    pub(crate) fn lone_message(&self) -> Option<&[u8]> {
        let record = self.records.front()?;
        let is_lone = self.records.len() == 1 && record.len == self.open.len();
        (is_lone && record.messages() == 1 && !self.waits()).then_some(self.open.as_slice())
    }

    /// Forgets the octets of a lone message, which were taken, and has the application sleep.
    #[inline]
    pub(crate) fn forget_lone(&mut self) {
        self.open.clear();
        self.writer = Writer::Asleep;
    }

    /// Queues messages that stand in `octets` one behind the other, behind one mark.
    pub(crate) fn push_run(
        &mut self,
        sent: Sent,
        mark: [u8; Mark::LEN],
        octets: &[u8],
        spares: &mut Spares,
    ) -> Wake {
        let len = octets.len().saturating_add(mark.len());
        let record = Record { len, what: What::Message(sent) };
        self.used.take_all(record.room());
        self.records.push_back(record);
        self.unanswered = self.unanswered.saturating_add(record.messages());
        let buffer = self.buffer(len, spares);
        buffer.extend_from_slice(&mark);
        buffer.extend_from_slice(octets);
        self.wake()
    }
}
