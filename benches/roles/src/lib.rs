//! What every program that is measured beside others has in common: the roles it can be asked to
//! take, the bodies it sends and checks, and the line of figures it prints.
//!
//! It depends on no ZeroMQ, so that the peers in `benches/rivals` build without this workspace's
//! crates, and this workspace without them.
#![allow(
    clippy::cast_precision_loss,
    reason = "figures are printed with a few digits; counts stay far below 2^52"
)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "sums and differences of a run that lasts seconds stay far from the ends of 64 bits"
)]

pub mod asker;
pub mod body;
pub mod histogram;
pub mod meter;
pub mod pings;
pub mod process;
pub mod role;

/// Whether a role goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    More,
    /// It is over.
    Done,
}
