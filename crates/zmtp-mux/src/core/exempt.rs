//! Exempt addresses: those for which no limit per address holds.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// An address, or all that begin with the same bits: `192.0.2.7`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Without any bit beyond `len`.
    address: IpAddr,
    /// In bits: at most 32 of an IPv4 address, 128 of an IPv6 one.
    len: u8,
}

/// Why a text is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// What stands before the `/`, or all of it, is no IP address.
    #[error("no IP address")]
    Address,
    /// What stands behind the `/` is no number of bits of such an address.
    #[error("behind / stands a number of bits from 0 to {max}")]
    Len {
        /// The bits of such an address.
        max: u8,
    },
    /// The address has bits beyond the prefix, so one of the two is a mistake.
    #[error("the address has bits beyond /{len}")]
    Beyond {
        /// The length that was given.
        len: u8,
    },
}

impl Prefix {
    /// All of IPv4's loopback addresses.
    pub const LOOPBACK_V4: Self = Self { address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), len: 8 };

    /// The one loopback address of IPv6.
    pub const LOOPBACK_V6: Self = Self { address: IpAddr::V6(Ipv6Addr::LOCALHOST), len: 128 };

    /// Tells whether `address` is one of them. An IPv4 address that is written as one of IPv6 is
    /// taken for what it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && cut(address, self.len) == self.address
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| PrefixError::Address)?;
        let max = if address.is_ipv4() { 32 } else { 128 };
        let len = match len {
            None => max,
            Some(len) => {
                let len: Option<u8> = len.parse().ok();
                len.filter(|&len| len <= max).ok_or(PrefixError::Len { max })?
            }
        };
        if cut(address, len) == address {
            Ok(Self { address, len })
        } else {
            Err(PrefixError::Beyond { len })
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.len) {
            (IpAddr::V4(address), 32) => write!(f, "{address}"),
            (IpAddr::V6(address), 128) => write!(f, "{address}"),
            (address, len) => write!(f, "{address}/{len}"),
        }
    }
}

/// Returns an address without the bits beyond `len`.
fn cut(address: IpAddr, len: u8) -> IpAddr {
    let beyond = |width: u32| width.saturating_sub(u32::from(len));
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(beyond(32)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(beyond(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    /// mux:limit:exempt-addresses.
    #[test]
    fn a_prefix_has_the_addresses_that_begin_like_it() {
        for (text, inside, outside) in [
            ("192.0.2.7", &["192.0.2.7", "::ffff:192.0.2.7"][..], &["192.0.2.6", "::1"][..]),
            ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255"], &["11.0.0.0", "9.255.255.255"]),
            ("10.1.2.128/25", &["10.1.2.128", "10.1.2.255"], &["10.1.2.127"]),
            ("0.0.0.0/0", &["0.0.0.0", "203.0.113.9"], &["::", "::1"]),
            ("::/0", &["::", "2001:db8::1"], &["10.0.0.1", "::ffff:10.0.0.1"]),
            ("2001:db8::/33", &["2001:db8:7fff::1"], &["2001:db8:8000::"]),
            ("::1", &["::1"], &["::", "::2", "127.0.0.1"]),
        ] {
            let prefix = prefix(text);
            assert_eq!(prefix.to_string(), text);
            for address in inside {
                assert!(prefix.contains(address.parse().unwrap()), "{text} {address}");
            }
            for address in outside {
                assert!(!prefix.contains(address.parse().unwrap()), "{text} {address}");
            }
        }
        assert_eq!(prefix("127.0.0.0/8"), Prefix::LOOPBACK_V4);
        assert_eq!(prefix("::1/128"), Prefix::LOOPBACK_V6);
    }

    #[test]
    fn what_is_no_prefix_is_told_why() {
        for (text, error) in [
            ("", PrefixError::Address),
            ("localhost", PrefixError::Address),
            ("10.0.0.0.0/8", PrefixError::Address),
            ("10.0.0.0/", PrefixError::Len { max: 32 }),
            ("10.0.0.0/33", PrefixError::Len { max: 32 }),
            ("10.0.0.0/-1", PrefixError::Len { max: 32 }),
            ("fd00::/129", PrefixError::Len { max: 128 }),
            ("fd00::/256", PrefixError::Len { max: 128 }),
            ("10.0.0.1/8", PrefixError::Beyond { len: 8 }),
            ("fd00::1/127", PrefixError::Beyond { len: 127 }),
        ] {
            assert_eq!(text.parse::<Prefix>(), Err(error), "{text}");
        }
    }
}
