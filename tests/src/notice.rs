//! Notices, as a peer sees them.

use zmtp_mux_tests::Raw;
use zmtp_mux_tests::peers::Frames;
use zmtp_mux_tests::wire::message;

pub(crate) const HELLO: u8 = 1;
pub(crate) const RETURN: u8 = 2;
pub(crate) const GONE: u8 = 3;

/// Returns the kind of a notice; `None` for a message of a peer.
pub(crate) fn kind(frames: &Frames) -> Option<u8> {
    let (source, header) = (frames.first()?, frames.get(1)?);
    (source.is_empty() && header.len() == 20 && header.starts_with(b"MUX\x01")).then(|| header[4])
}

/// Returns a header that says no more than its kind.
pub(crate) fn header(kind: u8) -> Vec<u8> {
    let mut header = vec![0; 20];
    header[..4].copy_from_slice(b"MUX\x01");
    header[4] = kind;
    header
}

/// Returns a HELLO on the wire.
pub(crate) fn hello() -> Vec<u8> {
    message(&[b"", &header(HELLO)])
}

/// Lets a client in that takes notices.
pub(crate) fn opted_in(clients: &str) -> Raw {
    let mut raw = Raw::join(clients, "DEALER", b"");
    raw.send(&hello());
    assert_eq!(kind(&raw.receive()), Some(HELLO), "HELLO is answered");
    raw
}
