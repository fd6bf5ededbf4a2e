//! Messages of a peer that are queued for the application at once.

use std::time::Instant;

use zmtp_proto::Run;

use crate::core::binding::{BindingKey, Stage};
use crate::core::counters::bump_by;
use crate::core::delivery::Mark;
use crate::core::mux::MuxCore;
use crate::core::outbound::Wake;
use crate::core::pool::Used;
use crate::core::record::{By, Sent};
use crate::core::terminal::Sender;

/// How messages that stand one behind the other are given to the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Runs {
    /// At once: they are queued.
    Queued,
    /// One by one.
    OneByOne,
}

impl MuxCore {
    /// Returns how the messages of a chunk are given to the core, to begin with.
    #[inline]
    pub(crate) fn runs(&self) -> Runs {
        if self.terminal().is_some() { Runs::Queued } else { Runs::OneByOne }
    }

    /// Queues messages of a peer for the application, if there is plenty of room for all of them.
    /// Then that is the same as [`handle_message`](Self::handle_message) for each. If not, nothing is done.
    // spec: mux:terminal:all-to-application, mux:terminal:whole-message, mux:overload:threshold
    pub fn handle_run(&mut self, source: BindingKey, run: &Run<'_>, now: Instant) -> Runs {
        self.now = now;
        let Some(local) = self.terminal() else { return Runs::OneByOne };
        let from = self.bindings.get(source).filter(|from| matches!(from.stage, Stage::Live));
        let Some(from) = from.map(|from| Sender::of(source, from)) else { return Runs::OneByOne };
        let Some(to) = self.bindings.get(local) else { return Runs::OneByOne };
        let room = Used::of(run.messages, run.octets.len().saturating_add(Mark::LEN));
        if !to.outbound.stays_uncongested(room)
            || !to.outbound.used().with(room).is_within(to.rule.pool.half())
            || !self.used.with(room).is_within(self.half().half())
        {
            return Runs::OneByOne;
        }
        let Ok(messages) = run.messages.try_into() else { return Runs::OneByOne };
        let sent = Sent { source: from.source, from: source, by: By::Binding, messages };
        let (mark, spares) = (Mark::Message(from.token).to_octets(), &mut self.spares);
        if let Some(to) = self.bindings.get_mut(local)
            && to.outbound.push_run(sent, mark, run.octets, spares) == Wake::Needed
        {
            self.wakes.push(local);
        }
        if let Some(from) = self.bindings.get_mut(source)
            && from.outbound.note_answers(run.messages) == Wake::Needed
        {
            self.wakes.push(source);
        }
        bump_by(&mut self.counters.received, run.messages);
        self.used.take_all(room);
        self.sources.take_all(from.source, room);
        Runs::Queued
    }
}
