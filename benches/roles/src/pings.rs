//! Latencies of round trips, over a window that begins a while after the first.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::Progress;
use crate::histogram::Histogram;
use crate::meter::{NoFigures, figure};
use crate::role::Window;

/// Records round trips.
#[derive(Debug)]
pub struct Pings {
    warm_up: Duration,
    window: Duration,
    began: Instant,
    opened: Option<Instant>,
    latencies: Histogram,
    trips: u64,
}

impl Pings {
    /// Before the first round trip, which should follow at once.
    #[must_use]
    pub fn new(window: Window) -> Self {
        let (warm_up, window) = window.durations();
        let began = Instant::now();
        Self { warm_up, window, began, opened: None, latencies: Histogram::new(), trips: 0 }
    }

    /// Records the round trip that began at `sent` and has ended now.
    pub fn take(&mut self, sent: Instant) -> Progress {
        let now = Instant::now();
        match self.opened {
            Some(opened) if now.saturating_duration_since(opened) >= self.window => {
                return Progress::Done;
            }
            Some(_) => {
                self.latencies.record(now.saturating_duration_since(sent));
                self.trips += 1;
            }
            None if now.saturating_duration_since(self.began) >= self.warm_up => {
                self.opened = Some(now);
            }
            None => {}
        }
        Progress::More
    }

    /// The figures of the window.
    #[must_use]
    pub fn report(&self) -> Trips {
        let seconds = self.opened.map_or(0.0, |opened| opened.elapsed().as_secs_f64());
        Trips {
            trips: self.trips,
            seconds,
            p50_us: self.latencies.quantile_us(0.5),
            p99_us: self.latencies.quantile_us(0.99),
        }
    }
}

/// The figures of round trips, on one line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trips {
    /// Round trips in the window.
    pub trips: u64,
    /// Length of the window.
    pub seconds: f64,
    /// Half of them took at most this long.
    pub p50_us: f64,
    /// 99 of 100 took at most this long.
    pub p99_us: f64,
}

impl fmt::Display for Trips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trips, seconds, p50_us, p99_us } = self;
        write!(f, "trips={trips} seconds={seconds:.6} p50_us={p50_us:.3} p99_us={p99_us:.3}")
    }
}

impl FromStr for Trips {
    type Err = NoFigures;

    fn from_str(line: &str) -> Result<Self, NoFigures> {
        let read = || {
            Some(Self {
                trips: figure(line, "trips")?,
                seconds: figure(line, "seconds")?,
                p50_us: figure(line, "p50_us")?,
                p99_us: figure(line, "p99_us")?,
            })
        };
        read().ok_or_else(|| NoFigures(line.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_report_is_read_back() {
        let report = Trips { trips: 7, seconds: 0.5, p50_us: 8.25, p99_us: 20.0 };
        assert_eq!(report.to_string().parse(), Ok(report));
    }
}
