//! The limits of a MUX: whatever peers can make grow, and how far.

use std::time::Duration;

use crate::core::claim::NamePolicy;
use crate::core::rate::Rate;

/// How much may be queued in one place, in octets and in messages. Both hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Octets of messages as they stand on the wire.
    pub octets: usize,
    /// Messages.
    pub messages: usize,
}

impl PoolLimits {
    /// Returns the half of it.
    #[inline]
    pub(crate) fn half(self) -> Self {
        Self { octets: self.octets / 2, messages: self.messages / 2 }
    }
}

/// Limits of a MUX as a whole; those of a single connection are [`zmtp_proto::Limits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MuxLimits {
    /// Connections at once, unfinished handshakes included.
    /// Default: 65,536.
    pub connections: usize,
    /// One part in so many of the connections is kept for listeners of services; 0 keeps none.
    /// Default: 16.
    pub service_places_part: usize,
    /// Connections at once from one IP address (IPv6: from one /64) that is not exempt.
    /// Default: 1,024.
    pub connections_per_ip: usize,
    /// How often one such address may begin a handshake that costs us computations with public
    /// keys.
    /// Default: 20 at once, and 20 a second.
    pub handshakes_per_ip: Rate,
    /// Unfinished handshakes at once.
    /// Default: 1,024.
    pub handshakes: usize,
    /// Services at once that wait because their name is held.
    /// Default: 8,192.
    pub duplicates: usize,
    /// How long such a service waits before it is closed.
    /// Default: 2 s.
    pub duplicate_hold: Duration,
    /// Who gets a name that a service claims while another holds it.
    pub name_policy: NamePolicy,
    /// How long a holder may be silent that is asked whether it lives.
    /// Default: 2 s.
    pub probe_timeout: Duration,
    /// Takeovers of one name within [`takeover_window`](Self::takeover_window); with one more it
    /// would be a fight, and the holder keeps the name.
    /// Default: 5.
    pub takeovers_max: usize,
    /// For how long a takeover counts.
    /// Default: a minute.
    pub takeover_window: Duration,
    /// What may be queued for all destinations together.
    /// Default: 1 GiB, 1,048,576 messages. A daemon lowers it to a quarter of its memory.
    pub global_pool: PoolLimits,
    /// What may be queued for one destination, where rules are [made](crate::Rules::with_pool) of it:
    /// each [`Rule`](crate::Rule) has a pool of its own, and that is what counts.
    /// Default: 32 MiB, 8,192 messages.
    pub destination_pool: PoolLimits,
    /// From how many octets waiting for a destination on messages queue by their sources. At most a
    /// quarter of its pool counts, in octets and in messages.
    /// Default: 256 KiB.
    pub soft_mark: usize,
    /// From how many octets on that the system has not sent yet it takes no more for a TCP peer, and
    /// messages queue by their sources. Linux only; fewer share a slow peer better, and cost a fast
    /// one system calls.
    /// Default: 16 KiB.
    pub unsent_mark: usize,
    /// How often a client may be refused.
    /// Default: 1,000 at once, and 1,000 a second.
    pub refusals: Rate,
    /// RETURNs that a client may leave unread before it is not read itself.
    /// Default: 1,024.
    pub returns_unread: usize,
    /// When a message that was returned for lack of room may be sent again.
    /// Default: 100 ms.
    pub retry_after: Duration,
    /// Services whose end a client is told of.
    /// Default: 16,384.
    pub tracked: usize,
    /// Patterns that a peer may watch.
    /// Default: 256.
    pub watches_per_peer: usize,
    /// Names that a peer may be shown for that.
    /// Default: 65,536.
    pub watch_matches: usize,
    /// How long a client may accept no octet while something waits for it.
    /// Default: 10 s.
    pub write_stall: Duration,
    /// How long a service may be silent that has something to read.
    /// Default: 10 minutes.
    pub busy_service: Duration,
    /// How long a client may be silent that has something to read.
    /// Default: a minute.
    pub busy_client: Duration,
    /// How long a service may take to end that said that it drains.
    /// Default: a minute.
    pub drain_time: Duration,
    /// How long what is queued is still written out when the MUX ends.
    /// Default: 10 s.
    pub end_flush: Duration,
}

impl MuxLimits {
    /// Returns how long a message may be to have room in the global pool while nothing else waits: 3/8
    /// of it. Unfinished messages fill at most three quarters of it, one of a client at most as much of
    /// these as it leaves free; and what waits for clients half of it.
    ///
    /// A longer one is never read to its end, or never admitted. The pool of its destination must fit it
    /// as well.
    // spec: mux:limit:message-fits
    #[must_use]
    pub fn message_len_max(&self) -> usize {
        let octets = self.global_pool.octets;
        octets.saturating_sub(octets / 4) / 2
    }
}

impl Default for MuxLimits {
    /// As each field says.
    // spec: mux:limit:connections, mux:limit:connections-per-ip, mux:limit:handshakes-per-ip
    // spec: mux:limit:service-places, mux:queue:global-pool
    // spec: mux:watch:watches-limit, mux:watch:matches-limit
    fn default() -> Self {
        Self {
            connections: 65_536,
            service_places_part: 16,
            connections_per_ip: 1024,
            handshakes_per_ip: Rate { per_second: 20, burst: 20 },
            handshakes: 1024,
            duplicates: 8192,
            duplicate_hold: Duration::from_secs(2),
            name_policy: NamePolicy::Auto,
            probe_timeout: Duration::from_secs(2),
            takeovers_max: 5,
            takeover_window: Duration::from_mins(1),
            destination_pool: PoolLimits { octets: 32 << 20, messages: 8192 },
            global_pool: PoolLimits { octets: 1 << 30, messages: 1 << 20 },
            soft_mark: 256 * 1024,
            unsent_mark: 16 * 1024,
            refusals: Rate { burst: 1000, per_second: 1000 },
            returns_unread: 1024,
            retry_after: Duration::from_millis(100),
            tracked: 16_384,
            watches_per_peer: 256,
            watch_matches: 65_536,
            write_stall: Duration::from_secs(10),
            busy_service: Duration::from_mins(10),
            busy_client: Duration::from_mins(1),
            drain_time: Duration::from_mins(1),
            end_flush: Duration::from_secs(10),
        }
    }
}
