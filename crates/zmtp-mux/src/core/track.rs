//! Tracking: who hears of a service's end.
//!
//! When a message of a peer that takes notices is first admitted to a service, the pair is
//! remembered. When the service ends, the peer gets its last messages, the RETURNs of what was
//! still queued, and then one GONE: what it has sent there and got no answer to is in doubt.

use crate::core::binding::{BindingKey, Keys, Link};
use crate::core::counters::{DropReason, bump};
use crate::core::event::Limit;
use crate::core::mux::MuxCore;
use crate::core::notice::{Form, GoneReason, Header, NoticeKind, put_notice};
use crate::core::record::Own;
use crate::core::refuse::Ended;
use crate::core::role::Role;

impl MuxCore {
    /// Remembers that `from` is to hear of the end of `to`, a service.
    // spec: mux:gone:tracked-once, mux:gone:tracking-charged
    pub(super) fn track(&mut self, from: BindingKey, to: BindingKey) -> Result<(), DropReason> {
        let Some(binding) = self.bindings.get(from) else { return Ok(()) };
        let (role, source) = (binding.role, binding.source);
        let tracked = binding.ties.as_ref().map(|ties| &ties.tracked);
        if tracked.is_some_and(|tracked| tracked.contains(&to)) {
            return Ok(());
        }
        let count = tracked.map_or(0, Keys::len);
        match self.reserve(role, source, TRACK_COST) {
            Ok(()) if role == Role::Client && count >= self.limits.tracked => {
                self.unreserve(source, TRACK_COST);
                self.note_limit(Limit::Tracked);
                return Err(DropReason::Limit);
            }
            Ok(()) => {}
            Err(reason) if role == Role::Client => return Err(reason),
            // A reply is never refused for it.
            Err(_) => self.force_reserve(source, TRACK_COST),
        }
        if let Some(from) = self.bindings.get_mut(from) {
            from.ties().tracked.insert(to);
        }
        if let Some(to) = self.bindings.get_mut(to) {
            to.ties().trackers.insert(from);
        }
        Ok(())
    }

    /// Tells all who are to hear of it that a service has ended.
    // spec: mux:gone:last-and-once
    pub(super) fn tell_gone<'k>(
        &mut self,
        ended: &Ended,
        trackers: impl Iterator<Item = &'k BindingKey>,
        why: GoneReason,
    ) {
        let Some(name) = &ended.name else { return };
        let header = Header {
            reason: why.number(),
            generation: ended.generation,
            ..Header::new(NoticeKind::Gone)
        };
        let mut octets = Vec::new();
        for &key in trackers {
            let Some(to) = self.bindings.get_mut(key) else { continue };
            let source = to.source;
            if let Some(ties) = &mut to.ties {
                ties.tracked.remove(&ended.key);
            }
            octets.clear();
            match &mut to.link {
                // spec: mux:gone:req
                Link::Req(open) => {
                    let open = open.take_if(|open| open.to == ended.key);
                    self.unreserve(source, TRACK_COST);
                    let Some(open) = open else { continue };
                    let form = Form::Answer(open.id.as_deref());
                    put_notice(form, header, &[name], &[], &mut octets);
                    self.push_own(key, Own::Notice { reserved: 0 }, &octets, ended.line());
                }
                Link::Rep | Link::Other => {
                    put_notice(Form::Plain, header, &[name], &[], &mut octets);
                    let own = Own::Notice { reserved: TRACK_COST };
                    self.push_own(key, own, &octets, ended.line());
                }
            }
            bump(&mut self.counters.gone_sent);
        }
    }

    /// Forgets what a peer that has ended itself was to hear of.
    pub(super) fn untrack<'k>(
        &mut self,
        ended: &Ended,
        tracked: impl Iterator<Item = &'k BindingKey>,
    ) {
        for &key in tracked {
            if let Some(ties) = self.bindings.get_mut(key).and_then(|to| to.ties.as_mut()) {
                ties.trackers.remove(&ended.key);
            }
            self.unreserve(ended.source, TRACK_COST);
        }
    }
}

/// Octets that a tracked pair is charged with: two entries, and the GONE that comes of it.
const TRACK_COST: usize = 384;
