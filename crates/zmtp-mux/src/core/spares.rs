//! Buffers that were written, kept for the next messages.

/// Empty buffers to be used again: a busy MUX then allocates nothing, an idle peer holds none.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    buffers: Vec<Vec<u8>>,
    /// Their capacities, added up.
    octets: usize,
}

impl Spares {
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let Some(buffer) = self.buffers.pop() else { return Vec::with_capacity(BUFFER_LEN_MIN) };
        self.octets = self.octets.saturating_sub(buffer.capacity());
        buffer
    }

    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let octets = self.octets.saturating_add(buffer.capacity());
        if octets <= SPARE_OCTETS_MAX {
            buffer.clear();
            self.buffers.push(buffer);
            self.octets = octets;
        }
    }
}

/// Octets that a new buffer starts with.
const BUFFER_LEN_MIN: usize = 4 * 1024;

/// Octets of buffers kept for further use.
const SPARE_OCTETS_MAX: usize = 4 * 1024 * 1024;
