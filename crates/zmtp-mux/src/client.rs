//! A client of a MUX as plain data: requests in flight, what becomes of them, who is there.
//!
//! Like [`core`](crate::core) it knows no socket, task, clock or chance.
//!
//! ```text
//!  begin ──► unsent ──► sent ─┬─► reply                                answered
//!              │          ▲   ├─► RETURN                               not processed
//!              │   queued │   ├─► GONE ──► suspect ──► HELLO answered  in doubt
//!              │          │   ├─► the link ends, or the time           in doubt
//!              │              └─► the link gives it back               not sent
//!              └─► the time ends, or the client                        not sent
//! ```

mod barrier;
mod core;
mod counters;
mod deadlines;
mod destinations;
mod envelope;
mod error;
mod hear;
mod presence;
mod requests;
mod retry;
mod view;
mod window;

pub(crate) use self::core::{ClientCore, ClientLimits, Finish, Order};
pub use self::counters::ClientCounters;
pub use self::error::{Doubt, RequestError, UnsentReason};
pub(crate) use self::presence::WatchId;
pub(crate) use self::requests::{Outcome, RequestId};
pub(crate) use self::retry::{Attempts, Budget, Verdict};
pub use self::retry::{Idempotence, RetryBudget, RetryPolicy};
pub use self::view::{WatchError, WatchEvent};

#[cfg(test)]
mod tests;
