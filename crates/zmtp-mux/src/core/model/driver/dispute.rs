//! The peers of a driver and their names: who claims one, who waits, and the clock.

use std::time::{Duration, Instant};

use bytes::Bytes;
use zmtp_proto::{Metadata, SocketType, Version};

use super::content::address;
use super::fault::Fault;
use super::{Driver, Seat};
use crate::core::model::names::{Dispute, Look, Rules};
use crate::core::model::parts::State;
use crate::core::model::step::{Draw, NAMES, Newcomer};
use crate::core::{
    Admission, Held, Introduction, Name, NamePolicy, Notices, Principal, Share, Standing, Token,
    Wall,
};

impl Driver {
    pub(super) fn introduce(&mut self, newcomer: &Newcomer) {
        let Newcomer { kind, listener, name, token, principal, version } = *newcomer;
        let name = name.map_or(&[][..], |name| NAMES[name]);
        let token = match token {
            Draw::Again(peer) if !self.seats.is_empty() => {
                self.seats[peer % self.seats.len()].token
            }
            Draw::Again(_) | Draw::Fresh => {
                self.tokens += 1;
                self.tokens
            }
        };
        // The clock on the wall goes back now and then.
        self.model.rules.wall = (self.tokens * 37) % 100;
        let old = version == Version::V3_0;
        let dispute = Dispute { principal, old, ..Dispute::default() };
        let state = self.model.introduce(kind, listener, name, &address(token), dispute);
        let told = Introduction {
            listener,
            socket_type: kind,
            version,
            principal: self.told_principal(principal, name, state),
            name: Name::new(Bytes::copy_from_slice(self.told_name(name, state))),
            token: Token(token.to_be_bytes()),
            share: share(principal),
            notices: Notices::NotTaken,
            metadata: Metadata::default(),
        };
        let (now, wall) = (self.now(), Wall(self.model.rules.wall));
        let admission = self.core.handle_introduction(told, now, wall);
        let expected =
            if kind == SocketType::Rep { SocketType::Dealer } else { SocketType::Router };
        let generation = self.model.peers.last().unwrap().dispute.generation;
        let key = match admission {
            Admission::Admitted { key, announced, standing } => {
                assert_eq!(announced, expected);
                let expected = match state {
                    State::Client => Standing::Client,
                    State::Service if name.is_empty() => Standing::Nameless,
                    State::Service => Standing::Service { generation },
                    _ => panic!("admitted, not {state:?}"),
                };
                assert_eq!(standing, expected);
                Some(key)
            }
            Admission::Held { key, announced, until } => {
                assert_eq!((state, announced), (State::Held, expected));
                let look = self.model.look(self.model.peers.len() - 1);
                assert!(look == Look::Wait(until - self.start) || look == Look::End);
                Some(key)
            }
            Admission::Refused(_) => {
                assert_eq!(state, State::Refused);
                None
            }
            Admission::Dismissed => {
                assert_eq!(state, State::Dismissed);
                None
            }
        };
        self.seats.push(Seat { key, token, ..Seat::default() });
    }

    pub(super) fn octets(&mut self, peer: usize) {
        let probed = |&peer: &usize| self.model.peers[peer].dispute.probe.is_some();
        let asked: Vec<usize> = (0..self.seats.len()).filter(probed).collect();
        let peer = match asked.len() {
            0 => self.pick(peer, |_, state| state == State::Service),
            count => Some(asked[peer % count]),
        };
        let Some(peer) = peer else { return };
        let Some(key) = self.seats[peer].key else { return };
        let matters = self.model.peers[peer].dispute.probe.is_some();
        self.model.octets(peer);
        if !(matters && self.tells(Fault::OctetsUnheard)) {
            self.core.handle_octets(key);
        }
    }

    pub(super) fn look(&mut self, peer: usize) {
        let due = |&peer: &usize| self.is_due(peer);
        let due: Vec<usize> = (0..self.seats.len()).filter(due).collect();
        let peer = match due.len() {
            0 => self.pick(peer, |_, state| state == State::Held),
            count => Some(due[peer % count]),
        };
        if let Some(peer) = peer {
            self.look_at(peer);
        }
    }

    /// Tells whether `peer` is held and was so for long enough.
    fn is_due(&self, peer: usize) -> bool {
        let peer = &self.model.peers[peer];
        peer.state == State::Held && peer.dispute.until <= self.model.rules.now
    }

    /// Asks what `peer` is to do, as one does that is held.
    pub(super) fn look_at(&mut self, peer: usize) {
        let expected = match self.model.look(peer) {
            Look::Wait(until) => Held::Waiting { until: self.start + until },
            Look::Admitted(generation) => Held::Admitted { generation },
            Look::Over => Held::Over,
            Look::End => Held::End,
        };
        let now = self.now();
        if let Some(key) = self.seats[peer].key {
            assert_eq!(self.core.poll_held(key, now), expected, "what {peer} is to do");
        }
    }

    /// Compares what is known of each peer for when its name is in dispute.
    pub(super) fn compare_disputes(&self) {
        for (seat, peer) in self.seats.iter().zip(&self.model.peers) {
            let Some(binding) = seat.key.and_then(|key| self.core.bindings.get(key)) else {
                continue;
            };
            let Dispute { probe, principal, .. } = peer.dispute;
            assert_eq!(binding.tenure.probe(), probe.map(|until| self.start + until));
            assert_eq!(binding.principal.is_authenticated(), (1..3).contains(&principal));
        }
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.model.rules.now += time;
        let matters = (0..self.seats.len()).any(|peer| self.is_due(peer));
        if matters && self.tells(Fault::ClockStopped) {
            self.behind += time;
        }
    }

    /// Returns what the core's clock says.
    pub(super) fn now(&self) -> Instant {
        self.start + self.model.rules.now.saturating_sub(self.behind)
    }

    fn told_principal(&mut self, principal: u8, name: &[u8], state: State) -> Principal {
        let matters = state == State::Service && !name.is_empty() && (1..3).contains(&principal);
        match principal {
            1 | 2 if matters && self.tells(Fault::PrincipalLost) => Principal::None,
            1 | 2 => Principal::User(Bytes::copy_from_slice(&[principal])),
            3 => Principal::Ipc { uid: 1, gid: 1 },
            _ => Principal::None,
        }
    }
}

/// Returns the rules in a room.
pub(super) fn rules(room: usize) -> Rules {
    let (policy, hold) = [
        (NamePolicy::Auto, Duration::from_secs(2)),
        (NamePolicy::Auto, Duration::from_secs(5)),
        (NamePolicy::Takeover, Duration::from_secs(1)),
        (NamePolicy::Reject, Duration::from_secs(2)),
    ][room % 4];
    Rules { policy, hold, now: Duration::ZERO, wall: 0, generation: 0 }
}

/// The connections of a user share.
fn share(principal: u8) -> Share {
    match principal {
        1 | 2 => Share::Of(Principal::User(Bytes::copy_from_slice(&[principal]))),
        _ => Share::Own,
    }
}
