//! Z85: binary data as printable text, for keys in files and on command lines.
//!
//! ```text
//! text  = *group
//! group = 5char      ; a number to the base 85, for four octets
//! ```
//!
//! No padding: whoever has other lengths than multiples of four octets pads for themselves.
//!
//! ```
//! use zmtp_proto::z85;
//!
//! # fn main() -> Result<(), z85::Z85Error> {
//! let octets = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
//! assert_eq!(z85::encode(&octets)?, "HelloWorld");
//! assert_eq!(z85::decode("HelloWorld")?, octets);
//! # Ok(())
//! # }
//! ```

use thiserror::Error;

/// What cannot be encoded or decoded. The fault of whoever wrote it; another try is of no use.
///
/// It tells places and lengths and never what stood there, which may be half a secret key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Z85Error {
    /// The octets or characters cannot be divided into groups.
    #[error("length {len} is no multiple of {group_len}")]
    Length {
        /// How many octets of data or text there are.
        len: usize,
        /// Of how many a group consists: 4 octets of data, 5 of text.
        group_len: usize,
    },
    /// A character is not one of the 85.
    #[error("no Z85 character at {offset}")]
    Character {
        /// Where it stands in the text, counted in octets from 0.
        offset: usize,
    },
    /// A group stands for a number that four octets cannot hold.
    #[error("the group at {offset} is above 2^32 - 1")]
    Overflow {
        /// Where the group begins in the text, counted in octets from 0.
        offset: usize,
    },
}

/// Writes `data` as text, five characters for four octets.
///
/// The text is allocated once, in its full length, so that whoever wipes it wipes all of it.
///
/// # Errors
///
/// [`Z85Error::Length`] unless the length of `data` is a multiple of 4.
pub fn encode(data: &[u8]) -> Result<String, Z85Error> {
    // spec: 32:z85:lengths
    let (groups, []) = data.as_chunks::<BINARY_LEN>() else {
        return Err(Z85Error::Length { len: data.len(), group_len: BINARY_LEN });
    };
    let mut text = String::with_capacity(groups.len().saturating_mul(TEXT_LEN));
    for group in groups {
        text.extend(characters(*group));
    }
    Ok(text)
}

/// Reads the octets that `text` stands for, four for five characters; empty text is no octets.
///
/// Each group of a text without errors takes the same steps, whatever it stands for. The octets
/// are allocated once, in their full length, so that whoever wipes them wipes all of them.
///
/// # Errors
///
/// The first of what is wrong with `text`.
pub fn decode(text: &str) -> Result<Vec<u8>, Z85Error> {
    // spec: 32:z85:lengths
    let (groups, []) = text.as_bytes().as_chunks::<TEXT_LEN>() else {
        return Err(Z85Error::Length { len: text.len(), group_len: TEXT_LEN });
    };
    let mut data = Vec::with_capacity(groups.len().saturating_mul(BINARY_LEN));
    for (index, group) in groups.iter().enumerate() {
        data.extend(octets(*group, index.saturating_mul(TEXT_LEN))?);
    }
    Ok(data)
}

/// Writes a number to the base 85, its most significant digit first.
// spec: 32:z85:big-endian
#[expect(clippy::indexing_slicing, reason = "a remainder by 85 is an index into 85 characters")]
fn characters(group: [u8; BINARY_LEN]) -> [char; TEXT_LEN] {
    let mut value = u32::from_be_bytes(group);
    let mut characters = ['\0'; TEXT_LEN];
    for character in characters.iter_mut().rev() {
        *character = char::from(ALPHABET[(value % 85) as usize]);
        value /= 85;
    }
    characters
}

/// `group = 5char`, which begins at `offset` of the text.
// spec: 32:z85:big-endian
fn octets(group: [u8; TEXT_LEN], offset: usize) -> Result<[u8; BINARY_LEN], Z85Error> {
    let mut value: u64 = 0;
    for (place, character) in group.into_iter().enumerate() {
        // spec: 32:z85:alphabet
        let digit = DIGITS.get(usize::from(character)).copied().flatten();
        let digit = digit.ok_or(Z85Error::Character { offset: offset.saturating_add(place) })?;
        value = value.saturating_mul(85).saturating_add(u64::from(digit));
    }
    // spec: 32:z85:overflow
    let value = u32::try_from(value).map_err(|_| Z85Error::Overflow { offset })?;
    Ok(value.to_be_bytes())
}

/// The value of each character, none for what is not in the alphabet.
const DIGITS: [Option<u8>; 256] = digits();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "this runs in the compiler, where a wrong step is an error"
)]
const fn digits() -> [Option<u8>; 256] {
    let mut digits = [None; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        digits[ALPHABET[value] as usize] = Some(value as u8);
        value += 1;
    }
    digits
}

/// The 85 characters, by value.
const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Octets of data in a group.
const BINARY_LEN: usize = 4;

/// Characters of text in a group.
const TEXT_LEN: usize = 5;

#[cfg(test)]
mod tests;
