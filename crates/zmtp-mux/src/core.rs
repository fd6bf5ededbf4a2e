//! MUX/1 as plain data: roles, names, bindings, envelope, queues.
//!
//! Nothing here reads a clock, draws a random number, spawns, waits, or touches a socket; the
//! shell in [`net`](crate::net) does that, and tells [`MuxCore`] what happened.

pub(crate) mod acl;
mod address;
mod allow_if;
mod authority;
mod binding;
mod claim;
mod close;
mod control;
mod counters;
mod cover;
mod delivery;
mod directory;
mod drain;
mod envelope;
mod event;
mod exempt;
mod figures;
mod flight;
mod hello;
mod introduction;
mod limits;
mod lobby;
mod local;
mod losses;
#[cfg(any(test, fuzzing))]
pub mod model;
mod mux;
mod names;
pub(crate) mod notice;
mod outbound;
mod pairs;
mod park;
mod partial;
mod pattern;
mod policy;
mod pool;
mod presence;
mod principal;
mod rate;
mod record;
mod refuse;
mod returns;
mod role;
mod room;
mod route;
mod source;
mod spares;
mod tenure;
mod terminal;
mod tokens;
mod track;
mod treatment;

pub use acl::{Acl, AclError, AclFault};
pub use address::{Name, NameError, NodeId, Token};
pub use allow_if::{AllowIf, Deed};
pub use authority::{Admit, AllowAll, Applicant, Authorizer};
pub use binding::{BindingKey, Notices};
pub use claim::NamePolicy;
pub use counters::{Counters, DropReason};
pub use delivery::Delivery;
pub use directory::HashKey;
pub use event::{Event, Limit, PeerInfo};
pub use exempt::{Prefix, PrefixError};
pub use flight::Flight;
pub use hello::NameClaim;
pub use introduction::{Admission, Introduction, Standing};
pub use limits::{MuxLimits, PoolLimits};
pub use lobby::{
    Entry, Evicted, GuestStage, HandshakeCost, Lobby, LobbyCounters, Newcomer, Origin, Ticket,
};
pub use local::Takes;
pub use mux::{MuxCore, Transmit};
pub use names::{Cause, Held};
pub use notice::{GoneReason, NoticeKind, ReturnReason};
pub use park::Pause;
pub use partial::{Charge, FREE_LEN, Supply};
pub use pattern::{Pattern, PatternError};
pub use policy::{CoreConfig, Policy, Rule, RuleError, Rules};
pub use principal::Principal;
pub use rate::Rate;
pub use refuse::Ageing;
pub use role::{ListenerRole, Refusal, Role};
pub use route::{Encoded, Outcome};
pub use source::Share;
pub use tenure::Wall;
pub use terminal::{Reserved, Runs, Target, Unsent};
pub use treatment::Treatment;

#[cfg(test)]
mod tests;
