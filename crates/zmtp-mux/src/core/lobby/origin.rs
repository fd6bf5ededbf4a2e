//! Where a connection comes from, and what it asks of the lobby.

use std::net::{IpAddr, Ipv6Addr};

use crate::core::role::ListenerRole;

/// Where a connection comes from, as far as limits are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A process on this machine, perhaps this one.
    Ipc,
    /// An IPv4 address, or a /64 of IPv6.
    Ip(IpAddr),
}

/// A connection that asks for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Its address; `None` on IPC and inproc.
    pub address: Option<IpAddr>,
    /// What its listener takes it for.
    pub listener: ListenerRole,
    /// What its handshake costs.
    pub cost: HandshakeCost,
}

/// What a handshake costs us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeCost {
    /// Next to nothing.
    Cheap,
    /// Computations with public keys, which a stranger can ask for: CURVE.
    PublicKeys,
}

impl Origin {
    /// Returns the origin of a peer with this address; `None` on IPC and inproc.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        let Some(address) = address else { return Self::Ipc };
        Self::Ip(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_counts_with_its_neighbours() {
        let origin = |text: &str| Origin::of(Some(text.parse().unwrap()));
        assert_eq!(origin("2001:db8:0:1::1"), origin("2001:db8:0:1:ffff::2"));
        assert_ne!(origin("2001:db8:0:1::1"), origin("2001:db8:0:2::1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
        assert_eq!(origin("192.0.2.1"), origin("::ffff:192.0.2.1"));
        assert_eq!(Origin::of(None), Origin::Ipc);
    }
}
