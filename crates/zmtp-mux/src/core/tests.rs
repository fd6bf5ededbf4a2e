//! The core as a whole, one file for each subject, and against its [model](super::model).

mod address;
mod authority;
mod delivery;
mod duplicate;
mod event;
mod generation;
mod hello;
mod model;
mod name;
mod notice;
mod overload;
mod parked;
mod partial;
mod patience;
mod presence;
mod probe;
mod queue;
mod req;
mod takeover;
mod terminal;
mod window;

use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zmtp_proto::SocketType::{self, Dealer};
use zmtp_proto::{Metadata, Version};

use crate::core::ListenerRole::{self, Clients, Services};
use crate::core::model::parts::Item;
use crate::core::model::wire::{Form, decode, encode};
use crate::core::{
    Admission, BindingKey, CoreConfig, Encoded, Flight, GoneReason, HashKey, Held, Introduction,
    MuxCore, MuxLimits, Name, NodeId, Notices, Outcome, PoolLimits, Principal, Rule, Rules, Share,
    Standing, Token, Transmit, Wall,
};

/// A message as its frames.
type Frames = Vec<Vec<u8>>;

/// A core whose peers speak in frames. The tokens of its bindings are 1, 2, 3...
struct Mux {
    core: MuxCore,
    tokens: u64,
    now: Instant,
    /// Whether those who come from now on take notices.
    notices: Notices,
    /// Whom the next peers act for.
    principal: Principal,
    /// Whom they share the queues with.
    share: Share,
    wall: Wall,
}

impl Mux {
    fn new() -> Self {
        Self::with(MuxLimits::default())
    }

    fn with(limits: MuxLimits) -> Self {
        Self::ruled(limits, Rules::default())
    }

    fn ruled(limits: MuxLimits, rules: Rules) -> Self {
        let (now, config) = (now(), CoreConfig { rules, ..limits.into() });
        let core = MuxCore::new(NodeId(*b"the-node"), HashKey([1, 2, 3, 4]), config, now);
        let (notices, principal) = (Notices::NotTaken, Principal::None);
        Self { core, tokens: 0, now, notices, principal, share: Share::Own, wall: Wall(1_000) }
    }

    /// A MUX in which few messages of few octets have room: for one peer, and for all.
    fn with_room(each: (usize, usize), all: (usize, usize)) -> Self {
        let pool = |(messages, octets)| PoolLimits { octets, messages };
        let limits = MuxLimits { global_pool: pool(all), ..MuxLimits::default() };
        let rule = |rule| Rule { pool: pool(each), ..rule };
        let (service, client) = (rule(Rule::SERVICE), rule(Rule::CLIENT));
        Self::ruled(limits, Rules { service, client, ..Rules::default() })
    }

    fn introduce(&mut self, kind: SocketType, on: ListenerRole, name: &[u8]) -> Admission {
        let peer = self.introduction(kind, on, name);
        self.core.handle_introduction(peer, self.now, self.wall)
    }

    fn introduction(&mut self, kind: SocketType, on: ListenerRole, name: &[u8]) -> Introduction {
        self.tokens += 1;
        Introduction {
            listener: on,
            socket_type: kind,
            version: Version::V3_1,
            principal: self.principal.clone(),
            name: Name::new(Bytes::copy_from_slice(name)),
            token: Token(self.tokens.to_be_bytes()),
            share: self.share.clone(),
            notices: self.notices,
            metadata: Metadata::default(),
        }
    }

    /// Introduces a service that acts for somebody.
    fn claim(&mut self, name: &[u8], principal: &Principal) -> Admission {
        let peer = self.introduction(Dealer, Services, name);
        let peer = Introduction { principal: principal.clone(), ..peer };
        self.core.handle_introduction(peer, self.now, self.wall)
    }

    /// Lets in a service that acts for somebody.
    fn service_of(&mut self, name: &[u8], principal: &Principal) -> BindingKey {
        in_as_service(self.claim(name, principal)).0
    }

    /// Lets in a peer that must be let in, and returns its binding address too.
    fn join(&mut self, kind: SocketType, on: ListenerRole, name: &[u8]) -> (BindingKey, Vec<u8>) {
        let admission = self.introduce(kind, on, name);
        let Admission::Admitted { key, standing, .. } = admission else {
            panic!("not admitted: {admission:?}");
        };
        assert_ne!(standing, Standing::Nameless);
        (key, address(self.tokens))
    }

    fn service(&mut self, name: &[u8]) -> BindingKey {
        self.join(Dealer, Services, name).0
    }

    fn client(&mut self) -> (BindingKey, Vec<u8>) {
        self.join(Dealer, Clients, b"")
    }

    fn hold(&mut self, name: &[u8]) -> BindingKey {
        let admission = self.introduce(Dealer, Services, name);
        let Admission::Held { key, .. } = admission else { panic!("not held: {admission:?}") };
        key
    }

    fn send(&mut self, from: BindingKey, frames: &[&[u8]]) -> Outcome {
        let frames: Vec<_> = frames.iter().map(|frame| (frame.to_vec(), Form::Shortest)).collect();
        let octets = Bytes::from(encode(&frames).1);
        self.core.handle_message(from, Encoded::Shared(&octets), self.now)
    }

    /// Writes out all that waits for a peer.
    fn receive(&mut self, to: BindingKey) -> Vec<Frames> {
        let (mut flight, mut written) = (Flight::default(), 0);
        let mut octets = Vec::new();
        while self.core.poll_transmit(to, written, &mut flight) == Transmit::Write {
            let taken = in_flight(&flight);
            (written, octets) = (taken.len(), [octets, taken].concat());
            flight.advance(written);
        }
        decode(&octets).into_iter().filter_map(bodies).collect()
    }

    /// Takes what waits for a peer, and writes nothing.
    fn take(&mut self, to: BindingKey) -> Flight {
        let mut flight = Flight::default();
        assert_eq!(self.core.poll_transmit(to, 0, &mut flight), Transmit::Write);
        flight
    }

    fn close(&mut self, key: BindingKey) {
        self.core.handle_closed(key, GoneReason::Left);
    }

    fn held(&mut self, key: BindingKey) -> Held {
        self.core.poll_held(key, self.now)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn woken(&mut self) -> Vec<BindingKey> {
        std::iter::from_fn(|| self.core.poll_wake()).collect()
    }

    fn dropped(&self, reason: crate::core::DropReason) -> u64 {
        self.core.counters().dropped_for(reason)
    }

    /// Finds the conservation law kept, and returns how many messages are queued.
    fn queued(&self) -> u64 {
        let queued = self.core.queued();
        assert_eq!(self.core.counters().difference(queued), 0);
        queued
    }
}

/// Returns the binding of a service that must be in, and which holder of a name it is.
fn in_as_service(admission: Admission) -> (BindingKey, u64) {
    let Admission::Admitted { key, standing: Standing::Service { generation }, .. } = admission
    else {
        panic!("not admitted: {admission:?}");
    };
    (key, generation)
}

fn address(token: u64) -> Vec<u8> {
    [&b"\0the-node"[..], &token.to_be_bytes()].concat()
}

fn in_flight(flight: &Flight) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 64];
    let count = flight.slices(&mut slices);
    slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect()
}

fn bodies(item: Item) -> Option<Frames> {
    match item {
        Item::Message(frames) => Some(frames.into_iter().map(|frame| frame.0).collect()),
        Item::Pong(_) | Item::Ping => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
fn now() -> Instant {
    Instant::now()
}
