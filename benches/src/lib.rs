//! What the bench binaries share: a raw ZMTP load generator, the figures it
//! reports, and the driver that sets two brokers side by side.
//!
//! `loadgen` speaks ZMTP by hand on non-blocking sockets, so that neither
//! libzmq nor the code under test stands on its side of the wire. `swap` is the
//! baseline. `route` runs both brokers in turn and prints the table.
#![allow(
    clippy::cast_precision_loss,
    reason = "figures are printed with a few digits; counts stay far below 2^52"
)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "sums and differences of a run that lasts seconds stay far from the ends of 64 bits"
)]

pub mod body;
pub mod broker;
pub mod client;
pub mod connection;
pub mod counters;
pub mod goals;
pub mod idle;
pub mod idle_memory;
pub mod instructions;
pub mod load;
pub mod peers;
pub mod report;
pub mod rivals;
pub mod rows;
pub mod stack;
pub mod table;
pub mod tally;
pub mod wire;

pub use zmtp_mux_bench_roles::{histogram, process};
