//! The span of a connection, for those who subscribe to `tracing`.
//!
//! It is around the task, not within it: so who wants none has no room for one, and is asked
//! nothing when the connection has something to do.

use tracing::field::{Empty, display};
use tracing::{Span, debug_span};

use super::journal::{Caller, Plain};
use crate::core::{Name, Principal};

/// Returns the span of a connection that was accepted: none unless somebody asks for `debug`. Whom
/// it is about is noted when that is known; the lines of the log say so themselves.
// spec: mux:log:span
pub(crate) fn connection_span() -> Span {
    debug_span!(
        "connection",
        number = Empty,
        role = Empty,
        address = Empty,
        name = Empty,
        generation = Empty,
        principal = Empty,
    )
}

impl Caller {
    /// Says in the span that this is called in which connection it is.
    pub(super) fn note_in_span(&self) {
        if let Some(span) = current() {
            span.record("number", self.number)
                .record("role", self.role)
                .record("address", display(Plain(self.address)));
        }
    }
}

/// Says in the span that this is called in who the peer is.
pub(super) fn note_peer_in_span(
    name: Option<&Name>,
    generation: Option<u64>,
    principal: &Principal,
) {
    if let Some(span) = current() {
        span.record("name", name.map(display))
            .record("generation", generation)
            .record("principal", display(principal));
    }
}

/// Returns the span that this is called in if it is one of ours, and none of the application's.
fn current() -> Option<Span> {
    let span = Span::current();
    span.metadata().is_some_and(|of| of.target() == module_path!()).then_some(span)
}
