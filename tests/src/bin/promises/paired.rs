//! Two brokers with the same load that take turns, one of them at fault: what the fault costs.
//!
//! Turns are short and follow at once, so that whatever else the machine does hits both, and the
//! median of their ratios is hardly moved by what hits one. Halfway the brokers change their parts,
//! since two processes of one program differ by more than what is to be seen. Where the machine is
//! busy all the same, the processor's time tells more than the clock.

use std::fmt;
use std::time::{Duration, Instant};

use zmtp_mux_tests::Muxd;

use crate::Scale;

/// What blocks of turns took at fault and without.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    /// The throughput at fault as a part of that without.
    throughput: Spread,
    /// The processor's time that the broker took without fault, as a part of that at fault.
    thrift: Spread,
}

/// What one turn took, or a block of them.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    time: Duration,
    cpu: Duration,
}

/// Ratios in their order.
#[derive(Clone, Debug)]
struct Spread(Vec<f64>);

impl Turns {
    /// Takes turns; `turn` takes one with the broker of this index, and says how much of the time
    /// until it returns does not count.
    pub(crate) fn take(
        muxds: &[Muxd; 2],
        healthy: usize,
        scale: Scale,
        mut turn: impl FnMut(usize) -> Duration,
    ) -> Self {
        let mut timed = |broker: usize| {
            let (began, cpu) = (Instant::now(), muxds[broker].cpu_time());
            let aside = turn(broker);
            let time = began.elapsed().saturating_sub(aside);
            Took { time, cpu: muxds[broker].cpu_time().saturating_sub(cpu) }
        };
        // The first are not counted: their connections are cold.
        for number in 0..WARM_UP {
            let _ = timed(number % 2);
        }
        let mut blocks = Vec::new();
        for _ in 0..scale.pick(100, 400) {
            let mut block = [Took::default(); 2];
            for number in 0..BLOCK_LEN {
                // Each begins as often as the other.
                for broker in [number % 2, (number + 1) % 2] {
                    let took = timed(broker);
                    block[broker].time += took.time;
                    block[broker].cpu += took.cpu;
                }
            }
            blocks.push([block[healthy], block[1 - healthy]]);
        }
        let spread = |part: fn(&Took) -> Duration| {
            Spread::of(blocks.iter().map(|[well, ill]| part(well).div_duration_f64(part(ill))))
        };
        Self { throughput: spread(|took| took.time), thrift: spread(|took| took.cpu) }
    }
}

impl Spread {
    fn of(ratios: impl Iterator<Item = f64>) -> Self {
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        Self(ratios)
    }

    fn quantile(&self, of_hundred: usize) -> f64 {
        self.0[(self.0.len() - 1) * of_hundred / 100]
    }

    /// The standard error of the median, from the middle half of all.
    fn error(&self) -> f64 {
        0.93 * (self.quantile(75) - self.quantile(25)) / (self.0.len() as f64).sqrt()
    }
}

/// A median, and its standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    median: f64,
    error: f64,
}

impl Part {
    /// Of the spreads before and after the brokers have changed their parts.
    fn of(spreads: [&Spread; 2]) -> Self {
        let [before, after] = spreads.map(|spread| spread.quantile(50));
        let [before_error, after_error] = spreads.map(Spread::error);
        Self { median: (before * after).sqrt(), error: before_error.hypot(after_error) / 2.0 }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} +- {:.1} %", self.median * 100.0, self.error * 100.0)
    }
}

/// The turns before and after the brokers have changed their parts.
#[derive(Clone, Debug)]
pub(crate) struct Both(pub(crate) [Turns; 2]);

impl Both {
    fn throughput(&self) -> Part {
        Part::of(self.0.each_ref().map(|turns| &turns.throughput))
    }

    fn thrift(&self) -> Part {
        Part::of(self.0.each_ref().map(|turns| &turns.thrift))
    }

    /// Tells whether no more than the rest is lost: surely not by the processor's time, and as far
    /// as the clock can tell.
    pub(crate) fn keeps(&self, part: f64) -> bool {
        let by_clock = self.throughput();
        self.thrift().median >= part && by_clock.median + 2.0 * by_clock.error >= part
    }
}

impl fmt::Display for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (clock, cpu) = (self.throughput(), self.thrift());
        write!(f, "{clock} of healthy throughput, {cpu} by the broker's processor time")
    }
}

/// Turns of each broker in a block.
const BLOCK_LEN: usize = 4;

const WARM_UP: usize = 10;
