//! Applies steps to the core and to the model, and panics where the two differ.

mod content;
mod dispute;
pub(crate) mod fault;
mod writer;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use zmtp_proto::{Context, Pong};

use self::dispute::rules;
use self::fault::Fault;
use crate::core::model::Model;
use crate::core::model::names::{PROBE, TAKEOVERS, WINDOW};
use crate::core::model::parts::{Frame, Peer, Phase, Room, State, total};
use crate::core::model::step::{STEP_LEN, Shape, Step, Target, Then};
use crate::core::model::wire::{Form, encode};
use crate::core::{
    BindingKey, CoreConfig, Counters, Encoded, Flight, GoneReason, MuxCore, MuxLimits, NodeId,
    Policy, PoolLimits, Rule, Rules,
};

const NODE: NodeId = NodeId(*b"the-node");

/// Pools in which little, or much, or next to nothing has room. Many steps fill each.
const ROOMS: [Room; 4] = [
    room((64, 400_000), (512, 2_000_000), 3),
    room((4, 400), (9, 900), 1),
    room((3, 2_000_000), (5, 4_000_000), 2),
    room((1_000, 1_300), (1_000, 2_100), 0),
];

/// What a service may be given ahead of its answers.
const WINDOWS: [Option<usize>; 4] = [None, Some(1), Some(2), Some(5)];

/// Rooms and windows, each with each; those without a window come first.
#[cfg(test)]
pub(crate) const SETUPS: usize = WINDOWLESS * WINDOWS.len();
#[cfg(test)]
pub(crate) const WINDOWLESS: usize = ROOMS.len();

/// What the driver knows of a peer beyond the model.
#[derive(Debug, Default)]
struct Seat {
    key: Option<BindingKey>,
    token: u64,
    flight: Flight,
    /// What is in flight, as it was when the writer took it.
    in_flight: Vec<u8>,
    deliveries: Vec<Vec<Frame>>,
    writer: Writer,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Asleep,
    Woken,
}

/// A core, its model, and the peers of both.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) core: MuxCore,
    pub(crate) model: Model,
    seats: Vec<Seat>,
    start: Instant,
    /// By how much the core's clock lags behind the model's.
    behind: Duration,
    /// What the core had counted when that was compared last.
    counted: Counters,
    /// Messages sent, so that no two are alike.
    sent: u32,
    tokens: u64,
    /// A lie between the two, told once, as soon as it makes a difference.
    pub(crate) fault: Option<Fault>,
}

/// Runs the steps that `data` says: first the setup, then eight octets for each.
pub(crate) fn run(data: &[u8]) {
    let Some((&setup, data)) = data.split_first() else { return };
    let mut driver = Driver::new(setup.into());
    for octets in data.chunks(STEP_LEN) {
        let mut step = [0; STEP_LEN];
        step[..octets.len()].copy_from_slice(octets);
        driver.apply(&Step::draw(step));
    }
    driver.finish();
}

impl Driver {
    /// Each `setup` below [`SETUPS`] is another.
    pub(crate) fn new(setup: usize) -> Self {
        let (window, rules) = (WINDOWS[setup / ROOMS.len() % WINDOWS.len()], rules(setup));
        let room = Room { window, ..ROOMS[setup % ROOMS.len()] };
        let pool = |(messages, octets)| PoolLimits { octets, messages };
        let drop = |rule| Rule { policy: Policy::DropNewest, pool: pool(room.each), ..rule };
        let window = window.and_then(NonZeroUsize::new);
        let (service, client) = (Rule { window, ..drop(Rule::SERVICE) }, drop(Rule::CLIENT));
        let treatment = Rules { service, client, ..Rules::default() };
        let limits = MuxLimits {
            global_pool: pool(room.all),
            duplicates: room.places,
            duplicate_hold: rules.hold,
            name_policy: rules.policy,
            probe_timeout: PROBE,
            takeovers_max: TAKEOVERS,
            takeover_window: WINDOW,
            ..MuxLimits::default()
        };
        Self {
            core: MuxCore::new(
                NODE,
                crate::core::HashKey([1, 2, 3, 4]),
                CoreConfig { rules: treatment, ..limits.into() },
                start(),
            ),
            model: Model {
                peers: Vec::new(),
                room,
                phase: Phase::Serving,
                counts: std::collections::BTreeMap::new(),
                rules,
                woken: Vec::new(),
                stirred: Vec::new(),
            },
            seats: Vec::new(),
            start: start(),
            behind: Duration::ZERO,
            counted: Counters::default(),
            sent: 0,
            tokens: 0,
            fault: None,
        }
    }

    /// Lets `step` happen to both, and compares all that can be seen.
    pub(crate) fn apply(&mut self, step: &Step) {
        let pending = self.pending();
        let mut woken = Vec::new();
        match step {
            Step::Introduce(newcomer) => self.introduce(newcomer),
            Step::Message(shape) => self.message(shape),
            Step::Take { peer } => self.take(*peer),
            Step::Accept { peer, octets, then } => self.accept(*peer, *octets, *then),
            Step::Close { peer } => woken.extend(self.close(*peer)),
            Step::Ping { peer, context } => self.ping(*peer, *context),
            Step::Octets { peer } => self.octets(*peer),
            Step::Look { peer } => self.look(*peer),
            Step::Advance { time } => self.advance(*time),
            Step::Drain => self.drain(),
            Step::End => {
                self.core.handle_end();
                self.model.phase = Phase::Ended;
                woken = (0..self.seats.len()).filter(|&peer| self.is_bound(peer)).collect();
            }
        }
        woken.append(&mut self.model.woken);
        self.settle(&pending, woken);
    }

    /// Wakes whose queue has grown since it was `pending`, or who may take more of it.
    fn settle(&mut self, pending: &[usize], mut woken: Vec<usize>) {
        let stirred = std::mem::take(&mut self.model.stirred);
        for (peer, seat) in self.seats.iter_mut().enumerate() {
            let before = pending.get(peer).copied().unwrap_or(0);
            let has_more = untaken(&self.model.peers[peer]) > before || stirred.contains(&peer);
            if has_more && seat.writer == Writer::Asleep {
                seat.writer = Writer::Woken;
                woken.push(peer);
            }
        }
        self.compare_wakes(woken);
        self.compare_figures();
    }

    fn pending(&self) -> Vec<usize> {
        self.model.peers.iter().map(untaken).collect()
    }

    /// Writes all out, has everything answered, closes everyone, and finds nothing left.
    pub(crate) fn finish(&mut self) {
        for peer in 0..self.seats.len() {
            while self.model.phase != Phase::Ended && !self.model.peers[peer].queue.is_empty() {
                let Peer { unanswered, window, .. } = self.model.peers[peer];
                if window == Some(unanswered) {
                    self.answer(peer);
                }
                assert_eq!(self.seats[peer].writer, Writer::Woken, "{peer} sleeps on its queue");
                let before = self.model.peers[peer].queue.len();
                self.poll(peer, 0);
                self.write(peer, usize::MAX, Then::AskForMore);
                assert!(self.model.peers[peer].queue.len() < before, "{peer} cannot be written to");
            }
        }
        for peer in 0..self.seats.len() {
            self.close_at(peer);
        }
        while self.core.poll_wake().is_some() {}
        self.compare_figures();
        assert_eq!(
            (self.core.queued(), self.core.queued_octets(), self.core.bindings()),
            (0, 0, 0)
        );
    }

    fn message(&mut self, shape: &Shape) {
        let Some(source) = self.pick(shape.from, |seat, _| {
            !matches!(shape.to, Target::Source { .. }) || !seat.deliveries.is_empty()
        }) else {
            return;
        };
        let (frames, octets) = encode(&self.frames(source, shape));
        let Some(key) = self.seats[source].key else { return };
        let faulty = self.fault.is_some();
        let likely = faulty.then(|| self.model.clone().message(source, frames.clone()));
        let outcome = self.tell_message(key, &octets, shape.buffer, likely);
        let expected = self.model.message(source, frames);
        assert_eq!(outcome, expected, "a message from {source}");
    }

    /// Has `peer` say something that goes nowhere.
    fn answer(&mut self, peer: usize) {
        let Some(key) = self.seats[peer].key else { return };
        let pending = self.pending();
        let words = [b"nobody".to_vec(), b"answer".to_vec()].map(|body| (body, Form::Shortest));
        let (frames, octets) = encode(&words);
        let outcome = self.core.handle_message(key, Encoded::Borrowed(&octets), self.now());
        assert_eq!(outcome, self.model.message(peer, frames));
        self.settle(&pending, Vec::new());
    }

    /// Closes a peer; who inherits its name is to be woken.
    fn close(&mut self, peer: usize) -> Option<usize> {
        let peer = self.pick(peer, |_, _| true)?;
        self.close_at(peer)
    }

    fn close_at(&mut self, peer: usize) -> Option<usize> {
        let key = self.seats[peer].key?;
        if !self.is_bound(peer) {
            self.core.handle_closed(key, GoneReason::Left);
            self.model.peers[peer].state = State::Gone;
            return None;
        }
        if !self.tells(Fault::CloseForgotten) {
            self.core.handle_closed(key, GoneReason::Left);
        }
        let heir = self.model.close(peer);
        self.poll(peer, 0);
        heir
    }

    fn ping(&mut self, peer: usize, context: usize) {
        let live = |_: &Seat, state| matches!(state, State::Client | State::Service);
        let Some(peer) = self.pick(peer, live) else { return };
        let (context, is_held) =
            (&b"sixteen octets.."[..context], self.model.peers[peer].state == State::Held);
        let Some(key) = self.seats[peer].key.filter(|_| !is_held) else { return };
        let before = self.model.peers[peer].queue.len();
        self.model.ping(peer, context);
        let waits = self.model.peers[peer].queue.len() > before;
        if !(waits && self.tells(Fault::PingSwallowed)) {
            self.core.handle_ping(key, &Pong(Context::new(context).unwrap()));
        }
    }

    fn drain(&mut self) {
        if self.model.phase == Phase::Ended || !self.tells(Fault::DrainForgotten) {
            self.core.handle_drain();
        }
        if self.model.phase == Phase::Serving {
            self.model.phase = Phase::Draining;
        }
    }

    fn compare_wakes(&mut self, mut expected: Vec<usize>) {
        let mut woken = Vec::new();
        while let Some(key) = self.core.poll_wake() {
            let peer = self.seats.iter().position(|seat| seat.key == Some(key));
            woken.push(peer.unwrap());
        }
        if !woken.is_empty() && self.tells(Fault::WakeForgotten) {
            woken.pop();
        }
        woken.sort_unstable();
        expected.sort_unstable();
        assert_eq!(woken, expected, "who is woken");
    }

    fn compare_figures(&mut self) {
        let (queued, octets) = total(&self.model.peers);
        assert_eq!((self.core.queued(), self.core.queued_octets()), (queued as u64, octets));
        let bound = (0..self.seats.len()).filter(|&peer| self.is_bound(peer)).count();
        assert_eq!(self.core.bindings(), bound);
        assert_eq!(self.core.counters().difference(self.core.queued()), 0);
        self.compare_counters();
        self.compare_disputes();
        // Those who are held are looked at in a step of its own: it may change something.
        for peer in 0..self.seats.len() {
            if self.model.peers[peer].state != State::Held {
                self.look_at(peer);
            }
        }
    }

    /// Compares each counter that has changed, and with all the others their sum: none counts back.
    fn compare_counters(&mut self) {
        let counters = *self.core.counters();
        let before = std::mem::replace(&mut self.counted, counters);
        let mut all: u64 = 0;
        for ((name, count), (_, before)) in counters.iter().zip(before.iter()) {
            let expected = || self.model.counts.get(name).copied().unwrap_or(0);
            assert!(count == before || count == expected(), "{name}: {count}, not {}", expected());
            all += count;
        }
        assert_eq!(all, self.model.counts.values().sum::<u64>(), "a counter is missing");
    }

    fn is_bound(&self, peer: usize) -> bool {
        let peer = &self.model.peers[peer];
        peer.is_live() || peer.state == State::Held
    }

    /// Picks a peer: mostly one that is bound and `fits`, but sometimes any.
    fn pick(&self, number: usize, fits: impl Fn(&Seat, State) -> bool) -> Option<usize> {
        let fits = |&peer: &usize| {
            self.is_bound(peer) && fits(&self.seats[peer], self.model.peers[peer].state)
        };
        let fitting: Vec<usize> = (0..self.seats.len()).filter(fits).collect();
        match (fitting.len(), self.seats.len()) {
            (_, 0) => None,
            (0, all) => Some(number % all),
            (_, all) if number >= 240 => Some(number % all),
            (count, _) => Some(fitting[number % count]),
        }
    }
}

const fn room(each: (usize, usize), all: (usize, usize), places: usize) -> Room {
    let octets = if each.1 / 4 < SOFT_MARK { each.1 / 4 } else { SOFT_MARK };
    Room { each, all, places, soft: (each.0 / 4, octets), window: None }
}

/// The usual one.
const SOFT_MARK: usize = 256 * 1024;

fn untaken(peer: &Peer) -> usize {
    peer.queue.len() - peer.taken
}

#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
fn start() -> Instant {
    Instant::now()
}
