//! What went wrong, counted by kind.

/// Faults seen by the generator. Any of them makes a run invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Replies whose body is not the one that was sent.
    pub body: u64,
    /// Replies whose source is not the service that was asked.
    pub source: u64,
    /// Replies to requests that are not open: repeated, or another client's.
    pub unexpected: u64,
    /// Replies of one service to one client out of the order of the requests.
    pub order: u64,
    /// Messages that are not of two parts, and octets that are not ZMTP.
    pub malformed: u64,
    /// Connections that ended before they were to.
    pub disconnected: u64,
}

impl Tally {
    /// All faults together.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { body, source, unexpected, order, malformed, disconnected } = self;
        body + source + unexpected + order + malformed + disconnected
    }
}
