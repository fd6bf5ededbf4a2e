//! Control: what a peer says to the MUX itself.

use crate::core::address::binding_address;
use crate::core::binding::{BindingKey, Link, Notices};
use crate::core::counters::{DropReason, bump};
use crate::core::envelope::Rest;
use crate::core::mux::MuxCore;
use crate::core::notice::{Control, Form, Header, NoticeKind, put_notice};
use crate::core::record::Own;
use crate::core::returns::{Return, Returned, Room};

impl MuxCore {
    /// Hears what `from` says to the MUX.
    #[cold]
    pub(super) fn handle_control(&mut self, from: BindingKey, rest: Rest<'_>) {
        let (form, frames) = match rest {
            Rest::Opaque(frames) => (Form::Plain, frames),
            Rest::Delimited(request) => (Form::Answer(request.id), request.body),
        };
        let Some(binding) = self.bindings.get_mut(from) else { return };
        // A service without a token is not paused, but not heard either.
        let wait = binding.tokens.wait(self.limits.refusals, self.now);
        binding.tokens.spend(self.limits.refusals, self.now);
        if !wait.is_zero() {
            bump(&mut self.counters.control_dropped);
            return;
        }
        match Control::parse(frames) {
            Control::Hello(name) => self.handle_hello(from, form, name),
            Control::Watch(_) | Control::Unwatch(_) | Control::Drain | Control::Malformed => {
                self.return_control(from, form, b"", DropReason::Malformed);
            }
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
        let held = binding.name.as_ref().map(|held| held.as_octets().to_vec()).unwrap_or_default();
        // spec: mux:hello:second-name
        if name.is_some_and(|name| name != held) {
            let name = name.unwrap_or_default();
            return self.return_control(from, form, name, DropReason::Malformed);
        }
        let header = Header { generation: binding.generation, ..Header::new(NoticeKind::Hello) };
        let address = binding_address(self.node, binding.token);
        let source = binding.source;
        let mut octets = Vec::new();
        put_notice(form, header, &[&address, &held], &[], &mut octets);
        bump(&mut self.counters.hellos);
        self.push_own(from, Own::Hello, &octets, source);
    }

    /// Answers control that is not heeded with a RETURN, which has no frames.
    // spec: mux:return:of-control
    fn return_control(&mut self, from: BindingKey, form: Form<'_>, dst: &[u8], reason: DropReason) {
        let Some(behind) = self.bindings.get(from).map(|from| from.source) else { return };
        let message = Return { reason, dst, frames: &[], len: 0, generation: 0 };
        bump(match self.push_return(from, form, &message, behind, Room::New) {
            Returned::Queued => &mut self.counters.control_refused,
            Returned::NoRoom | Returned::NotTaken => &mut self.counters.control_dropped,
        });
    }
}
