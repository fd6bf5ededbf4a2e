//! Counting what arrives, over a window that begins a while after the first message.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::role::Receive;
use crate::{Progress, body, process};

/// Counts and checks messages one after the other.
#[derive(Debug)]
pub struct Meter {
    body_len: usize,
    warm_up: Duration,
    window: Duration,
    count_max: u64,
    /// Messages between two looks at the clock.
    stride: u64,
    /// The number that the next body should have.
    next: u64,
    messages: u64,
    faults: u64,
    began: Option<Instant>,
    opened: Option<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    messages: u64,
    cpu: Duration,
}

impl Meter {
    /// Before the first message.
    #[must_use]
    pub fn new(receive: &Receive) -> Self {
        let (warm_up, window) = receive.window.durations();
        // Who counts has no window: it would read the clock of the process, which fails under
        // valgrind.
        let warm_up = if receive.count.is_some() { Duration::MAX } else { warm_up };
        Self {
            body_len: receive.len,
            warm_up,
            window,
            count_max: receive.count.unwrap_or(u64::MAX),
            stride: (OCTETS_PER_LOOK / (receive.len as u64 + 1)).max(1),
            next: 0,
            messages: 0,
            faults: 0,
            began: None,
            opened: None,
        }
    }

    /// Takes one message; after [`Progress::Done`] the [`report`](Self::report) is due.
    #[inline]
    pub fn take(&mut self, body: &[u8]) -> Progress {
        let number = body::number(body);
        self.faults += u64::from(body.len() != self.body_len || number != Some(self.next));
        // After a gap the count goes on from what is there: one fault for each gap.
        self.next = number.unwrap_or(self.next) + 1;
        self.messages += 1;
        if self.messages >= self.count_max {
            return Progress::Done;
        }
        if self.messages.is_multiple_of(self.stride) || self.began.is_none() {
            self.look()
        } else {
            Progress::More
        }
    }

    /// Counts `messages` that nobody looks into.
    pub fn take_unseen(&mut self, messages: u64) -> Progress {
        self.messages += messages;
        if self.messages >= self.count_max { Progress::Done } else { self.look() }
    }

    /// The figures of the window; of a count, how many there were.
    #[must_use]
    pub fn report(&self) -> Received {
        let Some(opened) = self.opened else {
            return Received {
                messages: self.messages,
                faults: self.faults,
                ..Received::default()
            };
        };
        Received {
            messages: self.messages - opened.messages,
            seconds: opened.at.elapsed().as_secs_f64(),
            cpu_s: process::own_cpu().saturating_sub(opened.cpu).as_secs_f64(),
            faults: self.faults,
        }
    }

    #[cold]
    fn look(&mut self) -> Progress {
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        match self.opened {
            Some(opened) if now.saturating_duration_since(opened.at) >= self.window => {
                Progress::Done
            }
            None if now.saturating_duration_since(began) >= self.warm_up => {
                self.opened =
                    Some(Reading { at: now, messages: self.messages, cpu: process::own_cpu() });
                Progress::More
            }
            Some(_) | None => Progress::More,
        }
    }
}

/// The figures of a receiver, on one line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Received {
    /// Messages in the window.
    pub messages: u64,
    /// Length of the window.
    pub seconds: f64,
    /// CPU time of the receiver in the window, all its threads.
    pub cpu_s: f64,
    /// Messages of another length or number than was due, in the whole run.
    pub faults: u64,
}

/// The line was not what a measuring role prints.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no figures in {0:?}")]
pub struct NoFigures(pub String);

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, seconds, cpu_s, faults } = self;
        write!(f, "messages={messages} seconds={seconds:.6} cpu_s={cpu_s:.6} faults={faults}")
    }
}

impl FromStr for Received {
    type Err = NoFigures;

    fn from_str(line: &str) -> Result<Self, NoFigures> {
        let read = || {
            Some(Self {
                messages: figure(line, "messages")?,
                seconds: figure(line, "seconds")?,
                cpu_s: figure(line, "cpu_s")?,
                faults: figure(line, "faults")?,
            })
        };
        read().ok_or_else(|| NoFigures(line.to_owned()))
    }
}

/// Returns the value of `name=value` in a line.
pub(crate) fn figure<T: FromStr>(line: &str, name: &str) -> Option<T> {
    let pairs = line.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find_map(|(found, value)| (found == name).then(|| value.parse().ok())?)
}

/// Octets of bodies between two looks at the clock.
const OCTETS_PER_LOOK: u64 = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Window;

    fn meter(count: u64) -> Meter {
        let window = Window { warm_up: 0.0, seconds: 60.0 };
        Meter::new(&Receive { len: 16, window, count: Some(count) })
    }

    fn numbered(number: u64) -> Vec<u8> {
        let mut octets = body::blank(16);
        body::stamp(&mut octets, number);
        octets
    }

    #[test]
    fn counts_a_gap_and_a_wrong_length_once_each() {
        let mut meter = meter(6);
        for number in [0, 1, 5, 6] {
            assert_eq!(meter.take(&numbered(number)), Progress::More);
        }
        assert_eq!(meter.take(&numbered(7)[..15]), Progress::More);
        assert_eq!(meter.take(&numbered(8)), Progress::Done);
        assert_eq!(meter.report().faults, 2);
    }

    #[test]
    fn a_printed_report_is_read_back() {
        let report = Received { messages: 7, seconds: 0.5, cpu_s: 0.25, faults: 1 };
        assert_eq!(report.to_string().parse(), Ok(report));
        assert_eq!("seconds=1".parse::<Received>(), Err(NoFigures("seconds=1".to_owned())));
    }
}
