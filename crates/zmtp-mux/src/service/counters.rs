//! What a service has done and met.

/// Counts of a service since it was made. Each wraps.
///
/// `requests = replies + stale + unanswered`, and those that are in the application's hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceCounters {
    /// Requests handed to the application.
    pub requests: u64,
    /// Those that were answered, as far as that is ours to say: the connection has the reply.
    pub replies: u64,
    /// Those whose connection had ended before the reply.
    pub stale: u64,
    /// Those that were dropped without a reply.
    pub unanswered: u64,
    /// Replies that the MUX gave back: the client had left, or read too slowly.
    pub replies_returned: u64,
    /// Messages that are no request, or lack the envelope that was asked for. Dropped.
    pub unreadable: u64,
    /// Connections that stood.
    pub links: u64,
}
