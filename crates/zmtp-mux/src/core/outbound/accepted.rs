//! Accepted: what the kernel or the application has taken, and whose it was.

use super::Outbound;
use super::signs::Place;
use crate::core::pool::Used;
use crate::core::record::{Record, Sent, What};

impl Outbound {
    /// Notes that the kernel has accepted `octets` of what is in flight, and tells of each record
    /// that it has now whole. Returns the room that they had. An application takes `messages`, also the
    /// first of a run.
    // spec: mux:conservation:handed-over, mux:delivery:at-most-once
    #[inline]
    pub(crate) fn accepted(
        &mut self,
        octets: usize,
        mut messages: usize,
        mut handed_over: impl FnMut(&Record),
    ) -> Used {
        self.in_flight = self.in_flight.saturating_sub(octets);
        self.accepted = self.accepted.saturating_add(octets);
        let mut freed = Used::default();
        while let Some(record) = self.next_accepted(messages) {
            match record.what {
                What::Message(_) => {
                    freed.take_all(record.room());
                    messages = messages.saturating_sub(record.messages());
                    self.unheard = self.unheard.saturating_add(record.messages());
                }
                // They fill the queue of a libzmq peer as messages do.
                What::Return => {
                    freed.take(record.len);
                    self.returns = self.returns.saturating_sub(1);
                    self.unheard = self.unheard.saturating_add(1);
                }
                What::Notice { .. } => self.unheard = self.unheard.saturating_add(1),
                What::Hello => self.signs.hello = Place::Free,
                What::Sign(sign) => {
                    *self.signs.place(sign) = Place::Free;
                    continue;
                }
            }
            handed_over(&record);
        }
        self.used.give_back_all(freed);
        freed
    }

    /// Takes out the first record if it is accepted whole, or the part of a run that was taken.
    #[inline]
    fn next_accepted(&mut self, messages: usize) -> Option<Record> {
        let len = self.records.front()?.len;
        if let Some(left) = self.accepted.checked_sub(len) {
            self.accepted = left;
            return self.records.pop_front();
        }
        if messages > 0 { self.split_run(messages) } else { None }
    }

    /// Splits off the first messages of the run in front, which have the octets that are accepted of it
    /// with its mark.
    #[inline(never)]
    fn split_run(&mut self, messages: usize) -> Option<Record> {
        let run = self.records.front_mut()?;
        let What::Message(sent) = &mut run.what else { return None };
        let messages = u32::try_from(messages).ok()?;
        let len = std::mem::take(&mut self.accepted);
        let part = Record { len, what: What::Message(Sent { messages, ..*sent }) };
        sent.messages = sent.messages.saturating_sub(messages);
        run.len = run.len.saturating_sub(len);
        Some(part)
    }
}
