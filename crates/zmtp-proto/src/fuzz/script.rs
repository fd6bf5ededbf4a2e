//! Octets of a fuzzer's, read as choices.

/// What is left of the input. Past its end all choices are 0.
pub(super) struct Script<'d>(pub(super) &'d [u8]);

impl<'d> Script<'d> {
    pub(super) fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// Takes `len` octets, or as many as there are.
    pub(super) fn take(&mut self, len: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Takes a short string with its length before it.
    pub(super) fn text(&mut self, len_max: usize) -> &'d [u8] {
        let len = usize::from(self.octet()) % (len_max + 1);
        self.take(len)
    }

    /// Takes octets with their length before them; some lengths stand for more than there is.
    pub(super) fn payload(&mut self) -> Vec<u8> {
        match self.octet() {
            len @ 0..=199 => self.take(usize::from(len)).to_vec(),
            len => vec![len; (usize::from(len) - 199) * 90],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a stream is cut: a row of small numbers that depends on its seed.
pub(super) enum Cuts {
    /// Nowhere.
    Never,
    /// After 1 to 7 octets each.
    Small(u32),
}

impl Cuts {
    /// Returns how many of `left` octets come next.
    pub(super) fn next(&mut self, left: usize) -> usize {
        let Self::Small(state) = self else { return left };
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (usize::try_from(*state >> 24).unwrap() % 7 + 1).min(left)
    }
}

/// Never for 0, so that a fuzzer finds both.
impl From<u8> for Cuts {
    fn from(seed: u8) -> Self {
        if seed == 0 { Self::Never } else { Self::Small(u32::from(seed) | 0x100) }
    }
}
