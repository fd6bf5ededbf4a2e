//! What the tests of the broker share: the broker, as a process and within this one, and peers for
//! it, of libzmq and our own.
//!
//! Everything here panics when something goes wrong or takes too long: that is what makes the
//! test that uses it fail, with the reason in front.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a test fails"
)]

pub mod caller;
pub mod local;
pub mod monitor;
pub mod muxd;
pub mod notice;
pub mod peers;
pub mod raw;
pub mod wire;
pub mod zap;

mod look;
mod program;
mod report;

pub use caller::Caller;
pub use local::LocalMux;
pub use monitor::Monitor;
pub use muxd::Muxd;
pub use peers::Peers;
pub use program::{Outcome, command, run};
pub use raw::Raw;
pub use report::Counters;
pub use zap::Zap;

use std::time::Duration;

/// How long anything that must happen may take; far more than it needs, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);
