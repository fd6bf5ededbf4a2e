//! Notices, as a peer sees them.

use crate::Raw;
use crate::peers::Frames;
use crate::wire::message;

/// The kind of a HELLO.
pub const HELLO: u8 = 1;
/// The kind of a RETURN.
pub const RETURN: u8 = 2;
/// The kind of a GONE.
pub const GONE: u8 = 3;
/// The kind of an UP.
pub const UP: u8 = 4;
/// The kind of a WATCH.
pub const WATCH: u8 = 5;
/// The kind of a SYNCED.
pub const SYNCED: u8 = 7;
/// The kind of a DRAIN.
pub const DRAIN: u8 = 8;

/// Returns the kind of a notice; `None` for a message of a peer.
#[must_use]
pub fn kind(frames: &Frames) -> Option<u8> {
    let (source, header) = (frames.first()?, frames.get(1)?);
    (source.is_empty() && header.len() == 20 && header.starts_with(b"MUX\x01")).then(|| header[4])
}

/// Returns a header that says no more than its kind.
#[must_use]
pub fn header(kind: u8) -> Vec<u8> {
    let mut header = vec![0; 20];
    header[..4].copy_from_slice(b"MUX\x01");
    header[4] = kind;
    header
}

/// Returns a HELLO on the wire.
#[must_use]
pub fn hello() -> Vec<u8> {
    message(&[b"", &header(HELLO)])
}

/// Lets a client in that takes notices.
#[must_use]
pub fn opted_in(clients: &str) -> Raw {
    let mut raw = Raw::join(clients, "DEALER", b"").answering();
    raw.send(&hello());
    assert_eq!(kind(&raw.receive()), Some(HELLO), "HELLO is answered");
    raw
}
