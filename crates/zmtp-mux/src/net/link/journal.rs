//! What the log says of connections: a number for each, and failed handshakes in few lines.
//!
//! Whoever cannot come in tries again, some of them many times a second and for ever. So an
//! address has one line in a while, which counts those that were left out before it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::display;
use tracing::{debug, info};

use crate::core::{Name, Principal};
use crate::net::authenticator::PeerAddress;
use crate::net::clock::now;
use crate::net::end::End;

/// What the log remembers for all listeners of a MUX.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    connections: AtomicU64,
    failures: Mutex<Failures>,
}

/// A connection as the log names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// Rises from 1 with every connection of the MUX.
    pub(crate) number: u64,
    /// The role of the listener.
    pub(crate) role: &'static str,
    pub(crate) address: PeerAddress,
}

/// A failed handshake, and what is known of the peer.
#[derive(Debug)]
pub(crate) struct Failure<'f> {
    pub(crate) end: &'f End,
    /// What the end does not say itself.
    pub(crate) detail: &'f str,
    pub(crate) claims: Option<&'f Principal>,
    pub(crate) name: Option<&'f Name>,
}

impl Journal {
    /// Returns the number of a new connection.
    pub(crate) fn number(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Says that a handshake failed, unless there was a line about its address lately.
    pub(crate) fn tell(&self, caller: Caller, failure: &Failure<'_>) {
        let Caller { number: connection, role, address } = caller;
        let (end, address) = (failure.end, Plain(address));
        // Of those who leave in time nothing is wrong: a look at the port, or our own end.
        if matches!(end, End::PeerLeft | End::MuxEnds) {
            debug!(connection, role, %address, %end, "handshake over");
            return;
        }
        let more =
            self.failures.lock().unwrap_or_else(PoisonError::into_inner).note(address.0, now());
        let Some(more) = more else { return };
        let (claims, name) = (failure.claims.map(display), failure.name.map(display));
        let text = Text { end, detail: failure.detail, more };
        info!(connection, role, %address, claims, name, "handshake failed: {text}");
    }
}

/// What stands in such a line.
struct Text<'t> {
    end: &'t End,
    detail: &'t str,
    more: u64,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.end)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        if self.more > 0 {
            write!(f, ", and {} more before that had no line", self.more)?;
        }
        Ok(())
    }
}

/// An address without the words of the code around it.
pub(crate) struct Plain(pub(crate) PeerAddress);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PeerAddress::Ip(address) => write!(f, "{}", address.to_canonical()),
            PeerAddress::Ipc { uid, gid } => write!(f, "ipc:{uid}:{gid}"),
            PeerAddress::Unknown => f.write_str("ipc"),
            PeerAddress::Inproc => f.write_str("inproc"),
        }
    }
}

/// When there was a line about whom. Invariant: at most [`PLACES_MAX`] places.
#[derive(Debug, Default)]
struct Failures {
    places: Vec<(PeerAddress, Line)>,
    /// All addresses for which there is no place.
    others: Line,
}

/// The last line about an address, and the failures that it does not tell of.
#[derive(Debug, Default)]
struct Line {
    at: Option<Instant>,
    left_out: u64,
}

impl Failures {
    /// Notes a failure. If it is to have a line, returns how many before it had none.
    fn note(&mut self, address: PeerAddress, now: Instant) -> Option<u64> {
        if let Some((_, line)) = self.places.iter_mut().find(|(other, _)| *other == address) {
            return line.note(now);
        }
        if self.places.len() < PLACES_MAX {
            self.places.push((address, Line { at: Some(now), left_out: 0 }));
            return Some(0);
        }
        match self.places.iter_mut().find(|(_, line)| line.is_old(now)) {
            Some((place, line)) => {
                *place = address;
                line.note(now)
            }
            None => self.others.note(now),
        }
    }
}

impl Line {
    fn note(&mut self, now: Instant) -> Option<u64> {
        if self.is_old(now) {
            self.at = Some(now);
            return Some(std::mem::take(&mut self.left_out));
        }
        self.left_out = self.left_out.wrapping_add(1);
        None
    }

    fn is_old(&self, now: Instant) -> bool {
        self.at.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE)
    }
}

/// How long an address has no further line.
const PAUSE: Duration = Duration::from_secs(10);

/// Addresses that are told apart.
const PLACES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn from(number: usize) -> PeerAddress {
        let bits = u32::try_from(number).unwrap();
        PeerAddress::Ip(IpAddr::V4(Ipv4Addr::from_bits(bits)))
    }

    #[test]
    fn an_address_has_one_line_in_a_while_which_counts_those_left_out() {
        let (mut failures, begin) = (Failures::default(), now());
        assert_eq!(failures.note(from(1), begin), Some(0));
        for _ in 0..3 {
            assert_eq!(failures.note(from(1), begin + PAUSE / 2), None);
        }
        assert_eq!(failures.note(from(2), begin + PAUSE / 2), Some(0));
        assert_eq!(failures.note(from(1), begin + PAUSE), Some(3));
        assert_eq!(failures.note(from(1), begin + PAUSE), None);
        assert_eq!(failures.note(from(1), begin + PAUSE * 2), Some(1));
    }

    #[test]
    fn more_addresses_than_there_are_places_share_one_line_and_no_memory() {
        let (mut failures, begin) = (Failures::default(), now());
        let lines = |failures: &mut Failures, at| {
            (0..10 * PLACES_MAX).filter(|&number| failures.note(from(number), at).is_some()).count()
        };
        assert_eq!(lines(&mut failures, begin), PLACES_MAX + 1);
        assert_eq!(lines(&mut failures, begin + PAUSE / 2), 0);
        assert_eq!(lines(&mut failures, begin + PAUSE), PLACES_MAX + 1);
        assert_eq!(failures.places.len(), PLACES_MAX);
    }

    #[test]
    fn a_line_says_what_is_known_and_no_more() {
        let text = |detail, more| Text { end: &End::Denied, detail, more }.to_string();
        assert_eq!(text("", 0), "denied");
        let all = text("key not in the list", 12);
        assert_eq!(all, "denied: key not in the list, and 12 more before that had no line");
    }

    #[test]
    fn addresses_are_shown_as_they_are_written() {
        let mapped = PeerAddress::Ip("::ffff:192.0.2.1".parse().unwrap());
        for (address, shown) in [
            (mapped, "192.0.2.1"),
            (PeerAddress::Ip("2001:db8::1".parse().unwrap()), "2001:db8::1"),
            (PeerAddress::Ipc { uid: 1, gid: 2 }, "ipc:1:2"),
            (PeerAddress::Unknown, "ipc"),
            (PeerAddress::Inproc, "inproc"),
        ] {
            assert_eq!(Plain(address).to_string(), shown);
        }
    }
}
