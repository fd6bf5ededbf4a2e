//! One of a hundred services reads nothing: what the others get done meanwhile.
//!
//! Two brokers with the same load take turns, batch by batch; in one of them all services read.

use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Muxd, Raw};

use crate::figures::{millis, percentile};
use crate::line::Line;
use crate::{Scale, notice, polite, yard};

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let names: Vec<String> = (0..SERVICES).map(|number| format!("s{number}")).collect();
    let (healthy, sick) = (yard::start(), yard::start());
    for (muxd, count) in [(&healthy, SERVICES), (&sick, SERVICES - 1)] {
        for name in &names[..count] {
            drop(polite::service(muxd.services(), name, Duration::ZERO));
        }
    }
    let stuck = Raw::join(sick.services(), "DEALER", names[SERVICES - 1].as_bytes());
    let mut pairs: Vec<_> = (0..CLIENTS)
        .map(|_| [&healthy, &sick].map(|muxd| notice::opted_in(muxd.clients())))
        .collect();
    fill(&sick, &names[SERVICES - 1]);
    let throughput = compare(&mut pairs, &names, scale);
    let (worst, paused) = stock(&sick, &names, scale);
    let grown = sick.resident_kib().saturating_sub(healthy.resident_kib());
    drop((stuck, pairs));
    for muxd in [healthy, sick] {
        for name in &names {
            polite::end_service(muxd.clients(), name);
        }
        yard::end(muxd);
    }
    lines(throughput, (worst, paused), grown)
}

fn lines(throughput: Throughput, (worst, paused): (Duration, Duration), grown: u64) -> Vec<Line> {
    let Throughput { median, whole, batches } = throughput;
    let figure = format!(
        "{:.2} % of healthy throughput by the median of {batches} batches, {:.2} % by their sum",
        median * 100.0,
        whole * 100.0
    );
    let stock = format!("longest pause {}, all pauses {}", millis(worst), millis(paused));
    // The time to ask once more is part of what is measured.
    let longest = Duration::from_millis(1050);
    let memory = format!("{grown} KiB more than the healthy broker");
    vec![
        Line::new(
            SLOW,
            "1 of 100 stopped, clients with notices",
            figure,
            ">= 99 %",
            median >= 0.99,
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

/// Sends to the stuck service until it can take no more of two clients.
fn fill(muxd: &Muxd, stuck: &str) {
    for _ in 0..2 {
        let mut client = notice::opted_in(muxd.clients());
        let busy = muxd.counters().of("returned_busy");
        let chunk = message(&[stuck.as_bytes(), &[b'x'; 16 * 1024]]).repeat(64);
        while muxd.counters().of("returned_busy") == busy {
            client.send(&chunk);
        }
        // What it sent stays; its RETURNs go with it.
        polite::hang_up(&client);
    }
}

/// The throughput of the sick broker as a part of that of the healthy one.
#[derive(Clone, Copy, Debug)]
struct Throughput {
    /// By the median batch, which other programs of this machine hardly change.
    median: f64,
    /// By the time of all batches.
    whole: f64,
    batches: usize,
}

fn compare(pairs: &mut [[Raw; 2]], names: &[String], scale: Scale) -> Throughput {
    let batches = scale.pick(1500, 20_000);
    let octets: Vec<u8> =
        names.iter().flat_map(|name| message(&[name.as_bytes(), b"ask", &[b'x'; 100]])).collect();
    let mut took = [Vec::new(), Vec::new()];
    for batch in 0..batches {
        // Each begins as often as the other.
        for turn in 0..2 {
            let broker = (batch + turn) % 2;
            let began = Instant::now();
            for pair in pairs.iter_mut() {
                pair[broker].send(&octets);
            }
            for pair in pairs.iter_mut() {
                answers(&mut pair[broker], &names[SERVICES - 1]);
            }
            // The first are not counted: their connections are cold.
            if batch >= 20 {
                took[broker].push(began.elapsed());
            }
        }
    }
    let [whole, sick_whole] = [0, 1].map(|broker: usize| took[broker].iter().sum::<Duration>());
    let [median, sick_median] = [0, 1].map(|broker: usize| percentile(&mut took[broker], 50));
    Throughput {
        median: median.div_duration_f64(sick_median),
        whole: whole.div_duration_f64(sick_whole),
        batches: batches - 20,
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
                client.send(&message(&[name.as_bytes(), &[b'x'; 16 * 1024]]).repeat(32));
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
const POOL_KIB: u64 = 32 * 1024;

/// What is shorter is the machine's doing, or that of other clients.
const PAUSE_MIN: Duration = Duration::from_millis(100);
