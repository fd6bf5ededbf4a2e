//! Why connections end.

use std::fmt;
use std::io;

use zmtp_proto::{ConnectionError, Deadline, DecodeError, Mechanism};

use crate::core::{Cause, GoneReason, Refusal};

/// Why a connection ended. [`Refused`](Self::Refused) and [`Denied`](Self::Denied) were told to the
/// peer, with ERROR; all else
/// is told by closing, after which it may try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer closed it.
    PeerLeft,
    /// The system broke it.
    Failed(io::ErrorKind),
    /// The peer broke the protocol, or a deadline.
    Broke(ConnectionError),
    /// The peer has another security mechanism than the listener. libzmq leaves on hearing ours,
    /// mostly before it has said which.
    Mechanism { expected: Mechanism, came: Option<Mechanism> },
    /// The peer cannot be served, and was told so.
    Refused(Refusal),
    /// The authenticator does not want it, and it was told so.
    Denied,
    /// The authenticator does not want it now.
    DeniedForNow,
    /// The authenticator did not say in time.
    NoVerdict,
    /// The peer's name stayed held by another for as long as it may wait.
    NameHeld,
    /// Too many peers waited for their names already.
    Dismissed,
    /// A service without a name did not get one in time.
    Nameless,
    /// Its handshake made way for a newer connection.
    MadeWay,
    /// The MUX ends.
    MuxEnds,
    /// It drained for too long.
    Drained,
    /// The peer took nothing of what waits for it.
    Stalled,
    /// Another service took over its name.
    Takeover,
    /// The application does not want it any more.
    Disconnected,
    /// It lost its name: to new access rules, or silent when another service wanted it.
    Evicted,
    /// Code of our own side panicked, such as that of an authenticator.
    Panicked,
}

/// One count for each kind of end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends([u64; NAMES.len()]);

impl Ends {
    // spec: mux:limit:counted
    pub(crate) fn note(&mut self, end: &End) {
        if let Some(count) = self.0.get_mut(end.place()) {
            *count = count.wrapping_add(1);
        }
    }

    /// Returns every counter by its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.0)
    }
}

/// The names of the counters, in the order of [`End::place`].
const NAMES: [&str; 27] = [
    "ended_peer_left",
    "ended_failed",
    "ended_protocol",
    "ended_command_too_long",
    "ended_message_too_long",
    "ended_too_many_frames",
    "ended_handshake_time",
    "ended_partial_message",
    "ended_time_to_live",
    "ended_refused",
    "ended_name_held",
    "ended_dismissed",
    "ended_nameless",
    "ended_made_way",
    "ended_mux_ends",
    "ended_denied",
    "ended_denied_for_now",
    "ended_no_verdict",
    "ended_silence",
    "ended_curve",
    "ended_write_stall",
    "ended_takeover",
    "ended_evicted",
    "ended_drained",
    "ended_mechanism",
    "ended_disconnected",
    "ended_panicked",
];

impl End {
    /// Returns how those who sent to the peer hear of it.
    // spec: mux:gone:reasons
    pub(crate) fn gone(&self) -> GoneReason {
        match self {
            Self::PeerLeft => GoneReason::Left,
            Self::MuxEnds => GoneReason::LinkLost,
            Self::Stalled | Self::Evicted | Self::Disconnected => GoneReason::Evicted,
            Self::Takeover => GoneReason::Takeover,
            Self::Drained => GoneReason::Drained,
            Self::Failed(_)
            | Self::Broke(_)
            | Self::Mechanism { .. }
            | Self::Refused(_)
            | Self::Denied
            | Self::DeniedForNow
            | Self::NoVerdict
            | Self::NameHeld
            | Self::Dismissed
            | Self::Nameless
            | Self::MadeWay
            | Self::Panicked => GoneReason::Lost,
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all other faults count as one")]
    fn place(&self) -> usize {
        match self {
            Self::PeerLeft => 0,
            Self::Failed(_) => 1,
            Self::Broke(ConnectionError::Decode(error)) => match error {
                DecodeError::CommandTooLong { .. } => 3,
                DecodeError::MessageTooLong { .. } => 4,
                DecodeError::TooManyFrames { .. } => 5,
                _ => 2,
            },
            Self::Broke(ConnectionError::Timeout { what, .. }) => match what {
                Deadline::PartialMessage => 7,
                Deadline::TimeToLive => 8,
                Deadline::Silence => 18,
                _ => 6,
            },
            Self::Broke(ConnectionError::Curve(_)) => 19,
            Self::Broke(_) => 2,
            Self::Refused(_) => 9,
            Self::NameHeld => 10,
            Self::Dismissed => 11,
            Self::Nameless => 12,
            Self::MadeWay => 13,
            Self::MuxEnds => 14,
            Self::Denied => 15,
            Self::DeniedForNow => 16,
            Self::NoVerdict => 17,
            Self::Stalled => 20,
            Self::Takeover => 21,
            Self::Evicted => 22,
            Self::Drained => 23,
            Self::Mechanism { .. } => 24,
            Self::Disconnected => 25,
            Self::Panicked => 26,
        }
    }
}

impl From<ConnectionError> for End {
    fn from(error: ConnectionError) -> Self {
        if let ConnectionError::MechanismMismatch { ours, theirs } = error {
            return Self::Mechanism { expected: ours, came: Some(theirs) };
        }
        Self::Broke(error)
    }
}

impl From<Cause> for End {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::MuxEnds => Self::MuxEnds,
            Cause::Takeover => Self::Takeover,
            Cause::Evicted => Self::Evicted,
            Cause::Disconnected => Self::Disconnected,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerLeft => f.write_str("the peer left"),
            Self::Failed(kind) => write!(f, "connection failed: {kind}"),
            Self::Broke(error) => write!(f, "{error}"),
            Self::Mechanism { expected, came: Some(came) } => {
                write!(f, "expects {expected}, the peer speaks {came}")
            }
            Self::Mechanism { expected, came: None } => {
                write!(f, "expects {expected}, and the peer left on hearing so: it speaks another")
            }
            Self::Refused(refusal) => write!(f, "refused: {}", refusal.reason()),
            Self::Denied => f.write_str("denied"),
            Self::DeniedForNow => f.write_str("denied for now"),
            Self::NoVerdict => f.write_str("no verdict in time"),
            Self::NameHeld => f.write_str("its name is held by another service"),
            Self::Dismissed => f.write_str("too many services wait for held names"),
            Self::Nameless => f.write_str("a service without a name"),
            Self::MadeWay => f.write_str("its handshake made way for a newer connection"),
            Self::MuxEnds => f.write_str("the MUX ends"),
            Self::Stalled => f.write_str("it read nothing of what waits for it"),
            Self::Drained => f.write_str("it drained for too long"),
            Self::Takeover => f.write_str("another service took over its name"),
            Self::Disconnected => f.write_str("the application disconnected it"),
            Self::Evicted => f.write_str("its name was taken away"),
            Self::Panicked => f.write_str("our own side panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use zmtp_proto::curve::CurveError;

    use super::*;

    /// mux:limit:counted.
    #[test]
    fn every_end_has_a_counter_of_its_own() {
        let broke = |error| End::Broke(ConnectionError::Decode(error));
        let late =
            |what| End::Broke(ConnectionError::Timeout { what, limit: std::time::Duration::ZERO });
        let ends = [
            End::PeerLeft,
            End::Failed(io::ErrorKind::ConnectionReset),
            End::Broke(ConnectionError::RoleConflict),
            broke(DecodeError::CommandTooLong { len: 1, max: 0 }),
            broke(DecodeError::MessageTooLong { len: 1, max: 0 }),
            broke(DecodeError::TooManyFrames { max: 0 }),
            late(Deadline::Handshake),
            late(Deadline::PartialMessage),
            late(Deadline::TimeToLive),
            End::Refused(Refusal::SocketType),
            End::NameHeld,
            End::Dismissed,
            End::Nameless,
            End::MadeWay,
            End::MuxEnds,
            End::Denied,
            End::DeniedForNow,
            End::NoVerdict,
            End::Stalled,
            late(Deadline::Silence),
            End::Broke(ConnectionError::Curve(CurveError::Box)),
            End::Takeover,
            End::Evicted,
            End::Drained,
            End::Mechanism { expected: Mechanism::CURVE, came: None },
            End::Disconnected,
            End::Panicked,
        ];
        let mut counted = Ends::default();
        for end in &ends {
            counted.note(end);
        }
        assert!(counted.iter().all(|(_, count)| count == 1), "{counted:?}");
        assert_eq!(counted.iter().count(), ends.len());
    }
}
