//! Bodies that tell whose they are, so that every reply can be checked whole.
//!
//! `body = client(4) service(4) sequence(8) slot(4) sum(4) pattern`. The pattern
//! is a window into octets both ends know, shifted by the sequence number, so
//! that neighbouring requests differ throughout.

use thiserror::Error;

/// The numbers a body begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The client that asks.
    pub client: u32,
    /// The service that it asks.
    pub service: u32,
    /// Number of the request, counted by each client.
    pub sequence: u64,
    /// Which of the client's open requests this is.
    pub slot: u32,
}

/// Why a body is not one of ours.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BodyError {
    /// The length differs from every request's.
    #[error("a body of another length")]
    Len,
    /// The sum does not fit the numbers.
    #[error("the numbers do not fit their sum")]
    Sum,
    /// The octets behind the numbers differ from those that were sent.
    #[error("the pattern differs")]
    Pattern,
}

/// Writes and checks bodies of one length.
#[derive(Debug)]
pub struct Bodies {
    pattern: Vec<u8>,
    pattern_len: usize,
}

impl Bodies {
    /// Bodies of `len` octets, at least [`STAMP_LEN`].
    #[must_use]
    pub fn of_len(len: usize) -> Self {
        let pattern_len = len.saturating_sub(STAMP_LEN);
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let pattern = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        });
        Self { pattern: pattern.take(pattern_len + SHIFTS).collect(), pattern_len }
    }

    /// Octets in each body.
    #[must_use]
    pub fn body_len(&self) -> usize {
        STAMP_LEN + self.pattern_len
    }

    /// Appends the body with this stamp.
    pub fn push(&self, out: &mut Vec<u8>, stamp: Stamp) {
        let mut head = [0; STAMP_LEN];
        let fields = stamp.client.to_be_bytes().into_iter().chain(stamp.service.to_be_bytes());
        let fields = fields.chain(stamp.sequence.to_be_bytes()).chain(stamp.slot.to_be_bytes());
        let octets = fields.chain(sum(stamp).to_be_bytes());
        for (to, from) in head.iter_mut().zip(octets) {
            *to = from;
        }
        out.extend_from_slice(&head);
        out.extend_from_slice(self.pattern_for(stamp.sequence));
    }

    /// Compares the whole body with what was sent under its stamp.
    ///
    /// # Errors
    ///
    /// What differs.
    #[inline]
    pub fn check(&self, body: &[u8]) -> Result<Stamp, BodyError> {
        let (stamp, declared, pattern) = split(body).ok_or(BodyError::Len)?;
        if sum(stamp) != declared {
            return Err(BodyError::Sum);
        }
        if pattern.len() != self.pattern_len {
            return Err(BodyError::Len);
        }
        if pattern == self.pattern_for(stamp.sequence) {
            Ok(stamp)
        } else {
            Err(BodyError::Pattern)
        }
    }

    fn pattern_for(&self, sequence: u64) -> &[u8] {
        let shift = usize::from(sequence.to_be_bytes()[7]);
        self.pattern.get(shift..shift + self.pattern_len).unwrap_or_default()
    }
}

/// Takes the stamp and its sum off a body.
fn split(body: &[u8]) -> Option<(Stamp, u32, &[u8])> {
    let (client, rest) = body.split_first_chunk()?;
    let (service, rest) = rest.split_first_chunk()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (slot, rest) = rest.split_first_chunk()?;
    let (declared, pattern) = rest.split_first_chunk()?;
    let stamp = Stamp {
        client: u32::from_be_bytes(*client),
        service: u32::from_be_bytes(*service),
        sequence: u64::from_be_bytes(*sequence),
        slot: u32::from_be_bytes(*slot),
    };
    Some((stamp, u32::from_be_bytes(*declared), pattern))
}

/// Mixes the numbers, so that a changed octet of a stamp shows.
fn sum(stamp: Stamp) -> u32 {
    let pair = (u64::from(stamp.client) << 32) | u64::from(stamp.service);
    let mixed = pair
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(stamp.sequence)
        .wrapping_mul(0xBF58_476D_1CE4_E5B9)
        .wrapping_add(u64::from(stamp.slot))
        .wrapping_mul(0x94D0_49BB_1331_11EB);
    let [a, b, c, d, ..] = mixed.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Octets of a stamp with its sum; no body is shorter.
pub const STAMP_LEN: usize = 24;

/// Different windows into the pattern.
const SHIFTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { client: 3, service: 250, sequence: 77_777, slot: 63 };

    #[test]
    fn gives_back_the_stamp() {
        for len in [24, 25, 64, 4096] {
            let bodies = Bodies::of_len(len);
            let mut body = Vec::new();
            bodies.push(&mut body, STAMP);
            assert_eq!(body.len(), len);
            assert_eq!(bodies.check(&body), Ok(STAMP));
        }
    }

    #[test]
    fn sees_every_single_changed_octet() {
        let bodies = Bodies::of_len(64);
        let mut body = Vec::new();
        bodies.push(&mut body, STAMP);
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 1;
            assert!(bodies.check(&changed).is_err(), "octet {at}");
        }
    }

    #[test]
    fn sees_another_length() {
        let bodies = Bodies::of_len(64);
        let mut body = Vec::new();
        bodies.push(&mut body, STAMP);
        assert_eq!(bodies.check(&body[..63]), Err(BodyError::Len));
        assert_eq!(bodies.check(&body[..10]), Err(BodyError::Len));
    }
}
