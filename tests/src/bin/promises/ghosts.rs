//! Names in dispute: a busy holder keeps its name, and a dead one does not.

use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::{message, opening};
use zmtp_mux_tests::{Muxd, Raw};

use crate::figures::millis;
use crate::line::Line;
use crate::{Scale, yard};

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let rounds = scale.pick(5, 100);
    let muxd = yard::start();
    let (mut kept, mut worst) = (0, Duration::ZERO);
    // All at once: each takes its two seconds.
    let busy: Vec<_> = (0..rounds).map(|round| Busy::start(&muxd, round)).collect();
    let idle: Vec<_> = (0..rounds).map(|round| Idle::start(&muxd, round)).collect();
    for idle in idle {
        worst = worst.max(idle.replaced());
    }
    for busy in busy {
        kept += usize::from(busy.keeps_its_name());
    }
    let counters = muxd.counters();
    yard::end(muxd);
    let evictions = counters.of("evictions");
    let busy_evicted = evictions - i64::try_from(rounds).expect("a count");
    vec![
        Line::new(
            "one holder",
            format!("{rounds} busy holders that answer no PING, a newcomer for each"),
            format!("{busy_evicted} evicted, {kept} of {rounds} answered later"),
            "0 evicted",
            busy_evicted == 0 && kept == rounds,
        ),
        Line::new(
            "one holder",
            format!("{rounds} idle ghosts, a newcomer for each"),
            format!("{evictions} replaced, the last after {}", millis(worst)),
            "< 2.5 s",
            worst < Duration::from_millis(2500),
        ),
    ]
}

/// A holder that works on a request, and a newcomer that wants its name.
struct Busy {
    holder: Raw,
    client: Raw,
    newcomer: Raw,
    name: Vec<u8>,
    asked_by: Vec<u8>,
}

impl Busy {
    fn start(muxd: &Muxd, round: usize) -> Self {
        let name = format!("busy{round}").into_bytes();
        let mut holder = Raw::join(muxd.services(), "DEALER", &name);
        let mut client = Raw::join(muxd.clients(), "DEALER", b"");
        client.send(&message(&[&name, b"long work"]));
        let asked_by = holder.receive().swap_remove(0);
        let newcomer = Raw::dial_with(muxd.services(), &opening("DEALER", &name));
        Self { holder, client, newcomer, name, asked_by }
    }

    fn keeps_its_name(mut self) -> bool {
        let said = self.newcomer.closed("a newcomer");
        self.holder.send(&message(&[&self.asked_by, b"done"]));
        // No READY: a greeting alone.
        said.len() == 64 && self.client.receive() == [&self.name[..], b"done"]
    }
}

/// A holder that says nothing and has nothing to read, and a newcomer that wants its name.
struct Idle {
    _ghost: Raw,
    newcomer: Raw,
    began: Instant,
}

impl Idle {
    fn start(muxd: &Muxd, round: usize) -> Self {
        let name = format!("idle{round}").into_bytes();
        let ghost = Raw::join(muxd.services(), "DEALER", &name);
        let newcomer = Raw::dial_with(muxd.services(), &opening("DEALER", &name));
        Self { _ghost: ghost, newcomer, began: Instant::now() }
    }

    fn replaced(mut self) -> Duration {
        self.newcomer.await_ready();
        self.began.elapsed()
    }
}
