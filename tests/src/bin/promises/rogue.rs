//! Rogues, and what polite clients notice of them. Each connection from loopback is a source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Raw, notice};

use crate::figures::{jain, millis, percentile};
use crate::line::Line;
use crate::polite::{self, NOISE, Polite};
use crate::{Scale, yard};

/// One service at its limit: polite clients that stay below their share, and rogues.
pub(crate) fn one_and_twenty(scale: Scale) -> Vec<Line> {
    let span = Duration::from_secs(scale.pick(3, 30) as u64);
    vec![
        crowd(1, Ahead::One, span),
        crowd(20, Ahead::One, span),
        crowd(1, Ahead::Much, span),
        crowd(20, Ahead::Much, span),
    ]
}

/// What a service has ahead of its work, where no broker can put anything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ahead {
    /// One request: the broker has a window for it.
    One,
    /// What its buffers take, some ten or hundred KiB.
    Much,
}

fn crowd(rogues: usize, ahead: Ahead, span: Duration) -> Line {
    let muxd = yard::start_with(if ahead == Ahead::One { WINDOW } else { "" });
    let service = Raw::join(muxd.services(), "DEALER", b"one");
    let service = polite::serve(service, WORK);
    let (capacity, mut idle) = capacity_and_idle(muxd.clients(), span / 3);
    let idle = percentile(&mut idle, 99);
    let share = capacity / (POLITE + rogues) as f64;
    // Below their share, however many rogues there are.
    let pace = Duration::from_secs_f64(2.0 / share);
    let polite = Polite::start(muxd.clients(), &vec!["one".to_owned(); POLITE], pace);
    let rogues_run: Vec<_> =
        (0..rogues).map(|_| Rogue::start(muxd.clients(), share * 10.0)).collect();
    thread::sleep(span);
    let each = polite.end_each();
    let sent: usize = rogues_run.into_iter().map(Rogue::end).sum();
    let fair = jain(&each.iter().map(Vec::len).collect::<Vec<_>>());
    let mut times = each.concat();
    let (count, p99) = (times.len(), percentile(&mut times, 99));
    let refused = muxd.counters().of("returned_busy");
    polite::end_service(muxd.clients(), "one");
    service.join().expect("it serves to the end");
    yard::end(muxd);
    let fault = format!(
        "{rogues} at 10 x its share of a service of {capacity:.0}/s with {}: {:.0}/s, \
         {refused} refused",
        match ahead {
            Ahead::One => "a window of 1",
            Ahead::Much => "full buffers",
        },
        sent as f64 / span.as_secs_f64()
    );
    let figure = format!(
        "0 of {count} polite lost, p99 {} ({:.0} requests), idle {}, Jain {fair:.4}",
        millis(p99),
        p99.as_secs_f64() * capacity,
        millis(idle)
    );
    if rogues == 1 && ahead == Ahead::One {
        let goal = "0 lost, p99 <= 2 x idle, Jain >= 0.99";
        Line::new(PROMISE, fault, figure, goal, p99 <= idle * 2 && fair >= 0.99)
    } else {
        // Too few are answered to tell how fairly.
        Line::new(PROMISE, fault, figure, "0 lost", true)
    }
}

/// Returns how many requests the service does in a second, and what one takes when it is idle.
fn capacity_and_idle(url: &str, span: Duration) -> (f64, Vec<Duration>) {
    let capacity = capacity(url, span);
    let names = vec!["one".to_owned(); POLITE];
    let idle = Polite::start(url, &names, Duration::from_secs_f64(2.0 * POLITE as f64 / capacity));
    thread::sleep(span);
    (capacity, idle.end())
}

/// Returns how many requests the service does in a second that never has to wait for one.
fn capacity(url: &str, span: Duration) -> f64 {
    let mut raw = Raw::join(url, "DEALER", b"");
    let one = message(&[b"one", ROGUE, &[b'r'; 100]]);
    raw.send(&one.repeat(OPEN));
    let (began, mut answered) = (Instant::now(), 0);
    while began.elapsed() < span {
        assert_eq!(raw.receive()[1], ROGUE);
        raw.send(&one);
        answered += 1;
    }
    for _ in 0..OPEN {
        let _ = raw.receive();
    }
    f64::from(answered) / span.as_secs_f64()
}

/// One client sprays two hundred services, of which twenty read nothing.
pub(crate) fn spray(scale: Scale) -> Vec<Line> {
    let span = Duration::from_secs(scale.pick(4, 30) as u64);
    let muxd = yard::start();
    let names: Vec<String> = (0..POLITE).map(|number| format!("polite{number}")).collect();
    for name in &names {
        drop(polite::service(muxd.services(), name, Duration::ZERO));
    }
    let stuck: Vec<_> = (0..STUCK)
        .map(|number| Raw::join(muxd.services(), "DEALER", format!("n{number}").as_bytes()))
        .collect();
    let sinks: Vec<_> = (STUCK..SPRAYED)
        .map(|number| Raw::join(muxd.services(), "DEALER", format!("n{number}").as_bytes()))
        .collect();
    let readers: Vec<_> = sinks.iter().map(polite::drain).collect();
    let pace = Duration::from_millis(1);
    let idle = Polite::start(muxd.clients(), &names, pace);
    thread::sleep(span / 4);
    let idle = percentile(&mut idle.end(), 99);
    let polite = Polite::start(muxd.clients(), &names, pace);
    let rogue = notice::opted_in(muxd.clients());
    let reader = polite::drain(&rogue);
    let sprayed = spray_for(rogue, span);
    reader.join().expect("a reader");
    let mut times = polite.end();
    let (count, p99) = (times.len(), percentile(&mut times, 99));
    let counters = muxd.counters();
    drop(stuck);
    for sink in &sinks {
        polite::hang_up(sink);
    }
    for reader in readers {
        reader.join().expect("a reader");
    }
    for name in &names {
        polite::end_service(muxd.clients(), name);
    }
    yard::end(muxd);
    let fault = format!(
        "one sprays 200 services, 20 of them stuck: {sprayed} sent, {} returned as busy",
        counters.of("returned_busy"),
    );
    let figure = format!("0 of {count} polite lost, p99 {}, idle {}", millis(p99), millis(idle));
    let is_full = counters.of("returned_busy") > 0;
    vec![Line::new(PROMISE, fault, figure, "0 lost, the stuck ones full", is_full)]
}

fn spray_for(mut rogue: Raw, span: Duration) -> usize {
    let round: Vec<u8> = (0..SPRAYED)
        .flat_map(|number| {
            let len = if number < STUCK { 64 * 1024 } else { 100 };
            message(&[format!("n{number}").as_bytes(), NOISE, &vec![b's'; len]])
        })
        .collect();
    let (began, mut sent) = (Instant::now(), 0);
    while began.elapsed() < span && rogue.try_send(&round).is_ok() {
        sent += SPRAYED;
    }
    polite::hang_up(&rogue);
    sent
}

/// A client that takes notices and sends at its rate, whatever comes back.
struct Rogue {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    threads: [JoinHandle<()>; 2],
}

impl Rogue {
    fn start(url: &str, per_second: f64) -> Self {
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut raw = notice::opted_in(url);
        let reader = polite::drain(&raw);
        let (until, count) = (Arc::clone(&over), Arc::clone(&sent));
        let writer = thread::spawn(move || {
            let one = message(&[b"one", ROGUE, &[b'r'; 100]]);
            let began = Instant::now();
            let between = Duration::from_secs_f64(1.0 / per_second);
            while !until.load(Ordering::Relaxed) {
                let due = began.elapsed().div_duration_f64(between);
                let behind = due - count.load(Ordering::Relaxed) as f64;
                let batch = (0..1000).take_while(|sent| f64::from(*sent) < behind).count();
                if raw.try_send(&one.repeat(batch)).is_err() {
                    break;
                }
                count.fetch_add(batch, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
            polite::hang_up(&raw);
        });
        Self { over, sent, threads: [reader, writer] }
    }

    /// Returns how much it has sent.
    fn end(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a rogue");
        }
        self.sent.load(Ordering::Relaxed)
    }
}

const PROMISE: &str = "rogue isolation";

/// What a broker is told whose services are slow, and answer each request.
const WINDOW: &str = "[role.service]\nwindow = 1\n";

const POLITE: usize = 4;

/// What a rogue asks for: an answer, as others do.
const ROGUE: &[u8] = b"rogue";

/// Requests that are open at once to find out how many a service does.
const OPEN: usize = 32;
const SPRAYED: usize = 200;
const STUCK: usize = 20;

/// What the service takes for each request, at least.
const WORK: Duration = Duration::from_micros(100);
