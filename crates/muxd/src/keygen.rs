//! `muxd keygen`: a new pair of keys.

use std::io::{self, Write};

use zeroize::Zeroizing;
use zmtp_mux::{KeyPair, generate_keys};

use crate::failure::Failure;

/// Prints a new pair of keys.
pub(crate) fn run() -> Result<(), Failure> {
    let text = text(&generate_keys()?);
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Returns the two lines that [`keys::own`](crate::keys::own) reads.
pub(crate) fn text(keys: &KeyPair) -> Zeroizing<String> {
    // As long as it gets: a string that moves leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN));
    let (public, secret) = (keys.public.to_string(), keys.secret.to_z85());
    for part in ["public ", &public, "\nsecret ", &secret, "\n"] {
        text.push_str(part);
    }
    text
}

/// Octets that are printed: two words, two keys, two ends of lines.
const TEXT_LEN: usize = 2 * (7 + 40 + 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_two_lines_and_fits() {
        let text = text(&generate_keys().unwrap());
        assert_eq!((text.len(), text.lines().count()), (TEXT_LEN, 2));
    }
}
