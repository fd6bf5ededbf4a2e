//! The name of a security mechanism.

use std::fmt;

use crate::error::DecodeError;

/// A mechanism name as the greeting carries it: up to 20 characters, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mechanism([u8; Mechanism::FIELD_LEN]);

impl Mechanism {
    /// Octets of the field in the greeting.
    pub const FIELD_LEN: usize = 20;

    /// No security.
    pub const NULL: Self = Self(*b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");

    /// A user name and a password in clear text.
    pub const PLAIN: Self = Self(*b"PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");

    /// Elliptic-curve encryption and authentication.
    pub const CURVE: Self = Self(*b"CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");

    /// Reads the field: capitals, digits and `-_.+`, then zeros to the end.
    ///
    /// # Errors
    ///
    /// [`DecodeError::MechanismName`] if the field is anything else.
    // spec: 37:greeting:mechanism-chars
    pub fn from_field(field: &[u8]) -> Result<Self, DecodeError> {
        let field: [u8; Self::FIELD_LEN] =
            field.try_into().map_err(|_| DecodeError::MechanismName)?;
        let name_len = field.iter().position(|&octet| octet == 0).unwrap_or(Self::FIELD_LEN);
        let (name, padding) = field.split_at(name_len);
        let legal =
            |octet: &u8| matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'+');
        if name.iter().all(legal) && padding.iter().all(|&octet| octet == 0) {
            Ok(Self(field))
        } else {
            Err(DecodeError::MechanismName)
        }
    }

    /// Returns the field as it stands in the greeting.
    #[must_use]
    pub const fn as_field(&self) -> &[u8; Self::FIELD_LEN] {
        &self.0
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.split(|&octet| octet == 0).next().unwrap_or_default();
        write!(f, "{}", name.escape_ascii())
    }
}

impl fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mechanism({self})")
    }
}
