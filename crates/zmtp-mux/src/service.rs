//! A service of a MUX as plain data: what a request is, how it is answered, how a service ends.
//!
//! Like [`core`](crate::core) it knows no socket, task, clock or chance.

mod counters;
mod drain;
mod envelope;
mod state;

pub use self::counters::ServiceCounters;
pub use self::envelope::Envelopes;
pub(crate) use self::envelope::Lead;
pub(crate) use self::state::{Heed, ServiceCore, Settled, Standing, is_notice};

#[cfg(test)]
mod tests;
