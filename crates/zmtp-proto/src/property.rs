//! Properties of one's own, which are announced beside type and identity.

use std::fmt;

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::metadata::{is_name_octet, put_property};

/// A property that an application announces: a name that begins with `X-`, and a value.
///
/// How many a peer takes is its affair: here 64, and 8 KiB together, by default.
#[derive(Clone, PartialEq, Eq)]
pub struct Property {
    /// Octets of the name.
    name_len: usize,
    /// As it stands on the wire.
    encoded: Bytes,
}

/// A property that no peer would take. The fault of whoever chose it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropertyError {
    /// The name does not begin with `X-`: all others are the standard's.
    #[error("the name of a property of one's own begins with X-")]
    NoPrefix,
    /// The name has more than 255 octets.
    #[error("a name of {0} octets, at most 255 are allowed")]
    NameTooLong(usize),
    /// The name has another octet than letters, digits and `-_.+`.
    #[error("a name with the octet {0:#04x}, which is no letter, digit or one of -_.+")]
    NameOctet(u8),
    /// The value has more than 2^31 - 1 octets.
    #[error("a value of {0} octets, at most 2147483647 are allowed")]
    ValueTooLong(usize),
}

impl Property {
    /// Checks a name and a value of any octets, and makes them a property.
    ///
    /// # Errors
    ///
    /// The name or the value is none that may be sent.
    // spec: 37:metadata:name-length, 37:metadata:name-chars, 37:metadata:value-length,
    //       37:metadata:own-names
    pub fn new(name: &str, value: impl AsRef<[u8]>) -> Result<Self, PropertyError> {
        let value = value.as_ref();
        if !name.starts_with("X-") {
            return Err(PropertyError::NoPrefix);
        }
        if name.len() > 255 {
            return Err(PropertyError::NameTooLong(name.len()));
        }
        if let Some(octet) = name.bytes().find(|octet| !is_name_octet(*octet)) {
            return Err(PropertyError::NameOctet(octet));
        }
        if i32::try_from(value.len()).is_err() {
            return Err(PropertyError::ValueTooLong(value.len()));
        }
        let mut encoded = BytesMut::new();
        put_property(name, value, &mut encoded);
        Ok(Self { name_len: name.len(), encoded: encoded.freeze() })
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.encoded.get(1..).and_then(|octets| octets.get(..self.name_len)).unwrap_or_default()
    }

    /// Returns the value.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.encoded.get(self.name_len.saturating_add(1 + 4)..).unwrap_or_default()
    }

    pub(crate) fn put(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.encoded);
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Property({}: {})", self.name().escape_ascii(), self.value().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeError;
    use crate::limits::Limits;
    use crate::metadata::Metadata;

    /// 37:metadata:own-names, 37:metadata:name-length, 37:metadata:name-chars.
    #[test]
    fn what_is_made_can_be_read_and_what_cannot_be_read_is_not_made() {
        let long = format!("X-{}", "n".repeat(253));
        for name in ["X-", "X-Good", "X-a.b_c+d-9", &long] {
            for value in [&b""[..], b"any \0 octets \xff", &[7; 1000]] {
                let property = Property::new(name, value).unwrap();
                assert_eq!((property.name(), property.value()), (name.as_bytes(), value));
                let mut out = BytesMut::new();
                property.put(&mut out);
                let metadata = Metadata::parse(out.freeze(), &Limits::default()).unwrap();
                assert!(metadata.iter().eq([(name.as_bytes(), value)]));
            }
        }
        for name in ["", "X", "Bad", "not allowed", "Identity", "Socket-Type", "x-good", "-X-"] {
            assert_eq!(Property::new(name, ""), Err(PropertyError::NoPrefix), "{name}");
        }
        let longer = format!("{long}n");
        assert_eq!(Property::new(&longer, ""), Err(PropertyError::NameTooLong(256)));
        for octet in 0..=0x7F_u8 {
            let name = format!("X-{}", char::from(octet));
            let mut out = BytesMut::new();
            put_property(&name, b"", &mut out);
            let read = Metadata::parse(out.freeze(), &Limits::default());
            match Property::new(&name, "") {
                Ok(_) => assert!(read.is_ok(), "{octet:#04x}"),
                Err(error) => {
                    assert_eq!(error, PropertyError::NameOctet(octet));
                    assert_eq!(read, Err(DecodeError::PropertyName));
                }
            }
        }
    }

    /// 37:metadata:value-length.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_value_whose_length_has_no_place_is_not_made() {
        // Nothing of it is touched.
        let len = 1 << 31;
        assert_eq!(Property::new("X-", vec![0; len]), Err(PropertyError::ValueTooLong(len)));
    }
}
