//! What the lobby counts.

/// What the lobby has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LobbyCounters {
    /// Connections that got a place.
    pub accepted: u64,
    /// Connections refused since there were too many.
    pub refused_connections: u64,
    /// Connections refused since the places that were left are kept for services.
    pub refused_reserved: u64,
    /// Connections refused since there were too many from their address.
    pub refused_per_ip: u64,
    /// Connections refused since too many came from their address in a short time.
    pub refused_rate: u64,
    /// Handshakes that made way for newer ones.
    pub handshakes_evicted: u64,
}

impl LobbyCounters {
    /// Returns every counter by its name.
    // spec: mux:limit:counted
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("connections_accepted", self.accepted),
            ("connections_refused", self.refused_connections),
            ("connections_refused_reserved", self.refused_reserved),
            ("connections_refused_per_ip", self.refused_per_ip),
            ("connections_refused_rate", self.refused_rate),
            ("handshakes_evicted", self.handshakes_evicted),
        ]
        .into_iter()
    }
}
