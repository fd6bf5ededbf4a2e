//! Why a proxy did not connect us, whose fault it is, and whether to try again.

use thiserror::Error;
use zmtp_proto::Retry;

/// Why a SOCKS 5 proxy did not connect us.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocksError {
    /// The target's name is empty or has more than 255 octets. The caller's fault: do not retry.
    #[error("a target has a name of 1 to 255 octets, this one has {0}")]
    HostLen(usize),
    /// It is no SOCKS 5 proxy, by the version that it answers with. The proxy's fault, or that of
    /// who named it: do not retry.
    #[error("the proxy speaks SOCKS version {0}, not 5")]
    Version(u8),
    /// It asks for another way to authenticate; for user and password, if we offered none. The
    /// caller's fault: do not retry.
    #[error("the proxy accepts none of the offered ways to authenticate")]
    NoAcceptableMethod,
    /// It chose a way to authenticate that it was not offered. The proxy's fault: do not retry.
    #[error("the proxy chose method {0}, which was not offered")]
    MethodNotOffered(u8),
    /// It answers user and password with a version other than 1. The proxy's fault: do not retry.
    #[error("the proxy answers user and password with version {0}, not 1")]
    AuthVersion(u8),
    /// User or password is wrong. The caller's fault: do not retry with these.
    #[error("the proxy refused user and password with status {0}")]
    AuthRefused(u8),
    /// It did not connect to the target; the variants within say whose fault it is.
    #[error("the proxy refused: {0}")]
    Refused(Refusal),
    /// An octet that has to be 0 is not. The proxy's fault: do not retry.
    #[error("the proxy's reply has {0} in its reserved octet")]
    Reserved(u8),
    /// Its reply has an address of a kind that does not exist. The proxy's fault: do not retry.
    #[error("the proxy's reply has an address of kind {0}")]
    AddressKind(u8),
    /// It closed the connection before it had said all. The proxy's fault: retry later.
    #[error("the proxy closed the connection within an answer")]
    Closed,
}

/// What a proxy says when it does not connect to the target.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Code 1. The proxy's fault: retry later.
    #[error("general failure")]
    General,
    /// Code 2: its rules forbid the target. The caller's fault: do not retry.
    #[error("connection not allowed")]
    NotAllowed,
    /// Code 3. The target's, or its network's, fault: retry later.
    #[error("network unreachable")]
    NetworkUnreachable,
    /// Code 4. The target's fault, or its name is wrong: retry later.
    #[error("host unreachable")]
    HostUnreachable,
    /// Code 5. The target's fault: retry later.
    #[error("connection refused by the target")]
    ConnectionRefused,
    /// Code 6. The target's, or its network's, fault: retry later.
    #[error("time to live expired")]
    TtlExpired,
    /// Code 7: it cannot connect at all. The proxy's fault: do not retry.
    #[error("command not supported")]
    CommandUnsupported,
    /// Code 8: it knows no names, or no IPv6. The proxy's fault: do not retry.
    #[error("kind of address not supported")]
    AddressUnsupported,
    /// A code without a meaning. The proxy's fault: retry later, as after a general failure.
    #[error("code {0}")]
    Unassigned(u8),
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Whoever named target, proxy or credentials.
    Caller,
    /// The proxy, or what answers in its place.
    Proxy,
    /// The target, or the way from the proxy to it.
    Target,
}

impl SocksError {
    /// Returns whose fault it is.
    #[must_use]
    pub const fn blame(self) -> Blame {
        match self {
            Self::HostLen(_) | Self::NoAcceptableMethod | Self::AuthRefused(_) => Blame::Caller,
            Self::Version(_)
            | Self::MethodNotOffered(_)
            | Self::AuthVersion(_)
            | Self::Reserved(_)
            | Self::AddressKind(_)
            | Self::Closed => Blame::Proxy,
            Self::Refused(refusal) => refusal.blame(),
        }
    }

    /// Returns whether it makes sense to try again.
    #[must_use]
    pub const fn retry(self) -> Retry {
        match self {
            Self::Closed => Retry::Later,
            Self::Refused(refusal) => refusal.retry(),
            Self::HostLen(_)
            | Self::Version(_)
            | Self::NoAcceptableMethod
            | Self::MethodNotOffered(_)
            | Self::AuthVersion(_)
            | Self::AuthRefused(_)
            | Self::Reserved(_)
            | Self::AddressKind(_) => Retry::No,
        }
    }
}

impl Refusal {
    /// Reads a code other than 0, which would be success.
    pub(super) const fn from_wire(code: u8) -> Self {
        match code {
            1 => Self::General,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::TtlExpired,
            7 => Self::CommandUnsupported,
            8 => Self::AddressUnsupported,
            other => Self::Unassigned(other),
        }
    }

    const fn blame(self) -> Blame {
        match self {
            Self::NotAllowed => Blame::Caller,
            Self::General
            | Self::CommandUnsupported
            | Self::AddressUnsupported
            | Self::Unassigned(_) => Blame::Proxy,
            Self::NetworkUnreachable
            | Self::HostUnreachable
            | Self::ConnectionRefused
            | Self::TtlExpired => Blame::Target,
        }
    }

    const fn retry(self) -> Retry {
        match self {
            Self::NotAllowed | Self::CommandUnsupported | Self::AddressUnsupported => Retry::No,
            Self::General
            | Self::NetworkUnreachable
            | Self::HostUnreachable
            | Self::ConnectionRefused
            | Self::TtlExpired
            | Self::Unassigned(_) => Retry::Later,
        }
    }
}
