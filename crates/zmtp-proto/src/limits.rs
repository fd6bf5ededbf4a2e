//! How a connection behaves: the limits on everything that a peer can make grow, the version, the
//! heartbeat.

use std::time::Duration;

use crate::curve::INITIATE_LEN_MIN;
use crate::greeting::Version;
use crate::heartbeat::Heartbeat;

/// How our side of a connection behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What a peer may make grow, and how long it may take.
    pub limits: Limits,
    /// The version that we announce; both follow the lower one.
    pub version: Version,
    /// Whether silent peers are asked.
    pub heartbeat: Heartbeat,
}

impl Default for Settings {
    /// The usual limits, version 3.1, the usual heartbeat.
    fn default() -> Self {
        Limits::default().into()
    }
}

/// With these limits, version 3.1 and the usual heartbeat.
impl From<Limits> for Settings {
    fn from(limits: Limits) -> Self {
        Self { limits, version: Version::V3_1, heartbeat: Heartbeat::default() }
    }
}

/// Limits of one connection. Each is checked before anything is reserved for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time from the making of the connection to the end of the handshake, absolute, whether or not
    /// an octet moves. It stops while our own side decides on the peer.
    pub handshake_time: Duration,
    /// Octets in the body of a command, in the handshake and after it.
    pub command_len_max: usize,
    /// Octets in the body of an INITIATE of CURVE. It is the longest thing that is held for a
    /// client that has not shown who it is; 257 of them are not metadata.
    pub initiate_len_max: usize,
    /// Properties in a READY command.
    pub properties_max: usize,
    /// Octets of a message as it stands on the wire, frame headers included.
    pub message_len_max: usize,
    /// Frames in a message.
    pub message_frames_max: usize,
    /// Time within which a message that began to arrive brings its end, or
    /// [`PARTIAL_PROGRESS`](Self::PARTIAL_PROGRESS) octets more.
    pub partial_time: Duration,
}

impl Limits {
    /// Octets that count as progress of a partial message: 64 KiB.
    pub const PARTIAL_PROGRESS: usize = 64 * 1024;
}

// spec: mux:limit:handshake-time, mux:limit:handshake-frame, mux:limit:message
impl Default for Limits {
    /// Handshake 10 s, commands of 8 KiB, an INITIATE of 257 octets more, 64 properties, messages
    /// of 16 MiB in 1,024 frames, 30 s for a partial message.
    fn default() -> Self {
        Self {
            handshake_time: Duration::from_secs(10),
            command_len_max: 8 * 1024,
            initiate_len_max: INITIATE_LEN_MIN + 8 * 1024,
            properties_max: 64,
            message_len_max: 16 * 1024 * 1024,
            message_frames_max: 1024,
            partial_time: Duration::from_secs(30),
        }
    }
}
