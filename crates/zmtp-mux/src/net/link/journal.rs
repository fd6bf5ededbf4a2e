//! What the log says of connections: a number for each, and whatever strangers can cause in few lines.
//!
//! Whoever cannot come in tries again, some of them many times a second and for ever; and who can may
//! come and go as often. So of each [`Topic`] an address has so many lines in a while, and all together
//! have so many; the next one counts those that were left out before it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
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
#[derive(Debug)]
pub(crate) struct Journal {
    connections: AtomicU64,
    failures: Mutex<Lines>,
    peers: Mutex<Lines>,
    waits: Mutex<Lines>,
    faults: Mutex<Lines>,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A peer is there, or has gone.
    Peer,
    /// A peer waits for a name, or has none.
    Wait,
    /// Our side, or the system, does not do what it should.
    Fault,
}

/// Says at the end of a line how many were left out before it; nothing if none was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut(u64);

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
        let Some(more) = note(&self.failures, address.0) else { return };
        let (claims, name) = (failure.claims.map(display), failure.name.map(display));
        let colon = if failure.detail.is_empty() { "" } else { ": " };
        let detail = failure.detail;
        info!(connection, role, %address, claims, name, "handshake failed: {end}{colon}{detail}{more}");
    }

    /// Decides whether there is to be a line about a peer at this address.
    // spec: mux:log:bounded
    pub(crate) fn allow(&self, topic: Topic, address: PeerAddress) -> Option<LeftOut> {
        let lines = match topic {
            Topic::Peer => &self.peers,
            Topic::Wait => &self.waits,
            Topic::Fault => &self.faults,
        };
        note(lines, address)
    }
}

impl Default for Journal {
    fn default() -> Self {
        let lines = |each, all| Mutex::new(Lines::new(each, all));
        Self {
            connections: AtomicU64::new(0),
            failures: lines(1, 256),
            peers: lines(256, 1024),
            waits: lines(8, 256),
            faults: lines(1, 16),
        }
    }
}

fn note(lines: &Mutex<Lines>, address: PeerAddress) -> Option<LeftOut> {
    lines.lock().unwrap_or_else(PoisonError::into_inner).note(address, now())
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            more => write!(f, ", and {more} more before that had no line"),
        }
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

/// When there were lines about whom. Invariant: at most [`PLACES_MAX`] places.
#[derive(Debug)]
struct Lines {
    /// How many in [`PAUSE`] for an address, and for all addresses.
    each_max: u32,
    all_max: u32,
    places: Vec<(PeerAddress, Budget)>,
    /// Of all addresses for which there is no place.
    others: Budget,
    all: Budget,
}

/// The lines since some moment, and what they do not tell of.
#[derive(Debug, Default)]
struct Budget {
    since: Option<Instant>,
    spent: u32,
    left_out: u64,
}

impl Lines {
    fn new(each_max: u32, all_max: u32) -> Self {
        let (places, others, all) = (Vec::new(), Budget::default(), Budget::default());
        Self { each_max, all_max, places, others, all }
    }

    /// Notes something. If it is to have a line, returns how many before had none.
    fn note(&mut self, address: PeerAddress, now: Instant) -> Option<LeftOut> {
        let (each_max, address) = (self.each_max, network(address));
        let is_full = !self.all.has_some(self.all_max, now);
        let place = self.places.iter().position(|(other, _)| *other == address);
        let place = place.or_else(|| {
            if self.places.len() < PLACES_MAX {
                self.places.push((address, Budget::default()));
                return self.places.len().checked_sub(1);
            }
            let old = self.places.iter().position(|(_, budget)| budget.is_old(now))?;
            // What was left out there is told by whoever comes next.
            self.places.get_mut(old)?.0 = address;
            Some(old)
        });
        let place = place.and_then(|place| self.places.get_mut(place));
        let budget = place.map_or(&mut self.others, |(_, budget)| budget);
        if is_full || !budget.has_some(each_max, now) {
            budget.left_out = budget.left_out.wrapping_add(1);
            return None;
        }
        budget.spend();
        self.all.spend();
        Some(LeftOut(std::mem::take(&mut budget.left_out)))
    }
}

impl Budget {
    /// Tells whether there is a line left of `max`, which are there anew after a [`PAUSE`].
    fn has_some(&mut self, max: u32, now: Instant) -> bool {
        if self.is_old(now) {
            (self.since, self.spent) = (Some(now), 0);
        }
        self.spent < max
    }

    fn spend(&mut self) {
        self.spent = self.spent.saturating_add(1);
    }

    fn is_old(&self, now: Instant) -> bool {
        self.since.is_none_or(|since| now.saturating_duration_since(since) >= PAUSE)
    }
}

/// Returns what is likely one machine's: of IPv6 the /64.
fn network(address: PeerAddress) -> PeerAddress {
    match address {
        PeerAddress::Ip(ip) => PeerAddress::Ip(match ip.to_canonical() {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
        }),
        PeerAddress::Ipc { .. } | PeerAddress::Unknown | PeerAddress::Inproc => address,
    }
}

/// After what time there are new lines for an address.
const PAUSE: Duration = Duration::from_secs(10);

/// Addresses that are told apart.
const PLACES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn from(number: usize) -> PeerAddress {
        let bits = u32::try_from(number).unwrap();
        PeerAddress::Ip(IpAddr::V4(Ipv4Addr::from_bits(bits)))
    }

    /// mux:log:bounded.
    #[test]
    fn an_address_has_its_lines_in_a_while_and_the_next_counts_those_left_out() {
        for each in [1, 3] {
            let (mut lines, begin) = (Lines::new(each, 100), now());
            for _ in 0..each {
                assert_eq!(lines.note(from(1), begin), Some(LeftOut(0)));
            }
            for _ in 0..3 {
                assert_eq!(lines.note(from(1), begin + PAUSE / 2), None);
            }
            assert_eq!(lines.note(from(2), begin + PAUSE / 2), Some(LeftOut(0)));
            assert_eq!(lines.note(from(1), begin + PAUSE), Some(LeftOut(3)));
            for _ in 1..each {
                assert_eq!(lines.note(from(1), begin + PAUSE), Some(LeftOut(0)));
            }
            assert_eq!(lines.note(from(1), begin + PAUSE), None);
            assert_eq!(lines.note(from(1), begin + PAUSE * 2), Some(LeftOut(1)));
        }
    }

    /// mux:log:bounded.
    #[test]
    fn more_addresses_than_there_are_places_share_one_and_no_memory() {
        let (mut all, begin) = (Lines::new(1, 1000), now());
        let lines = |all: &mut Lines, at| {
            (0..10 * PLACES_MAX).filter(|&number| all.note(from(number), at).is_some()).count()
        };
        assert_eq!(lines(&mut all, begin), PLACES_MAX + 1);
        assert_eq!(lines(&mut all, begin + PAUSE / 2), 0);
        assert_eq!(lines(&mut all, begin + PAUSE), PLACES_MAX + 1);
        assert_eq!(all.places.len(), PLACES_MAX);
    }

    /// mux:log:bounded.
    #[test]
    fn all_addresses_together_have_no_more_lines_than_that() {
        let (mut lines, begin) = (Lines::new(3, 5), now());
        let told = |lines: &mut Lines, at| {
            (0..40).filter(|number| lines.note(from(number % 20), at).is_some()).count()
        };
        assert_eq!(told(&mut lines, begin), 5);
        assert_eq!(told(&mut lines, begin + PAUSE / 2), 0);
        assert_eq!(told(&mut lines, begin + PAUSE), 5);
        assert_eq!(lines.note(from(19), begin + PAUSE * 2), Some(LeftOut(6)));
    }

    /// mux:log:bounded.
    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let ip = |text: &str| PeerAddress::Ip(text.parse().unwrap());
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8::ffff:1:2:3")));
        assert_ne!(network(ip("2001:db8::1")), network(ip("2001:db8:0:1::1")));
        assert_eq!(network(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
        assert_ne!(network(ip("192.0.2.1")), network(ip("192.0.2.2")));
    }

    #[test]
    fn a_line_says_how_many_were_left_out_if_any_was() {
        assert_eq!(LeftOut(0).to_string(), "");
        assert_eq!(LeftOut(12).to_string(), ", and 12 more before that had no line");
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
