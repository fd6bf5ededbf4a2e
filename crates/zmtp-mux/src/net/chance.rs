//! The one place where random octets are drawn.

use std::io;

/// Draws octets from the system's CSPRNG.
///
/// # Errors
///
/// The system has none to give; as good as never.
pub(crate) fn draw<const LEN: usize>() -> io::Result<[u8; LEN]> {
    let mut octets = [0; LEN];
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    getrandom::fill(&mut octets).map_err(io::Error::from)?;
    Ok(octets)
}
