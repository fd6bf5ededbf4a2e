//! PLAIN: a user name and a password, in clear text.
//!
//! ```text
//! hello    = OCTET "HELLO" user password     ; the client first
//! welcome  = OCTET "WELCOME"                 ; the server, if it knows both
//! initiate = OCTET "INITIATE" *property
//! ready    = OCTET "READY" *property
//! user     = OCTET 0*255VCHAR
//! password = OCTET 0*255VCHAR
//! ```
//!
//! For links that are private already: whoever listens reads the password.

use std::borrow::Cow;
use std::fmt;

use bytes::{Bytes, BytesMut};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::command::put_command;
use crate::error::{DecodeError, Field};

/// What a PLAIN client says of itself. The password is wiped when it is dropped, and no log shows
/// it.
// spec: 24:plain:credentials-wiped
#[derive(Clone)]
pub struct PlainCredentials {
    user: Bytes,
    password: Zeroizing<Vec<u8>>,
}

/// Credentials that cannot be sent. The caller's fault.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlainError {
    /// A user name or a password of more than 255 octets.
    #[error("a user name or password of {0} octets, at most 255 are allowed")]
    TooLong(usize),
    /// An octet that is no printable ASCII.
    #[error("a user name or password that is not printable ASCII")]
    NotPrintable,
}

impl PlainCredentials {
    /// Makes credentials of a user name and a password of 0 to 255 printable ASCII octets each.
    ///
    /// # Errors
    ///
    /// One of them is longer, or has other octets.
    pub fn new(user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Result<Self, PlainError> {
        let (user, password) = (user.as_ref(), password.as_ref());
        for text in [user, password] {
            if text.len() > 255 {
                return Err(PlainError::TooLong(text.len()));
            }
            if !is_printable(text) {
                return Err(PlainError::NotPrintable);
            }
        }
        Ok(Self { user: Bytes::copy_from_slice(user), password: password.to_vec().into() })
    }

    /// Returns the user name.
    #[must_use]
    pub fn user(&self) -> &Bytes {
        &self.user
    }

    /// Compares the password in a time that does not depend on where it differs, or by how much.
    // spec: 24:plain:constant-time
    #[must_use]
    pub fn has_password(&self, password: &[u8]) -> bool {
        // Filled up to one length, so that the time does not tell that either.
        let filled = |text: &[u8]| {
            let mut octets = Zeroizing::new([0; 256]);
            for (to, from) in octets.iter_mut().zip(text) {
                *to = *from;
            }
            octets
        };
        let same = filled(&self.password).ct_eq(&*filled(password));
        (same & self.password.len().ct_eq(&password.len())).into()
    }

    /// Compares two passwords, in the same way.
    // spec: 24:plain:constant-time
    #[must_use]
    pub fn has_password_of(&self, other: &Self) -> bool {
        self.has_password(&other.password)
    }

    /// Appends HELLO.
    // spec: 24:plain:hello-layout
    pub(crate) fn put_hello(&self, out: &mut BytesMut) {
        let mut data = Zeroizing::new(Vec::with_capacity(HELLO_LEN_MAX));
        for text in [&self.user[..], &self.password] {
            data.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            data.extend_from_slice(text);
        }
        put_command("HELLO", &data, out);
    }

    /// Parses what stands behind the name of a HELLO.
    // spec: 24:plain:hello-layout, 24:plain:whole-body, 24:plain:printable
    pub(crate) fn parse(data: &[u8]) -> Result<Self, DecodeError> {
        let (user, rest) = text(data)?;
        let (password, rest) = text(rest)?;
        if !rest.is_empty() {
            return Err(DecodeError::TrailingOctets);
        }
        Self::new(user, password).map_err(|_| DecodeError::Credentials)
    }
}

impl fmt::Debug for PlainCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainCredentials({}, ..)", self.user.escape_ascii())
    }
}

/// `OCTET 0*255VCHAR`, and what follows.
fn text(input: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let cut = DecodeError::Truncated { field: Field::Credentials, len: input.len() };
    let (&len, rest) = input.split_first().ok_or(cut)?;
    rest.split_at_checked(usize::from(len)).ok_or(cut)
}

/// Returns what a server sent, with the name of ERROR mended.
///
/// A PLAIN server of libzmq writes `^RROR`, since in its source the length of the name and the `E`
/// became one octet. As a length, `^` would begin a name of 94 letters, and there is none.
// spec: 24:plain:error-misspelt
pub(crate) fn mend_error(body: &[u8]) -> Cow<'_, [u8]> {
    match body.strip_prefix(b"^RROR") {
        Some(data) => [b"\x05ERROR", data].concat().into(),
        None => body.into(),
    }
}

fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|octet| matches!(octet, b' '..=b'~'))
}

/// Octets in the body of the longest HELLO.
pub(crate) const HELLO_LEN_MAX: usize = 518;

#[cfg(test)]
mod tests;
