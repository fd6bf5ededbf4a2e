//! Bodies with a number in front, so that a receiver sees what is missing.

/// Octets of the number that each body begins with.
pub const NUMBER_LEN: usize = 8;

/// Writes the number of a message over the front of its body.
#[inline]
pub fn stamp(body: &mut [u8], number: u64) {
    for (to, from) in body.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
}

/// Returns the number of a body, if it is long enough to have one.
#[inline]
#[must_use]
pub fn number(body: &[u8]) -> Option<u64> {
    body.first_chunk::<NUMBER_LEN>().map(|octets| u64::from_le_bytes(*octets))
}

/// A body without its number.
#[must_use]
pub fn blank(len: usize) -> Vec<u8> {
    vec![0x5A; len.max(NUMBER_LEN)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_back() {
        let mut body = blank(64);
        stamp(&mut body, 0x0102_0304_0506_0708);
        assert_eq!(number(&body), Some(0x0102_0304_0506_0708));
        assert_eq!(number(&body[..7]), None);
    }
}
