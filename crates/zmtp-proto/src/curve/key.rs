//! Keys: permanent ones, which have a Z85 text, and the transient ones of a connection.

use std::fmt;
use std::str::FromStr;

use dryoc::classic::crypto_core::crypto_scalarmult_base;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::z85;

/// A public key: 32 octets, whoever they are shown to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; Self::LEN]);

impl PublicKey {
    /// Octets of a key.
    pub const LEN: usize = 32;

    /// Takes octets for a key. Any 32 may be one; that it is weak shows when it is used.
    ///
    /// The highest bit means nothing and is cleared, so that nobody has two names for one key.
    // spec: 26:curve:one-name-for-a-key
    #[must_use]
    pub const fn from_octets(mut octets: [u8; Self::LEN]) -> Self {
        octets[Self::LEN - 1] &= 0x7F;
        Self(octets)
    }

    /// Returns the octets.
    #[must_use]
    pub const fn as_octets(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Compares in a time that does not depend on what is compared.
    // spec: 26:curve:vouch-both-halves
    pub(crate) fn is(&self, octets: &[u8]) -> bool {
        self.0.as_slice().ct_eq(octets).into()
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads 40 characters of Z85.
    // spec: 32:z85:keys
    fn from_str(text: &str) -> Result<Self, KeyError> {
        from_z85(text).map(|octets| Self::from_octets(*octets))
    }
}

/// As Z85.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_z85(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A secret key: 32 octets that are wiped when it is dropped, as those of each clone are, and that
/// no log shows.
// spec: 26:curve:secrets-zeroized
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; Self::LEN]>);

impl SecretKey {
    /// Octets of a key.
    pub const LEN: usize = 32;

    /// Takes octets for a key: 32 random ones make a new key.
    #[must_use]
    pub fn from_octets(octets: [u8; Self::LEN]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_octets(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Returns the Z85 text, which is wiped when it is dropped.
    #[must_use]
    pub fn to_z85(&self) -> Zeroizing<String> {
        Zeroizing::new(to_z85(&self.0))
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    /// Reads 40 characters of Z85.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        from_z85(text).map(|octets| Self::from_octets(*octets))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A secret key and the public one that belongs to it.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// What others may know.
    pub public: PublicKey,
    /// What they may not.
    pub secret: SecretKey,
}

impl KeyPair {
    /// Computes the public key that belongs to `secret`.
    #[must_use]
    pub fn from_secret(secret: SecretKey) -> Self {
        let mut public = [0; PublicKey::LEN];
        crypto_scalarmult_base(&mut public, secret.as_octets());
        Self { public: PublicKey(public), secret }
    }
}

/// A text that is no key. The caller's fault.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a key is 40 characters of Z85")]
pub struct KeyError;

fn from_z85(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let octets = Zeroizing::new(z85::decode(text).map_err(|_| KeyError)?);
    let key: [u8; 32] = octets.as_slice().try_into().map_err(|_| KeyError)?;
    Ok(Zeroizing::new(key))
}

fn to_z85(octets: &[u8; 32]) -> String {
    // Never an error: 32 is a multiple of 4.
    z85::encode(octets).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32:z85:keys.
    #[test]
    fn a_key_is_exactly_forty_characters() {
        // The pair in libzmq's manual.
        let secret: SecretKey = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs".parse().unwrap();
        let pair = KeyPair::from_secret(secret);
        assert_eq!(pair.public.to_string(), "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
        assert_eq!(pair.public.to_string().parse(), Ok(pair.public));
        assert_eq!(*pair.secret.to_z85(), "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs");
        for text in ["", "HelloWorld", &"0".repeat(39), &"0".repeat(41), &"0".repeat(45)] {
            assert_eq!(text.parse::<PublicKey>(), Err(KeyError), "{text}");
        }
    }

    /// 26:curve:one-name-for-a-key.
    #[test]
    fn the_bit_that_means_nothing_makes_no_second_key() {
        let pair = KeyPair::from_secret(SecretKey::from_octets([7; 32]));
        let mut other = *pair.public.as_octets();
        other[31] |= 0x80;
        assert_ne!(&other, pair.public.as_octets());
        assert_eq!(PublicKey::from_octets(other), pair.public);
    }

    /// 26:curve:secrets-zeroized.
    #[test]
    fn no_log_shows_a_secret_key() {
        let pair = KeyPair::from_secret(SecretKey::from_octets([7; 32]));
        let shown = format!("{pair:?}");
        assert!(shown.contains("SecretKey(..)"), "{shown}");
        assert!(!shown.contains("7, 7") && !shown.contains(&*pair.secret.to_z85()), "{shown}");
    }
}
