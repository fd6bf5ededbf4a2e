//! The limits of a MUX: whatever peers can make grow, and how far.

use std::time::Duration;

/// How much may be queued in one place, in octets and in messages. Both hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Octets of messages as they stand on the wire.
    pub octets: usize,
    /// Messages.
    pub messages: usize,
}

/// Limits of a MUX as a whole; those of a single connection are [`zmtp_proto::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MuxLimits {
    /// Connections at once, unfinished handshakes included.
    pub connections: usize,
    /// Connections at once from one IP address (IPv6: from one /64). Does not count loopback.
    pub connections_per_ip: usize,
    /// Unfinished handshakes at once.
    pub handshakes: usize,
    /// Services at once that wait because their name is held.
    pub duplicates: usize,
    /// How long such a service waits before it is closed.
    pub duplicate_hold: Duration,
    /// What may be queued for one destination.
    pub destination_pool: PoolLimits,
    /// What may be queued for all destinations together.
    pub global_pool: PoolLimits,
    /// How long a service may be silent that has something to read.
    pub busy_service: Duration,
    /// How long a client may be silent that has something to read.
    pub busy_client: Duration,
    /// How long what is queued is still written out when the MUX ends.
    pub end_flush: Duration,
}

impl Default for MuxLimits {
    /// 65,536 connections, 1,024 from one address, 1,024 handshakes, 8,192 duplicates held for
    /// 2 s, 32 MiB or 8,192 messages for a destination, 1 GiB or 1,048,576 messages in all, 10
    /// minutes of silence for a busy service and one for a busy client, 10 s to flush. A daemon
    /// lowers the global pool to a quarter of its memory.
    // spec: mux:limit:connections, mux:limit:connections-per-ip, mux:queue:global-pool
    fn default() -> Self {
        Self {
            connections: 65_536,
            connections_per_ip: 1024,
            handshakes: 1024,
            duplicates: 8192,
            duplicate_hold: Duration::from_secs(2),
            destination_pool: PoolLimits { octets: 32 << 20, messages: 8192 },
            global_pool: PoolLimits { octets: 1 << 30, messages: 1 << 20 },
            busy_service: Duration::from_mins(10),
            busy_client: Duration::from_mins(1),
            end_flush: Duration::from_secs(10),
        }
    }
}
