//! Names in dispute: takeovers, probes, and those who wait.
//!
//! A probe is a PING and a time by which the holder must be heard. It is kept with the holder and
//! looked at by whoever wants the name: a held peer through [`MuxCore::poll_held`] when its time
//! has come, and every further claim. So it needs no clock of its own, and ends with the holder.
//! When nobody waits any more it runs on: the next claim finds what came of it.

use std::time::Instant;

use zmtp_proto::{Ping, TimeToLive};

use crate::core::address::Name;
use crate::core::binding::{Binding, BindingKey, Held as Wait, Stage};
use crate::core::claim::{Verdict, decide};
use crate::core::counters::bump;
use crate::core::event::Event;
use crate::core::mux::{MuxCore, Phase};
use crate::core::notice::GoneReason;
use crate::core::principal::Principal;
use crate::core::role::Role;
use crate::core::tenure::{Leave, Tenure};

/// What a held peer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Held {
    /// Wait, and ask again when it is woken, or at that time.
    Waiting {
        /// When.
        until: Instant,
    },
    /// Complete its handshake: the name is its own.
    Admitted {
        /// Which holder of a name it is.
        generation: u64,
    },
    /// Go, without a word: the name stayed another's.
    Over,
    /// Go: the MUX ends.
    End,
}

/// Why the MUX ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The MUX ends, or the connection was said to have ended.
    MuxEnds,
    /// Another took over its name.
    Takeover,
    /// It did not say that it lives, and another wanted its name.
    Evicted,
    /// The application does not want it any more.
    Disconnected,
}

/// How the claim of a service on a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contest {
    /// No service holds the name.
    Free,
    /// The claimant may take it over.
    Won { loser: BindingKey },
    /// Not now; until then the holder must be heard, if it is probed.
    Waits { probe: Option<Instant> },
}

impl MuxCore {
    /// Tells what a held peer is to do, and evicts the holder of its name if that is a ghost.
    pub fn poll_held(&mut self, key: BindingKey, now: Instant) -> Held {
        let Some(binding) = self.bindings.get(key).filter(|_| self.phase != Phase::Ended) else {
            return Held::End;
        };
        let Stage::Held(Wait { name, until }) = &binding.stage else {
            return Held::Admitted { generation: binding.generation };
        };
        let (name, until) = (name.clone(), *until);
        self.evict_ghost(&name, now);
        match self.bindings.get(key) {
            Some(Binding { stage: Stage::Live, generation, .. }) => {
                Held::Admitted { generation: *generation }
            }
            // spec: mux:duplicate:held-then-closed
            _ if until <= now => Held::Over,
            _ => Held::Waiting { until: self.look_again(&name, until) },
        }
    }

    /// Returns when whoever waits for `name`, until then at most, has to see what came of it.
    pub(super) fn look_again(&self, name: &Name, until: Instant) -> Instant {
        self.probe_of(name).map_or(until, |probe| probe.min(until))
    }

    /// Lets a service compete for a name with the one that holds it, if one does.
    pub(super) fn contest(&mut self, name: &Name, claimant: &Principal, now: Instant) -> Contest {
        self.evict_ghost(name, now);
        let Some(holder) = self.rival(name) else { return Contest::Free };
        bump(&mut self.counters.duplicates);
        match self.judge(holder, claimant, now) {
            Verdict::TakeOver => Contest::Won { loser: holder },
            Verdict::Probe => Contest::Waits { probe: self.probe(holder, now) },
            // spec: mux:duplicate:holder-keeps
            Verdict::Refuse => Contest::Waits { probe: None },
        }
    }

    /// Makes `key` the holder of a name that it has won, and ends the one that has lost it.
    // spec: mux:takeover:closes-loser
    pub(super) fn take_over(
        &mut self,
        loser: BindingKey,
        key: BindingKey,
        name: Name,
        now: Instant,
    ) {
        bump(&mut self.counters.takeovers);
        let former = self.bindings.get_mut(loser).map(|binding| &mut binding.tenure);
        let tenure = Tenure::after(former.map(std::mem::take).unwrap_or_default(), now);
        let (from, behind) = (self.generation(loser), self.bindings.get(loser).map(|it| it.source));
        self.cast_out(loser, Cause::Takeover, GoneReason::Takeover);
        self.tell(Event::TakenOver { name: name.clone(), from }, behind, 0);
        self.give_name(key, name);
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.tenure = tenure;
        }
    }

    pub(super) fn make_wait(&mut self, key: BindingKey, name: Name, until: Instant) {
        self.directory.wait(name.clone(), key);
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.stage = Stage::Held(Wait { name, until });
        }
    }

    /// Makes `key` wait for `name` no longer. Whoever is first now may have gone to sleep before
    /// the holder was probed.
    pub(super) fn stop_waiting(&mut self, key: BindingKey, name: &Name) {
        self.directory.wait_no_more(name, key);
        if self.probe_of(name).is_some() {
            self.wakes.extend(self.directory.first_waiting(name));
        }
    }

    /// Makes `key` the holder of `name`; a client that had it as its alias yields.
    // spec: mux:alias:yields-to-service, mux:name:one-per-binding, mux:generation:every-holder
    pub(super) fn give_name(&mut self, key: BindingKey, name: Name) {
        if let Some(former) = self.directory.hold(name.clone(), key)
            && let Some(client) = self.bindings.get_mut(former)
        {
            debug_assert_eq!(client.role, Role::Client, "a service never yields");
            client.name = None;
            bump(&mut self.counters.aliases_yielded);
        }
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.name = Some(name);
            binding.stage = Stage::Live;
            binding.generation = self.generations.next();
        }
        self.show_up(key);
    }

    // spec: mux:duplicate:longest-waiting-gets-it
    pub(super) fn free_name(&mut self, name: &Name) {
        if let Some(next) = self.directory.free(name) {
            self.give_name(next, name.clone());
            bump(&mut self.counters.duplicates_granted);
            self.tell_admitted(next);
            self.wakes.push(next);
        }
    }

    /// Returns which holder of a name `key` is; 0 if it has none.
    pub(super) fn generation(&self, key: BindingKey) -> u64 {
        self.bindings.get(key).map_or(0, |binding| binding.generation)
    }

    /// Decides on a claim on the name that `holder` has.
    // spec: mux:takeover:not-while-draining
    fn judge(&mut self, holder: BindingKey, claimant: &Principal, now: Instant) -> Verdict {
        let Some(binding) = self.bindings.get_mut(holder) else { return Verdict::Refuse };
        if self.phase != Phase::Serving || binding.tenure.is_fought_over() {
            return Verdict::Refuse;
        }
        let verdict = decide(self.limits.name_policy, binding, claimant);
        if verdict != Verdict::TakeOver {
            return verdict;
        }
        match binding.tenure.leave(now, &self.limits, &mut self.counters.fights) {
            Leave::Given => Verdict::TakeOver,
            Leave::Denied => {
                if let Some(name) = binding.name.clone() {
                    self.lost.note("fights", name.as_octets());
                    self.tell(Event::Fought { name }, None, 0);
                }
                Verdict::Refuse
            }
        }
    }

    /// Asks a holder whether it lives, unless it was asked already.
    // spec: mux:probe:one-at-a-time, mux:probe:ping
    fn probe(&mut self, holder: BindingKey, now: Instant) -> Option<Instant> {
        let tenure = &mut self.bindings.get_mut(holder)?.tenure;
        if let Some(until) = tenure.probe() {
            return Some(until);
        }
        let until = tenure.begin_probe(now, self.limits.probe_timeout);
        bump(&mut self.counters.probes);
        self.send_ping(holder, Ping::new(TimeToLive::NONE));
        Some(until)
    }

    /// Ends the holder of a name if it was asked whether it lives, and has let the time go by.
    // spec: mux:probe:ghost-evicted, mux:probe:busy-is-alive, mux:probe:outlives-newcomers
    fn evict_ghost(&mut self, name: &Name, now: Instant) {
        if self.probe_of(name).is_none_or(|until| now < until) {
            return;
        }
        let Some(holder) = self.rival(name) else { return };
        let Some(binding) = self.bindings.get_mut(holder) else { return };
        binding.tenure.end_probe();
        // Nobody can be silent on a PING that is not written.
        let silent = !binding.is_excused() && !binding.outbound.ping_waits();
        if silent && self.phase == Phase::Serving {
            bump(&mut self.counters.evictions);
            self.cast_out(holder, Cause::Evicted, GoneReason::Evicted);
            self.free_name(name);
        }
    }

    /// Ends a binding that has lost its name, and lets its task know why.
    pub(super) fn cast_out(
        &mut self,
        loser: BindingKey,
        cause: Cause,
        why: GoneReason,
    ) -> Option<Name> {
        let name = self.unbind(loser, why);
        self.cast_out.insert(loser, cause);
        self.wakes.push(loser);
        name
    }

    /// Returns until when the holder of `name` must be heard, if it is probed.
    fn probe_of(&self, name: &Name) -> Option<Instant> {
        self.bindings.get(self.rival(name)?)?.tenure.probe()
    }

    /// Returns the service that holds `name`.
    fn rival(&self, name: &Name) -> Option<BindingKey> {
        let holder = self.directory.holder(name.as_octets())?;
        self.bindings.get(holder).filter(|binding| binding.role == Role::Service).map(|_| holder)
    }
}
