//! One of a hundred services reads nothing: what the others get done meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Muxd, Raw, notice};

use crate::figures::millis;
use crate::line::Line;
use crate::paired::{Both, Turns};
use crate::polite::NOISE;
use crate::{Scale, polite, yard};

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let names: Vec<String> = (0..SERVICES).map(|number| format!("s{number}")).collect();
    let (last, others) = names.split_last().expect("services");
    let muxds = [yard::start(), yard::start()];
    let gates = muxds.each_ref().map(|muxd| {
        for name in others {
            drop(polite::service(muxd.services(), name, Duration::ZERO));
        }
        Gate::start(muxd.services(), last)
    });
    let mut pairs: Vec<_> = (0..CLIENTS)
        .map(|_| muxds.each_ref().map(|muxd| notice::opted_in(muxd.clients())))
        .collect();
    let mut compare = |sick: usize| {
        gates[sick].close();
        fill(&muxds[sick], last);
        Turns::take(&muxds, 1 - sick, scale, |broker| {
            for _ in 0..ROUNDS {
                ask_all(&mut pairs, broker, &names);
            }
            Duration::ZERO
        })
    };
    let first = compare(1);
    let grown = muxds[1].resident_kib().saturating_sub(muxds[0].resident_kib());
    let stock = stock(&muxds[1], &names, scale);
    gates[1].open();
    muxds[1].wait_counter("queued", |queued| queued == 0);
    let throughput = Both([first, compare(0)]);
    gates[0].open();
    muxds[0].wait_counter("queued", |queued| queued == 0);
    drop(pairs);
    for (muxd, gate) in muxds.into_iter().zip(gates) {
        for name in &names {
            polite::end_service(muxd.clients(), name);
        }
        gate.service.join().expect("it serves to the end");
        yard::end(muxd);
    }
    lines(&throughput, stock, grown)
}

fn lines(throughput: &Both, (worst, paused): (Duration, Duration), grown: u64) -> Vec<Line> {
    let stock = format!("longest pause {}, all pauses {}", millis(worst), millis(paused));
    // The time to ask once more is part of what is measured.
    let longest = Duration::from_millis(1050);
    let memory = format!("{grown} KiB more than the healthy broker");
    vec![
        Line::new(
            SLOW,
            "1 of 100 stopped, clients with notices",
            throughput.to_string(),
            ">= 99 %",
            throughput.keeps(0.99),
        ),
        Line::new(
            SLOW,
            "1 of 100 stopped, a stock client",
            stock,
            "<= 1 s for the episode (and 50 ms to ask)",
            paused <= longest,
        ),
        Line::new(
            "memory bound",
            "1 of 100 stopped",
            memory,
            "<= 32 MiB of its pool + 20 %",
            grown <= POOL_KIB * 12 / 10,
        ),
    ]
}

/// A service that reads only while its gate is open.
struct Gate {
    is_open: Arc<AtomicBool>,
    service: JoinHandle<()>,
}

impl Gate {
    fn start(url: &str, name: &str) -> Self {
        let is_open = Arc::new(AtomicBool::new(true));
        let raw = Raw::join(url, "DEALER", name.as_bytes());
        let gate = Arc::clone(&is_open);
        let service = polite::serve_when(raw, move || {
            while !gate.load(Ordering::Acquire) {
                thread::park();
            }
        });
        Self { is_open, service }
    }

    fn close(&self) {
        self.is_open.store(false, Ordering::Release);
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::Release);
        self.service.thread().unpark();
    }
}

/// Sends to the stuck service until it can take no more of two clients.
fn fill(muxd: &Muxd, stuck: &str) {
    for _ in 0..2 {
        let mut client = notice::opted_in(muxd.clients());
        let busy = muxd.counters().of("returned_busy");
        let chunk = message(&[stuck.as_bytes(), NOISE, &[b'x'; 16 * 1024]]).repeat(64);
        while muxd.counters().of("returned_busy") == busy {
            client.send(&chunk);
        }
        // What it sent stays; its RETURNs go with it.
        polite::hang_up(&client);
    }
}

/// Has each client ask all services at once, and waits until all but the last one have answered.
fn ask_all(pairs: &mut [[Raw; 2]], broker: usize, names: &[String]) {
    let octets: Vec<u8> =
        names.iter().flat_map(|name| message(&[name.as_bytes(), b"ask", &[b'x'; 100]])).collect();
    for pair in pairs.iter_mut() {
        pair[broker].send(&octets);
    }
    for pair in pairs.iter_mut() {
        answers(&mut pair[broker], &names[SERVICES - 1]);
    }
}

/// Receives the answers of all services but the last one.
fn answers(client: &mut Raw, last: &str) {
    let mut left = SERVICES - 1;
    while left > 0 {
        let frames = client.receive();
        if notice::kind(&frames).is_none() && frames[0] != last.as_bytes() {
            left -= 1;
        }
    }
}

/// Asks one after the other, the stuck one too; returns the longest pause and all together.
fn stock(muxd: &Muxd, names: &[String], scale: Scale) -> (Duration, Duration) {
    let mut client = Raw::join(muxd.clients(), "DEALER", b"");
    let (mut worst, mut paused) = (Duration::ZERO, Duration::ZERO);
    let began = Instant::now();
    let span = Duration::from_secs(scale.pick(4, 30) as u64);
    while began.elapsed() < span {
        for (number, name) in names.iter().enumerate() {
            let asked = Instant::now();
            if number + 1 == SERVICES {
                // So much that its share of the room is soon full.
                client.send(&message(&[name.as_bytes(), NOISE, &[b'x'; 16 * 1024]]).repeat(32));
                continue;
            }
            client.send(&message(&[name.as_bytes(), b"ask"]));
            assert_eq!(client.receive()[0], name.as_bytes());
            let took = asked.elapsed();
            worst = worst.max(took);
            if took > PAUSE_MIN {
                paused += took;
            }
        }
    }
    assert!(muxd.counters().of("stalls") > 0, "the stuck service holds nobody up");
    (worst, paused)
}

const SLOW: &str = "slow service isolation";

const SERVICES: usize = 100;
const CLIENTS: usize = 2;

/// How often all are asked in a turn.
const ROUNDS: usize = 3;
const POOL_KIB: u64 = 32 * 1024;

/// What is shorter is the machine's doing, or that of other clients.
const PAUSE_MIN: Duration = Duration::from_millis(100);
