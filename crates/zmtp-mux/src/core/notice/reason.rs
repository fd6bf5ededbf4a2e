//! Reasons: why a message came back, and how a peer ended.

use std::fmt;

/// Why a message was returned. It was not processed, whatever the reason, so to send it again is
/// safe; whether that helps, each says. A [`RetryPolicy`](crate::RetryPolicy) sends all of them again
/// but those for which it never does.
// spec: mux:return:reasons
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnReason {
    /// Nobody has this name. Worth it where a service may come, or come back: [watch](crate::Client::watch)
    /// for it.
    Unknown,
    /// Too much waits for the service, or in the MUX. Worth it later, with patience.
    Busy,
    /// It waited for longer than messages for this service may. Worth it if it is still wanted.
    Expired,
    /// The access rules do not allow it; or this is a listener for services, and we have no name. Never
    /// worth it, until somebody changes that.
    Denied,
    /// The service, or the MUX, is about to end. Worth it when the next one has taken its place.
    Draining,
    /// The service ended before it was given the message. Worth it when it is back.
    Unreachable,
    /// There is no way to the service now. Worth it later; a MUX of this version never says it.
    NoRoute,
    /// A limit of the MUX is reached, such as that of the services that one client tracks. Worth it
    /// when something that counts for it has ended.
    Limit,
    /// It is nothing that the MUX or its peer understands. Never worth it.
    Malformed,
}

impl ReturnReason {
    /// Its number in a header.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unknown => 1,
            Self::Busy => 2,
            Self::Expired => 3,
            Self::Denied => 4,
            Self::Draining => 5,
            Self::Unreachable => 6,
            Self::NoRoute => 7,
            Self::Limit => 8,
            Self::Malformed => 9,
        }
    }
}

/// How a peer ended, as far as its connection shows.
// spec: mux:gone:reasons
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneReason {
    /// It was reset, timed out, or broke the protocol.
    Lost,
    /// It closed its connection. A process that crashed or was killed mostly looks the same, since the
    /// system closes for it; it is [`Lost`](Self::Lost) if something had not been read by then. So do
    /// not take this for an end in order: that is [`Drained`](Self::Drained).
    Left,
    /// It drained.
    Drained,
    /// The same principal took its name over.
    Takeover,
    /// A probe, a limit or the access rules ended it; or the application of a socket
    /// [disconnected](crate::MuxSocket::disconnect) it.
    Evicted,
    /// The MUX, or our own socket, ends.
    LinkLost,
}

impl GoneReason {
    /// Its number in a header.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Lost => 1,
            Self::Left => 2,
            Self::Drained => 3,
            Self::Takeover => 4,
            Self::Evicted => 5,
            Self::LinkLost => 6,
        }
    }
}

impl fmt::Display for ReturnReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReturnReason::Unknown => "nobody has this name",
            ReturnReason::Busy => "the service has too much waiting",
            ReturnReason::Expired => "it waited too long",
            ReturnReason::Denied => "not allowed",
            ReturnReason::Draining => "the service or the MUX takes nothing new",
            ReturnReason::Unreachable => "the service ended before it was delivered",
            ReturnReason::NoRoute => "no way to the service",
            ReturnReason::Limit => "a limit of the MUX",
            ReturnReason::Malformed => "malformed",
        })
    }
}

impl fmt::Display for GoneReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GoneReason::Lost => "lost",
            GoneReason::Left => "it left",
            GoneReason::Drained => "it drained",
            GoneReason::Takeover => "another instance took its name over",
            GoneReason::Evicted => "it was evicted",
            GoneReason::LinkLost => "the MUX ends",
        })
    }
}
