//! MUX/1 as plain data: roles, names, bindings, envelope, queues.
//!
//! Nothing here reads a clock, draws a random number, spawns, waits, or touches a socket; the
//! shell in [`net`](crate::net) does that, and tells [`MuxCore`] what happened.

mod address;
mod binding;
mod counters;
mod directory;
mod envelope;
mod limits;
mod lobby;
#[cfg(any(test, fuzzing))]
pub mod model;
mod mux;
mod outbound;
mod pattern;
mod policy;
mod pool;
mod principal;
mod role;
mod route;
mod spares;

pub use address::{Name, NodeId, Token};
pub use binding::BindingKey;
pub use counters::{Counters, DropReason};
pub use directory::HashKey;
pub use limits::{MuxLimits, PoolLimits};
pub use lobby::{Entry, Evicted, GuestStage, Lobby, LobbyCounters, Origin, Ticket};
pub use mux::{Admission, Held, Introduction, MuxCore, Standing, Transmit};
pub use outbound::Flight;
pub use pattern::Pattern;
pub use policy::{Policy, Rule, Rules};
pub use principal::Principal;
pub use role::{ListenerRole, Refusal, Role};
pub use route::{Encoded, Outcome};

#[cfg(test)]
mod tests;
