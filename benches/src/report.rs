//! The one line that a load generator prints: `name=value` pairs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::tally::Tally;

/// The figures of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// Requests answered in the window.
    pub requests: u64,
    /// Length of the window.
    pub seconds: f64,
    /// Half of the window's answers took at most this long.
    pub p50_us: f64,
    /// 99 of 100 took at most this long.
    pub p99_us: f64,
    /// CPU time of the generator in the window.
    pub own_cpu_s: f64,
    /// CPU time of the broker in the window, its own code.
    pub broker_user_s: f64,
    /// CPU time of the broker in the window, kernel.
    pub broker_system_s: f64,
    /// User instructions of the broker in the window, where countable.
    pub instructions: Option<u64>,
    /// Requests answered in the whole run.
    pub answered: u64,
    /// Faults in the whole run.
    pub errors: u64,
    /// Requests that had no answer by the end of the drain.
    pub lost: u64,
    /// Faults by kind.
    pub tally: Tally,
}

/// The line was not a report.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the report has no readable `{0}`")]
pub struct ReportError(&'static str);

impl LoadReport {
    /// Requests answered in each second of the window.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Seconds of broker CPU for a million requests, user and system.
    #[must_use]
    pub fn broker_cpu_per_million(&self) -> (f64, f64) {
        let millions = self.requests as f64 / 1e6;
        (self.broker_user_s / millions, self.broker_system_s / millions)
    }

    /// The generator's CPU time as a share of the window. Near 1 the generator,
    /// which has one thread, is what limits the rate.
    #[must_use]
    pub fn own_share(&self) -> f64 {
        self.own_cpu_s / self.seconds
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requests={} seconds={:.6} ", self.requests, self.seconds)?;
        write!(f, "requests_per_s={:.0} ", self.rate())?;
        write!(f, "p50_us={:.3} p99_us={:.3} ", self.p50_us, self.p99_us)?;
        write!(f, "own_cpu_s={:.6} own_share={:.3} ", self.own_cpu_s, self.own_share())?;
        write!(f, "broker_user_s={:.3} ", self.broker_user_s)?;
        write!(f, "broker_system_s={:.3} ", self.broker_system_s)?;
        match self.instructions {
            Some(count) => write!(f, "instructions={count} ")?,
            None => write!(f, "instructions=none ")?,
        }
        write!(f, "answered={} errors={} lost={} ", self.answered, self.errors, self.lost)?;
        let Tally { body, source, unexpected, order, malformed, disconnected } = self.tally;
        write!(f, "bad_body={body} bad_source={source} unexpected={unexpected} ")?;
        write!(f, "bad_order={order} malformed={malformed} disconnected={disconnected}")
    }
}

impl FromStr for LoadReport {
    type Err = ReportError;

    fn from_str(line: &str) -> Result<Self, ReportError> {
        let pairs: BTreeMap<&str, &str> =
            line.split_whitespace().filter_map(|pair| pair.split_once('=')).collect();
        let pairs = Pairs(pairs);
        Ok(Self {
            requests: pairs.value("requests")?,
            seconds: pairs.value("seconds")?,
            p50_us: pairs.value("p50_us")?,
            p99_us: pairs.value("p99_us")?,
            own_cpu_s: pairs.value("own_cpu_s")?,
            broker_user_s: pairs.value("broker_user_s")?,
            broker_system_s: pairs.value("broker_system_s")?,
            instructions: pairs.value("instructions").ok(),
            answered: pairs.value("answered")?,
            errors: pairs.value("errors")?,
            lost: pairs.value("lost")?,
            tally: Tally {
                body: pairs.value("bad_body")?,
                source: pairs.value("bad_source")?,
                unexpected: pairs.value("unexpected")?,
                order: pairs.value("bad_order")?,
                malformed: pairs.value("malformed")?,
                disconnected: pairs.value("disconnected")?,
            },
        })
    }
}

struct Pairs<'a>(BTreeMap<&'a str, &'a str>);

impl Pairs<'_> {
    fn value<T: FromStr>(&self, name: &'static str) -> Result<T, ReportError> {
        self.0.get(name).and_then(|value| value.parse().ok()).ok_or(ReportError(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_report_is_read_back() {
        let report = LoadReport {
            requests: 10,
            seconds: 0.5,
            p50_us: 1.25,
            instructions: Some(7),
            errors: 2,
            tally: Tally { body: 2, ..Tally::default() },
            ..LoadReport::default()
        };
        assert_eq!(report.to_string().parse(), Ok(report));
        assert_eq!("requests=1".parse::<LoadReport>(), Err(ReportError("seconds")));
    }
}
