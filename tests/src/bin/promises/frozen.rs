//! A hundred clients of one service ask and read nothing: what the service gets done for others.

use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Muxd, Raw};

use crate::line::Line;
use crate::paired::{Both, Turns};
use crate::{Scale, polite, yard};

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let muxds = [yard::start_with(CONFIG), yard::start_with(CONFIG)];
    for muxd in &muxds {
        drop(polite::service(muxd.services(), "one", Duration::ZERO));
    }
    let mut clients = muxds.each_ref().map(client);
    let mut compare = |sick: usize| {
        let mut crowds = muxds.each_ref().map(|muxd| [(); CROWD].map(|()| client(muxd)));
        for frozen in &mut crowds[sick] {
            freeze(&muxds[sick], frozen);
        }
        let mut number = 0;
        Turns::take(&muxds, 1 - sick, scale, |broker| {
            let mut aside = Duration::ZERO;
            for _ in 0..ROUNDS {
                number += 1;
                let other = &mut crowds[broker][number % CROWD];
                other.send(&message(&[b"one", &[b'f'; 1024]]));
                ask(&mut clients[broker]);
                let asked = Instant::now();
                if broker != sick {
                    let _ = other.receive();
                }
                aside += asked.elapsed();
            }
            aside
        })
    };
    let throughput = Both([compare(1), compare(0)]);
    for muxd in muxds {
        yard::end(muxd);
    }
    vec![Line::new(
        "clients never slow a service",
        "100 clients of one service ask on and read nothing",
        throughput.to_string(),
        ">= 95 %",
        throughput.keeps(0.95),
    )]
}

fn client(muxd: &Muxd) -> Raw {
    Raw::join(muxd.clients(), "DEALER", b"")
}

/// Has a client ask until its answers are dropped.
fn freeze(muxd: &Muxd, frozen: &mut Raw) {
    let dropped = muxd.counters().of("dropped_busy");
    let chunk = message(&[b"one", &[b'f'; 16 * 1024]]).repeat(16);
    while muxd.counters().of("dropped_busy") == dropped {
        frozen.send(&chunk);
    }
}

/// Asks a hundred times at once, and waits until all is answered.
fn ask(client: &mut Raw) {
    client.send(&message(&[b"one", &[b'p'; 100]]).repeat(REQUESTS));
    for _ in 0..REQUESTS {
        assert_eq!(client.receive()[0], b"one");
    }
}

const CROWD: usize = 100;

/// How often a client asks, and one of the crowd, in a turn; and what it asks at once.
const ROUNDS: usize = 10;
const REQUESTS: usize = 100;

/// So that a hundred queues are full soon, and stay so.
const CONFIG: &str = "
[limits]
message_len = \"256 KiB\"
write_stall = \"1 h\"

[role.client]
pool = { octets = \"256 KiB\", messages = 1000 }
";
