//! A naive model of the core, written from `spec-notes/mux-1.md`.
//!
//! Plain vectors and linear searches, so that each rule can be read off. It shares no code with
//! the core, only the names of choices: what the two agree on is what the rules say, and not what
//! one of them happens to do. [`driver`] holds the core against it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "as in tests"
)]

pub(crate) mod driver;
pub(crate) mod names;
pub(crate) mod parts;
pub(crate) mod step;
pub(crate) mod wire;

use std::collections::BTreeMap;

use zmtp_proto::SocketType;

use crate::core::model::names::{Claim, Dispute, Rules};
use crate::core::model::parts::{Frame, Item, Peer, Phase, Room, State, total, total_from};
use crate::core::{DropReason, ListenerRole, Outcome};

/// A MUX, as its rules see it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) peers: Vec<Peer>,
    pub(crate) room: Room,
    pub(crate) phase: Phase,
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) rules: Rules,
    /// Whose tasks have lost or got a name since this was looked at.
    pub(crate) woken: Vec<usize>,
    /// Who has sent something since this was looked at, while something waits for it.
    pub(crate) stirred: Vec<usize>,
}

impl Model {
    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    fn drop(&mut self, reason: DropReason) -> Outcome {
        self.count(&format!("dropped_{reason:?}").to_lowercase());
        Outcome::Dropped(reason)
    }

    fn holder(&self, name: &[u8]) -> Option<usize> {
        self.peers.iter().position(|peer| !name.is_empty() && peer.is_live() && peer.name == name)
    }

    /// A peer has said who it is. An empty name is none.
    pub(crate) fn introduce(
        &mut self,
        kind: SocketType,
        on: ListenerRole,
        name: &[u8],
        address: &[u8],
        mut dispute: Dispute,
    ) -> State {
        use ListenerRole::{Any, Clients, Services};
        use SocketType::{Dealer, Rep, Req, Router};
        let mut state = match (kind, on, name) {
            (Req, Clients | Any, _)
            | (Dealer | Router, Clients, _)
            | (Dealer | Router, Any, []) => State::Client,
            (Rep, Services | Any, [_, ..]) | (Dealer | Router, Services | Any, _) => State::Service,
            _ => State::Refused,
        };
        let mut claim = Claim::Free;
        if state == State::Service {
            claim = self.claim(name, dispute.principal);
        }
        if let Claim::Waits(probe) = claim {
            let hold = self.rules.now + self.rules.hold;
            dispute.until = probe.map_or(hold, |probe| probe.max(hold));
            state = State::Held;
            if self.peers.iter().filter(|peer| peer.state == State::Held).count()
                >= self.room.places
            {
                self.count("duplicates_full");
                state = State::Dismissed;
            }
        }
        let here = |peer: &Peer| peer.is_live() || peer.state == State::Held;
        if state != State::Refused
            && self.peers.iter().any(|peer| here(peer) && peer.address == address)
        {
            state = State::Dismissed;
        }
        let mut name = name.to_vec();
        match (state, claim, self.holder(&name)) {
            (State::Client, _, Some(_)) => {
                self.count("aliases_denied");
                name.clear();
            }
            (State::Service, Claim::Free, Some(alias)) => {
                self.count("aliases_yielded");
                self.peers[alias].name.clear();
            }
            _ => {}
        }
        if matches!(state, State::Client | State::Service) && !name.is_empty() {
            dispute.generation = self.next_generation();
        }
        let window = self.room.window.filter(|_| matches!(state, State::Service | State::Held));
        // The connections of a user share.
        let user = usize::from(dispute.principal);
        let source = if matches!(user, 1 | 2) { usize::MAX - user } else { self.peers.len() };
        let is_service = matches!(state, State::Service | State::Held);
        let shown = if is_service { name.clone() } else { address.to_vec() };
        let peer = Peer::new(state, kind, address, name, dispute);
        self.peers.push(Peer { source, shown, window, ..peer });
        if let (State::Service, Claim::Won(loser)) = (state, claim) {
            self.take_over(loser, self.peers.len() - 1);
        }
        state
    }

    /// A whole message has come from `source`.
    pub(crate) fn message(&mut self, source: usize, mut rest: Vec<Frame>) -> Outcome {
        let is_req = self.peers[source].kind == SocketType::Req;
        if !self.peers[source].is_live() {
            return Outcome::NotBound;
        }
        if rest.len() == 1 {
            self.answered(source);
            self.count("single_frame_dropped");
            return Outcome::SingleFrame;
        }
        let delimiter = rest.iter().position(|frame| frame.0.is_empty());
        let at = if is_req { delimiter.map_or(rest.len(), |delimiter| delimiter + 1) } else { 0 };
        if is_req && (at > 2 || at == rest.len() || rest[0].0.len() > 255) {
            self.count("received");
            return self.drop(DropReason::Malformed);
        }
        let to = rest.remove(at).0;
        if is_req {
            let taken = self.peers[source].taken;
            let mut waiting = self.peers[source].queue.split_off(taken);
            for _ in waiting.extract_if(.., |(_, item)| item.is_message()) {
                let _ = self.drop(DropReason::Replaced);
            }
            self.peers[source].queue.append(&mut waiting);
            (self.peers[source].on_way, self.peers[source].open) = (0, None);
        }
        if to.is_empty() {
            // Whatever the model's peers say there is nonsense, and they take no notices.
            self.count("to_mux");
            self.count("control_dropped");
            return Outcome::Heard;
        }
        self.count("received");
        self.answered(source);
        let prefix = rest[..at].to_vec();
        match self.admit(source, &to, at, rest) {
            Err(reason) => {
                if reason == DropReason::Unknown && to[0] == 0 {
                    self.count("late_replies");
                }
                self.drop(reason)
            }
            Ok(to) => {
                self.peers[source].open = is_req.then_some((to, prefix));
                Outcome::Admitted
            }
        }
    }

    /// Queues `message`, which has no source yet; its first `prefix` frames stand before a
    /// delimiter, and they are written anew if one side is a REQ.
    fn admit(
        &mut self,
        source: usize,
        to: &[u8],
        mut prefix: usize,
        mut message: Vec<Frame>,
    ) -> Result<usize, DropReason> {
        let from = &self.peers[source];
        let shown = &from.shown;
        if shown.is_empty() {
            return Err(DropReason::Denied);
        }
        let alias = |peer: usize| self.peers[peer].state == State::Client;
        let named = self.holder(to).filter(|&peer| from.state == State::Service || !alias(peer));
        let bound = self.peers.iter().position(|peer| peer.is_live() && peer.address == to);
        let to = named.or(bound).ok_or(DropReason::Unknown)?;
        if self.phase != Phase::Serving && self.peers[to].state == State::Service {
            return Err(DropReason::Draining);
        }
        let delimiter = message.iter().position(|frame| frame.0.is_empty());
        let is_request = delimiter.is_some_and(|at| at + 1 < message.len());
        if self.peers[to].kind == SocketType::Rep && !is_request {
            return Err(DropReason::Malformed);
        }
        let mut at = 0;
        if self.peers[to].kind == SocketType::Req {
            let (asked, open) = self.peers[to].open.as_ref().ok_or(DropReason::Malformed)?;
            let same =
                open.iter().zip(&message).filter(|(ours, theirs)| ours.0 == theirs.0).count();
            if *asked != source || same < open.len() {
                return Err(DropReason::Malformed);
            }
            (at, prefix) = (same, same);
        }
        message[..prefix].iter_mut().for_each(|frame| frame.1 = frame.0.len() + 2);
        message.insert(at, (shown.clone(), shown.len() + 2));
        let message = Item::Message(message);
        if !self.fits(source, to, message.octets()) {
            return Err(DropReason::Busy);
        }
        if !self.peers[to].is_congested(self.room.soft) {
            self.peers[to].on_way += 1;
            self.peers[to].unanswered += 1;
        }
        self.peers[to].queue.push((source, message));
        self.peers[to].open = None;
        Ok(to)
    }

    /// Nobody may hold more than is still free.
    fn fits(&self, from: usize, to: usize, len: usize) -> bool {
        let there = &self.peers[to..=to];
        let (each, mut all) = (self.room.each, self.room.all);
        let half = (all.0 / 2, all.1 / 2);
        if self.peers[from].state == State::Client {
            all = (all.0 - all.0 / 8, all.1 - all.1 / 8);
        }
        let room =
            |used: (usize, usize), most: (usize, usize)| used.0 < most.0 && used.1 + len <= most.1;
        let less = |held: (usize, usize), used: (usize, usize), most: (usize, usize)| {
            held.0 + used.0 < most.0 && held.1 + used.1 < most.1
        };
        let clients = self.peers.iter().filter(|peer| peer.state == State::Client);
        // One that has something waiting for it may have no more, with this, than is free with this.
        let share = |own: (usize, usize), used: (usize, usize)| {
            own == (0, 0) || own.0 + used.0 + 2 <= half.0 && own.1 + used.1 + 2 * len <= half.1
        };
        let alike = |peer: &&Peer| peer.source == self.peers[to].source;
        let (used, global) = (total(there), total(&self.peers));
        let source = |peer: usize| self.peers[peer].source;
        let held = total_from(&self.peers, |peer| source(peer) == source(from));
        let here = self.peers[to].waiting().filter(|(other, _)| source(*other) == source(from));
        let here = here.fold((0, 0), |sum, (_, item)| (sum.0 + 1, sum.1 + item.octets()));
        room(used, each)
            && room(global, all)
            && less(here, used, each)
            && less(used, global, all)
            && (self.peers[to].state != State::Client
                || room(total(clients.clone()), half)
                    && share(total(clients.clone().filter(alike)), total(clients)))
            && (less(held, global, all)
                || self.peers[from].state == State::Service
                    && self.peers[to].state == State::Client)
    }

    /// Whatever a peer sends is the answer to one message that is on its way or was given to it.
    fn answered(&mut self, peer: usize) {
        self.peers[peer].unanswered = self.peers[peer].unanswered.saturating_sub(1);
        if self.peers[peer].waiting().next().is_some() {
            self.stirred.push(peer);
        }
    }

    /// A PING has come from the live peer `peer`. One PONG waits at a time.
    pub(crate) fn ping(&mut self, peer: usize, context: &[u8]) {
        if self.peers[peer].is_live()
            && !self.peers[peer].queue.iter().any(|(_, item)| item.is_pong())
        {
            self.peers[peer].queue.push((peer, Item::Pong(context.to_vec())));
        }
    }

    /// The writer of `peer` takes these: each is the first of what waits there under the address that
    /// it is from. It takes nothing only if nothing waits, or as much is unanswered as may be.
    pub(crate) fn take(&mut self, peer: usize, items: &[Item]) {
        for item in items {
            let waiting = &self.peers[peer].queue[self.peers[peer].taken..];
            let place = waiting.iter().position(|(_, other)| other == item);
            let place = place.unwrap_or_else(|| panic!("{item:?} does not wait"));
            let shown = |place: usize| &self.peers[waiting[place].0].shown;
            let behind =
                |earlier: usize| waiting[earlier].1.is_message() && shown(earlier) == shown(place);
            assert!(!item.is_message() || !(0..place).any(behind), "{item:?} overtakes");
            let peer = &mut self.peers[peer];
            let item = peer.queue.remove(peer.taken + place);
            peer.taken += 1;
            let was_on_way = peer.on_way > 0;
            match &item.1 {
                Item::Message(_) if was_on_way => peer.on_way -= 1,
                Item::Message(_) => peer.unanswered += 1,
                Item::Pong(_) | Item::Ping => {}
            }
            peer.queue.insert(peer.taken - 1, item);
        }
        let Peer { unanswered, window, .. } = self.peers[peer];
        assert!(window.is_none_or(|window| unanswered <= window), "{unanswered} of {window:?}");
        assert!(
            !items.is_empty()
                || self.peers[peer].queue.is_empty()
                || window.is_some_and(|window| unanswered == window),
            "{peer} takes nothing, {unanswered} of {window:?} are unanswered"
        );
    }

    /// The kernel has accepted `octets` more of what the writer of `peer` took.
    pub(crate) fn accept(&mut self, peer: usize, octets: usize) {
        self.peers[peer].written += octets;
        while self.peers[peer].taken > 0
            && self.peers[peer].written >= self.peers[peer].queue[0].1.octets()
        {
            let (_, item) = self.peers[peer].queue.remove(0);
            self.peers[peer].written -= item.octets();
            self.peers[peer].taken -= 1;
            if item.is_message() {
                self.count("handed_over");
                self.peers[peer].dispute.unheard += 1;
            }
        }
    }

    /// `peer` is gone. Returns who has its name now, if somebody was held for it.
    pub(crate) fn close(&mut self, peer: usize) -> Option<usize> {
        let was = std::mem::replace(&mut self.peers[peer].state, State::Gone);
        (self.peers[peer].taken, self.peers[peer].on_way) = (0, 0);
        let queue = std::mem::take(&mut self.peers[peer].queue);
        self.peers[peer].dispute.probe = None;
        for _ in queue.iter().filter(|(_, item)| item.is_message()) {
            let ended = self.phase == Phase::Ended;
            let _ = self.drop(if ended { DropReason::Draining } else { DropReason::Unreachable });
        }
        if was == State::Held {
            self.stopped_waiting(&self.peers[peer].name.clone());
        }
        let name = &self.peers[peer].name;
        let waits = |next: &Peer| next.state == State::Held && next.name == *name;
        let heir = self.peers.iter().position(waits).filter(|_| was == State::Service)?;
        self.peers[heir].state = State::Service;
        self.peers[heir].dispute.generation = self.next_generation();
        self.count("duplicates_granted");
        Some(heir)
    }
}
