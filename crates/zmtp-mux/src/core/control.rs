//! Control: what a peer says to the MUX itself.

use std::time::Duration;

use bytes::Bytes;

use crate::core::address::{Name, binding_address};
use crate::core::binding::{BindingKey, Link, Notices};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::Rest;
use crate::core::hello::NameClaim;
use crate::core::mux::MuxCore;
use crate::core::notice::{Control, Form, Header, NoticeKind, put_notice};
use crate::core::outbound::Wake;
use crate::core::pairs::Line;
use crate::core::record::Own;
use crate::core::returns::{Return, Returned, Room};
use crate::core::role::Role;
use crate::core::route::Outcome;

impl MuxCore {
    /// Hears what `from` says to the MUX.
    // spec: mux:watch:tokens
    #[cold]
    pub(super) fn handle_control(&mut self, from: BindingKey, rest: Rest<'_>) -> Outcome {
        let (form, frames) = match rest {
            Rest::Opaque(frames) => (Form::Plain, frames),
            Rest::Delimited(request) => (Form::Answer(request.id), request.body),
        };
        let Some(binding) = self.bindings.get_mut(from) else { return Outcome::NotBound };
        // A service without a token is not paused, but not heard either.
        let wait = binding.tokens.wait(self.limits.refusals, self.now);
        binding.tokens.spend(self.limits.refusals, self.now);
        if !wait.is_zero() {
            bump(&mut self.counters.control_dropped);
            return Outcome::Heard;
        }
        let spent = binding.tokens;
        match Control::parse(frames) {
            Control::Hello(name) => self.handle_hello(from, form, name),
            Control::Watch(pattern) => self.handle_watch(from, form, pattern),
            Control::Unwatch(pattern) => self.handle_unwatch(from, form, pattern),
            Control::Drain if matches!(form, Form::Plain) && self.drain_service(from) => {}
            Control::Drain | Control::Malformed => {
                self.return_control(from, form, b"", DropReason::Malformed, Duration::ZERO);
            }
        }
        match self.bindings.get(from) {
            Some(binding) if binding.tokens.are_fewer_than(&spent) => Outcome::HeardAtLength,
            Some(_) | None => Outcome::Heard,
        }
    }

    /// A peer takes notices from here on, and is told its address and name.
    // spec: mux:hello:opts-in, mux:hello:answer
    fn handle_hello(&mut self, from: BindingKey, form: Form<'_>, name: Option<&[u8]>) {
        let Some(binding) = self.bindings.get_mut(from) else { return };
        // spec: mux:notice:never-to-rep
        if matches!(binding.link, Link::Rep) {
            bump(&mut self.counters.control_dropped);
            return;
        }
        binding.notices = Notices::Taken;
        // What it sent before is not tracked, and what it sends to the same service now is.
        // spec: mux:gone:tracked-once
        binding.last = None;
        // spec: mux:overload:window-hello
        if binding.outbound.note_none_unanswered() == Wake::Needed {
            self.wakes.push(from);
        }
        // spec: mux:hello:claims-name, mux:hello:second-name
        if let Some(octets) = name.filter(|name| !name.is_empty()) {
            let claim = match Name::new(Bytes::copy_from_slice(octets)) {
                Some(name) => self.claim_granted_name(from, name),
                None => NameClaim::Malformed,
            };
            let (reason, retry_after) = match claim {
                NameClaim::Granted { .. } | NameClaim::Unnamed => return self.greet(from, form),
                NameClaim::Busy { retry_after } => (DropReason::Busy, retry_after),
                NameClaim::Denied => (DropReason::Denied, Duration::ZERO),
                NameClaim::Malformed => (DropReason::Malformed, Duration::ZERO),
                NameClaim::NotBound => return,
            };
            return self.return_control(from, form, octets, reason, retry_after);
        }
        self.greet(from, form);
    }

    /// Claims a name that the authorizer grants; of one that it does not, nobody is asked.
    fn claim_granted_name(&mut self, from: BindingKey, name: Name) -> NameClaim {
        let Some(binding) = self.bindings.get(from) else { return NameClaim::NotBound };
        let granted =
            self.authorizer.may_claim(&binding.principal, binding.named_role, name.as_octets());
        match binding.named_role {
            _ if granted => self.claim_name(from, name, self.now),
            Role::Service => {
                self.deny_claim(&name);
                NameClaim::Denied
            }
            Role::Client => {
                bump(&mut self.counters.aliases_not_granted);
                NameClaim::Unnamed
            }
        }
    }

    /// Answers a HELLO.
    fn greet(&mut self, from: BindingKey, form: Form<'_>) {
        let Some(binding) = self.bindings.get(from) else { return };
        let held = binding.name.as_ref().map(|held| held.as_octets().to_vec()).unwrap_or_default();
        let header = Header { generation: binding.generation, ..Header::new(NoticeKind::Hello) };
        let address = binding_address(self.node, binding.token);
        let source = binding.source;
        let mut octets = Vec::new();
        put_notice(form, header, &[&address, &held], &[], &mut octets);
        bump(&mut self.counters.hellos);
        // spec: mux:drain:hello-last
        if binding.drains()
            && let Some(binding) = self.bindings.get_mut(from)
        {
            if binding.outbound.push_last(&octets) == Wake::Needed {
                self.wakes.push(from);
            }
            return;
        }
        self.push_own(from, Own::Hello, &octets, Line::of(source));
    }

    /// Answers control that is not heeded with a RETURN, which has no frames.
    // spec: mux:return:of-control
    pub(super) fn return_control(
        &mut self,
        from: BindingKey,
        form: Form<'_>,
        dst: &[u8],
        reason: DropReason,
        retry_after: Duration,
    ) {
        let Some(source) = self.bindings.get(from).map(|from| from.source) else { return };
        let message = Return { reason, dst, frames: &[], len: 0, generation: 0, retry_after };
        bump(match self.push_return(from, form, &message, Line::of(source), Room::New) {
            Returned::Queued => &mut self.counters.control_refused,
            Returned::NoRoom | Returned::NotTaken => &mut self.counters.control_dropped,
        });
    }
}
