//! What a client has done and met.

/// Counts of a client since it was made. Each wraps.
///
/// `requests = replies + returned + not_sent + in_doubt + forgotten`, and those that are open. An
/// attempt by a retry counts as a request; one that is refused at once, for its name, its length or how
/// many there are, does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCounters {
    /// Requests begun.
    pub requests: u64,
    /// Those of them that were sent again by the policy.
    pub retries: u64,
    /// Retries that waited for the budget.
    pub retries_delayed: u64,
    /// Requests that failed because the budget had no retry for them in their time.
    pub retries_refused: u64,
    /// Requests answered by their service.
    pub replies: u64,
    /// Requests that the MUX gave back.
    pub returned: u64,
    /// Requests that were not sent.
    pub not_sent: u64,
    /// Requests of which it is not known what became of them.
    pub in_doubt: u64,
    /// Requests that nobody waited for any more: their futures were dropped.
    pub forgotten: u64,
    /// Replies to no open request: they came late, or from somebody else. Dropped.
    pub stray_replies: u64,
    /// RETURNs that belong to no open request, or of which it cannot be told. Dropped.
    pub stray_returns: u64,
    /// Messages that are neither reply nor notice. Dropped.
    pub unreadable: u64,
    /// Watches that the MUX refused or ended.
    pub watches_refused: u64,
    /// Connections that stood.
    pub links: u64,
}
