//! Boxes: octets that only the holder of a key can open, or have made.

use bytes::BytesMut;
use dryoc::classic::crypto_box::{
    crypto_box_beforenm, crypto_box_detached_afternm_inplace,
    crypto_box_open_detached_afternm_inplace,
};
use zeroize::Zeroizing;

use crate::curve::error::CurveError;
use crate::curve::key::{PublicKey, SecretKey};
use crate::curve::nonce::Nonce;

/// The key of boxes between two: of one's secret and the other's public key, or of nobody else.
// spec: 26:curve:secrets-zeroized
pub(crate) struct BoxKey(Zeroizing<[u8; 32]>);

impl BoxKey {
    /// Octets by which a box is longer than what is in it.
    pub(crate) const OVERHEAD: usize = 16;

    /// Computes the key that the holder of `secret` shares with the holder of `public`'s secret.
    ///
    /// # Errors
    ///
    /// [`CurveError::WeakKey`]: the public key is one of the few with which there is no secret.
    // spec: 26:curve:weak-keys
    pub(crate) fn shared(public: &PublicKey, secret: &SecretKey) -> Result<Self, CurveError> {
        crypto_box_beforenm(public.as_octets(), secret.as_octets())
            .map(|key| Self(Zeroizing::new(key)))
            .map_err(|_| CurveError::WeakKey)
    }

    /// Takes 32 random octets for a key that is shared with nobody.
    pub(crate) fn own(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// Appends a box of `parts`, one behind the other.
    pub(crate) fn seal(&self, nonce: &Nonce, parts: &[&[u8]], out: &mut BytesMut) {
        let start = out.len();
        out.extend_from_slice(&[0; Self::OVERHEAD]);
        for part in parts {
            out.extend_from_slice(part);
        }
        self.seal_in_place(nonce, out.get_mut(start..).unwrap_or_default());
    }

    /// Makes `place` a box of what stands in it behind the first 16 octets.
    #[inline]
    pub(crate) fn seal_in_place(&self, nonce: &Nonce, place: &mut [u8]) {
        if let Some((mac, data)) = place.split_first_chunk_mut::<{ Self::OVERHEAD }>() {
            crypto_box_detached_afternm_inplace(data, mac, nonce, &self.0);
        }
    }

    /// Appends what is in `boxed` to `out`; nothing if it does not open.
    ///
    /// # Errors
    ///
    /// [`CurveError::Box`]: it was made with another key or for another nonce, or is damaged.
    pub(crate) fn open(
        &self,
        nonce: &Nonce,
        boxed: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), CurveError> {
        let (mac, data) = boxed.split_first_chunk::<{ Self::OVERHEAD }>().ok_or(CurveError::Box)?;
        let start = out.len();
        out.extend_from_slice(data);
        let opened = out.get_mut(start..).unwrap_or_default();
        crypto_box_open_detached_afternm_inplace(opened, mac, nonce, &self.0).map_err(|_| {
            out.truncate(start);
            CurveError::Box
        })
    }
}

impl std::fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoxKey(..)")
    }
}
