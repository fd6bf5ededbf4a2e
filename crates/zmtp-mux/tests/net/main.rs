//! Whole sockets: a MUX, who dials it, and who is let in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod cancel;
mod client;
mod connect;
mod dealer;
mod drain;
mod halves;
mod heartbeat;
mod inproc;
mod mechanisms;
mod notices;
mod overload;
mod raw;
mod reconnects;
mod runtime;
mod security;
mod service;
mod site;
mod socket;
mod turns;

use std::time::Duration;

use tokio::time::timeout;

/// Fails a test that would wait for ever.
async fn soon<T>(answer: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), answer).await.expect("an answer in time")
}
