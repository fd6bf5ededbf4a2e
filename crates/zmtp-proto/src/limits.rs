//! The limits on everything that a peer can make grow.

use std::time::Duration;

/// Limits of one connection. Each is checked before anything is reserved for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time from the first octet to the end of the handshake, absolute. It stops while our own
    /// side decides on the peer.
    pub handshake_time: Duration,
    /// Octets in the body of a command, in the handshake and after it.
    pub command_len_max: usize,
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
    /// Handshake 10 s, commands of 8 KiB, 64 properties, messages of 16 MiB in 1,024 frames,
    /// 30 s for a partial message.
    fn default() -> Self {
        Self {
            handshake_time: Duration::from_secs(10),
            command_len_max: 8 * 1024,
            properties_max: 64,
            message_len_max: 16 * 1024 * 1024,
            message_frames_max: 1024,
            partial_time: Duration::from_secs(30),
        }
    }
}
