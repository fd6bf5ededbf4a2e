//! The core of a MUX: plain data that is told what happens, and says what follows.
//!
//! | told                                  | says                                        |
//! |---------------------------------------|---------------------------------------------|
//! | [`handle_introduction`]               | whether the peer is in, waits, or must go   |
//! | [`poll_held`]                         | the same, of one that waits                 |
//! | [`handle_message`], [`handle_ping`]   | what became of it; whose writers to wake    |
//! | [`poll_transmit`], [`take_lone`]      | what to write to a peer; what to take       |
//! | [`handle_transmitted`]                |                                             |
//! | [`handle_closed`]                     | who is in now that a name fell free         |
//! | [`poll_pause`]                        | whether a client is read                    |
//!
//! **After every `handle_*` and `poll_held`, wake whom [`poll_wake`] names, until `None`.**
//!
//! [`handle_introduction`]: MuxCore::handle_introduction
//! [`poll_held`]: MuxCore::poll_held
//! [`handle_message`]: MuxCore::handle_message
//! [`handle_ping`]: MuxCore::handle_ping
//! [`poll_transmit`]: MuxCore::poll_transmit
//! [`take_lone`]: MuxCore::take_lone
//! [`handle_transmitted`]: MuxCore::handle_transmitted
//! [`handle_closed`]: MuxCore::handle_closed
//! [`poll_wake`]: MuxCore::poll_wake
//! [`poll_pause`]: MuxCore::poll_pause

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slotmap::SlotMap;
use zmtp_proto::{Ping, Pong};

use crate::core::address::NodeId;
use crate::core::authority::{AllowAll, Authorizer};
use crate::core::binding::{Binding, BindingKey};
use crate::core::counters::{Counters, bump_by};
use crate::core::directory::{Directory, HashKey};
use crate::core::flight::Flight;
use crate::core::limits::MuxLimits;
use crate::core::local::{Local, Mode};
use crate::core::losses::LostNames;
use crate::core::names::Cause;
use crate::core::outbound::{Rested, Wake};
use crate::core::policy::{CoreConfig, Rules};
use crate::core::pool::Used;
use crate::core::presence::Register;
use crate::core::record::What;
use crate::core::role::Role;
use crate::core::source::Sources;
use crate::core::spares::Spares;
use crate::core::tenure::Generations;

/// The names, bindings and queues of one MUX.
#[derive(Debug)]
pub struct MuxCore {
    pub(super) node: NodeId,
    pub(super) limits: MuxLimits,
    pub(super) phase: Phase,
    pub(super) bindings: SlotMap<BindingKey, Binding>,
    pub(super) directory: Directory,
    pub(super) register: Register,
    pub(super) used: Used,
    /// The part of it that waits for clients.
    pub(super) used_by_clients: Used,
    /// By messages that are parked.
    pub(super) used_by_parked: Used,
    /// Octets lent to services, beyond the pool.
    pub(super) lent: usize,
    /// Peers that are not read in the middle of a message.
    pub(super) held_up: usize,
    pub(super) sources: Sources,
    pub(super) rules: Rules,
    pub(super) message_len_max: usize,
    /// The time as it was told last.
    pub(super) now: Instant,
    pub(super) spares: Spares,
    pub(super) counters: Counters,
    pub(super) lost: LostNames,
    pub(super) generations: Generations,
    /// Those who lost their names, until their tasks have ended.
    pub(super) cast_out: BTreeMap<BindingKey, Cause>,
    pub(super) wakes: Vec<BindingKey>,
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) mode: Mode,
    /// The application's end, if it has one.
    pub(super) local: Option<Local>,
}

/// How far the life of the MUX has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// No new requests; what is queued, and replies, still pass.
    Draining,
    /// Every connection ends.
    Ended,
}

/// What a writer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Transmit {
    /// Write what is in the flight.
    Write,
    /// Sleep until woken.
    Sleep,
    /// Close the connection.
    End(Cause),
}

impl MuxCore {
    /// Makes a MUX without peers. `node` and `hash_key` are drawn at random.
    #[must_use]
    pub fn new(
        node: NodeId,
        hash_key: HashKey,
        config: impl Into<CoreConfig>,
        now: Instant,
    ) -> Self {
        let CoreConfig { limits, rules, message_len_max } = config.into();
        Self {
            node,
            limits,
            phase: Phase::Serving,
            bindings: SlotMap::with_key(),
            directory: Directory::new(hash_key),
            register: Register::new(hash_key.hasher()),
            used: Used::default(),
            used_by_clients: Used::default(),
            used_by_parked: Used::default(),
            lent: 0,
            held_up: 0,
            sources: Sources::new(hash_key.hasher()),
            rules,
            message_len_max,
            now,
            spares: Spares::default(),
            counters: Counters::default(),
            lost: LostNames::default(),
            generations: Generations::default(),
            cast_out: BTreeMap::new(),
            wakes: Vec::new(),
            authorizer: Arc::new(AllowAll),
            mode: Mode::Relay,
            local: None,
        }
    }

    /// Answers a PING.
    pub fn handle_ping(&mut self, key: BindingKey, pong: &Pong) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        if binding.outbound.push_pong(pong, &mut self.spares) == Wake::Needed {
            self.wakes.push(key);
        }
    }

    /// Asks a silent peer whether it lives.
    pub fn send_ping(&mut self, key: BindingKey, ping: Ping) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        if binding.outbound.push_ping(ping, &mut self.spares) == Wake::Needed {
            self.wakes.push(key);
        }
    }

    /// Notes that octets came from a peer.
    #[inline]
    pub fn handle_octets(&mut self, key: BindingKey) {
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.outbound.hear();
            // spec: mux:probe:any-octet-is-life
            binding.tenure.end_probe();
        }
    }

    /// Returns how long a peer may be silent beyond the usual, because it is busy: a libzmq peer
    /// whose receive queue is full answers no PING.
    // spec: mux:liveness:busy-service, mux:liveness:busy-client
    #[must_use]
    pub fn patience(&self, key: BindingKey) -> Duration {
        match self.bindings.get(key) {
            Some(binding) if binding.outbound.is_busy() => match binding.role {
                Role::Service => self.limits.busy_service,
                Role::Client => self.limits.busy_client,
            },
            _ => Duration::ZERO,
        }
    }

    /// Notes that the kernel accepted `written` octets, and hands the writer what comes next.
    #[inline]
    pub fn poll_transmit(
        &mut self,
        key: BindingKey,
        written: usize,
        flight: &mut Flight,
    ) -> Transmit {
        flight.recycle(&mut self.spares);
        if written > 0 {
            self.handle_transmitted(key, written);
        }
        self.hand_over_delivered(key, flight);
        let ends = self.phase == Phase::Ended && !self.is_local(key);
        let Some(binding) = self.bindings.get_mut(key).filter(|_| !ends) else {
            return Transmit::End(self.poll_end(key).unwrap_or(Cause::MuxEnds));
        };
        if flight.is_empty() {
            if binding.has_news() {
                return self.transmit_news(key, flight);
            }
            binding.outbound.take(flight, &mut self.spares);
        }
        if !flight.is_empty() {
            Transmit::Write
        } else if self.has_ended() {
            Transmit::End(Cause::MuxEnds)
        } else {
            Transmit::Sleep
        }
    }

    /// Returns why to close a connection, if that is to be.
    // spec: mux:takeover:closes-loser
    #[must_use]
    pub fn poll_end(&self, key: BindingKey) -> Option<Cause> {
        match self.cast_out.get(&key) {
            Some(cause) => Some(*cause),
            None if self.phase == Phase::Ended => Some(Cause::MuxEnds),
            None => (!self.bindings.contains_key(key)).then_some(Cause::MuxEnds),
        }
    }

    /// Notes that the kernel accepted `written` octets of what is in flight.
    // spec: mux:conservation:handed-over, mux:queue:used-until-handed-over
    #[inline]
    pub fn handle_transmitted(&mut self, key: BindingKey, written: usize) {
        self.hand_over(key, written, 0);
    }

    /// Notes what the application has taken off `flight`, and tells whether it may sleep: it has taken
    /// all, and nothing waits.
    // spec: mux:conservation:handed-over, mux:queue:used-until-handed-over
    #[inline]
    pub fn handle_delivered(&mut self, key: BindingKey, flight: &mut Flight) -> Transmit {
        self.hand_over_delivered(key, flight);
        if self.phase != Phase::Ended
            && flight.is_taken()
            && let Some(binding) = self.bindings.get_mut(key)
            && binding.outbound.rest() == Rested::Yes
        {
            return Transmit::Sleep;
        }
        Transmit::Write
    }

    #[inline]
    fn hand_over_delivered(&mut self, key: BindingKey, flight: &mut Flight) {
        let (octets, messages) = flight.take_delivered();
        if octets > 0 {
            self.hand_over(key, octets, messages);
        }
    }

    /// Counts what is handed over with so many octets, and gives its room back. An application knows
    /// how many messages they are.
    #[inline(never)]
    pub(super) fn hand_over(&mut self, key: BindingKey, octets: usize, messages: usize) {
        let Some(binding) = self.bindings.get_mut(key) else { return };
        let (role, source) = (binding.role, binding.source);
        // Neighbours are often of one source, and their room is given back at once.
        let (mut of, mut run) = (source, Used::default());
        let freed = binding.outbound.accepted(octets, messages, |record| match record.what {
            What::Message(sent) => {
                bump_by(&mut self.counters.handed_over, record.messages());
                if sent.source != of {
                    self.sources.give_back_all(of, std::mem::take(&mut run));
                    of = sent.source;
                }
                run.take_all(record.room());
            }
            What::Return => self.sources.give_back(source, record.len),
            What::Notice { reserved } => {
                self.used.give_back_octets(reserved);
                self.sources.give_back_octets(source, reserved);
            }
            What::Hello | What::Sign(_) => {}
        });
        self.sources.give_back_all(of, run);
        self.used.give_back_all(freed);
        if role == Role::Client {
            self.used_by_clients.give_back_all(freed);
            self.sources.give_back_waiting(source, freed);
        }
        if binding.stalled.is_some_and(|mark| binding.outbound.used().octets() <= mark) {
            binding.stalled = None;
        }
        if binding.ties.as_ref().is_some_and(|ties| !ties.waiters.is_empty()) {
            self.retry_waiters(key);
        }
        self.note_room(key);
    }

    /// Notes that the kernel takes no more of what is in flight to a peer, for now.
    // spec: mux:overload:congested-pairs
    pub fn handle_full(&mut self, key: BindingKey) {
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.outbound.note_full();
        }
    }

    /// Returns a binding whose task has something to do, until there is none.
    #[inline]
    pub fn poll_wake(&mut self) -> Option<BindingKey> {
        self.wakes.pop()
    }
}
