//! Octets on their way to one peer, and the pieces they come in.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::core::delivery::Intake;
use crate::core::spares::Spares;

/// Octets to write.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// Small messages and the heads of large ones.
    Buffer(Vec<u8>),
    /// A large body, where it arrived.
    Shared(Bytes),
}

/// Octets on their way to one peer, in the hands of its writer.
#[derive(Debug, Default)]
pub struct Flight {
    pub(crate) chunks: VecDeque<Chunk>,
    /// Octets of the first chunk that are written already.
    written: usize,
    /// An empty buffer to be used again.
    spent: Option<Vec<u8>>,
    /// What the application takes off it.
    pub(crate) intake: Intake,
}

impl Flight {
    /// Tells whether all is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Fills `slices` with what comes next, for a vectored write, and returns how many are used.
    #[inline]
    pub fn slices<'f>(&'f self, slices: &mut [IoSlice<'f>]) -> usize {
        let mut skip = self.written;
        let mut count: usize = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk.octets().get(skip..).unwrap_or_default());
            skip = 0;
            count = count.saturating_add(1);
        }
        count
    }

    /// Returns all that comes, if it lies in one piece.
    #[inline]
    #[must_use]
    pub fn only(&self) -> Option<&[u8]> {
        if self.chunks.len() == 1 { Some(self.next()) } else { None }
    }

    /// Returns what comes next, as far as it lies in one piece: whole frames, if whole ones were
    /// taken so far. Empty when all is written.
    #[inline]
    #[must_use]
    pub fn next(&self) -> &[u8] {
        let chunk = self.chunks.front().map(Chunk::octets).unwrap_or_default();
        chunk.get(self.written..).unwrap_or_default()
    }

    /// Notes that `octets` more are written.
    #[inline]
    pub fn advance(&mut self, octets: usize) {
        self.written = self.written.saturating_add(octets);
        while let Some(left) =
            self.chunks.front().and_then(|chunk| self.written.checked_sub(chunk.octets().len()))
        {
            self.written = left;
            if let Some(Chunk::Buffer(buffer)) = self.chunks.pop_front() {
                self.spent = Some(buffer);
            }
        }
    }

    /// Returns the octets that are not written.
    pub(crate) fn len(&self) -> usize {
        let whole: usize = self.chunks.iter().map(|chunk| chunk.octets().len()).sum();
        whole.saturating_sub(self.written)
    }

    /// Gives the last buffer that was written back for further use.
    pub(crate) fn recycle(&mut self, spares: &mut Spares) {
        if let Some(buffer) = self.spent.take() {
            spares.give(buffer);
        }
    }

    /// Takes out what is not written.
    pub(crate) fn into_rest(mut self) -> VecDeque<Chunk> {
        if let Some(first) = self.chunks.front_mut() {
            first.advance(self.written);
        }
        self.chunks
    }
}

impl Chunk {
    pub(crate) fn octets(&self) -> &[u8] {
        match self {
            Self::Buffer(octets) => octets,
            Self::Shared(octets) => octets,
        }
    }

    /// Forgets the first `len` octets.
    fn advance(&mut self, len: usize) {
        match self {
            Self::Buffer(octets) => drop(octets.drain(..len.min(octets.len()))),
            Self::Shared(octets) => octets.advance(len.min(octets.len())),
        }
    }
}
