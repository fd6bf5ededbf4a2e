//! Peers of all kinds that take room and give nothing: how much memory the broker has at most.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Muxd, Raw};

use crate::line::Line;
use crate::{Scale, polite, yard};

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let peers = scale.pick(400, 10_000);
    let muxd = Arc::new(yard::start_with(CONFIG));
    drop(polite::service(muxd.services(), "one", Duration::ZERO));
    let before = muxd.resident_kib();
    let watch = Watch::start(&muxd);
    let crowd: Vec<_> = (0..peers).map(|number| Peer::start(&muxd, number)).collect();
    // Until none of them brings anything more.
    thread::sleep(Duration::from_secs(2));
    let grown = watch.end().saturating_sub(before);
    let counters = muxd.counters();
    drop(crowd);
    // Of those that went with more to send than is read, the broker learns by the clock of their message.
    muxd.wait_counter("connections", |connections| connections == 1);
    let mut client = Raw::join(muxd.clients(), "DEALER", b"");
    client.send(&message(&[b"one", b"still there?"]));
    assert_eq!(client.receive()[1], b"still there?");
    drop(client);
    yard::end(Arc::into_inner(muxd).expect("nobody looks any more"));
    let bound = (POOL_KIB + peers as u64 * PEER_KIB) * 12 / 10;
    let figure = format!(
        "{} MiB more at most, of {} MiB; {} messages dropped, {} not read on, {} handshakes made way; when \
         they are gone it answers",
        grown / 1024,
        bound / 1024,
        counters.of("dropped_busy"),
        counters.of("partials_held_up"),
        counters.of("handshakes_evicted"),
    );
    let fault = format!(
        "{peers} peers: frozen ones, such that never greet, scanners, and messages without end"
    );
    let goal = "<= its pool of 64 MiB and 12 KiB a peer, + 20 %";
    let is_full = counters.of("partials_held_up") > 0;
    vec![Line::new("memory bound", fault, figure, goal, grown <= bound && is_full)]
}

/// One of the crowd, held until the end.
#[expect(dead_code, reason = "held, not looked at")]
enum Peer {
    Joined(Raw),
    Stranger(TcpStream),
}

impl Peer {
    fn start(muxd: &Muxd, number: usize) -> Self {
        match number % 4 {
            0 => {
                let mut frozen = Raw::join_frugal(muxd.clients(), "DEALER", b"");
                frozen.limit_sending(PATIENCE);
                // What it does not get rid of stays with it.
                let _ = frozen.try_send(&message(&[b"one", &[b'f'; 16 * 1024]]).repeat(16));
                Self::Joined(frozen)
            }
            1 => {
                let mut endless = Raw::join(muxd.clients(), "DEALER", b"");
                endless.limit_sending(PATIENCE);
                let mut octets = vec![1, 3, b'o', b'n', b'e', LONG];
                octets.extend_from_slice(&(8_u64 << 20).to_be_bytes());
                octets.resize(1024 * 1024, b'e');
                let _ = endless.try_send(&octets);
                Self::Joined(endless)
            }
            kind => {
                let address = muxd.clients().trim_start_matches("tcp://");
                let mut stranger = TcpStream::connect(address).expect("a listener");
                if kind == 3 {
                    // The broker may have closed it already.
                    let _ = stranger.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n");
                }
                Self::Stranger(stranger)
            }
        }
    }
}

/// Looks at the memory of a broker again and again.
struct Watch {
    is_over: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl Watch {
    fn start(muxd: &Arc<Muxd>) -> Self {
        let (is_over, most) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (muxd, over, highest) = (Arc::clone(muxd), Arc::clone(&is_over), Arc::clone(&most));
        let thread = thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                highest.fetch_max(muxd.resident_kib(), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self { is_over, most, thread }
    }

    fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only looks");
        self.most.load(Ordering::Relaxed)
    }
}

/// The flags of a long frame, the last of its message.
const LONG: u8 = 2;

/// How long a peer tries to get rid of what it has.
const PATIENCE: Duration = Duration::from_millis(20);

const POOL_KIB: u64 = 64 * 1024;

/// What a peer may have without being charged: the beginning of a message, and itself.
const PEER_KIB: u64 = 12;

const CONFIG: &str = "
[limits]
global_pool = { octets = \"64 MiB\" }
write_stall = \"1 h\"
partial_message_time = \"6 s\"
";
