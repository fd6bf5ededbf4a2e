//! What MUX/1 says in the metadata of a handshake.

use bytes::Bytes;
use zmtp_proto::Peer;

use crate::core::{Notices, Standing};
use crate::net::mux::Listen;

/// Tells whether a peer takes notices, as far as its metadata says or its listener knows.
// spec: mux:notice:opt-in, mux:notice:always
pub(super) fn notices(peer: &Peer, listen: &Listen) -> Notices {
    if peer.metadata.get("X-Mux") == Some(b"1") { Notices::Taken } else { listen.notices }
}

/// Returns what our READY says of MUX/1.
// spec: mux:role:protocol-announced, mux:generation:announced
pub(super) fn announcements(standing: Standing) -> Vec<(&'static str, Bytes)> {
    let mut properties = vec![("X-Mux", Bytes::from_static(b"1"))];
    if let Some(generation) = standing.generation() {
        properties.push(("X-Mux-Generation", generation.to_string().into()));
    }
    properties
}
