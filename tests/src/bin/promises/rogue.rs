//! Rogues, and what polite clients notice of them. Each connection from loopback is a source.

use std::fmt;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Muxd, Raw, notice};

use crate::beside::Join;
use crate::figures::millis;
use crate::line::Line;
use crate::polite::{self, Fate, NOISE, Polite};
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

/// As many rogues at any broker.
pub(crate) fn beside<const ROGUES: usize>(broker: &Muxd, join: Join) -> String {
    Crowd::run(broker, ROGUES, Duration::from_secs(4), join).to_string()
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
    let muxd = yard::start_with(if ahead == Ahead::One { yard::WINDOW } else { "" });
    let crowd = Crowd::run(&muxd, rogues, span, notice::opted_in);
    let refused = muxd.counters().of("returned_busy");
    yard::end(muxd);
    let Crowd { capacity, sent, polite, idle } = &crowd;
    let fault = format!(
        "{rogues} at 10 x its share of a service of {capacity:.0}/s with {}: {sent:.0}/s, \
         {refused} refused",
        match ahead {
            Ahead::One => "a window of 1",
            Ahead::Much => "full buffers",
        },
    );
    let is_whole = polite.is_whole() && idle.is_whole();
    if rogues == 1 && ahead == Ahead::One {
        let goal = "0 lost, p99 <= 2 x idle, Jain >= 0.99";
        let kept = is_whole && polite.p99 <= idle.p99 * 2 && polite.jain >= 0.99;
        Line::new(PROMISE, fault, crowd.to_string(), goal, kept)
    } else {
        // Too few are answered to tell how fairly.
        Line::new(PROMISE, fault, crowd.to_string(), "0 lost", is_whole)
    }
}

/// Polite clients and rogues at one service.
#[derive(Debug)]
struct Crowd {
    /// What the service does in a second that never has to wait for a request.
    capacity: f64,
    /// What the rogues sent in a second.
    sent: f64,
    polite: Fate,
    /// The polite ones before there were rogues.
    idle: Fate,
}

impl Crowd {
    fn run(broker: &Muxd, rogues: usize, span: Duration, join: Join) -> Self {
        drop(polite::service(broker.services(), "one", WORK));
        let names = vec!["one".to_owned(); POLITE];
        let capacity = capacity(broker.clients(), span / 3);
        let pace = Duration::from_secs_f64(2.0 * POLITE as f64 / capacity);
        let idle = Polite::start(broker.clients(), &names, pace);
        thread::sleep(span / 3);
        let idle = idle.end();
        let share = capacity / (POLITE + rogues) as f64;
        // Below their share, however many rogues there are.
        let pace = Duration::from_secs_f64(2.0 / share);
        let polite = Polite::start(broker.clients(), &names, pace);
        let rogues: Vec<_> =
            (0..rogues).map(|_| Rogue::start(join(broker.clients()), share * 10.0)).collect();
        thread::sleep(span);
        let sent: usize = rogues.iter().map(Rogue::sent).sum();
        let polite = polite.end();
        for rogue in rogues {
            rogue.end();
        }
        Self { capacity, sent: sent as f64 / span.as_secs_f64(), polite, idle }
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, polite, idle, .. } = self;
        let requests = polite.p99.as_secs_f64() * capacity;
        let (idle, jain) = (millis(idle.p99), polite.jain);
        write!(f, "{polite} ({requests:.0} requests), idle {idle}, Jain {jain:.4}")
    }
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
    let muxd = yard::start();
    let span = Duration::from_secs(scale.pick(4, 30) as u64);
    let spray = Spray::run(&muxd, span, notice::opted_in);
    let busy = muxd.counters().of("returned_busy");
    yard::end(muxd);
    let fault = format!(
        "one sprays 200 services, 20 of them stuck: {} sent, {busy} returned as busy",
        spray.sent
    );
    let kept = spray.polite.is_whole() && busy > 0;
    vec![Line::new(PROMISE, fault, spray.to_string(), "0 lost, the stuck ones full", kept)]
}

/// The same at any broker.
pub(crate) fn spray_beside(broker: &Muxd, join: Join) -> String {
    let spray = Spray::run(broker, Duration::from_secs(3), join);
    format!("{} sprayed, {spray}", spray.sent)
}

/// Polite clients with a service each, beside a rogue that sprays.
#[derive(Debug)]
struct Spray {
    sent: usize,
    polite: Fate,
    idle: Fate,
}

impl Spray {
    fn run(broker: &Muxd, span: Duration, join: Join) -> Self {
        let names: Vec<String> = (0..POLITE).map(|number| format!("polite{number}")).collect();
        for name in &names {
            drop(polite::service(broker.services(), name, Duration::ZERO));
        }
        let others: Vec<_> = (0..SPRAYED)
            .map(|number| Raw::join(broker.services(), "DEALER", format!("n{number}").as_bytes()))
            .collect();
        // The first are stuck.
        let readers: Vec<_> = others[STUCK..].iter().map(polite::drain).collect();
        let pace = Duration::from_millis(1);
        let idle = Polite::start(broker.clients(), &names, pace);
        thread::sleep(span / 4);
        let idle = idle.end();
        let polite = Polite::start(broker.clients(), &names, pace);
        let sent = spray_for(join(broker.clients()), span);
        let polite = polite.end();
        for other in &others {
            polite::hang_up(other);
        }
        for reader in readers {
            reader.join().expect("a reader");
        }
        Self { sent, polite, idle }
    }
}

impl fmt::Display for Spray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, idle {}", self.polite, millis(self.idle.p99))
    }
}

fn spray_for(mut rogue: Raw, span: Duration) -> usize {
    let reader = polite::drain(&rogue);
    rogue.limit_sending(span);
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
    reader.join().expect("a reader");
    sent
}

/// A client that sends at its rate, whatever comes back.
struct Rogue {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    stream: TcpStream,
    threads: [JoinHandle<()>; 2],
}

impl Rogue {
    fn start(mut raw: Raw, per_second: f64) -> Self {
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (reader, stream) = (polite::drain(&raw), raw.stream());
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
        });
        Self { over, sent, stream, threads: [reader, writer] }
    }

    /// Returns how much it has sent.
    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        // It can only be closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
        for thread in self.threads {
            thread.join().expect("a rogue");
        }
    }
}

const PROMISE: &str = "rogue isolation";

const POLITE: usize = 4;

/// What a rogue asks for: an answer, as others do.
const ROGUE: &[u8] = b"rogue";

/// Requests that are open at once to find out how many a service does.
const OPEN: usize = 32;
const SPRAYED: usize = 200;
const STUCK: usize = 20;

/// What the service takes for each request, at least.
const WORK: Duration = Duration::from_micros(100);
