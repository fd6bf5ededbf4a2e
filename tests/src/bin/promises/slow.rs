//! One of a hundred services reads nothing: what the others get done meanwhile.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Muxd, Raw, notice};

use crate::beside::Join;
use crate::figures::millis;
use crate::line::Line;
use crate::paired::{Both, Turns};
use crate::polite::{LOST_AFTER, NOISE};
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
    let compare = |sick: usize| {
        // Not for longer: what the sick service has of them it answers when it is well, and they would not
        // read that.
        let mut pairs: Vec<_> = (0..CLIENTS)
            .map(|_| muxds.each_ref().map(|muxd| notice::opted_in(muxd.clients())))
            .collect();
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
    gates[1].open();
    muxds[1].wait_counter("queued", |queued| queued == 0);
    let throughput = Both([first, compare(0)]);
    let stock = stock(&muxds[0], &names, scale);
    gates[0].open();
    muxds[0].wait_counter("queued", |queued| queued == 0);
    for (muxd, gate) in muxds.into_iter().zip(gates) {
        yard::end(muxd);
        gate.service.join().expect("it serves to the end");
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

/// The others' throughput before and after one stops, at any broker.
pub(crate) fn beside(broker: &Muxd, join: Join) -> String {
    let names: Vec<String> = (0..SERVICES).map(|number| format!("s{number}")).collect();
    let (last, others) = names.split_last().expect("services");
    for name in others {
        drop(polite::service(broker.services(), name, Duration::ZERO));
    }
    let gate = Gate::start(broker.services(), last);
    let tally = Arc::new(Tally::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (raw, names, tally) = (join(broker.clients()), names.clone(), Arc::clone(&tally));
            thread::spawn(move || rounds(raw, &names, &tally))
        })
        .collect();
    let rate_over = |span: Duration| {
        let before = tally.answered.load(Ordering::Relaxed);
        thread::sleep(span);
        (tally.answered.load(Ordering::Relaxed) - before) as f64 / span.as_secs_f64()
    };
    let _warm_up = rate_over(Duration::from_secs(1));
    let healthy = rate_over(Duration::from_secs(3));
    let memory = broker.resident_kib();
    gate.close();
    tally.is_stopped.store(true, Ordering::Relaxed);
    let stopped = rate_over(Duration::from_secs(8));
    let grown = broker.resident_kib().saturating_sub(memory) / 1024;
    tally.is_over.store(true, Ordering::Relaxed);
    let ends: Vec<_> = clients.into_iter().map(|client| client.join().expect("a client")).collect();
    let longest = ends.iter().map(|end| end.longest).max().unwrap_or_default();
    let told: usize = ends.iter().map(|end| end.told).sum();
    gate.open();
    let [answered, unanswered, to_stopped] =
        [&tally.answered, &tally.lost, &tally.to_stopped].map(|of| of.load(Ordering::Relaxed));
    let silent = to_stopped.saturating_sub(told + gate.all_served());
    format!(
        "{:.0} % of healthy ({healthy:.0}/s), longest pause {}, {unanswered} of {} lost of others; of \
         {to_stopped} to the stopped one {told} came back, {silent} lost in silence; {grown} MiB more",
        stopped / healthy * 100.0,
        millis(longest),
        answered + unanswered,
    )
}

/// What clients count together.
#[derive(Debug, Default)]
struct Tally {
    /// Answers of all services but the last.
    answered: AtomicUsize,
    /// Answers of theirs that did not come within [`LOST_AFTER`].
    lost: AtomicUsize,
    /// Requests to the last service, from the start.
    to_stopped: AtomicUsize,
    is_stopped: AtomicBool,
    is_over: AtomicBool,
}

/// What a client has seen.
struct End {
    /// Its longest round since the last service is stopped.
    longest: Duration,
    /// RETURNs.
    told: usize,
    /// What it sent goes on its way for as long as this is there.
    _raw: Raw,
}

/// Asks all services at once, again and again, and has more for the last one.
fn rounds(mut raw: Raw, names: &[String], tally: &Tally) -> End {
    raw.limit_sending(LOST_AFTER);
    let (mut longest, mut told, mut number) = (Duration::ZERO, 0, 0_u64);
    let more = message(&[names[SERVICES - 1].as_bytes(), b"more", &[b'x'; 16 * 1024]]).repeat(MORE);
    while !tally.is_over.load(Ordering::Relaxed) {
        let round = number.to_be_bytes();
        let ask = |name: &String| message(&[name.as_bytes(), &round, &[b'x'; 100]]);
        let mut octets: Vec<u8> = names.iter().flat_map(ask).collect();
        octets.extend_from_slice(&more);
        let is_stopped = tally.is_stopped.load(Ordering::Relaxed);
        tally.to_stopped.fetch_add(1 + MORE, Ordering::Relaxed);
        let (began, mut left) = (Instant::now(), SERVICES - 1);
        let mut failed = raw.try_send(&octets).is_err();
        while left > 0 {
            match raw.try_receive(LOST_AFTER) {
                Ok(frames) if notice::kind(&frames) == Some(notice::RETURN) => told += 1,
                // What is late is lost already.
                Ok(frames) if frames[1] == round && frames[0] != names[SERVICES - 1].as_bytes() => {
                    tally.answered.fetch_add(1, Ordering::Relaxed);
                    left -= 1;
                }
                Ok(_) => {}
                Err(error) => {
                    failed |= error.kind() != ErrorKind::WouldBlock;
                    tally.lost.fetch_add(left, Ordering::Relaxed);
                    break;
                }
            }
        }
        if is_stopped {
            longest = longest.max(began.elapsed());
        }
        if failed {
            break;
        }
        number += 1;
    }
    while let Ok(frames) = raw.try_receive(QUIET) {
        told += usize::from(notice::kind(&frames) == Some(notice::RETURN));
    }
    End { longest, told, _raw: raw }
}

/// A service that reads only while its gate is open.
struct Gate {
    is_open: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    service: JoinHandle<()>,
}

impl Gate {
    fn start(url: &str, name: &str) -> Self {
        let is_open = Arc::new(AtomicBool::new(true));
        let raw = Raw::join(url, "DEALER", name.as_bytes());
        let (gate, served) = (Arc::clone(&is_open), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&served);
        let service = polite::serve_when(raw, move || {
            while !gate.load(Ordering::Acquire) {
                thread::park();
            }
            count.fetch_add(1, Ordering::Relaxed);
        });
        Self { is_open, served, service }
    }

    fn close(&self) {
        self.is_open.store(false, Ordering::Release);
    }

    /// Waits until nothing more comes, and returns how many requests it has had.
    fn all_served(&self) -> usize {
        let mut served = self.served.load(Ordering::Relaxed);
        loop {
            thread::sleep(QUIET);
            let now = self.served.load(Ordering::Relaxed);
            if std::mem::replace(&mut served, now) == now {
                return now;
            }
        }
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

/// What each client has more for the last service, in each round beside other brokers.
const MORE: usize = 3;

/// After so long nothing more is expected.
const QUIET: Duration = Duration::from_millis(500);

/// How often all are asked in a turn.
const ROUNDS: usize = 3;
const POOL_KIB: u64 = 32 * 1024;

/// What is shorter is the machine's doing, or that of other clients.
const PAUSE_MIN: Duration = Duration::from_millis(100);
