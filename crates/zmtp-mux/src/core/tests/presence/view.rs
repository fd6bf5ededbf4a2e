//! Presence against a naive model: what watchers believe in the end is what is.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Mux, bodies, in_as_service, in_flight};
use super::{GONE, LIMIT, RETURN, SYNCED, UP, said};
use crate::core::model::wire::decode;
use crate::core::{
    BindingKey, Flight, GoneReason, MuxLimits, Notices, Pattern, Principal, Transmit,
};

const NAMES: [&str; 6] = ["a", "ab", "abc", "b", "b*", "c"];
const PATTERNS: [&str; 8] = ["*", "a*", "ab*", "ab", "b*", "b**", "c", "nobody"];

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A service claims a name, if need be from another.
    Up(usize),
    Down(usize, GoneReason),
    Watch(usize, usize),
    Unwatch(usize, usize),
    /// The writer of a watcher comes for more, and goes to sleep over it.
    Take(usize),
    /// It has written that.
    Written(usize),
    /// A watcher sends a message to a name.
    Send(usize, usize),
    /// A watcher goes, and another comes.
    Close(usize),
}

/// What a peer believes from what it has read.
#[derive(Debug)]
struct Viewer {
    key: BindingKey,
    flight: Option<Flight>,
    /// Watches that are in step.
    synced: BTreeSet<&'static str>,
    /// What it has asked for and has no answer to.
    asked: BTreeSet<&'static str>,
    up: BTreeMap<String, u64>,
    /// The last generation of each name.
    last: BTreeMap<String, u64>,
}

struct World {
    mux: Mux,
    limit: usize,
    /// The truth.
    services: BTreeMap<&'static str, (BindingKey, u64)>,
    viewers: Vec<Viewer>,
}

fn is_about(pattern: &'static str, name: &str) -> bool {
    Pattern::new(Bytes::from_static(pattern.as_bytes())).unwrap().matches(name.as_bytes())
}

impl Viewer {
    fn new(mux: &mut Mux) -> Self {
        let (flight, synced, asked) = (None, BTreeSet::new(), BTreeSet::new());
        let (up, last) = (BTreeMap::new(), BTreeMap::new());
        Self { key: mux.client().0, flight, synced, asked, up, last }
    }

    fn sees(&self, name: &str) -> bool {
        self.synced.iter().any(|pattern| is_about(pattern, name))
    }

    fn will_see(&self, name: &str) -> bool {
        self.sees(name) || self.asked.iter().any(|pattern| is_about(pattern, name))
    }

    /// Forgets what no watch that is in step is about.
    fn end(&mut self, pattern: &str) {
        self.asked.remove(pattern);
        self.synced.remove(pattern);
        let up = std::mem::take(&mut self.up);
        self.up = up.into_iter().filter(|(name, _)| self.sees(name)).collect();
    }

    fn unwatch(&mut self, pattern: &str) {
        self.asked.remove(pattern);
        self.synced.remove(pattern);
        let up = std::mem::take(&mut self.up);
        self.up = up.into_iter().filter(|(name, _)| self.will_see(name)).collect();
    }

    fn take(&mut self, mux: &mut Mux) {
        let mut flight = Flight::default();
        if self.flight.is_none()
            && mux.core.poll_transmit(self.key, 0, &mut flight) == Transmit::Write
        {
            self.flight = Some(flight);
        }
    }

    fn read(&mut self, mux: &mut Mux) {
        let Some(flight) = self.flight.take() else { return };
        let octets = in_flight(&flight);
        mux.core.handle_transmitted(self.key, octets.len());
        for frames in decode(&octets).into_iter().filter_map(bodies) {
            if frames[1][4] == RETURN && frames[1][5] != LIMIT {
                continue;
            }
            let said = said(&frames);
            let pattern = || *PATTERNS.iter().find(|pattern| **pattern == said.about).unwrap();
            match (said.kind, said.flags) {
                (SYNCED, 0) => {
                    self.asked.remove(pattern());
                    self.synced.insert(pattern());
                }
                (RETURN, _) => self.end(pattern()),
                (UP | GONE, 2) => {
                    let last = self.last.insert(said.about.clone(), said.generation);
                    assert!(last.is_none_or(|last| last <= said.generation), "{said:?} {last:?}");
                    if said.kind == UP {
                        self.up.insert(said.about, said.generation);
                    } else {
                        self.up.remove(&said.about);
                    }
                }
                // Of a service that it sent to.
                (GONE, 0) => {}
                _ => panic!("{said:?}"),
            }
        }
    }
}

impl World {
    fn new(limit: usize) -> Self {
        let limits =
            MuxLimits { watch_matches: limit, takeovers_max: usize::MAX, ..MuxLimits::default() };
        let mut mux = Mux::with(limits);
        mux.notices = Notices::Taken;
        let viewers = (0..3).map(|_| Viewer::new(&mut mux)).collect();
        Self { mux, limit, services: BTreeMap::new(), viewers }
    }

    fn apply(&mut self, step: Step) {
        let Self { mux, services, viewers, .. } = self;
        match step {
            Step::Up(name) => {
                let alice = Principal::User(Bytes::from_static(b"alice"));
                let service = in_as_service(mux.claim(NAMES[name].as_bytes(), &alice));
                let former = services.insert(NAMES[name], service);
                if let Some((former, _)) = former {
                    mux.close(former);
                }
            }
            Step::Down(name, why) => {
                if let Some((key, _)) = services.remove(NAMES[name]) {
                    mux.core.handle_closed(key, why);
                }
            }
            Step::Watch(viewer, pattern) => {
                let (viewer, pattern) = (&mut viewers[viewer], PATTERNS[pattern]);
                // One that may be refused is answered before the next.
                if viewer.asked.is_empty() || self.limit >= NAMES.len() {
                    viewer.asked.insert(pattern);
                    mux.watch(viewer.key, pattern);
                }
            }
            Step::Unwatch(viewer, pattern) => {
                let (viewer, pattern) = (&mut viewers[viewer], PATTERNS[pattern]);
                if !viewer.asked.is_empty() && self.limit < NAMES.len() {
                    return;
                }
                mux.unwatch(viewer.key, pattern);
                // What is on its way arrives before it can know that nothing more does.
                viewer.read(mux);
                viewer.unwatch(pattern);
            }
            Step::Take(viewer) => viewers[viewer].take(mux),
            Step::Written(viewer) => viewers[viewer].read(mux),
            Step::Send(viewer, name) => {
                let _ = mux.send(viewers[viewer].key, &[NAMES[name].as_bytes(), b"x"]);
                if let Some((key, _)) = services.get(NAMES[name]) {
                    mux.receive(*key);
                }
            }
            Step::Close(viewer) => {
                let former = std::mem::replace(&mut viewers[viewer], Viewer::new(mux));
                if let Some(flight) = former.flight {
                    mux.core.handle_writer_gone(former.key, flight);
                }
                mux.core.handle_closed(former.key, GoneReason::Lost);
            }
        }
        for viewer in &self.viewers {
            let slots = self.mux.slots(viewer.key);
            assert!(slots <= self.limit.min(NAMES.len()), "{slots} slots");
        }
        self.mux.queued();
    }

    /// Has everybody read all, and compares.
    fn settle(&mut self) {
        for viewer in &mut self.viewers {
            for _ in 0..3 {
                viewer.read(&mut self.mux);
                viewer.take(&mut self.mux);
            }
            assert!(viewer.flight.is_none() && viewer.asked.is_empty());
            for name in NAMES.into_iter().filter(|name| viewer.sees(name)) {
                let truth = self.services.get(name).map(|(_, generation)| *generation);
                assert_eq!(viewer.up.get(name).copied(), truth, "{name} {viewer:?}");
            }
            let seen = self.services.keys().filter(|name| viewer.sees(name)).count();
            assert_eq!(self.mux.slots(viewer.key), seen);
        }
    }

    fn finish(mut self) {
        self.settle();
        for (_, (key, _)) in std::mem::take(&mut self.services) {
            self.mux.close(key);
        }
        self.settle();
        for viewer in self.viewers {
            self.mux.close(viewer.key);
        }
        self.mux.assert_clean();
        assert_eq!(self.mux.core.bindings(), 0);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (name, viewer, pattern) = (0..NAMES.len(), 0..3_usize, 0..PATTERNS.len());
    let why = prop_oneof![Just(GoneReason::Left), Just(GoneReason::Lost)];
    let step = prop_oneof![
        6 => name.clone().prop_map(Step::Up),
        5 => (name.clone(), why).prop_map(|(name, why)| Step::Down(name, why)),
        4 => (viewer.clone(), pattern.clone()).prop_map(|(of, pattern)| Step::Watch(of, pattern)),
        2 => (viewer.clone(), pattern).prop_map(|(of, pattern)| Step::Unwatch(of, pattern)),
        3 => viewer.clone().prop_map(Step::Take),
        3 => viewer.clone().prop_map(Step::Written),
        1 => (viewer.clone(), name).prop_map(|(of, name)| Step::Send(of, name)),
        1 => viewer.prop_map(Step::Close),
    ];
    vec(step, 0..200)
}

proptest! {
    /// mux:watch:newest-state, mux:watch:ends-with-watcher, mux:watch:unwatch,
    /// mux:watch:limit-ends, mux:watch:charged.
    #[test]
    fn whoever_has_read_all_believes_what_is(limit in 1_usize..10, steps in steps()) {
        let mut world = World::new(limit);
        for step in steps {
            world.apply(step);
        }
        world.finish();
    }
}
