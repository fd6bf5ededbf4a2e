//! Polite peers: services that answer, and clients that ask one request at a time.

use std::fmt;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{DEADLINE, Raw};

use crate::figures::{jain, millis, percentile};

/// A service that answers each request with itself, until the broker closes.
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
pub(crate) fn serve_when(raw: Raw, work: impl Fn() + Send + 'static) -> JoinHandle<()> {
    let mut raw = raw.answering();
    thread::spawn(move || {
        loop {
            let request = match raw.try_receive(DEADLINE) {
                Ok(request) => request,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(_) => return,
            };
            work();
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
    clients: Vec<JoinHandle<Asked>>,
}

/// What became of the requests of one client.
#[derive(Debug, Default)]
struct Asked {
    times: Vec<Duration>,
    lost: usize,
    strange: usize,
}

/// What became of the requests of all.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) sent: usize,
    /// Not answered within [`LOST_AFTER`].
    pub(crate) lost: usize,
    /// Answers to nothing that was open: too late, or not asked for.
    pub(crate) strange: usize,
    /// What 99 of 100 answers did not take longer than.
    pub(crate) p99: Duration,
    /// How fairly they were answered.
    pub(crate) jain: f64,
}

impl Polite {
    /// Starts one for each name.
    pub(crate) fn start(url: &str, names: &[String], pace: Duration) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let clients = names.iter().map(|name| {
            let (raw, name) = (Raw::join(url, "DEALER", b""), name.clone());
            let over = Arc::clone(&over);
            thread::spawn(move || ask(raw, name.as_bytes(), pace, &over))
        });
        let clients = clients.collect();
        Self { over, clients }
    }

    /// Ends them, when each has had its last answer.
    pub(crate) fn end(self) -> Fate {
        self.over.store(true, Ordering::Relaxed);
        let each = self.clients.into_iter().map(|client| client.join().expect("a client"));
        let each: Vec<Asked> = each.collect();
        let mut times: Vec<_> = each.iter().flat_map(|asked| asked.times.clone()).collect();
        let lost = each.iter().map(|asked| asked.lost).sum();
        Fate {
            sent: times.len() + lost,
            lost,
            strange: each.iter().map(|asked| asked.strange).sum(),
            jain: jain(&each.iter().map(|asked| asked.times.len()).collect::<Vec<_>>()),
            p99: if times.is_empty() { LOST_AFTER } else { percentile(&mut times, 99) },
        }
    }
}

impl Fate {
    /// Tells whether each request had its answer, and nothing else came.
    pub(crate) fn is_whole(&self) -> bool {
        self.lost == 0 && self.strange == 0 && self.sent > 0
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, lost, strange, p99, .. } = self;
        write!(f, "{lost} of {sent} polite lost")?;
        if *strange > 0 {
            write!(f, ", {strange} answers late or strange")?;
        }
        write!(f, ", p99 {}", millis(*p99))
    }
}

/// Asks until it is `over`, or the broker closes or takes nothing more.
fn ask(mut raw: Raw, name: &[u8], pace: Duration, over: &AtomicBool) -> Asked {
    raw.limit_sending(LOST_AFTER);
    let (mut asked, mut number) = (Asked::default(), 0_u64);
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let wanted = number.to_be_bytes();
        let is_sent = raw.try_send(&message(&[name, &wanted, &[b'p'; 100]])).is_ok();
        let answer = loop {
            match raw.try_receive(LOST_AFTER) {
                Ok(answer) if answer[1] == wanted => break Ok(()),
                Ok(_) => asked.strange += 1,
                Err(error) => break Err(error.kind()),
            }
        };
        match answer {
            Ok(()) => asked.times.push(began.elapsed()),
            Err(_) => asked.lost += 1,
        }
        // What is written in part leaves nothing to go on with.
        if !is_sent || answer.is_err_and(|kind| kind != ErrorKind::WouldBlock) {
            break;
        }
        number += 1;
        thread::sleep(pace);
    }
    asked
}

/// Lets a client in that takes no notices.
pub(crate) fn stock(clients: &str) -> Raw {
    Raw::join(clients, "DEALER", b"").answering()
}

/// Reads in a thread of its own whatever comes, until `raw` is hung up.
pub(crate) fn drain(raw: &Raw) -> JoinHandle<()> {
    let mut stream = raw.stream();
    thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while match std::io::Read::read(&mut stream, &mut chunk) {
            Ok(count) => count > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        } {}
    })
}

/// Closes a connection that another thread reads.
pub(crate) fn hang_up(raw: &Raw) {
    // It can only be closed already.
    let _ = raw.stream().shutdown(Shutdown::Both);
}

/// The body of a request that gets no answer.
pub(crate) const NOISE: &[u8] = b"noise";

/// A request that has waited so long for its answer is lost.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(10);
