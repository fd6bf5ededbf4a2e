//! Polite peers: services that answer, and clients that ask one request at a time.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Raw, notice};

/// A service that answers each request with itself, until it is asked to end.
pub(crate) fn service(url: &str, name: &str, work: Duration) -> JoinHandle<()> {
    serve(Raw::join(url, "DEALER", name.as_bytes()), work)
}

/// As [`service`], over a connection that has shaken hands.
pub(crate) fn serve(raw: Raw, work: Duration) -> JoinHandle<()> {
    serve_when(raw, move || {
        if !work.is_zero() {
            thread::sleep(work);
        }
    })
}

/// As [`serve`]; before each request it does `work`.
pub(crate) fn serve_when(mut raw: Raw, work: impl Fn() + Send + 'static) -> JoinHandle<()> {
    thread::spawn(move || {
        loop {
            let request = raw.receive();
            work();
            if request[1] == END {
                return;
            }
            // What others send is worth no answer.
            if request[1] != NOISE {
                let frames: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
                raw.send(&message(&frames));
            }
        }
    })
}

/// Clients in threads of their own, each with one open request at a time.
pub(crate) struct Polite {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Duration>>>,
}

impl Polite {
    /// Starts one for each name.
    pub(crate) fn start(url: &str, names: &[String], pace: Duration) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let clients = names.iter().map(|name| {
            let (mut raw, name) = (Raw::join(url, "DEALER", b""), name.clone());
            let over = Arc::clone(&over);
            thread::spawn(move || {
                let mut times = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let number = (times.len() as u64).to_be_bytes();
                    raw.send(&message(&[name.as_bytes(), &number, &[b'p'; 100]]));
                    assert_eq!(raw.receive()[1], number, "a polite request is lost or repeated");
                    times.push(began.elapsed());
                    thread::sleep(pace);
                }
                times
            })
        });
        let clients = clients.collect();
        Self { over, clients }
    }

    /// Ends them. Every request of theirs was answered; returns how long each took.
    pub(crate) fn end(self) -> Vec<Duration> {
        self.end_each().concat()
    }

    /// As [`end`](Self::end), for each client by itself.
    pub(crate) fn end_each(self) -> Vec<Vec<Duration>> {
        self.over.store(true, Ordering::Relaxed);
        self.clients.into_iter().map(|client| client.join().expect("all answered")).collect()
    }
}

/// Reads in a thread of its own whatever comes, until `raw` is hung up.
pub(crate) fn drain(raw: &Raw) -> JoinHandle<()> {
    let mut stream = raw.stream();
    thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while std::io::Read::read(&mut stream, &mut chunk).is_ok_and(|count| count > 0) {}
    })
}

/// Closes a connection that another thread reads.
pub(crate) fn hang_up(raw: &Raw) {
    // It can only be closed already.
    let _ = raw.stream().shutdown(Shutdown::Both);
}

/// Asks a service to end, as often as its queue is full, and waits until it has.
pub(crate) fn end_service(clients: &str, name: &str) {
    let mut raw = notice::opted_in(clients);
    loop {
        raw.send(&message(&[name.as_bytes(), END]));
        let frames = raw.receive();
        let is_busy = notice::kind(&frames) == Some(notice::RETURN) && frames[1][5] == BUSY;
        if !is_busy {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The body of a request that gets no answer.
pub(crate) const NOISE: &[u8] = b"noise";

const END: &[u8] = b"end";

/// The reason of a RETURN for lack of room.
const BUSY: u8 = 2;
