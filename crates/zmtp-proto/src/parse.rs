//! The seam to nom: how octets are cut is nom's affair, what they mean is ours.
//!
//! Only nom's streaming parsers are used, so that `Incomplete` means incomplete. Nom's types do
//! not leave the crate.

use nom::error::{ErrorKind, FromExternalError, ParseError};
use nom::{Err, IResult};

use crate::error::DecodeError;

/// What a production returns: the rest of the input, and its value.
pub(crate) type Parsed<'i, T> = IResult<&'i [u8], T, Fault>;

/// A [`DecodeError`] on its way through nom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) DecodeError);

impl ParseError<&[u8]> for Fault {
    fn from_error_kind(_: &[u8], _: ErrorKind) -> Self {
        Self(DecodeError::Malformed)
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl FromExternalError<&[u8], DecodeError> for Fault {
    fn from_external_error(_: &[u8], _: ErrorKind, error: DecodeError) -> Self {
        Self(error)
    }
}

/// Leaves nom where more input may follow: `Ok(None)` means that the octets ran out.
pub(crate) fn finish<T>(parsed: Parsed<'_, T>) -> Result<Option<(&[u8], T)>, DecodeError> {
    match parsed {
        Ok(done) => Ok(Some(done)),
        Err(Err::Incomplete(_)) => Ok(None),
        Err(Err::Error(Fault(error)) | Err::Failure(Fault(error))) => Err(error),
    }
}

/// Leaves nom where `input` was all there is: neither too short, which is the error `cut`, nor with
/// octets left over.
pub(crate) fn finish_all<T>(parsed: Parsed<'_, T>, cut: DecodeError) -> Result<T, DecodeError> {
    match finish(parsed)? {
        Some(([], value)) => Ok(value),
        Some(_) => Err(DecodeError::TrailingOctets),
        None => Err(cut),
    }
}
