//! Transient keys that have been seen: a recorded HELLO is known again before it costs anything.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::curve::key::PublicKey;

/// The transient keys of the last clients, shared by the connections of a server.
///
/// An honest client makes a new one for each connection, so that one which comes again was
/// recorded, and the work that its HELLO asks for is not done a second time. The table is a guard
/// against work and not a proof: a key is forgotten when others have taken its place.
#[derive(Debug)]
pub struct SeenHellos {
    places: Box<[AtomicU64]>,
}

/// Whether a key has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Sight {
    New,
    Again,
}

impl SeenHellos {
    /// Keys that are remembered, 8 octets each; a power of two.
    pub const PLACES: usize = 4096;

    /// Tells whether this key was noted.
    // spec: 26:curve:hello-once
    pub(crate) fn look(&self, key: &PublicKey) -> Sight {
        let (place, mark) = self.place(key);
        match place {
            Some(place) if place.load(Ordering::Relaxed) == mark => Sight::Again,
            _ => Sight::New,
        }
    }

    /// Notes the key of a HELLO whose box has opened.
    pub(crate) fn note(&self, key: &PublicKey) {
        if let (Some(place), mark) = self.place(key) {
            place.store(mark, Ordering::Relaxed);
        }
    }

    /// Returns the place of a key, and what stands there when it is taken.
    fn place(&self, key: &PublicKey) -> (Option<&AtomicU64>, u64) {
        let (front, back) = key.as_octets().split_at(8);
        let number = |octets: &[u8]| {
            octets.iter().take(8).fold(0_u64, |number, &octet| number << 8 | u64::from(octet))
        };
        let index = usize::try_from(number(back)).unwrap_or_default() & (Self::PLACES - 1);
        (self.places.get(index), number(front))
    }
}

impl Default for SeenHellos {
    fn default() -> Self {
        Self { places: (0..Self::PLACES).map(|_| AtomicU64::new(0)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 26:curve:hello-once.
    #[test]
    fn a_key_is_known_again_until_another_takes_its_place() {
        let seen = SeenHellos::default();
        let key = |front: u8, back: u8| {
            let mut octets = [back; 32];
            octets[..8].fill(front);
            PublicKey::from_octets(octets)
        };
        assert_eq!(seen.look(&key(1, 1)), Sight::New);
        seen.note(&key(1, 1));
        assert_eq!(seen.look(&key(1, 1)), Sight::Again);
        seen.note(&key(1, 2));
        assert_eq!(seen.look(&key(1, 1)), Sight::Again, "another place");
        seen.note(&key(2, 1));
        assert_eq!(seen.look(&key(1, 1)), Sight::New, "its place is taken");
    }
}
