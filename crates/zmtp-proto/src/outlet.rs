//! The sending half of an established connection: frames in the clear become octets to write.

use bytes::BytesMut;

use crate::curve::Sealer;
use crate::error::ConnectionError;
use crate::pairing::{Pairing, TellError};
use crate::subscription::{Membership, Subscription};

/// What becomes of frames before they are written.
#[derive(Debug)]
pub enum Outlet {
    /// They go as they are.
    Clear,
    /// Each goes in a box of its own, at the moment of writing: one that is sealed cannot be taken
    /// back, since its nonce is used.
    Sealed(Sealer),
}

impl Outlet {
    /// Appends the whole frames in `clear` to `out`, as they are to be written: all of them, or
    /// after an error none.
    ///
    /// # Errors
    ///
    /// Those of [`Sealer::seal`].
    pub fn put(&mut self, clear: &[u8], out: &mut BytesMut) -> Result<(), ConnectionError> {
        match self {
            Self::Clear => {
                out.extend_from_slice(clear);
                Ok(())
            }
            Self::Sealed(sealer) => {
                let start = out.len();
                // A message without its last frame would be taken for the front of the next.
                put_sealed(sealer, clear, out).inspect_err(|_| out.truncate(start))
            }
        }
    }

    /// Appends a subscription, in the form that the peer's version asks for.
    ///
    /// # Errors
    ///
    /// The types in `pairing`, which [`Traffic::pairing`](crate::Traffic::pairing) gives, are not
    /// those of a subscriber and its publisher; or those of [`put`](Self::put).
    pub fn put_subscription(
        &mut self,
        subscription: &Subscription,
        pairing: Pairing,
        out: &mut BytesMut,
    ) -> Result<(), TellError> {
        let mut clear = BytesMut::new();
        pairing.put_subscription(subscription, &mut clear)?;
        Ok(self.put(&clear, out)?)
    }

    /// Appends a membership.
    ///
    /// # Errors
    ///
    /// The types in `pairing`, which [`Traffic::pairing`](crate::Traffic::pairing) gives, are not
    /// DISH and RADIO, or the version has no groups; or those of [`put`](Self::put).
    pub fn put_membership(
        &mut self,
        membership: &Membership,
        pairing: Pairing,
        out: &mut BytesMut,
    ) -> Result<(), TellError> {
        let mut clear = BytesMut::new();
        pairing.put_membership(membership, &mut clear)?;
        Ok(self.put(&clear, out)?)
    }
}

fn put_sealed(
    sealer: &mut Sealer,
    mut clear: &[u8],
    out: &mut BytesMut,
) -> Result<(), ConnectionError> {
    loop {
        match sealer.seal(clear, out)? {
            0 => return Ok(()),
            len => clear = clear.get(len..).unwrap_or_default(),
        }
    }
}
