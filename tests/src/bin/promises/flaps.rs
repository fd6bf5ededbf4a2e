//! Services that come and go faster than a watcher reads: it knows at the end which are there.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Muxd, Raw, notice};

use crate::line::Line;
use crate::polite::LOST_AFTER;
use crate::{Scale, yard};

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    // Who neither reads nor answers is cut after 15 s.
    let span = Duration::from_secs(scale.pick(2, 10) as u64);
    let muxd = yard::start();
    let mut prompt = watcher(&muxd);
    let mut slow = watcher(&muxd);
    let began = Instant::now();
    let prompt = thread::spawn(move || {
        let mut state = State::default();
        while began.elapsed() < span {
            if let Ok(frames) = prompt.try_receive(Duration::from_millis(100)) {
                state.hear(&frames);
            }
        }
        (prompt, state)
    });
    let flappers: Vec<_> = (0..FLAPPERS)
        .map(|number| {
            let url = muxd.services().to_owned();
            thread::spawn(move || flap(&url, number, began, span))
        })
        .collect();
    let (mut here, mut flaps) = (Vec::new(), 0);
    for flapper in flappers {
        let (left, count) = flapper.join().expect("a flapper");
        here.extend(left);
        flaps += count;
    }
    let truth: HashMap<Vec<u8>, bool> = (0..FLAPPERS * NAMES)
        .map(|number| (name(number / NAMES, number % NAMES), number % 2 == 0))
        .collect();
    let (mut prompt, mut state) = prompt.join().expect("a watcher");
    let lost = [state.lost(&mut prompt, &truth), State::default().lost(&mut slow, &truth)];
    let sent = muxd.counters().of("presence_sent");
    drop(here);
    yard::end(muxd);
    let rate = flaps as f64 / span.as_secs_f64();
    let fault = format!("{flaps} flaps of {} names, {rate:.0}/s", FLAPPERS * NAMES);
    let figure = format!(
        "{} final states lost by a watcher that reads, {} by one that did not, {sent} notices",
        lost[0], lost[1]
    );
    vec![Line::new("presence complete", fault, figure, "0", lost == [0, 0] && flaps > 0)]
}

fn watcher(muxd: &Muxd) -> Raw {
    let mut raw = notice::opted_in(muxd.clients());
    raw.send(&message(&[b"", &notice::header(notice::WATCH), b"flap.*"]));
    assert_eq!(notice::kind(&raw.receive()), Some(notice::SYNCED));
    raw
}

fn name(flapper: usize, number: usize) -> Vec<u8> {
    format!("flap.{flapper}.{number}").into_bytes()
}

/// Comes and goes under each name in turn. Returns those that stay, every other name, and how often
/// one came or went.
fn flap(url: &str, flapper: usize, began: Instant, span: Duration) -> (Vec<Raw>, usize) {
    let mut flaps = 0;
    while began.elapsed() < span {
        for number in 0..NAMES {
            drop(Raw::join(url, "DEALER", &name(flapper, number)));
            flaps += 2;
        }
    }
    let stay = (0..NAMES).step_by(2).map(|number| Raw::join(url, "DEALER", &name(flapper, number)));
    (stay.collect(), flaps)
}

/// What a watcher knows.
#[derive(Debug, Default)]
struct State(HashMap<Vec<u8>, bool>);

impl State {
    fn hear(&mut self, frames: &[Vec<u8>]) {
        let kind = frames.get(1).and_then(|header| header.get(4));
        if let (Some(&kind @ (notice::UP | notice::GONE)), Some(name)) = (kind, frames.get(2)) {
            self.0.insert(name.clone(), kind == notice::UP);
        }
    }

    /// Hears on until all is as it is in truth, or nothing more comes; returns of how many names it
    /// is not. Who never heard of a name takes it for one that is not there.
    fn lost(&mut self, watcher: &mut Raw, truth: &HashMap<Vec<u8>, bool>) -> usize {
        loop {
            let wrong = |(name, is_up): &(&Vec<u8>, &bool)| {
                self.0.get(*name).copied().unwrap_or(false) != **is_up
            };
            let lost = truth.iter().filter(wrong).count();
            if lost == 0 {
                return 0;
            }
            match watcher.try_receive(LOST_AFTER) {
                Ok(frames) => self.hear(&frames),
                Err(_) => return lost,
            }
        }
    }
}

const FLAPPERS: usize = 4;

/// Of each flapper.
const NAMES: usize = 50;
