//! What MUX/1 says in the metadata of a handshake.

use zmtp_proto::{Peer, Property};

use crate::core::{Notices, Standing};
use crate::net::mux::Listen;

/// Tells whether a peer takes notices, as far as its metadata says or its listener knows.
// spec: mux:notice:opt-in, mux:notice:always
pub(super) fn notices(peer: &Peer, listen: &Listen) -> Notices {
    if peer.metadata.get("X-Mux") == Some(b"1") { Notices::Taken } else { listen.notices }
}

/// Returns what our READY says of MUX/1.
// spec: mux:role:protocol-announced, mux:generation:announced
pub(super) fn announcements(standing: Standing) -> Vec<Property> {
    let generation = standing.generation().map(|generation| generation.to_string());
    let generation = generation.map(|value| Property::new("X-Mux-Generation", value));
    // Never an error: both names are such as may be sent.
    [Some(Property::new("X-Mux", "1")), generation].into_iter().flatten().flatten().collect()
}
