//! Who has a name, as the rules see it.

use std::time::Duration;

use crate::core::NamePolicy;
use crate::core::model::Model;
use crate::core::model::parts::{Item, Phase, State};

/// What matters of a peer when its name is in dispute. Times are since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dispute {
    /// 1 and 2 are users with passwords, 3 one of the machine, 0 nobody.
    pub(crate) principal: u8,
    pub(crate) old: bool,
    pub(crate) generation: u64,
    /// Until when it is held.
    pub(crate) until: Duration,
    /// Until when it must be heard.
    pub(crate) probe: Option<Duration>,
    pub(crate) unheard: usize,
    pub(crate) takeovers: Vec<Duration>,
    pub(crate) fought_over: bool,
}

/// The rules that can be chosen, and the clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) policy: NamePolicy,
    pub(crate) hold: Duration,
    pub(crate) now: Duration,
    pub(crate) wall: u64,
    pub(crate) generation: u64,
}

pub(crate) const PROBE: Duration = Duration::from_secs(2);
pub(crate) const WINDOW: Duration = Duration::from_mins(1);
pub(crate) const TAKEOVERS: usize = 2;

/// How the claim of a service comes out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claim {
    Free,
    Won(usize),
    Waits(Option<Duration>),
}

/// What a held peer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Wait(Duration),
    Admitted(u64),
    Over,
    End,
}

impl Model {
    pub(crate) fn next_generation(&mut self) -> u64 {
        self.rules.generation = (self.rules.generation + 1).max(self.rules.wall);
        self.rules.generation
    }

    fn rival(&self, name: &[u8]) -> Option<usize> {
        self.holder(name).filter(|&holder| self.peers[holder].state == State::Service)
    }

    fn first_held(&self, name: &[u8]) -> Option<usize> {
        self.peers.iter().position(|peer| peer.state == State::Held && peer.name == name)
    }

    /// A service claims a name.
    pub(crate) fn claim(&mut self, name: &[u8], principal: u8) -> Claim {
        self.evict(name);
        let Some(holder) = self.rival(name) else { return Claim::Free };
        self.count("duplicates");
        let (now, policy) = (self.rules.now, self.rules.policy);
        let is_busy = self.is_busy(holder);
        let dispute = &mut self.peers[holder].dispute;
        let is_known = |who: u8| who == 1 || who == 2;
        let same = is_known(principal) && principal == dispute.principal;
        if self.phase != Phase::Serving
            || dispute.fought_over
            || policy == NamePolicy::Reject
            || !same && is_known(dispute.principal)
        {
            return Claim::Waits(None);
        }
        if same || policy == NamePolicy::Takeover {
            dispute.takeovers.retain(|&at| now < at + WINDOW);
            dispute.fought_over = dispute.takeovers.len() >= TAKEOVERS;
            if dispute.fought_over {
                self.count("fights");
                return Claim::Waits(None);
            }
            return Claim::Won(holder);
        }
        if dispute.old || is_busy {
            return Claim::Waits(None);
        }
        if dispute.probe.is_none() {
            dispute.probe = Some(now + PROBE);
            self.count("probes");
            if !self.peers[holder].pings() {
                self.peers[holder].queue.push((holder, Item::Ping));
            }
        }
        Claim::Waits(self.peers[holder].dispute.probe)
    }

    /// `winner`, the newest peer, takes over the name of `loser`.
    pub(crate) fn take_over(&mut self, loser: usize, winner: usize) {
        self.count("takeovers");
        let mut takeovers = std::mem::take(&mut self.peers[loser].dispute.takeovers);
        takeovers.push(self.rules.now);
        self.peers[winner].dispute.takeovers = takeovers;
        self.peers[loser].name.clear();
        self.close(loser);
        self.peers[loser].state = State::TakenOver;
        self.woken.push(loser);
    }

    /// Evicts the holder of a name that has let a probe go by.
    fn evict(&mut self, name: &[u8]) {
        let Some(ghost) = self.rival(name) else { return };
        let dispute = &mut self.peers[ghost].dispute;
        if dispute.probe.take_if(|until| *until <= self.rules.now).is_none() {
            return;
        }
        let asked = !self.peers[ghost].pings();
        if asked && !self.is_busy(ghost) && self.phase == Phase::Serving {
            self.count("evictions");
            let heir = self.close(ghost);
            self.peers[ghost].state = State::Evicted;
            self.woken.push(ghost);
            self.woken.extend(heir);
        }
    }

    fn is_busy(&self, peer: usize) -> bool {
        let peer = &self.peers[peer];
        peer.dispute.unheard > 0 || peer.queue.iter().any(|(_, item)| item.is_message())
    }

    /// Octets have come from `peer`.
    pub(crate) fn octets(&mut self, peer: usize) {
        self.peers[peer].dispute.unheard = 0;
        self.peers[peer].dispute.probe = None;
    }

    /// The held peer `peer` asks what to do.
    pub(crate) fn look(&mut self, peer: usize) -> Look {
        if self.peers[peer].state == State::Held && self.phase != Phase::Ended {
            self.evict(&self.peers[peer].name.clone());
        }
        let Dispute { until, generation, .. } = self.peers[peer].dispute;
        match self.peers[peer].state {
            _ if self.phase == Phase::Ended => Look::End,
            State::Client | State::Service => Look::Admitted(generation),
            State::Held if until <= self.rules.now => Look::Over,
            State::Held => {
                let rival = self.rival(&self.peers[peer].name).unwrap();
                Look::Wait(self.peers[rival].dispute.probe.map_or(until, |probe| probe.min(until)))
            }
            _ => Look::End,
        }
    }

    /// A held peer has left; who is first now is woken if the holder is probed.
    pub(crate) fn stopped_waiting(&mut self, name: &[u8]) {
        if self.rival(name).is_some_and(|rival| self.peers[rival].dispute.probe.is_some()) {
            self.woken.extend(self.first_held(name));
        }
    }
}
