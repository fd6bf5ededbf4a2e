//! A broker under attack, and the polite peers in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::{Counters, Muxd};

use crate::raw::Raw;
use crate::wire::message;

/// A broker with polite peers.
pub(crate) struct Siege {
    pub(crate) muxd: Muxd,
    pub(crate) polite: Polite,
}

impl Siege {
    /// Starts a broker, and the polite peers.
    pub(crate) fn start() -> Self {
        Self::start_on("1")
    }

    /// Starts a broker that serves its connections on so many threads, and the polite peers.
    pub(crate) fn start_on(threads: &str) -> Self {
        let muxd =
            Muxd::start(&["--clients", ANY_PORT, "--services", ANY_PORT, "--threads", threads]);
        let polite = Polite::start(muxd.clients(), muxd.services());
        Self { muxd, polite }
    }

    /// Says that a newcomer gets in and is served, now.
    pub(crate) fn newcomer(&self) {
        newcomer(self.muxd.clients());
    }

    /// Ends it: the polite peers have noticed nothing, and every message is accounted for.
    pub(crate) fn end(self, attack: &str) -> Counters {
        self.polite.end(attack);
        self.muxd.stop()
    }
}

/// Says that a client gets in and is served.
pub(crate) fn newcomer(clients: &str) {
    let mut client = Raw::join(clients, "DEALER", b"");
    client.send(&message(&[POLITE, b"new"]));
    assert_eq!(client.receive(), [POLITE, b"new"]);
}

/// A client and a service that exchange requests, one at a time, in two threads.
pub(crate) struct Polite {
    over: Arc<AtomicBool>,
    client: JoinHandle<Vec<Duration>>,
    service: JoinHandle<()>,
}

impl Polite {
    pub(crate) fn start(clients: &str, services: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut service = Raw::join(services, "DEALER", POLITE);
        let service = thread::spawn(move || {
            loop {
                let request = service.receive();
                let frames: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
                service.send(&message(&frames));
                if frames[1] == LAST {
                    return;
                }
            }
        });
        let mut client = Raw::join(clients, "DEALER", b"");
        let ended = Arc::clone(&over);
        let client = thread::spawn(move || {
            let mut times = Vec::new();
            loop {
                let last = ended.load(Ordering::Relaxed);
                let count = u64::try_from(times.len()).expect("a count").to_be_bytes();
                let body = if last { LAST } else { &count };
                let began = Instant::now();
                client.send(&message(&[POLITE, body]));
                assert_eq!(client.receive(), [POLITE, body], "lost or repeated");
                times.push(began.elapsed());
                if last {
                    return times;
                }
                // So that the polite take little of the processor.
                thread::sleep(PACE);
            }
        });
        Self { over, client, service }
    }

    /// Says that every request was answered, and in time.
    pub(crate) fn end(self, attack: &str) {
        self.over.store(true, Ordering::Relaxed);
        let mut times = self.client.join().expect("the polite client is served to the end");
        self.service.join().expect("the polite service serves to the end");
        times.sort_unstable();
        let (count, worst) = (times.len(), times[times.len() - 1]);
        let (median, p99) = (times[count / 2], times[count * 99 / 100]);
        println!("{attack}: polite {count} requests, p50 {median:?}, p99 {p99:?}, max {worst:?}");
        assert!(worst < STALL_MAX, "{attack}: a polite request took {worst:?}");
    }
}

/// The name of the polite service.
pub(crate) const POLITE: &[u8] = b"polite";

const LAST: &[u8] = b"last";

const PACE: Duration = Duration::from_millis(1);

/// How long a polite request may take at worst. A whole machine may stall for some time when it
/// is busy; what this finds is peers that wait for others.
const STALL_MAX: Duration = Duration::from_secs(2);
