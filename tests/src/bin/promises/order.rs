//! Numbered messages, past a service that reads slowly and one that comes and goes: each service sees
//! the numbers of each client rise, so none comes twice and none overtakes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::{COMMAND, MORE, message};
use zmtp_mux_tests::{DEADLINE, Muxd, Raw};

use crate::line::Line;
use crate::{Scale, polite, yard};

/// How a service lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Steady,
    /// It reads so slowly that messages for it are dropped.
    Slow,
    /// It goes and another comes in its place, again and again.
    Brief,
}

/// What all services count.
#[derive(Debug, Default)]
struct Tally {
    delivered: AtomicUsize,
    /// Numbers that are not above the last one of their client.
    fallen: AtomicUsize,
    holders: AtomicUsize,
    is_over: AtomicBool,
}

/// The last number of each client.
type Last = HashMap<Vec<u8>, u64>;

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let goal = scale.pick(1_000_000, 100_000_000);
    // The slow one holds nobody up.
    let muxd = yard::start_with("[[destination]]\npattern = \"c\"\npolicy = \"drop_newest\"\n");
    let tally = Arc::new(Tally::default());
    let began = Instant::now();
    let services: Vec<_> = LIVES
        .into_iter()
        .enumerate()
        .map(|(number, life)| {
            let (tally, url) = (Arc::clone(&tally), muxd.services().to_owned());
            // The first of each is there before anybody asks.
            let raw = Raw::join(&url, "DEALER", &name(number));
            thread::spawn(move || serve(raw, &url, number, life, &tally))
        })
        .collect();
    let clients: Vec<_> = (0..CLIENTS).map(|_| send(&muxd, &tally)).collect();
    let limit = Duration::from_secs(scale.pick(30, 1800) as u64);
    while tally.delivered.load(Ordering::Relaxed) < goal && began.elapsed() < limit {
        thread::sleep(Duration::from_millis(10));
    }
    tally.is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("a client");
    }
    let counters = muxd.counters();
    yard::end(muxd);
    for service in services {
        service.join().expect("a service");
    }
    let [delivered, fallen, holders] =
        [&tally.delivered, &tally.fallen, &tally.holders].map(|of| of.load(Ordering::Relaxed));
    let lost = counters.of("dropped_busy") + counters.of("dropped_unreachable");
    let fault = format!(
        "{delivered} messages, one service slow, {holders} holders of one name, {lost} dropped"
    );
    let figure = format!("{fallen} overtaken or repeated");
    let kept = fallen == 0 && delivered >= goal && lost > 0 && holders > 1;
    vec![Line::new("order, and at most once", fault, figure, "0, and some dropped", kept)]
}

fn name(number: usize) -> Vec<u8> {
    vec![b'a' + u8::try_from(number).expect("few services")]
}

/// Sends numbered messages to all services in turn until it is over.
fn send(muxd: &Muxd, tally: &Arc<Tally>) -> thread::JoinHandle<()> {
    let (mut raw, tally) = (polite::stock(muxd.clients()), Arc::clone(tally));
    thread::spawn(move || {
        let mut number = 0_u64;
        while !tally.is_over.load(Ordering::Relaxed) {
            let mut octets = Vec::new();
            for round in 0..BATCH {
                for (service, life) in LIVES.into_iter().enumerate() {
                    // Each that is refused has to be earned by one that is not.
                    if life == Life::Steady || round % 5 == 0 {
                        octets.extend(message(&[&name(service), &number.to_be_bytes()]));
                        number += 1;
                    }
                }
            }
            raw.send(&octets);
        }
    })
}

fn serve(mut raw: Raw, url: &str, number: usize, life: Life, tally: &Tally) {
    let mut last = Last::new();
    loop {
        let seen = read(&mut raw, life, &mut last, tally);
        tally.holders.fetch_add(usize::from(life == Life::Brief), Ordering::Relaxed);
        if seen == Seen::End || tally.is_over.load(Ordering::Relaxed) {
            return;
        }
        drop(raw);
        raw = Raw::join(url, "DEALER", &name(number));
    }
}

/// Why a service reads no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    End,
    Enough,
}

/// Reads and compares until the broker closes, or for as long as the service lives.
fn read(raw: &mut Raw, life: Life, last: &mut Last, tally: &Tally) -> Seen {
    let (mut octets, began) = (Vec::new(), Instant::now());
    loop {
        match raw.try_octets(DEADLINE) {
            Ok(more) => octets.extend_from_slice(&more),
            Err(_) => return Seen::End,
        }
        let whole = compare(&octets, last, tally);
        octets.drain(..whole);
        if life == Life::Slow && !tally.is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
        if life == Life::Brief && began.elapsed() > BRIEF {
            return Seen::Enough;
        }
    }
}

/// Compares all whole messages and returns what they take. All frames are short, and there are two.
fn compare(octets: &[u8], last: &mut Last, tally: &Tally) -> usize {
    let (mut at, mut whole, mut count) = (0, 0, 0);
    let mut source: &[u8] = &[];
    while let Some([flags, len]) = octets.get(at..at + 2)
        && let Some(body) = octets.get(at + 2..at + 2 + usize::from(*len))
    {
        at += 2 + body.len();
        if flags & MORE != 0 {
            source = body;
            continue;
        }
        whole = at;
        if flags & COMMAND == 0 {
            count += 1;
            let number = u64::from_be_bytes(body.try_into().expect("a number"));
            match last.get_mut(source) {
                Some(last) => {
                    tally.fallen.fetch_add(usize::from(number <= *last), Ordering::Relaxed);
                    *last = number;
                }
                None => drop(last.insert(source.to_vec(), number)),
            }
        }
    }
    tally.delivered.fetch_add(count, Ordering::Relaxed);
    whole
}

const LIVES: [Life; 4] = [Life::Steady, Life::Steady, Life::Slow, Life::Brief];
const CLIENTS: usize = 4;

/// Messages to each service at once.
const BATCH: usize = 50;

/// How long a brief service is there.
const BRIEF: Duration = Duration::from_millis(50);
