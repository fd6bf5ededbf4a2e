//! Addresses: the MUX itself, names, and bindings.
//!
//! ```text
//! mux      = ""
//! name     = %x01-FF *254OCTET                  ; 1..255 octets, first octet not zero
//! binding  = %x00 node-id(8) random(8)          ; 17 octets from a CSPRNG
//! ```

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use thiserror::Error;
use zmtp_proto::{FrameKind, Identity, put_header};

/// A name: an alias of the one binding that holds it. 1 to 255 octets, the first not zero.
///
/// Shown escaped and cut, as [`Identity`] is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Identity);

impl Name {
    /// Checks `octets` and makes them a name; `None` if they are no name.
    // spec: mux:name:length, mux:name:first-octet
    #[must_use]
    pub fn new(octets: Bytes) -> Option<Self> {
        Identity::new(octets).ok().and_then(Self::from_identity)
    }

    /// Makes the identity that a peer announced its name; `None` if it is anonymous.
    // spec: mux:name:by-identity, 28:router:peer-chooses-name
    #[must_use]
    pub fn from_identity(identity: Identity) -> Option<Self> {
        if identity.is_anonymous() { None } else { Some(Self(identity)) }
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        self.0.as_octets()
    }
}

/// A text that is no name, or no pattern of names. The caller's fault.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a name or pattern has 1 to 255 octets, the first of which is not zero")]
pub struct NameError;

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(Bytes::copy_from_slice(text.as_bytes())).ok_or(NameError)
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, text: &str) -> bool {
        self.as_octets() == text.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, text: &&str) -> bool {
        self == *text
    }
}

impl AsRef<[u8]> for Name {
    fn as_ref(&self) -> &[u8] {
        self.as_octets()
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        self.as_octets()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// Which MUX a binding belongs to: 8 octets drawn at random when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(
    /// The octets.
    pub [u8; 8],
);

/// What tells the bindings of a MUX apart: 8 octets from a CSPRNG, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(
    /// The octets.
    pub [u8; 8],
);

/// Octets of a binding address.
pub(crate) const BINDING_LEN: usize = 17;

/// Returns the address of the binding with this token.
// spec: mux:address:binding-form
pub(crate) fn binding_address(node: NodeId, token: Token) -> [u8; BINDING_LEN] {
    let mut address = [0; BINDING_LEN];
    let [_, octets @ ..] = &mut address;
    let (node_octets, token_octets) = octets.split_at_mut(8);
    node_octets.copy_from_slice(&node.0);
    token_octets.copy_from_slice(&token.0);
    address
}

/// The address under which others see a peer, as the frame that begins each of its messages.
///
/// Encoded once, since it is put in front of every message. Invariant: a short frame with MORE.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown(Box<[u8]>);

impl Shown {
    /// Makes the frame of an address, which has at most 255 octets.
    pub(crate) fn new(address: &[u8]) -> Self {
        let mut frame = Vec::with_capacity(address.len().saturating_add(Self::HEADER_LEN));
        put_header(FrameKind::MessageMore, address.len(), &mut frame);
        frame.extend_from_slice(address);
        debug_assert!(address.len() <= Identity::LEN_MAX, "an address is short");
        Self(frame.into_boxed_slice())
    }

    /// Returns the frame, to which more frames belong.
    #[inline]
    pub(crate) fn frame(&self) -> &[u8] {
        &self.0
    }

    /// Returns the address.
    pub(crate) fn address(&self) -> &[u8] {
        self.0.get(Self::HEADER_LEN..).unwrap_or_default()
    }

    /// Tells whether it is a name, which another may have had before.
    pub(crate) fn is_name(&self) -> bool {
        self.address().first().is_some_and(|&first| first != 0)
    }

    /// Octets of the frame's header.
    const HEADER_LEN: usize = 2;
}

/// What the address frame of a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address<'m> {
    /// The MUX itself.
    Mux,
    /// A name, perhaps nobody's.
    Name(&'m [u8]),
    /// A binding of this MUX, perhaps gone.
    Binding(Token),
    /// Nobody's address.
    Nobody,
}

impl<'m> Address<'m> {
    /// Reads an address frame that reached the MUX `node`.
    // spec: mux:address:unknown
    pub(crate) fn parse(octets: &'m [u8], node: NodeId) -> Self {
        match octets {
            [] => Self::Mux,
            [0, rest @ ..] => match rest.split_first_chunk() {
                Some((node_octets, token)) if *node_octets == node.0 => {
                    token.try_into().map_or(Self::Nobody, |token| Self::Binding(Token(token)))
                }
                _ => Self::Nobody,
            },
            name if name.len() <= Identity::LEN_MAX => Self::Name(name),
            _ => Self::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(*b"nodenode");
    const TOKEN: Token = Token(*b"randomly");

    /// mux:name:length, mux:name:first-octet.
    #[test]
    fn a_name_has_1_to_255_octets_and_no_leading_zero() {
        assert_eq!(Name::new(Bytes::new()), None);
        assert!(Name::new(Bytes::from(vec![1; 255])).is_some());
        assert_eq!(Name::new(Bytes::from(vec![1; 256])), None);
        assert_eq!(Name::new(Bytes::from_static(b"\0a")), None);
        for first in 1..=u8::MAX {
            assert!(Name::new(Bytes::from(vec![first, 0])).is_some());
        }
    }

    /// mux:address:binding-form.
    #[test]
    fn a_binding_address_is_a_zero_the_node_and_the_token() {
        let address = binding_address(NODE, TOKEN);
        assert_eq!(&address, b"\0nodenoderandomly");
        assert_eq!(Address::parse(&address, NODE), Address::Binding(TOKEN));
    }

    /// mux:address:unknown.
    #[test]
    fn what_is_neither_name_nor_binding_of_this_node_is_nobody() {
        let address = binding_address(NODE, TOKEN);
        for len in 1..17 {
            assert_eq!(Address::parse(&address[..len], NODE), Address::Nobody);
        }
        let longer = [&address[..], b"x"].concat();
        assert_eq!(Address::parse(&longer, NODE), Address::Nobody);
        assert_eq!(Address::parse(&address, NodeId([1; 8])), Address::Nobody);
        assert_eq!(Address::parse(&[1; 256], NODE), Address::Nobody);
        assert_eq!(Address::parse(&[1; 255], NODE), Address::Name(&[1; 255]));
        assert_eq!(Address::parse(b"", NODE), Address::Mux);
    }
}
