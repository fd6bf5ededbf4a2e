//! The name a peer gives itself.

use std::fmt;

use bytes::Bytes;

use crate::error::DecodeError;

/// What a peer announces in its `Identity` property: 0 to 255 octets, the first not zero.
///
/// Empty means anonymous. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Identity(Bytes);

impl Identity {
    /// The longest identity, in octets.
    pub const LEN_MAX: usize = 255;

    /// The identity of a peer without one.
    pub const ANONYMOUS: Self = Self(Bytes::new());

    /// Checks `octets` and makes an identity of them, which is a copy.
    ///
    /// # Errors
    ///
    /// [`DecodeError::IdentityTooLong`] or [`DecodeError::IdentityLeadingZero`]: the fault of
    /// whoever chose it.
    pub fn new(octets: impl AsRef<[u8]>) -> Result<Self, DecodeError> {
        let octets = octets.as_ref();
        if octets.len() > Self::LEN_MAX {
            return Err(DecodeError::IdentityTooLong { len: octets.len() });
        }
        if octets.first() == Some(&0) {
            return Err(DecodeError::IdentityLeadingZero);
        }
        Ok(Self(Bytes::copy_from_slice(octets)))
    }

    /// Tells whether this is the empty identity.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }

    /// Returns the octets, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({self})")
    }
}

/// Peer data, so escaped and cut at 32 octets: fit for logs.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 32;
        let shown = self.0.get(..SHOWN_MAX).unwrap_or(&self.0);
        write!(f, "{}", shown.escape_ascii())?;
        if self.0.len() > SHOWN_MAX { f.write_str("..") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_0_to_255_octets_and_no_more() {
        for len in 0..=300 {
            let made = Identity::new(vec![b'i'; len]);
            if len <= 255 {
                assert_eq!(made.map(|identity| identity.as_octets().len()), Ok(len));
            } else {
                assert_eq!(made, Err(DecodeError::IdentityTooLong { len }));
            }
        }
    }

    #[test]
    fn refuses_a_leading_zero_and_only_there() {
        assert_eq!(Identity::new(b"\0a"), Err(DecodeError::IdentityLeadingZero));
        assert!(Identity::new(b"a\0").is_ok());
    }

    #[test]
    fn shows_peer_data_escaped_and_cut() {
        let identity = Identity::new([0x1b; 40]).unwrap();
        assert_eq!(identity.to_string(), format!("{}..", "\\x1b".repeat(32)));
    }
}
