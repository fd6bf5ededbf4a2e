//! Metadata: the list of properties in a READY command.
//!
//! ```text
//! metadata = *property
//! property = name value
//! name     = OCTET 1*255name-char
//! value    = 4OCTET *OCTET
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use nom::Parser;
use nom::bytes::streaming::take;
use nom::combinator::map_res;
use nom::number::streaming::{be_u32, u8};

use crate::error::{DecodeError, Field};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::parse::{Parsed, finish};
use crate::socket_type::SocketType;

/// The property that names a socket's type.
pub const SOCKET_TYPE: &str = "Socket-Type";
/// The property that names a peer.
pub const IDENTITY: &str = "Identity";
/// The property that names one of several sockets behind an endpoint.
pub const RESOURCE: &str = "Resource";

/// The properties that a peer sent, kept encoded. Invariant: well formed, within its limits, no
/// known name twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Bytes);

impl Metadata {
    /// Checks `octets` and makes them metadata, without a copy.
    ///
    /// # Errors
    ///
    /// What is wrong with them. The peer's fault, and the end of its handshake.
    pub fn parse(octets: Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        let mut rest: &[u8] = &octets;
        let mut known = Known::default();
        let mut count: usize = 0;
        while !rest.is_empty() {
            // spec: 37:metadata:overrun
            let cut = DecodeError::Truncated { field: Field::Property, len: rest.len() };
            let (after, (name, _)) = finish(property(rest))?.ok_or(cut)?;
            rest = after;
            count = count.saturating_add(1);
            // spec: 37:metadata:count-limit
            if count > limits.properties_max {
                return Err(DecodeError::TooManyProperties { max: limits.properties_max });
            }
            known.note(name)?;
        }
        Ok(Self(octets))
    }

    /// Copies them out of the buffer that they arrived in, all of which they keep otherwise.
    #[must_use]
    pub fn detach(self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// Returns the value of the first property with this name, whatever its letter case.
    // spec: 37:metadata:name-case
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let wanted = name.as_bytes();
        self.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }

    /// Returns its octets as it stands on the wire.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no property.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the properties in the order in which they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (after, property) = finish(property(rest)).ok()??;
            rest = after;
            Some(property)
        })
    }

    /// Returns the socket type that the peer announced.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NoSocketType`] or [`DecodeError::UnknownSocketType`].
    // spec: 37:metadata:socket-type-required, 37:socket-type:listed
    pub fn socket_type(&self) -> Result<SocketType, DecodeError> {
        let value = self.get(SOCKET_TYPE).ok_or(DecodeError::NoSocketType)?;
        SocketType::from_name(value).ok_or(DecodeError::UnknownSocketType)
    }

    /// Returns the identity that a peer of type `socket_type` announced; anonymous if that type
    /// has none to announce.
    ///
    /// # Errors
    ///
    /// The identity is longer than 255 octets or begins with a zero octet.
    // spec: 37:identity:length, 37:identity:first-octet, 37:identity:other-types-ignored
    pub fn identity(&self, socket_type: SocketType) -> Result<Identity, DecodeError> {
        match self.get(IDENTITY) {
            // A copy: who keeps the name of a peer must not keep alive all that it announced.
            Some(value) if socket_type.has_identity() => Identity::new(value),
            _ => Ok(Identity::ANONYMOUS),
        }
    }
}

/// Appends a property. Names are ours, so of at most 255 octets; a longer one is cut.
pub(crate) fn put_property(name: &str, value: &[u8], out: &mut BytesMut) {
    let name = name.as_bytes().get(..255).unwrap_or(name.as_bytes());
    out.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.put_slice(name);
    out.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
    out.put_slice(value);
}

/// Which of the names that may stand only once have been seen.
#[derive(Default)]
struct Known {
    seen: [Option<()>; 3],
}

impl Known {
    // spec: 37:metadata:duplicates, 37:metadata:others-harmless
    fn note(&mut self, name: &[u8]) -> Result<(), DecodeError> {
        for (known, seen) in [SOCKET_TYPE, IDENTITY, RESOURCE].iter().zip(&mut self.seen) {
            if name.eq_ignore_ascii_case(known.as_bytes()) && seen.replace(()).is_some() {
                return Err(DecodeError::DuplicateProperty);
            }
        }
        Ok(())
    }
}

/// `property = name value`
fn property(input: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    (name, value).parse(input)
}

/// `name = OCTET 1*255name-char`
fn name(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (input, len) = u8(input)?;
    map_res(take(len), |name: &[u8]| {
        // spec: 37:metadata:name-length, 37:metadata:name-chars
        if !name.is_empty() && name.iter().copied().all(is_name_octet) {
            Ok(name)
        } else {
            Err(DecodeError::PropertyName)
        }
    })
    .parse(input)
}

/// `name-char = ALPHA | DIGIT | "-" | "_" | "." | "+"`
pub(crate) fn is_name_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.' | b'+')
}

/// `value = 4OCTET *OCTET`, the length below 2^31.
fn value(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (input, len) = map_res(be_u32, |len| match i32::try_from(len) {
        Ok(_) => Ok(len),
        // spec: 37:metadata:value-length
        Err(_) => Err(DecodeError::PropertyValueTooLong(len)),
    })
    .parse(input)?;
    take(len).parse(input)
}

#[cfg(test)]
mod tests;
