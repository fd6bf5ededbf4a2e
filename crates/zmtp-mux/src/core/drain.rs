//! Going away in order: a service that drains, and the MUX itself.
//!
//! | of the MUX | new requests | replies | what is queued             | ends                        |
//! |------------|--------------|---------|----------------------------|-----------------------------|
//! | serving    | pass         | pass    | is written                 |                             |
//! | draining   | come back    | pass    | is written                 | all written, or 10 s        |
//! | parting    | come back    | pass    | for services comes back    | GONE to all, written, 1 s   |
//! | ended      |              |         | is dropped and counted     | every connection is closed  |

use std::time::Duration;

use crate::core::binding::{Binding, BindingKey, Link, Notices};
use crate::core::counters::bump;
use crate::core::event::Event;
use crate::core::mux::{MuxCore, Phase};
use crate::core::names::Cause;
use crate::core::notice::{Form, GoneReason, Header, NoticeKind, put_notice};
use crate::core::pairs::Line;
use crate::core::record::Own;
use crate::core::role::Role;

impl MuxCore {
    /// A service wants nothing new. Returns whether it may say so.
    // spec: mux:drain:service
    pub(super) fn drain_service(&mut self, key: BindingKey) -> bool {
        let until = self.now.checked_add(self.limits.drain_time);
        let Some(binding) = self.bindings.get_mut(key) else { return false };
        if binding.role != Role::Service || binding.name.is_none() {
            return false;
        }
        let drains = &mut binding.ties().drains;
        if drains.is_none() {
            *drains = Some(until.unwrap_or(self.now));
            bump(&mut self.counters.drains);
            let (peer, name, behind) = (binding.token, binding.name.clone(), binding.source);
            self.tell(Event::Drains { peer, name }, Some(behind), 0);
        }
        true
    }

    /// Takes no new requests from here on, and says so to all who take notices; replies and what is
    /// queued still pass.
    // spec: mux:drain:mux-says-so
    pub fn handle_drain(&mut self) {
        if self.phase != Phase::Serving {
            return;
        }
        self.phase = Phase::Draining;
        let told: Vec<_> = self.bindings.iter().filter(|(_, peer)| hears(peer)).collect();
        let told: Vec<_> = told.into_iter().map(|(key, peer)| (key, peer.source)).collect();
        let mut octets = Vec::new();
        for (number, (key, source)) in told.iter().enumerate() {
            let header = Header {
                retry_after: spread(number, told.len()),
                ..Header::new(NoticeKind::Drain)
            };
            octets.clear();
            put_notice(Form::Plain, header, &[], &[], &mut octets);
            self.push_own(*key, Own::Notice { reserved: 0 }, &octets, Line::of(*source));
        }
    }

    /// Ends all services: what is queued for them comes back to its sources, and those who track
    /// them are told. What that makes has still to be written.
    // spec: mux:drain:mux-last-words
    pub fn handle_parting(&mut self) {
        let is_service = |peer: &Binding| peer.role == Role::Service;
        let services: Vec<_> =
            self.peers().filter(|(_, peer)| is_service(peer)).map(|(key, _)| key).collect();
        for key in services {
            let _ = self.cast_out(key, Cause::MuxEnds, GoneReason::LinkLost);
        }
    }

    /// Tells whether new peers and messages are taken.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.phase == Phase::Serving
    }

    /// Ends every connection. The application can still take what it has not, and the end of each
    /// peer.
    // spec: mux:event:to-the-last
    pub fn handle_end(&mut self) {
        self.phase = Phase::Ended;
        self.wakes.extend(self.bindings.keys());
    }

    /// Tells whether the MUX has ended, and every peer with it.
    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended && self.peers().next().is_none()
    }

    /// Tells whether all that is to be said was written.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        let is_flushed =
            |(key, peer): (_, &Binding)| self.is_local(key) || peer.outbound.is_empty();
        self.bindings.iter().all(is_flushed)
    }

    /// Tells whether all services that have a window have answered what they were given. Of others it is
    /// not known.
    // spec: mux:drain:window-answered
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.bindings.values().all(|peer| peer.outbound.is_answered())
    }
}

/// Tells whether a peer is told that the MUX goes away. A REQ is not: it takes answers only.
fn hears(peer: &Binding) -> bool {
    peer.notices == Notices::Taken && matches!(peer.link, Link::Other)
}

/// Returns when the peer of this number is to come back, so that not all do at once.
fn spread(number: usize, count: usize) -> Duration {
    let (number, count) = (u32::try_from(number), u32::try_from(count));
    let span = count.ok().and_then(|count| SPREAD.checked_div(count)).unwrap_or_default();
    span.saturating_mul(number.unwrap_or_default())
}

/// Over how long peers are told to spread their return.
const SPREAD: Duration = Duration::from_secs(10);
