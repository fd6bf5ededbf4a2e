//! The end of a binding: what waited for it, and who hears of it.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::address::Name;
use crate::core::binding::{Binding, BindingKey, Link, Stage};
use crate::core::counters::DropReason;
use crate::core::flight::Flight;
use crate::core::mux::{MuxCore, Phase};
use crate::core::notice::GoneReason;
use crate::core::outbound::{Outbound, Rest};
use crate::core::pairs::Line;
use crate::core::refuse::Ended;

impl MuxCore {
    /// Takes back what the writer of a connection has not written. To be told before
    /// [`handle_closed`](Self::handle_closed), so that it can be returned.
    pub fn handle_writer_gone(&mut self, key: BindingKey, flight: Flight) {
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.outbound.give_back(flight);
        }
    }

    /// Notes that a connection has ended, and how. What was admitted from it is still delivered,
    /// what waits for it goes back to its sources, those who track it are told, and its name falls
    /// to whoever has waited longest.
    // spec: mux:delivery:destination-gone, mux:delivery:source-gone, 28:router:queues-end-with-peer
    pub fn handle_closed(&mut self, key: BindingKey, why: GoneReason) {
        self.cast_out.remove(&key);
        if let Some(name) = self.unbind(key, why) {
            self.free_name(&name);
        }
    }

    /// Removes a binding with all that waits for it, and returns the name that it held.
    pub(super) fn unbind(&mut self, key: BindingKey, why: GoneReason) -> Option<Name> {
        let parked = self.unpark(key);
        let mut binding = self.bindings.remove(key)?;
        self.directory.forget_binding(binding.token);
        // What is not admitted yet, nobody waits for any more.
        if parked.is_some() {
            self.counters.drop_message(DropReason::Busy);
        }
        // spec: mux:drain:service
        let (reason, why) = match self.phase {
            _ if binding.drains() => (DropReason::Draining, GoneReason::Drained),
            Phase::Serving => (DropReason::Unreachable, why),
            Phase::Draining if why != GoneReason::LinkLost => (DropReason::Unreachable, why),
            Phase::Draining | Phase::Ended => (DropReason::Draining, why),
        };
        let ended = Ended::of(key, &binding);
        let outbound = std::mem::replace(&mut binding.outbound, Outbound::new(None));
        let local = self.local.as_ref().map(|local| local.key);
        outbound.into_rest(local, |record, rest| match rest {
            Rest::Start(start) => self.take_back_from(&ended, record, start, reason),
            // spec: mux:return:in-doubt
            Rest::Doubtful => {
                self.release_of(ended.role, ended.source, record);
                if record.is_message() {
                    self.lost.note(reason.counter(), ended.name.as_deref().unwrap_or_default());
                }
                self.counters.drop_messages(reason, record);
            }
        });
        let ties = binding.ties.take().unwrap_or_default();
        self.tell_gone(&ended, ties.trackers.iter(), why);
        self.untrack(&ended, ties.tracked.iter());
        self.forget_watcher(&ended, ties.watcher);
        self.show_gone(&ended, why);
        self.tell_unbound(key, &binding, ties.metadata.as_ref(), why);
        self.release_partial(ended.source, ties.partial);
        self.sources.leave(ended.source);
        for from in ties.waiters {
            self.retry(from);
        }
        if let Stage::Held(wait) = &binding.stage {
            self.stop_waiting(key, &wait.name);
        }
        binding.name
    }
}

impl Ended {
    /// Returns in which line stands what came from it.
    pub(super) fn line(&self) -> Line<'_> {
        Line::under(self.source, &self.shown)
    }

    pub(super) fn of(key: BindingKey, binding: &Binding) -> Self {
        Self {
            key,
            role: binding.role,
            link_is_req: matches!(binding.link, Link::Req(_)),
            source: binding.source,
            shown: Arc::clone(&binding.shown),
            name: binding.name.as_ref().map(|name| Bytes::copy_from_slice(name.as_octets())),
            token: binding.token,
            generation: binding.generation,
        }
    }
}
